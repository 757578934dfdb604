"""The closer looks below the tokens, as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from core import contracts
from core.contracts import Figure, Step
from core.data.tokenizers import BPE
from core.plots.words import short
from core.text_tokens import embeddings, padding
from core.text_tokens import figures as draw
from core.text_tokens.compute import (
    Study,
    bag,
    compression_path,
    moments,
    padding_of,
    ranks,
    result,
    study_of,
    unknown_path,
)
from core.text_tokens.spec import READERS, TOKENIZERS, TextTokensSpec
from core.text_tokens.vectors import (
    NEAREST,
    Space,
    asked,
    asked_relation,
    at_once,
    quick,
    relations,
    resolved,
    shown_words,
    whole,
)

MOST_OPTIONS = 400  # words in a menu
SHOWN_SENTENCES = 6


@dataclass(frozen=True)
class View(contracts.View):
    """Also `steps`: what the transport bar says at each moment of the figures' film; empty without a film."""

    steps: tuple[Step, ...] = ()


def top(spec: TextTokensSpec) -> dict[str, Figure]:
    """The text to encode as tokens of the chosen tokenizer, and the count of all three."""
    study = study_of(spec)
    tokenizer = study.tokenizers[spec.tokenizer]
    ids = tokenizer.encode(spec.probe)
    results = {TOKENIZERS[name]: result(t, spec.probe) for name, t in study.tokenizers.items()}
    return {
        "tokens": draw.strip(ids, tokenizer.words(ids), TOKENIZERS[spec.tokenizer], not isinstance(tokenizer, BPE)),
        "counts": draw.counts(results, TOKENIZERS[spec.tokenizer]),
    }


def about(spec: TextTokensSpec) -> str:
    """One sentence on what stands on screen."""
    study = study_of(spec)
    found = result(study.tokenizers[spec.tokenizer], spec.probe)
    back = "Decoding gives the text back exactly." if found.exact else "Decoding does **not** give the text back."
    empty = "Your own text is empty: type or paste it above; until then the tale is used. "
    return (
        empty
        * (spec.text == "own" and not spec.own.strip())
        + f"**{TOKENIZERS[spec.tokenizer]}**: {found.bytes} bytes become {found.tokens} tokens from a vocabulary of {found.vocabulary}, "
        f"{short(found.compression)} bytes a token; {found.unknown} are unknown. {back}"
    )


def look(spec: TextTokensSpec, space: Space | None = None) -> View:
    """The view through the lens that the Spec names; `space` are the word vectors that a job has trained so far."""
    study = study_of(spec)
    match spec.lens:
        case "merges":
            return merges(study)
        case "vocabulary":
            return vocabulary(study)
        case "padding":
            return padded(spec)
        case "bag":
            return bag_of(study)
    return vectors(resolved(spec)[0], space)


def merges(study: Study) -> View:
    """Byte-pair encoding learning, as a film of the text to encode."""
    bpe, probe = study.bpe, study.spec.probe
    at = moments(bpe)
    cut = [bpe.first(k) for k in at]
    ids = [tokenizer.encode(probe) for tokenizer in cut]
    tokens = [tokenizer.words(i) for tokenizer, i in zip(cut, ids, strict=True)]
    rows = [
        {"merge": k, "left": draw.visible(left), "right": draw.visible(right), "new token": draw.visible(made), "number": m.token, "times in the text then": m.count}
        for k, m in enumerate(bpe.merges, start=1)
        for left, right, made in [bpe.words([*m.pair, m.token])]
    ]  # fmt: skip
    asked_for = study.spec.vocabulary - 256
    words = [
        f"{len(bpe.merges)} merges were learned"
        + ("" if len(bpe.merges) == asked_for else f", fewer than the {asked_for} that the vocabulary has room for: no pair stands twice any more")
        + f". They make the training text {short(compression_path(study.text, study.spec.vocabulary)[1][-1])} bytes a token, and the text to encode {len(ids[0])} → {len(ids[-1])} tokens."
    ]  # fmt: skip
    figures = {
        "film": draw.strip_film(at, ids, tokens),
        "compression": draw.compression(*compression_path(study.text, study.spec.vocabulary)),
    }
    return View(words, figures=figures, rows=rows, steps=tuple(draw.film_steps(bpe, at, ids)))


