"""The closer looks: what each shows of the state on screen, as data; and the formulas with the numbers on screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.attention.layout import words
from core.attention.measures import entropy
from core.attention_heatmap import figures as draw
from core.attention_heatmap.compute import (
    Reading,
    anatomy,
    bias_of,
    cost,
    row_entropy,
    spoken_cost,
    stream,
)
from core.attention_heatmap.evidence import METHODS, STEPS, evidence, explained
from core.attention_heatmap.patterns import NAMES, REPEATED, patterns
from core.attention_heatmap.spec import TRAINING
from core.contracts import Step, View
from core.plots.token_maps import matrix
from core.plots.words import short

LENGTHS = np.unique(np.rint(np.logspace(0.3, 3.6, 60)).astype(int))


def chosen(found: Reading) -> str:
    """The selected head in words."""
    kind = {"encoder": "of the encoder", "decoder": "of the decoder", "cross": "of the cross-attention"}
    return f"head {found.head + 1} in layer {found.layer + 1} {kind[found.kind]}"


def inside(found: Reading) -> View:
    """The four matrices of the selected head, and its selected row as a lookup."""
    parts, i = anatomy(found), found.row
    n, d = parts.q.shape
    rows, columns = ("token that looks (query)", found.rows), ("looked at (key)", found.columns)
    numbers = ("number of the vector", None)
    figures = {
        "q": matrix(parts.q, "q", rows, numbers, i, f"Queries q: what each token asks for, {d} numbers each"),
        "k": matrix(parts.k, "k", ("token that is looked at", found.columns), numbers, None, f"Keys k: what each token offers to be found by, {d} numbers each"),
        "v": matrix(parts.v, "v", ("token that is looked at", found.columns), numbers, None, f"Values v: what each token hands over, {d} numbers each"),
        "products": matrix(parts.products, "q·k", rows, columns, i, "Products q kᵀ: how well each key fits each query"),
        "scores": matrix(parts.scores, "score", rows, columns, i, f"Scores: the products divided by √{d} and by the temperature, with the mask"),
        "z": matrix(parts.z, "z", rows, numbers, i, "Output z: each row of weights times the values v"),
    }  # fmt: skip
    if long := max(parts.scores.shape) > draw.MOST:
        figures = {name: figures[name] for name in ("q", "k", "v", "z")}
    sentences = [
        f"**{chosen(found).capitalize()}**: q is {n} × {d}, k and v are {len(parts.k)} × {d}, the scores are {n} × {len(parts.k)}.",
        f"**Row {i}** ({draw_word(found.rows[i])}) **is a lookup.** Its query is compared with every key; the fits become weights; what comes back is the mean of the values with these weights, "
        f"{d} numbers of length {np.linalg.norm(parts.z[i]):.4f}. A dictionary returns one value for one key; attention returns a mixture.",
        *(
            [
                f"Products and scores of more than {draw.MOST} tokens are not drawn; those of the selected row stand in the table."
            ]
            if long
            else []
        ),
    ]
    return View(sentences, latex=[lookup_formula(found)], figures=figures, rows=lookup(found))


def lookup(found: Reading) -> list[dict[str, Any]]:
    """The selected row, key by key, the largest weight first."""
    parts, i = anatomy(found), found.row
    order = np.argsort(-parts.weights[i], kind="stable")
    return [
        {
            "key": f"{j}: {found.columns[j]}",
            "q·k": short(float(parts.products[i, j])),
            "score": short(float(parts.scores[i, j])) if np.isfinite(parts.scores[i, j]) else "masked",
            "weight": f"{parts.weights[i, j]:.4f}",
            "|v|": short(float(np.linalg.norm(parts.v[j]))),
            "weight × |v|": short(float(parts.weights[i, j] * np.linalg.norm(parts.v[j]))),
            "holds the answer": "yes" if found.truth[i, j] else "",
        }
        for j in map(int, order)
    ]


def lookup_formula(found: Reading) -> str:
    """z of the selected row as a sum with numbers: the three largest weights, and the rest."""
    a = found.weights[found.row]
    top = np.argsort(-a, kind="stable")[:3]
    rest = a.sum() - a[top].sum()
    more = rf" + \underbrace{{\cdots}}_{{\text{{weights }} {max(rest, 0.0):.4f}}}" if len(a) > 3 else ""
    return rf"z_{{{found.row}}} = " + " + ".join(f"{a[j]:.4f}\\, v_{{{j}}}" for j in top) + more


def next_token(found: Reading) -> View:
    """What the model says at the selected row, and how sure it is."""
    q = found.row if found.main else int(found.asked[0])
    p = np.asarray(found.seen.logits[0, q].softmax(-1).double())
    order = np.argsort(-p, kind="stable")[: draw.CHANCES]
    right = int(found.arranged.targets[0, q])
    queries = words(found.task, found.arranged.queries[0])
    figure = draw.chances(p[order], words(found.task, order), order == right, f"row {q} ({queries[q]})")
    bits = float(entropy(found.seen.logits[0, q].softmax(-1)))
    told = (
        f"the right one, {draw_word(found.task.vocabulary[right])}, gets {p[right]:.4f}"
        if right >= 0
        else "what is right here is not known"
    )
    return View(
        [
            f"**At row {q}** ({draw_word(queries[q])}) the likeliest token is {draw_word(found.task.vocabulary[order[0]])} with probability {p[order[0]]:.4f}; {told}. "
            f"The entropy over all {len(p):,} tokens is {bits:.3f} bits, as for {2**bits:,.1f} tokens with equal chances.",
        ],
        figures={"next": figure},
    )  # fmt: skip


def what_heads_do(found: Reading) -> View:
    """Four patterns of every head of a language model."""
    shares = patterns(found).shares
    L, H = shares["first"].shape
    heads, row = [str(h + 1) for h in range(H)], found.layer
    figures = {
        name: matrix(shares[name], "weight", ("layer", [str(k + 1) for k in range(L)]), ("head", heads), row, f"Weight on {NAMES[name]}: mean over the rows, for every head", signed=False, digits=2)
        for name in ("previous", "induction")
    }  # fmt: skip
    best = {name: np.unravel_index(values.argmax(), values.shape) for name, values in shares.items()}
    told = "; ".join(f"{NAMES[n]}: head {b[1] + 1} in layer {b[0] + 1} ({shares[n][b]:.2f})" for n, b in best.items())
    bits = found.graded.entropy.numpy()
    return View(
        [
            "Nobody knows where a language model should look, so its heads cannot be marked. What they do can be measured: the mean weight of each head on four kinds of tokens.",
            f"**The strongest head for each:** {told}. The last kind is measured on {REPEATED} tokens drawn at random and said twice: a head that looks there copies what came next the last time, an induction head.",
        ],
        figures=figures,
        rows=[
            {"layer": k + 1, "head": j + 1, **{NAMES[n]: f"{v[k, j]:.3f}" for n, v in shares.items()}, "entropy (bits)": f"{bits[k, j]:.3f}"}
            for k in range(L) for j in range(H)
        ],
    )  # fmt: skip


def against_the_truth(found: Reading) -> View:
    """All heads of the main maps, scored."""
    if found.subject.read is not None:
        return what_heads_do(found)
    g, truth = found.graded, found.arranged.truth[0].numpy()
    accuracy, bits, mass = g.accuracy.numpy(), g.entropy.numpy(), g.mass.numpy()
    answers = truth[truth.any(1)]
    chance = float(answers.mean())
    selected = (found.layer, found.head) if found.main else (-1, -1)
    most = float(np.log2(truth.shape[1]))
    picture = draw.scored(accuracy, bits, chance, most, *selected)
    best = np.unravel_index(np.nan_to_num(accuracy, nan=-1).argmax(), accuracy.shape)
    sentences = [
        f"In this task it is known where each answer stands, so every head can be marked. Over other examples, **head {best[1] + 1} in layer {best[0] + 1}** looks at a right token in {100 * accuracy[best]:.1f} % of the answers; "
        f"a random token would be right in {100 * chance:.1f} %.",
        _kind_note(found),
    ]
    rows = [
        {"layer": k + 1, "head": j + 1, "looks right": f"{100 * accuracy[k, j]:.1f} %", "weight on right tokens": f"{mass[k, j]:.3f}", "entropy (bits)": f"{bits[k, j]:.3f}",
         "effective tokens": f"{2 ** bits[k, j]:.2f}"}
        for k in range(accuracy.shape[0]) for j in range(accuracy.shape[1])
    ]  # fmt: skip
    return View(sentences, figures={"scored": picture}, rows=rows)


def _kind_note(found: Reading) -> str:
    if found.seen.main == "cross":
        return "The marks are those of the cross-attention: there the decoder reads the encoder."
    return "A low mark does not make a head useless: it may carry something else, such as where a token stands, and layers work together. Several tokens may be right at once."


def where_from(found: Reading) -> View:
    """Attention beside four other ways to say where an answer came from."""
    e = evidence(found)
    columns = words(found.task, found.arranged.keys[0])
    asked = explained(found)
    a = int(np.searchsorted(asked, found.row)) if found.main and found.row in asked else 0
    q = int(asked[a])
    answer = found.task.vocabulary[int(found.answers[q])]
    figures = {
        "importance": draw.importances({m: v[a] for m, v in e.importance.items()}, METHODS, columns, found.arranged.truth[0, q].numpy()),
        "agreement": draw.agreement(e.rho, list(METHODS.values())),
    }  # fmt: skip
    worst, pair = _least(e.rho)
    sentences = [
        f"The answer **{draw_word(answer)}** at row {q}, and how important each method finds every token for it. Choose another row by a click on the map. The last two methods ask the model itself: what changes in the answer's logit when a token is replaced by an average one.",
        f"{'For this answer' if len(asked) == 1 else f'Over all {len(asked)} answers'} the methods that agree least are **{pair}** (ρ = {worst:.2f}). Weights say where a head looked. They do not say what was done with what it saw, and the residual path carries each token past every head.",
        f"Integrated gradients are a sum along a line in {STEPS} steps: for each answer, the parts add up to the logit's whole change to within {e.gap:.2g}.",
    ]
    rows = [
        {
            "method": METHODS[m],
            "its first token is a right one": f"{100 * e.hits[m]:.0f} % of the answers"
            if np.isfinite(e.hits[m])
            else "not known",
            "ρ with occlusion": _rho(e.rho[k, -1]),
        }
        for k, m in enumerate(METHODS)
    ]
    return View(sentences, figures=figures, rows=rows)


def _rho(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "no order"


def _least(rho: np.ndarray) -> tuple[float, str]:
    names = list(METHODS.values())
    lower = np.where(np.tri(len(rho), k=-1, dtype=bool), rho, np.inf)
    i, j = np.unravel_index(np.nan_to_num(lower, nan=np.inf).argmin(), rho.shape)
    return float(rho[i, j]), f"{names[j]} and {names[i]}"


def draw_word(token: str) -> str:
    """A token inside a sentence."""
    return "space" if token == " " else f"`{token}`"


def layer_by_layer(found: Reading) -> View:
    """Norms of the residual stream, and the logit lens."""
    s = stream(found)
    said = [words(found.task, row) for row in s.said]
    asked = words(found.task, found.arranged.targets[0][found.near])
    tokens = words(found.task, found.arranged.queries[0])
    figures = {"norms": draw.norms(s.norms, s.states, tokens), "lens": draw.lens(s.likely, said, s.states, asked)}
    gain = np.diff(s.likely.mean(1))
    best = int(gain.argmax()) + 1
    sentences = [
        f"Every part of a layer adds to one vector per token, the residual stream. Read off early, through the last layer norm and the output layer, it shows what the model would say by then. "
        f"The largest step is made by **{s.states[best]}**: the right answers' mean probability goes from {s.likely[best - 1].mean():.3f} to {s.likely[best].mean():.3f}.",
    ]
    return View(sentences, figures=figures)


def price(found: Reading) -> View:
    """Parameters, multiply-adds and memory by formula."""
    shape = found.model.shape
    n, m = found.arranged.queries.shape[1], found.arranged.keys.shape[1]
    speaks = found.spec.source == "folder"
    here = spoken_cost(found.model, n) if speaks else cost(shape, n, m)
    grown = [spoken_cost(found.model, int(t)) if speaks else cost(shape, int(t), int(t)) for t in LENGTHS]
    figure = draw.growth(
        LENGTHS, *(np.array([getattr(c, name) for c in grown]) for name in ("linear", "quadratic", "maps")), n
    )
    total = sum(here.parameters.values())
    sentences = [
        f"**{total:,} weights.** For {n} tokens one pass takes {here.linear + here.quadratic:,} multiply-adds, of which {here.quadratic / (here.linear + here.quadratic):.1%} are scores and weighted sums, the part that grows with n². "
        f"The maps of all heads hold {here.maps:,} weights, {4 * here.maps / 1024:.1f} kB in float32.",
        *(
            []
            if speaks and shape.kind == "encoder"
            else [
                f"**Writing {n} tokens one by one** takes {here.regenerate:,} multiply-adds if everything is computed anew for each, and {here.generate:,} ({here.regenerate / here.generate:.1f} times fewer) if keys and values are kept. The cache holds {here.cache:,} numbers."
            ]
        ),
    ]
    rows = [
        {"part": name, "weights": f"{count:,}", "share": f"{count / total:.1%}"}
        for name, count in here.parameters.items()
    ]
    return View(sentences, figures={"growth": figure}, rows=rows)


def live(found: Reading) -> View:
    """The film of the training that ships; the visitor's own comes from the job."""
    record, course = found.subject.record, found.subject.course
    if course is None:
        return View(
            [
                "A language model from a folder brings no film of its training. Choose *Trained on a task* above to see maps form."
            ]
        )
    if record is None:
        here = f"**Your own transformer** was trained here: {course.steps} steps of {course.batch} new examples. All views show it."
    else:
        here = (
            f"**The transformer on this page** was trained by the project's own script, {record['script']}: {course.steps} steps of {course.batch} new examples with {record['optimizer'].partition(',')[0]}. "
            f"On {record['test_examples']:,} new examples it gives {record['test_accuracy']:.2%} right answers. Its film comes first."
        )
    return View(
        [
            f"{here} **Train your own** below, in a process of its own: when it has ended, all views of the page show it."
        ],
        params=TRAINING,
    )


