"""Predict, then reveal: questions about the variants on screen, answered by the nets themselves."""

from __future__ import annotations

import numpy as np

from core.compression.spec import METHODS, MOST_BITS, CompressionSpec
from core.compression.study import (
    bit_sweep,
    grid_name,
    pruned_of,
    sparsity_sweep,
    standard_error,
    students_of,
    variants,
)
from core.contracts import Question


def questions(spec: CompressionSpec) -> list[Question]:
    """At most four; one that the run does not decide is left out."""
    asked = [_bits(spec), _tuning(spec), _method(spec), _teacher(spec)]
    return [one for one in asked if one is not None]


def _bits(spec: CompressionSpec) -> Question | None:
    curve = np.array(bit_sweep(spec)[grid_name(spec.scheme, spec.group)])
    base = variants(spec)[0].accuracy
    near = np.flatnonzero(curve >= base - standard_error(base))
    if not len(near):
        return None
    bits = int(near[0]) + 2
    below = f" With {bits - 1} it has {100 * curve[bits - 3]:.1f} %." if bits > 2 else ""
    return Question(
        f"bits.{_run(spec)}",
        "How few bits of a weight leave the accuracy within one standard error of float32?",
        str(bits),
        f"With {bits} bits the rounded net reads {100 * curve[bits - 2]:.1f} % rightly, float32 {100 * base:.1f} %.{below}",
        [str(k) for k in range(2, MOST_BITS + 1)],
    )


def _tuning(spec: CompressionSpec) -> Question | None:
    curve = pruned_of(spec).curve
    if len(curve) == 1:
        return None
    return Question(
        f"tuning.{_run(spec)}",
        f"{100 * spec.sparsity:.0f} % are removed ({METHODS[spec.method].lower()}). How many percent of the test digits are read rightly after fine-tuning? Within 3 counts as right.",
        100 * curve[-1],
        f"{100 * curve[0]:.1f} % at once after pruning, {100 * curve[-1]:.1f} % after {len(curve) - 1} epochs.",
        tolerance=3.0,
    )


def _method(spec: CompressionSpec) -> Question | None:
    at = {name: values[7] for name, values in sparsity_sweep(spec).items()}
    first, second = sorted(at, key=lambda name: -at[name])[:2]
    if at[first] == at[second]:
        return None
    return Question(
        f"method.{_run(spec)}",
        "70 % are removed and nothing is trained again. Which method does best?",
        METHODS[first],
        "; ".join(f"{METHODS[name]}: {100 * value:.1f} %" for name, value in at.items()) + ".",
        list(METHODS.values()),
    )


def _teacher(spec: CompressionSpec) -> Question | None:
    found = students_of(spec).accuracies
    alone, taught = float(found["alone"].mean()), float(found["taught"].mean())
    if alone == taught:
        return None
    return Question(
        f"teacher.{_run(spec)}",
        f"Students of {spec.student} units see {spec.rows} digits. Which do better on average?",
        "With the teacher" if taught > alone else "With labels alone",
        f"With the teacher {100 * taught:.1f} %, with labels alone {100 * alone:.1f} %.",
        ["With the teacher", "With labels alone"],
    )


def _run(spec: CompressionSpec) -> str:
    """A short name of these settings, so that a guess belongs to them."""
    return ".".join(str(value) for name, value in spec.as_dict().items() if name not in ("lens", "against", "layer", "digit", "most", "wait"))  # fmt: skip
