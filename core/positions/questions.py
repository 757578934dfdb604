"""Predict, then reveal: questions about the state on screen, answered by its own numbers."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.positions.compute import beyond, pair_of, shuffled, spreads, waves
from core.positions.spec import PositionsSpec
from models.positions import POSITIONS
from models.predecessor import LENGTH, LONGEST


def questions(spec: PositionsSpec) -> list[Question]:
    """Four."""
    return [_wave(spec), _distance(spec), _order(spec), _beyond(spec)]


def _wave(spec: PositionsSpec) -> Question:
    w, i = waves(spec), pair_of(spec)
    found = float(2 * np.pi / w[i])
    return Question(
        f"wave.{spec.d}.{spec.base}.{i}",
        f"After how many positions does pair {i} of the sinusoidal encoding (width {spec.d}, base {spec.base:g}) come round? (Within a fifth counts as right.)",
        found,
        f"Its frequency is {spec.base:g}^(−{2 * i}/{spec.d}) = {short(float(w[i]))} radians per position, so 2π / {short(float(w[i]))} = {short(found)}.",
        tolerance=found / 5,
    )


def _distance(spec: PositionsSpec) -> Question:
    found = spreads(spec)
    options = ("Sinusoidal", "Learned", "RoPE")
    values = {"Sinusoidal": found["sinusoidal"], "Learned": found["learned"], "RoPE": found["rope"]}
    return Question(
        f"distance.{spec.d}.{spec.base}.{spec.length}.{spec.seed}",
        "With which of these does the score of a query and a key depend on their distance alone?",
        min(values, key=values.__getitem__),
        "Largest difference of two scores at the same distance: "
        + "; ".join(f"{n} {v:.0e}" for n, v in values.items())
        + ".",
        options,
    )


def _order(spec: PositionsSpec) -> Question:
    own = shuffled(spec.kind, spec.seed)
    options = ("The same, to the last digit", "It changes")
    return Question(
        f"order.{spec.kind}.{spec.seed}",
        f"All words but the last are shuffled. What does the last token of the decoder with the encoding “{POSITIONS[spec.kind]}” say?",
        options[own.change > 1e-9],
        f"The largest change of a logit is {own.change:.1e}.",
        options,
    )


def _beyond(spec: PositionsSpec) -> Question:
    found = {POSITIONS[kind]: float(right[LENGTH - 1 :].mean()) for kind, right in beyond(spec.seed).items()}
    return Question(
        f"beyond.{spec.seed}",
        f"Trained on {LENGTH} tokens, tested on {LONGEST * LENGTH}: which decoder is right most often at places beyond its training?",
        max(found, key=found.__getitem__),
        "; ".join(f"{name} {100 * share:.0f} %" for name, share in found.items()) + ".",
        list(found),
    )
