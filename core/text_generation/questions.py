"""Predict, then reveal: questions about the text on screen, answered by the model."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.text_generation.compute import Model, Writing, bits, ngram_bits
from core.text_generation.figures import named
from core.text_generation.spec import TextGenerationSpec


def questions(model: Model, made: Writing, spec: TextGenerationSpec) -> list[Question]:
    """Three: the next character, the share of safe choices, the rival."""
    return [_next(made, spec), _greedy(made, spec), _rival(model, spec)]


def _next(made: Writing, spec: TextGenerationSpec) -> Question:
    p = made.p[made.read - 1]
    order = np.argsort(-p, kind="stable")[:4]
    names = [f"“{named(made.corpus.signs[k])}”" for k in order]
    return Question(
        f"next.{_run(spec)}",
        f"After the seed text “{made.text[: made.read].strip()}”: which character does the model find most probable?",
        names[0],
        f"{names[0]} with {short(float(p[order[0]]))}, then {names[1]} with {short(float(p[order[1]]))}.",
        tuple(sorted(names)),
    )


def _greedy(made: Writing, spec: TextGenerationSpec) -> Question:
    told, came = made.p[made.read - 1 : -1], made.codes[made.read :]
    share = 100 * float((told.argmax(axis=1) == came).mean())
    return Question(
        f"greedy.{_run(spec)}",
        "What percentage of the written characters was the model's first choice? (8 either way count as right.)",
        round(share, 1),
        f"{share:.1f} % of {len(came)}. A lower temperature raises the share, up to 100.",
        tolerance=8.0,
    )


def _rival(model: Model, spec: TextGenerationSpec) -> Question:
    mine, grams = bits(model), ngram_bits(model.corpus)
    beaten = sum(mine < value for value in grams.values())
    return Question(
        f"rival.{_run(spec)}",
        f"How many of the {len(grams)} n-grams, orders 1 to {max(grams)}, need more bits on held-out text than this net?",
        float(beaten),
        f"The net needs {short(mine)} bits; the n-grams {', '.join(short(v) for v in grams.values())}.",
    )


def _run(spec: TextGenerationSpec) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return f"{hash(spec) & 0xFFFFFF:x}"