def vocabulary(study: Study) -> View:
    """How many words there are, and how many of the words to encode have a number."""
    spec = study.spec
    found, sizes = ranks(study.text), unknown_path(study.text, spec.probe)
    rows: list[dict[str, Any]] = []
    for name, tokenizer in study.tokenizers.items():
        here, there = result(tokenizer, spec.probe), result(tokenizer, study.text)
        rows.append({
            "tokenizer": TOKENIZERS[name], "vocabulary": here.vocabulary, "tokens of the text to encode": here.tokens, "unknown": here.unknown,
            "bytes a token (to encode)": short(here.compression), "bytes a token (training text)": short(there.compression), "text comes back exactly": "yes" if here.exact else "no",
        })  # fmt: skip
    missing = [w for w, i in zip(study.tokenizers["words"].parts(spec.probe), study.tokenizers["words"].encode(spec.probe), strict=True) if i == 0]  # fmt: skip
    words = [
        "Unknown to the vocabulary of words: "
        + ", ".join(f"“{w}”" for w in missing)
        + ". A model sees the same <unk> for each of them."
        if missing
        else "Every word to encode is in the vocabulary of words. Type one that is not.",
        "Words do not keep the spaces, so their decoding is a guess; byte-pair encoding gives every text back exactly.",
    ]
    return View(words, figures={"unknown": draw.unknown(*sizes, spec.vocabulary), "zipf": draw.zipf(*found)}, rows=rows)


def padded(spec: TextTokensSpec) -> View:
    """A padded batch, and what padding does to a reader with and without a mask."""
    _, found = padding_of(spec)
    test = padding.sentences(padding.TEST, spec.seed, "test").tokens[:SHOWN_SENTENCES]
    tokens, mask = padding.padded(test, 0, spec.side)
    shown = [[padding.VOCABULARY[i] for i in row] for row in tokens.tolist()]
    masked, forgot, never = ((100 * a[0], 100 * a[-1]) for a, _ in found.values())
    words = [
        f"**{READERS[spec.reader]}**, trained live on 600 short reviews. With the mask it is right on {masked[0]:.0f} % of the test reviews, however much padding follows. "
        f"The same reader without the mask falls from {forgot[0]:.0f} % to {forgot[1]:.0f} % when {padding.AMOUNTS[-1]} padding tokens are added. "
        f"Trained without one it goes from {never[0]:.0f} % to {never[1]:.0f} %: "
        + ("it has learned to read over padding, which takes training and need not hold for other lengths." if never[1] > never[0] - 2 else "it has learned to live with the padding of its own batches, and with no other."),
    ]  # fmt: skip
    rows = [
        {
            "padding tokens": n,
            **{way: f"{100 * a[k]:.1f} % (|Δp| {short(float(d[k]))})" for way, (a, d) in found.items()},
        }
        for k, n in enumerate(padding.AMOUNTS)
    ]
    figures = {
        "batch": draw.batch(tokens.numpy(), shown, mask.numpy()),
        "damage": draw.damage(found, padding.AMOUNTS),
        "drift": draw.drift(found, padding.AMOUNTS),
    }
    return View(words, params=["reader", "side", "seed"], figures=figures, rows=rows)


def bag_of(study: Study) -> View:
    """Sentences as rows of term weights."""
    spec = study.spec
    found = bag(study.text, spec.probe, spec.weight)
    names = ["to encode", *(f"sentence {k}" for k in range(1, len(found.sentences)))]
    order = np.argsort(-found.cosine[0, 1:], kind="stable")
    nearest = (
        f"Nearest to the text to encode is sentence {order[0] + 1}, “{found.sentences[order[0] + 1][:80]}”, with cosine {short(float(found.cosine[0, order[0] + 1]))}."
        if len(order) and found.cosine[0, order[0] + 1] > 0
        else "No sentence of the text to learn from shares a word with the text to encode."
    )
    alt = f"{len(found.sentences)} sentences and their {len(found.terms)} most frequent words, which are {', '.join(found.terms[:8])} and others."
    figures = {
        "weights": draw.grid(found.weights, found.terms, names, ("word", "sentence", "weight [1]"), alt, "Row: a sentence; column: a word; the lighter, the heavier the word counts in that sentence. Rows have length 1. The order of the words is lost."),
        "cosine": draw.grid(found.cosine, names, names, ("sentence", "sentence", "cosine [1]"), f"Cosine between any two of {len(names)} sentences. {nearest}", "The lighter a cell, the more words the two sentences share, by their weights. The diagonal is 1. With plain counts the frequent words dominate; TF-IDF takes weight from words that are everywhere."),
    }  # fmt: skip
    rows = [{"": name, "cosine to the text to encode": short(float(c)), "words": text} for name, c, text in zip(names, found.cosine[0], found.sentences, strict=True)]  # fmt: skip
    return View([nearest], params=["weight"], figures=figures, rows=rows)


