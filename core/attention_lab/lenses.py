"""The operations as views: what each does to the transformer, in sentences, pictures and rows; and the formulas in numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from core.attention.decoding import Beam, beam_search, filtered
from core.attention.layout import LINE_END, words
from core.attention_lab import figures as draw
from core.attention_lab import language
from core.attention_lab.caching import timed
from core.attention_lab.compute import Subject, ablation, forcing, named, patching, pruning
from core.attention_lab.spec import AttentionLabSpec
from core.attention_lab.writing import guesses, writes, writing
from core.contracts import Snapshot, Step, View
from core.plots.token_maps import matrix
from core.plots.words import short

BRANCHES = 12  # characters that the beam looks ahead
CACHING = ("written", "depth", "width", "positions")
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
    gap = " " * who.task.scored  # between tokens, but not between the letters of a text
    figures = {}
    for stack, (states, effect) in p.stacks.items():
        source = stack == "encoder" or who.model.shape.kind != "both"
        tokens = (a.keys[0] if source else a.queries[0] for a in (who.arranged, p.other))
        pairs = [f"{x}<br>{y}" for x, y in zip(*(words(who.task, t) for t in tokens), strict=True)]
        figures[stack] = draw.patches(effect, [state_name(s) for s in states], pairs, stack)
    figures["heads"] = matrix(p.heads, "effect", ("layer", layer_names(who)), ("head", [str(k + 1) for k in range(p.heads.shape[1])]), None, "Effect of a whole head: its output at all tokens from the first run", digits=2)  # fmt: skip
    best = who.places[int(p.heads.argmax())]
    sentences = [
        f"First sequence **{shown(gap.join(first))}**, whose answer at row {who.row} is **{shown(p.answers[0])}**; other sequence **{shown(gap.join(other))}**, answer **{shown(p.answers[1])}**. The first answer's logit minus the other's is {p.differences[0]:.3f} in the first run and {p.differences[1]:.3f} in the other.",
        f"The other sequence is run again and again, each time with one state from the first run. From bottom to top the pictures show where the answer stands: first at the token that holds it, and after the last attention at the token that asks. The head that carries most is **{named(best)}** ({p.heads.max():.2f}).",
    ]  # fmt: skip
    return View(sentences, params=("other",), choices=followed(who), figures=figures)


def state_name(state: str) -> str:
    """ "0.self" as "1: attention"."""
    layer, _, part = state.rpartition(".")
    return f"{int(layer) + 1}: {PARTS[part]}" if layer else PARTS[part]


def written(who: Subject) -> View:
    """The decoder writes by four rules."""
    if who.task.name == language.NAME:
        return going_on(who)
    plain, kept = guesses(who)
    names = words(who.task, np.arange(len(who.task.vocabulary)))
    right = words(who.task, who.arranged.targets[0][[who.row]])[0]
    sure = f"At row {who.row} the answer should be **{right}**: it has {100 * plain[names.index(right)]:.2f} %. A high temperature makes the choice hard; 1 is as trained."
    figures = {"next": draw.next_tokens(plain, kept, names, right)}
    if not writes(who):
        alone = "The transformer of this task answers all places at once. Choose **Dates** or **Copy**: there a decoder writes the answer token by token, and a beam can be followed."
        return View([sure, alone], params=WRITING[:3], choices=followed(who), figures=figures)
    w = writing(who)
    levels = levels_of(names, w.beams)
    rows = [{"rule": rule, "text": text, "log p": f"{score:.4f}", "p": f"{np.exp(score):.3g}", "right": "yes" if text == w.right else ""} for rule, (text, score) in w.texts.items()]  # fmt: skip
    best = max(w.texts, key=lambda rule: w.texts[rule][1])
    sentences = [
        f"{sure} The {w.step} right tokens before it were given.",
        f"The likeliest text found is that of **{best}**. Greedy takes the best token at each step, and may miss a text that begins less likely; a beam of {who.spec.beams} keeps so many beginnings. A drawn text is another one with each seed.",
    ]  # fmt: skip
    figures["tree"] = draw.beam_tree(levels)
    return View(sentences, params=WRITING, choices=followed(who), figures=figures, rows=rows)  # fmt: skip


def levels_of(names: Sequence[str], beams: Sequence[Beam]) -> list[tuple[Sequence[str], np.ndarray, np.ndarray]]:
    """The steps of a search as the tree draws them: newest tokens, parents, sums of log p."""
    return [([names[t] for t in b.tokens[:, -1].tolist()] if b.tokens.shape[1] else ["·"], b.parents.numpy(), b.scores.numpy()) for b in beams]  # fmt: skip


def going_on(who: Subject) -> View:
    """The language model goes on with the text by five rules."""
    s, task = who.spec, who.task
    prompt, texts = language.prompt_of(s.text.strip()), language.written_texts(s)
    after = language.going_on(who.model, prompt, s.temperature)
    empty = torch.zeros(1, 0, dtype=torch.long)
    plain = after(empty)[0].exp()
    kept = filtered(plain.log(), 1.0, s.top_k, s.top_p)
    names = words(task, np.arange(len(task.vocabulary)))
    beams = beam_search(after, BRANCHES, s.beams)
    levels = levels_of(names, beams)
    grams, mine = language.grams_of(""), float(language.shipped_run().bits[-1])
    sentences = [
        f"The model has {language.parameters():,} weights and has read Python's help pages, character by character; it needs {mine:.2f} bits for a character that it has not seen, counting in 5-grams {grams[5]:.2f}. It goes on with “**{shown(language.text_of(task, prompt[0]))}**” until the {language.WINDOW} characters are full that it has learned to read.",
        "Greedy is sure of itself and soon repeats itself: its bits are low because nothing in it is a surprise. A drawn text is another one with each seed. What is cut off by top-k or top-p are characters that are unlikely one by one, and happen all the time together. The beam below looks only a few characters ahead.",
    ]  # fmt: skip
    sentences.append("\n".join(f"- **{w.rule}:** {shown(w.text)}" for w in texts))
    rows = [{"rule": w.rule, "bits per character": f"{w.bits:.2f}", "likeliest taken": f"{100 * w.likeliest:.0f} %"} for w in texts]  # fmt: skip
    figures = {"next": draw.next_tokens(plain.numpy(), kept.numpy(), names), "tree": draw.beam_tree(levels)}
    return View(sentences, params=WRITING, figures=figures, rows=rows)


def learns(who: Subject) -> View:
    """Bits per character while the model that ships learned, against n-grams."""
    return learning(who.spec)


def learning(spec: AttentionLabSpec, curve: Mapping[str, Sequence[float]] | None = None, said: Sequence[Snapshot] = ()) -> View:  # fmt: skip
    """The same with the visitor's own training: `curve` its metrics so far, `said` snapshots with what it wrote then."""
    course = language.course_of(spec)
    grams, ship = language.grams_of(course.text), language.shipped_run()
    runs = {} if course.text else {"the model that ships": (ship.steps, ship.bits)}
    if curve:
        runs["yours"] = (np.asarray(curve["step"], float), np.asarray(curve["bits"], float))
    best = min(grams, key=grams.__getitem__)
    known = "" if course.text else f" The model that ships, {language.parameters():,} weights, needs {ship.bits[-1]:.3f} after {ship.steps[-1]:,} steps."  # fmt: skip
    sentences = [
        f"Each step reads {course.batch} windows of {course.length} characters, and says at each of them the next. The last tenth of the text is kept aside: there the best counting, in {best}-grams, needs {grams[best]:.3f} bits per character.{known} Yours has {language.parameters(course):,} weights: {course.layers} layers of 4 heads, width {course.d}.",
        "Heads have no score here: nobody knows where a language model ought to look.",
    ]  # fmt: skip
    if spec.corpus == "own" and not course.text:
        sentences.append("Your own text is not here: paste it above. It is kept in memory only, so a link cannot bring it. Until then the text is Python's help pages.")  # fmt: skip
    rows = [
        {"step": s.step, "bits per character": f"{s.metrics['bits']:.3f}", "what it writes": visible(str(s.arrays["sample"]))}
        for s in reversed(said)
    ]  # fmt: skip
    return View(sentences, figures={"learning": draw.learning(runs, grams)}, rows=rows)


