"""The operations as views: what each does to the transformer, in sentences, pictures and rows; and the formulas in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.attention.layout import words
from core.attention_lab import figures as draw
from core.attention_lab.compute import Subject, ablation, forcing, named, patching, pruning
from core.attention_lab.writing import guesses, writes, writing
from core.contracts import Step, View
from core.plots.token_maps import matrix
from core.plots.words import short

WRITING = ("temperature", "top_k", "top_p", "beams", "seed")
PARTS = {"embedding": "embedding", "self": "attention", "cross": "cross-attention", "feed": "feed-forward"}


def layer_names(who: Subject) -> list[str]:
    """ "decoder 1", "cross 1", ..."""
    return [f"{kind} {layer + 1}" for kind, layer in who.layers]


def heads_off(who: Subject) -> View:
    """Every head off in turn, and the order in which heads can go."""
    found, pruned = ablation(who), pruning(who.spec.task)
    change = found.loss - found.before[0]
    off = np.reshape([place in who.off for place in who.places], change.shape)
    worst = who.places[int(change.argmax())]
    spared = sum(a > pruned.accuracy[0] - 0.01 for a in pruned.accuracy[1:])
    state = (
        f"With {', '.join(map(named, who.off))} off the loss is {found.before[0]:.4f} nats and {100 * found.before[1]:.1f} % of the answers are right. "
        if who.off
        else ""
    )
    sentences = [
        f"{state}The whole model: loss {found.whole[0]:.4f} nats, {100 * found.whole[1]:.1f} % right, over {who.tests.targets.shape[0]} other examples.",
        f"The head that is missed most is **{named(worst)}**: without it the loss changes by {change.max():+.4f} nats. One at a time is not the whole story, for heads stand in for each other: taken off in the best order, **{spared} of {len(who.places)}** can go before one answer in a hundred is lost.",
    ]  # fmt: skip
    rows = [
        {"order": k + 1, "head": named(place), "loss then (nats)": short(pruned.loss[k + 1]), "right then": f"{100 * pruned.accuracy[k + 1]:.1f} %"}
        for k, place in enumerate(pruned.order)
    ]  # fmt: skip
    pictures = {
        "effects": draw.effects(change, layer_names(who), off),
        "pruning": draw.pruning([named(p) for p in pruned.order], pruned.loss, pruned.accuracy),
    }
    return View(sentences, figures=pictures, rows=rows)


def forced(who: Subject) -> View:
    """One head with weights that are not its own."""
    f = forcing(who)
    kind = who.place[0]
    rows = words(who.task, who.arranged.keys[0] if kind == "encoder" else who.arranged.queries[0])
    columns = words(who.task, who.arranged.queries[0] if kind == "decoder" else who.arranged.keys[0])
    right = words(who.task, who.arranged.targets[0][who.asked])
    at = int(np.flatnonzero(who.asked == who.row)[0])
    axes = ("token that looks (query)", rows), ("looked at (key)", columns)
    changed = [k for k in range(len(right)) if f.said_before[k] != f.said_after[k]]
    sentences = [
        f"**{named(who.place)}** has to use other weights; everything after it is computed anew. {len(changed)} of {len(right)} answers change. With all its rows forced, over the other examples the loss goes from {f.marks_before[0]:.4f} to {f.marks_after[0]:.4f} nats and the right answers from {100 * f.marks_before[1]:.1f} % to {100 * f.marks_after[1]:.1f} %.",
    ]  # fmt: skip
    table = [
        {"right": r, "said": b, "said with forced weights": a, "p(right)": f"{x:.4f}", "p(right) forced": f"{y:.4f}"}
        for r, b, a, x, y in zip(right, f.said_before, f.said_after, f.before, f.after, strict=True)
    ]
    figures = {
        "own": matrix(f.own, "weight", *axes, None, "Its own weights: what the head does", signed=False, digits=2),
        "forced": matrix(f.forced, "weight", *axes, None, "Forced weights: what it has to do", signed=False, digits=2),
        "answers": draw.answers(f.before, f.after, right, at),
    }
    return View(sentences, params=("pattern", "only"), choices={"place": ([named(p) for p in who.places], named(who.place)), **followed(who)}, figures=figures, rows=table)  # fmt: skip


def followed(who: Subject) -> dict[str, tuple[Sequence[str], str]]:
    """The menu of answers."""
    right = words(who.task, who.arranged.targets[0][who.asked])
    names = {int(q): f"{q}: {word}" for q, word in zip(who.asked, right, strict=True)}
    return {"row": (list(names.values()), names[who.row])}


def patched(who: Subject) -> View:
    """States of one run put into another."""
    p = patching(who)
    first, other = (words(who.task, a.keys[0]) for a in (who.arranged, p.other))
    figures = {}
    for stack, (states, effect) in p.stacks.items():
        source = stack == "encoder" or who.model.shape.kind != "both"
        tokens = (a.keys[0] if source else a.queries[0] for a in (who.arranged, p.other))
        pairs = [f"{x}<br>{y}" for x, y in zip(*(words(who.task, t) for t in tokens), strict=True)]
        figures[stack] = draw.patches(effect, [state_name(s) for s in states], pairs, stack)
    figures["heads"] = matrix(p.heads, "effect", ("layer", layer_names(who)), ("head", [str(k + 1) for k in range(p.heads.shape[1])]), None, "Effect of a whole head: its output at all tokens from the first run", digits=2)  # fmt: skip
    best = who.places[int(p.heads.argmax())]
    sentences = [
        f"First sequence **{' '.join(first)}**, whose answer at row {who.row} is **{p.answers[0]}**; other sequence **{' '.join(other)}**, answer **{p.answers[1]}**. The first answer's logit minus the other's is {p.differences[0]:.3f} in the first run and {p.differences[1]:.3f} in the other.",
        f"The other sequence is run again and again, each time with one state from the first run. From bottom to top the pictures show where the answer stands: first at the token that holds it, and after the last attention at the token that asks. The head that carries most is **{named(best)}** ({p.heads.max():.2f}).",
    ]  # fmt: skip
    return View(sentences, params=("other",), choices=followed(who), figures=figures)


def state_name(state: str) -> str:
    """ "0.self" as "1: attention"."""
    layer, _, part = state.rpartition(".")
    return f"{int(layer) + 1}: {PARTS[part]}" if layer else PARTS[part]


def written(who: Subject) -> View:
    """The decoder writes by four rules."""
    plain, kept = guesses(who)
    names = words(who.task, np.arange(len(who.task.vocabulary)))
    right = words(who.task, who.arranged.targets[0][[who.row]])[0]
    sure = f"At row {who.row} the answer should be **{right}**: it has {100 * plain[names.index(right)]:.2f} %. A high temperature makes the choice hard; 1 is as trained."
    figures = {"next": draw.next_tokens(plain, kept, names, right)}
    if not writes(who):
        alone = "The transformer of this task answers all places at once. Choose **Dates** or **Copy**: there a decoder writes the answer token by token, and a beam can be followed."
        return View([sure, alone], params=WRITING[:3], choices=followed(who), figures=figures)
    w = writing(who)
    levels = [([names[t] for t in b.tokens[:, -1].tolist()] if b.tokens.shape[1] else ["·"], b.parents.numpy(), b.scores.numpy()) for b in w.beams]  # fmt: skip
    rows = [{"rule": rule, "text": text, "log p": f"{score:.4f}", "p": f"{np.exp(score):.3g}", "right": "yes" if text == w.right else ""} for rule, (text, score) in w.texts.items()]  # fmt: skip
    best = max(w.texts, key=lambda rule: w.texts[rule][1])
    sentences = [
        f"{sure} The {w.step} right tokens before it were given.",
        f"The likeliest text found is that of **{best}**. Greedy takes the best token at each step, and may miss a text that begins less likely; a beam of {who.spec.beams} keeps so many beginnings. A drawn text is another one with each seed.",
    ]  # fmt: skip
    figures["tree"] = draw.beam_tree(levels)
    return View(sentences, params=WRITING, choices=followed(who), figures=figures, rows=rows)  # fmt: skip


LENS: Mapping[str, Callable[[Subject], View]] = {
    "ablate": heads_off,
    "force": forced,
    "patch": patched,
    "write": written,
}


def look(who: Subject) -> View:
    """The chosen operation."""
    return LENS[who.spec.lens](who)


def worked(who: Subject) -> Sequence[Step]:
    """The effect of the most needed head, in numbers."""
    found = ablation(who)
    change = found.loss - found.before[0]
    k = int(change.argmax())
    head = named(who.places[k])
    formula = rf"L(z_{{\text{{{head}}}}} = 0) - L = {found.loss.ravel()[k]:.6f} - {found.before[0]:.6f} = {change.ravel()[k]:.6f}\ \text{{nats}}"
    return [Step(f"The head that is missed most: {head}", latex=[formula])]
