"""What stands beside the pictures, and the closer looks below them, as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from core.contracts import Step, View
from core.plots.words import short
from core.text_generation import figures as draw
from core.text_generation.compute import (
    Model,
    Writing,
    bits,
    judged,
    model_of,
    ngram_bits,
    ngram_text,
    readable,
    resolved,
    shaped,
    warm,
    write,
)
from core.text_generation.spec import TextGenerationSpec

TAUS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0])
TRIED, SHORT = (0.2, 0.5, 0.8, 1.0, 1.5), 100


def about(model: Model, made: Writing, spec: TextGenerationSpec) -> str:
    """What the model has read, where its weights come from, and what the seed text lost."""
    corpus = model.corpus
    count = sum(p.numel() for p in model.net.parameters())
    parts = [
        f"The model has {count:,} weights and has read {corpus.border:,} characters: {corpus.title.lower() if corpus.title == 'Your text' else corpus.title}, {len(corpus.signs)} different signs.",
        model.trained,
        *corpus.notes,
        readable(spec.prompt, corpus)[1],
        f"The characters that it wrote surprise it by {short(float(np.mean(made.surprise[made.read :])))} bit on average.",
    ]
    return " ".join(filter(None, parts))


def look(model: Model, made: Writing, spec: TextGenerationSpec) -> View:
    """The view through the lens that the Spec names."""
    return {"units": units, "temperature": temperature, "ngrams": ngrams}[spec.lens](model, made, spec)


def quantities(text: str) -> dict[str, Float[np.ndarray, " N"]]:
    """What can be counted at every character of a text, that character included."""
    signs = list(text)
    depth, quotes, line, word = (np.zeros(len(signs)) for _ in range(4))
    d = q = column = letters = 0
    for t, sign in enumerate(signs):
        d = max(0, d + (sign == "(") - (sign == ")"))
        q = (q + (sign == '"')) % 2
        column = 0 if sign == "\n" else column + 1
        letters = letters + 1 if sign.isalnum() else 0
        depth[t], quotes[t], line[t], word[t] = d, q, column, letters
    upper, space = (np.array([float(f(sign)) for sign in signs]) for f in (str.isupper, str.isspace))
    return {"open brackets": depth, "inside double quotes": quotes, "place in the line": line, "letters of the word so far": word, "capital letter": upper, "space or line end": space}  # fmt: skip


def correlations(
    h: Float[np.ndarray, "N H"], wanted: Mapping[str, Float[np.ndarray, " N"]]
) -> Float[np.ndarray, "Q H"]:
    """Pearson's r of every quantity with every unit; 0 where one of them is constant."""
    H = h - h.mean(axis=0)
    Q = np.stack([v - v.mean() for v in wanted.values()])
    size = np.sqrt((Q**2).sum(axis=1))[:, None] * np.sqrt((H**2).sum(axis=0))
    return np.where(size > 1e-12, Q @ H / np.maximum(size, 1e-12), 0.0)


def probed(model: Model) -> tuple[Float[np.ndarray, "Q H"], tuple[str, ...]]:
    """`correlations` on the held-out chunks; their first characters are only read."""
    import torch

    chunks = judged(model.corpus)
    with torch.no_grad():
        h = model.net.cell(model.net.embed(torch.from_numpy(chunks)))[0].numpy()
    found = [quantities("".join(model.corpus.signs[c] for c in row)) for row in chunks]
    first = warm(chunks)
    joined = {name: np.concatenate([one[name][first:] for one in found]) for name in found[0]}
    return correlations(h[:, first:].reshape(-1, h.shape[2]), joined), tuple(joined)


def units(model: Model, made: Writing, spec: TextGenerationSpec) -> View:
    """Which unit follows what."""
    r, names = probed(model)
    best = np.abs(r).argmax(axis=1)
    rows = [
        {"what the text does": name, "unit that follows it best": str(int(k)), "r": short(float(r[i, k])), "R²": short(float(r[i, k] ** 2))}
        for i, (name, k) in enumerate(zip(names, best, strict=True))
    ]  # fmt: skip
    words = "; ".join(
        f"{row['what the text does']}: unit {row['unit that follows it best']} (r = {row['r']})" for row in rows
    )
    return View(
        [
            "Set **Unit** to one of these numbers and look at the text above. R² is the share of the quantity that a straight line in this one unit explains. Most units follow no single thing that has a name; "
            "what one unit leaves open may lie in several together."
        ],
        figures={"units": draw.units(r, names, words)},
        rows=rows,
    )