LENS: Mapping[str, Callable[[Reading], View]] = {
    "anatomy": inside,
    "next": next_token,
    "score": against_the_truth,
    "evidence": where_from,
    "stream": layer_by_layer,
    "cost": price,
    "training": live,
}


def look(found: Reading) -> View:
    """The open lens."""
    return LENS[found.spec.lens](found)


def worked(found: Reading) -> Sequence[Step]:
    """The selected row in numbers."""
    parts, i = anatomy(found), found.row
    j = int(parts.weights[i].argmax())
    d = parts.q.shape[1]
    seen = parts.scores[i][np.isfinite(parts.scores[i])]
    T = found.spec.temperature
    share = rf"\frac{{e^{{{parts.scores[i, j]:.4f}}}}}{{{np.exp(seen).sum():.4f}}}" if seen.size else "0"
    bias = bias_of(found)
    added, plus = ("", "") if bias is None else (rf" - m\,|{i} - {j}|", f" - {-bias[i, j]:.4f}")
    asked = rf"s_{{{i},{j}}} = \frac{{q_{{{i}}} \cdot k_{{{j}}} / \sqrt{{{d}}}{added}}}{{T}}"
    score = rf"{asked} = \frac{{{parts.products[i, j]:.4f} / \sqrt{{{d}}}{plus}}}{{{T:.4g}}} = {parts.scores[i, j]:.4f}"
    head = f"Row {i} ({found.rows[i]}) of {chosen(found)} looks most at column {j} ({found.columns[j]})"
    steps = [Step(head, latex=[score, rf"a_{{{i},{j}}} = {share} = {parts.weights[i, j]:.4f}", lookup_formula(found)])]
    bits = row_entropy(found)
    steps.append(Step("Its entropy", latex=[rf"H = -\sum_j a_{{{i},j}} \log_2 a_{{{i},j}} = {bits:.4f}\ \text{{bits}}, \qquad 2^H = {2**bits:.2f}\ \text{{tokens}}"]))  # fmt: skip
    mean = float(entropy(found.maps.weights[0, found.layer, found.head]).mean())
    steps.append(Step("Over all rows of this map", latex=[rf"\bar H = {mean:.4f}\ \text{{bits}}"]))
    return steps