def visible(text: str) -> str:
    """A text inside a cell: line ends as signs."""
    return text.replace("\n", LINE_END)


def shown(text: str) -> str:
    """A text inside a sentence: nothing that Markdown would read is left."""
    return re.sub(r"([\\`*_{}\[\]#|<>$~])", r"\\\1", visible(text))


def cached(who: Subject) -> View:
    """Every step of writing, timed and counted with and without a cache."""
    t = timed(who.spec)
    seconds, counts, n = t.seconds.sum(1), t.counts.sum(1), t.seconds.shape[1]
    last = 1e3 * draw.smooth(t.seconds)[:, -1]
    sentences = [
        f"A decoder of {t.shape.layers} layers and width {t.shape.d} writes {n} tokens, one after another, just now on this computer; the times are those of the processor. A decoder never looks ahead, so the keys and values of earlier tokens stay as they are. Computing everything anew took **{1e3 * seconds[0]:.0f} ms**, keeping them **{1e3 * seconds[1]:.0f} ms**, {seconds[0] / seconds[1]:.1f} times less. By formula it is {counts[0] / counts[1]:.1f} times fewer multiply-adds; small steps are dominated by the cost of starting each operation. At the end one token takes about {last[0]:.2f} ms and {last[1]:.2f} ms.",
        f"The same logits come out: the largest difference is {t.gap:.1g}, which is rounding in float32. The price is memory, 2 · {t.shape.layers} · {t.shape.d} numbers for each token: after {n} tokens {t.formula[-1] / 1024:,.0f} kB by formula, {t.weighed[-1] / 1024:,.0f} kB as measured. The decoder has first weights, for the time does not depend on what they are.",
    ]  # fmt: skip
    rows = [
        {"tokens written": k, "anew (ms)": f"{1e3 * t.seconds[0, :k].sum():.1f}", "cached (ms)": f"{1e3 * t.seconds[1, :k].sum():.1f}", "anew (multiply-adds)": f"{t.counts[0, :k].sum():,}", "cached (multiply-adds)": f"{t.counts[1, :k].sum():,}", "cache by formula (bytes)": f"{t.formula[k - 1]:,}", "cache measured (bytes)": f"{t.weighed[k - 1]:,}"}
        for k in sorted({1, n // 8, n // 4, n // 2, n})
    ]  # fmt: skip
    figures = {
        "times": draw.two_ways(1e3 * t.seconds, "time of this step", "ms", measured=True),
        "counts": draw.two_ways(t.counts.astype(float), "multiply-adds of this step", "1"),
    }
    return View(sentences, params=CACHING, figures=figures, rows=rows)


LENS: Mapping[str, Callable[[Subject], View]] = {
    "ablate": heads_off,
    "force": forced,
    "patch": patched,
    "write": written,
    "cache": cached,
    "learn": learns,
}


def look(who: Subject) -> View:
    """The chosen operation."""
    return LENS[who.spec.lens](who)


def worked(who: Subject) -> Sequence[Step]:
    """The last step with and without a cache, or the effect of the most needed head, in numbers."""
    return [last_step(who)] if who.spec.lens == "cache" else [most_needed(who)]


def last_step(who: Subject) -> Step:
    """Multiply-adds of the last token, and the cache after it."""
    t = timed(who.spec)
    L, d, C, n = t.shape.layers, t.shape.d, t.shape.vocabulary, len(t.formula)
    anew, kept = t.counts[:, -1].tolist()
    formulas = [
        rf"m({n}, {n}) = {L} \cdot (12 \cdot {n} \cdot {d}^2 + 2 \cdot {n} \cdot {n} \cdot {d}) + {n} \cdot {d} \cdot {C} = {anew}",
        rf"m(1, {n}) = {L} \cdot (12 \cdot {d}^2 + 2 \cdot {n} \cdot {d}) + {d} \cdot {C} = {kept}",
        rf"2 \cdot {L} \cdot {d} \cdot {n} \cdot 4\ \text{{bytes}} = {t.formula[-1]}\ \text{{bytes}}",
    ]
    return Step(f"Token {n}, everything anew and with a cache; the cache after it", latex=formulas)


def most_needed(who: Subject) -> Step:
    """The head whose absence costs most."""
    found = ablation(who)
    change = found.loss - found.before[0]
    k = int(change.argmax())
    head = named(who.places[k])
    formula = rf"L(z_{{\text{{{head}}}}} = 0) - L = {found.loss.ravel()[k]:.6f} - {found.before[0]:.6f} = {change.ravel()[k]:.6f}\ \text{{nats}}"
    return Step(f"The head that is missed most: {head}", latex=[formula])