def mean_entropy(made: Writing, spec: TextGenerationSpec, tau: float) -> float:
    """The mean entropy [bit] of what characters would be drawn from at temperature tau, over the written places."""
    total = 0.0
    for p in made.p[made.read - 1 : -1]:
        q = shaped(np.log(p), tau, spec.top_k, spec.top_p)
        total -= float((q[q > 0] * np.log2(q[q > 0])).sum())
    return total / (len(made.p) - made.read)


def temperature(model: Model, made: Writing, spec: TextGenerationSpec) -> View:
    """Entropy and samples at several temperatures."""
    found = np.array([mean_entropy(made, spec, float(tau)) for tau in TAUS])
    rows = []
    for tau in TRIED:
        one = write(model, replace(spec, temperature=tau, length=SHORT))
        rows.append(
            {
                "τ": f"{tau:g}",
                "repeats": f"{repeated(one.text[one.read :]):.0%}",
                "what it writes": plain(one.text[one.read :]),
            }
        )
    here = mean_entropy(made, spec, spec.temperature)
    return View(
        [
            "The same model, the same draw, other temperatures. **Repeats**: the share of runs of eight characters that occurred before in the same sample."
        ],
        figures={"entropy": draw.entropy(TAUS, found, spec.temperature, here)},
        rows=rows,
    )


def repeated(text: str, size: int = 8) -> float:
    """The share of runs of `size` characters that stand earlier in the text too."""
    runs = [text[k : k + size] for k in range(len(text) - size + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def plain(text: str) -> str:
    """A text for a cell of a table."""
    return re.sub(r"\s+", " ", text).strip()


def ngrams(model: Model, made: Writing, spec: TextGenerationSpec) -> View:
    """The net against counting."""
    grams, mine = ngram_bits(model.corpus), bits(model)
    best = min(grams, key=grams.__getitem__)
    word = "is ahead of" if mine < grams[best] else "is behind"
    rows = [
        {"model": f"{n}-gram", "bits": short(b), "perplexity": short(2**b), "what it writes": plain(ngram_text(model.corpus, n, spec, SHORT))}
        for n, b in grams.items()
    ]  # fmt: skip
    rows.append(
        {
            "model": "the net",
            "bits": short(mine),
            "perplexity": short(2**mine),
            "what it writes": plain(made.text[made.read : made.read + SHORT]),
        }
    )
    return View(
        [
            f"On held-out text the net needs **{short(mine)} bits** per character (perplexity {short(2**mine)}) and {word} the best n-gram, order {best} with {short(grams[best])} bits. "
            "The n-grams were counted just now, on the same characters that the net learned from, and judged on the same held-out ones."
        ],
        figures={"bits": draw.bits(mine, grams, len(model.corpus.signs))},
        rows=rows,
    )


def worked(spec: TextGenerationSpec) -> list[Step]:
    """One draw in numbers: the likeliest characters at the place where the film stands."""
    spec, _ = resolved(spec)
    made = write(model_of(spec), spec)
    t = draw.shown(made, spec.at)
    order = np.argsort(-made.p[t], kind="stable")[:3]
    lines = [
        rf"q(\text{{{_tex(made.corpus.signs[k])}}}) \propto {short(float(made.p[t, k]))}^{{1/{spec.temperature:g}}} = {short(float(made.p[t, k] ** (1 / spec.temperature)))},\quad q = {short(float(made.q[t, k]))}"
        for k in order
    ]
    came = made.codes[t + 1]
    lines.append(
        rf"-\log_2 p(\text{{{_tex(made.corpus.signs[came])}}}) = {short(float(-np.log2(made.p[t, came])))}\ \text{{bit}}"
    )
    return [Step(f"After character {t + 1}", latex=lines)]


def _tex(sign: str) -> str:
    return {"\n": "line end", " ": "space"}.get(sign, sign if sign.isalnum() else f"sign {ord(sign)}")
