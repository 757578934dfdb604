"""Predict, then reveal: questions about the convolution on screen, answered by it."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.conv_arithmetic.compute import Run, chosen_filter, place, run_of
from core.conv_arithmetic.spec import ConvArithmeticSpec
from core.conv_arithmetic.stack import fields_of, layers_of
from core.convolution import cost
from core.plots.words import short


def questions(spec: ConvArithmeticSpec) -> list[Question]:
    """At most four about the state on screen; one that it does not decide is left out."""
    made = run_of(spec)
    asked = [_width(made), _cell(spec, made), _parameters(made), _sign(spec, made), _field(spec)]
    return [question for question in asked if question is not None][:4]


def _width(made: Run) -> Question:
    n, k, s, p, d = made.image.shape[2], made.kernel.shape[3], made.g.stride[1], made.g.padding[1], made.g.dilation[1]
    width = made.y.shape[2]
    if made.g.transposed:
        words = f"({n} − 1)·{s} − 2·{p} + {d}·({k} − 1) + {made.g.output_padding[1]} + 1 = {width}."
    elif made.causal:
        words = f"A causal convolution has one output for every {s} input cells, from the first on: {width}."
    else:
        words = f"⌊({n} + 2·{p} − {d}·({k} − 1) − 1) / {s}⌋ + 1 = {width}."
    kind = "transposed " if made.g.transposed else ""
    ask = f"The input is {n} cells wide. With the next larger stride, {s + 1}, how wide is the output of this {kind}convolution?"
    wider = _at_stride(made, s + 1)
    return Question(
        f"width.{_name(made)}",
        ask,
        float(wider),
        f"At stride {s} it is {words} At stride {s + 1} the same formula gives {wider}.",
    )


def _at_stride(made: Run, s: int) -> int:
    n, k = made.given.shape[2], made.kernel.shape[3]
    p, e = made.g.padding[1], made.g.dilation[1] * (k - 1) + 1
    if made.g.transposed:
        return (n - 1) * s - 2 * p + e + made.g.output_padding[1]
    return (n + 2 * p - e) // s + 1


def _cell(spec: ConvArithmeticSpec, made: Run) -> Question | None:
    """What happens to a cell's output when the kernel is turned about."""
    if made.g.transposed:
        return None
    o, (u, v) = chosen_filter(spec, made), place(spec, made)
    value = float(made.y[o, u, v])
    if value == made.bias:
        return None
    doubled = 2 * (value - made.bias) + made.bias
    return Question(
        f"double.{_name(made)}.{o}.{u}.{v}",
        f"Output cell ({u}, {v}) is {short(value)}. What would it be if every cell of the picture were doubled?",
        doubled,
        f"The products double, the bias does not: 2·{short(value - made.bias)} + {made.bias:g} = {short(doubled)}. A convolution is linear in its picture.",
        tolerance=1e-3 * abs(doubled) + 1e-9,
    )


def _parameters(made: Run) -> Question:
    channels, filters, k = len(made.image), len(made.y), made.kernel.shape[2:]
    count = cost.parameters(channels, filters, k, made.g.groups)
    return Question(
        f"parameters.{_name(made)}",
        "How many parameters would this layer have if the picture were ten times as wide and high? (One bias for each filter.)",
        float(count),
        f"Still {count}: {filters}·{channels // made.g.groups}·{k[0]}·{k[1]} weights and {filters} bias{'es' if filters > 1 else ''}. The weights are shared by all places, so the size of the picture does not enter.",
    )


def _sign(spec: ConvArithmeticSpec, made: Run) -> Question | None:
    """What a flat region gives: the sum of the weights."""
    o = chosen_filter(spec, made)
    if made.g.transposed:
        return None
    total = float(made.kernel[o].sum())
    options = ("negative", "zero", "positive")
    near = abs(total) < 1e-9 * float(np.abs(made.kernel[o]).sum() or 1.0) or total == 0.0
    return Question(
        f"flat.{_name(made)}.{o}",
        "On a bright region where all cells are equal (and without bias), is this filter's output negative, zero or positive?",
        options[1 if near else 1 + int(np.sign(total))],
        f"There the output is the brightness times the sum of the weights, {short(0.0 if near else total)}. Edge detectors have sum 0, blurs have sum 1.",
        options,
    )


def _field(spec: ConvArithmeticSpec) -> Question | None:
    if spec.lens != "field":
        return None
    fields = fields_of(layers_of(spec))
    last = fields[-1]
    more = last.size + 2 * last.jump
    return Question(
        f"field.{spec.stack}.{last.size}.{last.jump}",
        "How wide is the receptive field after one more conv3?",
        float(more),
        f"{last.size} + (3 − 1)·{last.jump} = {more}: each new layer counts in jumps, so strides make later kernels reach farther.",
    )


def _name(made: Run) -> str:
    """A short name of this convolution, so that a guess belongs to it."""
    return f"{hash((made.image.tobytes(), made.kernel.tobytes(), made.g, made.bias)) & 0xFFFFFF:x}"
