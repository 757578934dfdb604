"""The closer looks below the encoding, as data: sentences, formulas, figures and a table for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from core.contracts import Figure, Step, View
from core.plots.words import short
from core.positions import figures as draw
from core.positions.compute import (
    beyond,
    by_offset,
    likeness,
    pair_of,
    parts,
    query_and_key,
    record,
    scores,
    shuffled,
    spreads,
    turned,
    waves,
)
from core.positions.spec import PositionsSpec
from models.positions import POSITIONS, alibi_slopes, rotate
from models.predecessor import LENGTH, LETTERS, LONGEST, RULE

UNITS = {"alibi": "added to the score [1]"}


def key_of(spec: PositionsSpec) -> tuple[int, int]:
    """Positions of query and key, inside the sentence."""
    query = min(spec.query, spec.length - 1)
    return query, max(query - spec.offset, 0)


def about(spec: PositionsSpec) -> str:
    """One paragraph about the encoding."""
    w = waves(spec)
    return {
        "sinusoidal": f"**Sinusoidal:** a vector of sines and cosines is added to each token. {len(w)} pairs of columns, from a wave of {short(float(2 * np.pi / w[0]))} positions to one of {2 * np.pi / w[-1]:,.0f}.",
        "learned": f"**Learned:** a table with a vector for each position, trained with the rest. Shown are those of a small decoder; only the first {LENGTH} positions took part in its training, the rows below are still as they were drawn.",
        "rope": "**RoPE:** nothing is added. Each pair of columns of every query and key is turned by position times frequency; shown are the cosines and sines that do it.",
        "alibi": f"**ALiBi:** nothing is added to a token. Each of {spec.heads} heads takes its slope times the distance away from its scores; a row here is a distance.",
        "none": "**None:** attention sees a set of tokens. What order it still has comes from the causal mask, which lets a token see only those before it.",
    }[spec.kind]


def distance(spec: PositionsSpec) -> View:
    """Likeness by distance, and whether distance alone decides a score."""
    low, mean, high = by_offset(likeness(spec))
    found = {POSITIONS[kind]: value for kind, value in spreads(spec).items()}
    words = [
        f"Two neighbours have a likeness of {short(float(mean[1]))}, two positions {len(mean) - 1} apart {short(float(mean[-1]))}.",
        f"**Put to the test:** one random query and one random key are placed at every pair of {spec.length} positions. With RoPE two scores at the same distance differ by {spreads(spec)['rope']:.0e} at most, "
        f"which is rounding; with sinusoidal vectors, added before the product, by {short(spreads(spec)['sinusoidal'])}.",
    ]
    unit = UNITS.get(
        spec.kind, "cosine of the two vectors [1]" if spec.kind in ("sinusoidal", "learned") else "likeness [1]"
    )
    return View(
        words, params=["seed"], figures={"band": draw.band(low, mean, high, unit), "spreads": draw.spreads(found)}
    )


def wavelength(spec: PositionsSpec) -> View:
    """The waves of sinusoidal encoding and RoPE."""
    w, i = waves(spec), pair_of(spec)
    t = np.arange(spec.length)
    curves = {f"sin, column {2 * i}": np.sin(t * w[i]), f"cos, column {2 * i + 1}": np.cos(t * w[i])}
    words = [
        f"Pair {i} turns by {short(float(w[i]))} radians at each position and comes round after **{short(float(2 * np.pi / w[i]))}** positions. "
        f"Of {len(w)} pairs, {int((2 * np.pi / w <= spec.length).sum())} come round within the {spec.length} positions of the sentence; the others count like slow hands of a clock."
    ]
    figures = {
        "lengths": draw.wavelengths(2 * np.pi / w, i, spec.length),
        "waves": draw.lines(t, curves, "position", "value [1]", f"Pair {i}", "The two columns of the chosen pair, position by position.", range=[-1.1, 1.1]),
    }  # fmt: skip
    return View(words, params=["pair"], figures=figures)


def rotation(spec: PositionsSpec) -> View:
    """One pair of columns, turned."""
    query, key = key_of(spec)
    at = PositionsSpec(**{**spec.as_dict(), "query": query, "offset": query - key})
    vectors, w, i = turned(at), waves(spec), pair_of(spec)
    q, k = query_and_key(spec, spec.d)
    moved = [
        {
            "query at": t,
            "key at": t - (query - key),
            "q · k of this pair": f"{_pair(q, k, t, t - (query - key), i, spec.base):.12f}",
            "q · k of all columns": f"{_whole(q, k, t, t - (query - key), spec.base):.12f}",
        }
        for t in sorted({query - key, query, spec.length // 2 + (query - key) // 2, spec.length - 1})
        if t - (query - key) >= 0
    ]
    words = [
        f"Pair {i} of a random query is turned by {query} × {short(float(w[i]))} = {short(float(query * w[i]))} radians, that of a key by {short(float(key * w[i]))}. "
        f"The product is the length of both times the cosine of the angle between them, and that angle has changed by {short(float((query - key) * w[i]))}: their distance, {query - key}, times the frequency. "
        "The table moves both together: the products stay."
    ]
    curve = scores("rope", spec)
    figures = {
        "turn": draw.turn(vectors, query, key),
        "offsets": draw.lines(
            np.arange(spec.length), {"RoPE": by_offset(curve)[1], "0": np.zeros(spec.length)}, "key before the query by [positions]", "score q · k / √d [1]",
            "Score of one query and key by distance", "The score of this random query and key at every distance; the dashed line is 0.",
        ),
    }  # fmt: skip
    return View(words, params=["pair", "query", "offset", "seed"], figures=figures, rows=moved)


def _whole(q, k, t: int, s: int, base: float) -> float:
    """(R_t q) . (R_s k)"""
    return float(rotate(q[None], t, base)[0] @ rotate(k[None], s, base)[0])


def _pair(q, k, t: int, s: int, i: int, base: float) -> float:
    """The same for the columns 2i and 2i + 1."""
    a, b = rotate(q[None], t, base)[0], rotate(k[None], s, base)[0]
    return float(a[2 * i : 2 * i + 2] @ b[2 * i : 2 * i + 2])


def slopes(spec: PositionsSpec) -> View:
    """ALiBi's slopes, and the attention that they leave to equal keys."""
    m = alibi_slopes(int(spec.heads)).numpy()
    x = np.arange(spec.length)
    even = {f"head {h + 1}": np.exp(-m[h] * x) / np.exp(-m[h] * x).sum() for h in (0, len(m) // 2, len(m) - 1)}
    paper = "As in the paper: for 8 heads 1/2, 1/4, … 1/256." if len(m) == 8 else (
        "A power of two: 2^(−8/n), 2^(−16/n), … as in the paper." if len(m) in (4, 16) else "No power of two: the slopes of 8 heads, then every other one of 16, as in the authors' program."
    )  # fmt: skip
    rows = [
        {"head": h + 1, "slope m": f"{m[h]:.6g}", "as a power of two": f"2^{np.log2(m[h]):.4g}", "half of the weight after [positions]": f"{np.log(2) / m[h]:.3g}"}
        for h in range(len(m))
    ]  # fmt: skip
    words = [
        f"{paper} If all keys fitted equally well, a head with slope m would give a key at distance n a weight proportional to e^(−m n): the steepest halves it every {short(float(np.log(2) / m[0]))} positions, the flattest every {short(float(np.log(2) / m[-1]))}. The slopes are not trained."
    ]
    biases = {f"head {h + 1}": -m[h] * x for h in (0, len(m) // 2, len(m) - 1)}
    figures = {
        "bias": draw.lines(x, biases, "distance [positions]", "added to the score [1]", "ALiBi", "What a head adds to the score of a key so far away: a straight line down."),
        "even": draw.lines(x, even, "distance [positions]", "attention to equal keys [1]", "Attention if all keys fit equally", "The softmax of the lines beside it: where each head looks when the content does not decide."),
    }  # fmt: skip
    return View(words, params=["heads"], figures=figures, rows=rows)


def order(spec: PositionsSpec) -> View:
    """The order-shuffle test on the trained decoders."""
    found = {kind: shuffled(kind, spec.seed) for kind in POSITIONS}
    own = found[spec.kind]
    said = "".join(LETTERS[t] for t in own.tokens)
    moved = "".join(LETTERS[own.tokens[j]] for j in own.order) + said[-1]
    rows = [
        {
            "encoding": POSITIONS[kind],
            "as written": f"{LETTERS[o.before.argmax()]} ({100 * o.before.max():.0f} %)",
            "shuffled": f"{LETTERS[o.after.argmax()]} ({100 * o.after.max():.0f} %)",
            "largest change of a logit": f"{o.change:.1e}",
        }
        for kind, o in found.items()
    ]
    words = [
        f"A decoder of one layer was trained to say which letter stood before each token. Its sentence is `{said}`; with all letters but the last shuffled, `{moved}`. The right answers are **{said[-2]}** and **{moved[-2]}**.",
        f"Without positions the largest change of a logit is {found['none'].change:.0e}: the last token's attention is a sum over a set, and a sum does not know its order. Every other decoder notices.",
    ]
    return View(words, params=["seed"], figures={"answers": draw.answers(LETTERS, own.before, own.after)}, rows=rows)


def length(spec: PositionsSpec) -> View:
    """Longer sentences than in training."""
    found = beyond(spec.seed)
    rows = [
        {"encoding": POSITIONS[kind], **{f"places {span}": f"{100 * v:.1f} %" for span, v in parts(right).items()}, "weights": record(kind)["parameters"]}
        for kind, right in found.items()
    ]  # fmt: skip
    out = {kind: float(right[LENGTH - 1 :].mean()) for kind, right in found.items()}
    best = max(out, key=out.__getitem__)
    words = [
        f"Five decoders of one layer, the same but for their encoding, learned in {RULE.steps} steps on sentences of {LENGTH} letters which letter stood before each. Here they read sentences of {LONGEST * LENGTH}. "
        f"Beyond the length of training **{POSITIONS[best]}** is right most often, {100 * out[best]:.0f} %; learned vectors {100 * out['learned']:.0f} %, sinusoidal {100 * out['sinusoidal']:.0f} %, a blind guess {100 / len(LETTERS):.1f} %.",
        "One small task and one seed: it shows what goes wrong, not how large models rank. Train the chosen encoding anew under your seed:",
    ]
    return View(
        words, params=["seed"], figures={"places": by_place({POSITIONS[k]: v for k, v in found.items()})}, rows=rows
    )


def by_place(found: Mapping[str, np.ndarray]) -> Figure:
    """Right answers at each place of a long sentence."""
    x = np.arange(2, LONGEST * LENGTH + 1)
    return draw.lines(
        x, {name: 100 * right for name, right in found.items()}, "place in the sentence", "right answers [%]", "Right answers from the second place to the last",
        f"Each line is a decoder. Left of the dotted line are the places that it saw in training, 2 to {LENGTH}.", mark=LENGTH + 0.5, range=[0, 103],
    )  # fmt: skip


def learned(metrics: Mapping[str, Sequence[float]], right: np.ndarray, kind: str) -> dict[str, Figure]:
    """The pictures of a training run so far."""
    step = np.asarray(metrics["step"], float)
    shares = {
        "places seen in training": 100 * np.asarray(metrics["inside"], float),
        "places beyond": 100 * np.asarray(metrics["beyond"], float),
    }
    return {
        "shares": draw.lines(step, shares, "step", "right answers [%]", "Right answers while it learns", "Right answers on new sentences, at places that training had and at places beyond.", range=[0, 103]),
        "now": by_place({POSITIONS[kind]: right}),
    }  # fmt: skip


LENS: Mapping[str, Callable[[PositionsSpec], View]] = {
    "distance": distance, "waves": wavelength, "rotation": rotation, "slopes": slopes, "order": order, "length": length,
}  # fmt: skip


def look(spec: PositionsSpec) -> View:
    """The view through the lens that the Spec names."""
    return LENS[spec.lens](spec)


def worked(spec: PositionsSpec) -> list[Step]:
    """The formulas with the numbers on screen."""
    w, i = waves(spec), pair_of(spec)
    query, key = key_of(spec)
    m = alibi_slopes(int(spec.heads)).numpy()
    same = 2 / spec.d * np.cos((query - key) * w).sum()
    return [
        Step("Frequency and wavelength", latex=[rf"w_{{{i}}} = {spec.base:g}^{{-{2 * i}/{spec.d}}} = {w[i]:.6g}, \qquad 2\pi / w_{{{i}}} = {2 * np.pi / w[i]:.6g}"]),
        Step("Likeness of the chosen positions", latex=[rf"\frac{{2}}{{{spec.d}}} \sum_i \cos({query - key}\, w_i) = {same:.6f}"]),
        Step("ALiBi's first and last slope", latex=[rf"m_1 = {m[0]:.6g}, \qquad m_{{{len(m)}}} = {m[-1]:.6g}"]),
    ]  # fmt: skip