def vectors(spec: TextTokensSpec, space: Space | None = None) -> View:
    """Neighbours, an analogy and the projection of word vectors."""
    space = space or (whole(spec) if at_once(spec) else quick(spec))
    word, a, b, c = asked(spec, space)
    near, found = embeddings.neighbours(space.vectors, word, NEAREST), embeddings.analogy(space.vectors, a, b, c)
    say = [space.words[i] for i in (a, b, c)]
    answer, cosine = found[0]
    sentences = [f"**{say[0]}** is to **{say[1]}** as **{say[2]}** is to **{space.words[answer]}** (cosine {short(cosine)} with {say[1]} − {say[0]} + {say[2]}; next: {', '.join(f'{space.words[i]} {short(x)}' for i, x in found[1:4])})."]  # fmt: skip
    scores = {name: embeddings.analogy_score(space.vectors, pairs) for name, pairs in relations(space).items()}
    if space.step is not None:
        said = f"After {space.step} steps the loss is {short(space.loss)} nats for each true pair."
        right = "; ".join(f"{name} {r} of {n}" for name, (r, n) in scores.items())
        sentences.append(said + (f" Analogies answered rightly: {right}." if right else ""))
    options = list(space.words[:MOST_OPTIONS])
    options += [w for w in (space.words[i] for i in (word, a, b, c)) if w not in options]
    choices = {name: (options, space.words[i]) for name, i in zip(("word", "a", "b", "c"), (word, a, b, c), strict=True)}  # fmt: skip
    figures = {
        "projection": _projection(spec, space, answer),
        "neighbours": draw.neighbours(space.words[word], [space.words[i] for i, _ in near], [x for _, x in near]),
    }
    rows = [{"relation": name, "right": r, "asked": n, "share": f"{r / n:.0%}"} for name, (r, n) in scores.items()]
    film = space.film if len(space.film) > 1 else ()
    return View(sentences, params=[], choices=choices, figures=figures, rows=rows, steps=tuple(draw.vector_steps(film)))


def _projection(spec: TextTokensSpec, space: Space, answer: int) -> Figure:
    shown = shown_words(spec, space)
    word, a, b, c = asked(spec, space)
    axes, mean, share = embeddings.plane(embeddings.unit(space.vectors[shown]))
    film = [(embeddings.unit(v[shown]) - mean) @ axes.T for _, v in space.film] or [(embeddings.unit(space.vectors[shown]) - mean) @ axes.T]  # fmt: skip
    place = {i: k for k, i in enumerate(shown)}
    near = [i for i, _ in embeddings.neighbours(space.vectors, word, NEAREST)]
    marked = {"neighbours": near, "analogy": (a, b, c), "answer": (answer,)}
    pairs = asked_relation(space, a, b) or asked_relation(space, a, c) or [(a, b), (c, answer)]
    roles = {role: [place[i] for i in places if i in place] for role, places in marked.items()}
    return draw.projection([space.words[i] for i in shown], film, share, roles, [(place[x], place[y]) for x, y in pairs if x in place and y in place])  # fmt: skip


@lru_cache(maxsize=32)
def _fill(spec: TextTokensSpec) -> tuple[Step, ...]:
    study = study_of(spec)
    found = result(study.tokenizers[spec.tokenizer], spec.probe)
    steps = [
        Step("Compression of the text to encode", latex=[rf"\frac{{\text{{bytes}}}}{{\text{{tokens}}}} = \frac{{{found.bytes}}}{{{found.tokens}}} = {found.compression:.4f}"])
    ]  # fmt: skip
    if study.bpe.merges:
        first = study.bpe.merges[0]
        steps.append(Step("The first merge", latex=[rf"(a, b) = ({first.pair[0]}, {first.pair[1]}), \quad \mathrm{{count}}(a, b) = {first.count} \;\Rightarrow\; ab = {first.token}"]))  # fmt: skip
    if spec.lens == "embeddings":
        here = resolved(spec)[0]
        space = whole(here) if at_once(here) else quick(here)
        _, a, b, c = asked(here, space)
        d, cosine = embeddings.analogy(space.vectors, a, b, c, 1)[0]
        names = [r"\text{" + space.words[i].replace("_", " ") + "}" for i in (a, b, c, d)]
        steps.append(Step("The analogy", latex=[rf"\cos(u_{{{names[3]}}},\ u_{{{names[1]}}} - u_{{{names[0]}}} + u_{{{names[2]}}}) = {cosine:.4f}"]))  # fmt: skip
    if spec.lens == "padding":
        steps.append(_attention_step(spec))
    return tuple(steps)


def _attention_step(spec: TextTokensSpec) -> Step:
    """The first test sentence's answer with and without eight padding tokens."""
    reader, _ = padding_of(spec)[0][padding.WAYS[1]]
    row = padding.sentences(padding.TEST, spec.seed, "test").tokens[:1]
    with torch.no_grad():
        p = [float(padding.answers(reader, row, n, False, spec.side)[0]) for n in (0, 8)]
    return Step("The first test review, read without the mask", latex=[rf"p(\text{{positive}}) = {p[0]:.4f}, \qquad \text{{with 8 padding tokens: }} {p[1]:.4f}"])  # fmt: skip


def worked(spec: TextTokensSpec) -> list[Step]:
    """The page's formulas with the numbers on screen."""
    return list(_fill(spec))
