"""The main picture as data for `figures.stage`, its film's words, and the formulas with the numbers on screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.contracts import Step
from core.conv_arithmetic.compute import Run, chosen_filter, group_of, place, run_of, stops, taps, weights_of, window
from core.conv_arithmetic.spec import KERNELS, MODES, ConvArithmeticSpec
from core.plots.words import short

MOST_TERMS, MOST_FORMULAS = 12, 100
PHOTO_CHANNELS = ("red", "green", "blue", "grey")


def scene(spec: ConvArithmeticSpec) -> dict[str, Any]:
    """Arrays and words of the picture in the state `spec`."""
    made = run_of(spec)
    o = chosen_filter(spec, made)
    first, _count = group_of(made, o)
    u, v = place(spec, made)
    width = stops(made)[1]
    weights = weights_of(made, o)
    return {
        "seen": made.seen,
        "weights": weights,
        "y": made.y[o],
        "first": first,
        "inner": (_first(made.rows), _first(made.columns), *made.image.shape[1:]),
        "stamps": made.g.transposed,
        "stops": [
            {"cell": (np.array([a]), np.array([b])), "taps": taps(made, a, b)} for a, b in np.ndindex(*stops(made))
        ],
        "at": u * width + v,
        "input_titles": [_input_title(spec, made, c) for c in range(len(made.image))],
        "kernel_titles": [_kernel_title(spec, weights, first + c, len(made.image)) for c in range(len(weights))],
        "output_title": _output_title(spec, made, o),
        "alt": _alt(spec, made, o),
        "how_to_read": _how_to_read(made),
    }


def _first(sources: np.ndarray) -> int:
    """Where the picture's first cell itself stands on the padded axis: the start of the run 0, 1, 2, ..."""
    n = sources.max() + 1
    return next(at for at in range(len(sources) - n + 1) if (sources[at : at + n] == np.arange(n)).all())


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} × {shape[1]}"


def _input_title(spec: ConvArithmeticSpec, made: Run, c: int) -> str:
    padded = made.seen.shape != made.image.shape
    size = _size(made.image.shape[1:]) + (f", padded {_size(made.seen.shape[1:])}" if padded else "")
    if len(made.image) == 1:
        return f"Input x: {size}"
    name = PHOTO_CHANNELS[c] if spec.picture == "photo" else f"channel {c}"
    return f"Input, {name}" + (f": {size}" if c == 0 else "")


def _kernel_title(spec: ConvArithmeticSpec, weights: np.ndarray, c: int, channels: int) -> str:
    size = _size(weights.shape[1:])
    return f"Kernel w: {size}" if channels == 1 else f"w for channel {c}: {size}"


def _output_title(spec: ConvArithmeticSpec, made: Run, o: int) -> str:
    which = "" if len(made.y) == 1 else f", filter {o + 1} of {len(made.y)}"
    return f"Output y: {_size(made.y.shape[1:])}{which}"


def _alt(spec: ConvArithmeticSpec, made: Run, o: int) -> str:
    g, y = made.g, made.y[o]
    pads = (
        ""
        if made.seen.shape == made.image.shape
        else f", padded to {_size(made.seen.shape[1:])} ({MODES[g.mode].lower()})"
    )
    kind = {
        "plain": "Convolution",
        "transposed": "Transposed convolution",
        "line": "1-D convolution",
        "causal": "Causal 1-D convolution",
    }[spec.kind]
    return (
        f"{kind} of an input of {len(made.image)} channel{'s' if len(made.image) > 1 else ''} of {_size(made.image.shape[1:])} cells{pads} "
        f"with a kernel of {_size(made.kernel.shape[2:])} ({KERNELS[spec.kernel]}), stride {_size(g.stride)}, dilation {_size(g.dilation)}: "
        f"output {_size(y.shape)}, values from {y.min():.4g} to {y.max():.4g}."
    )


def _how_to_read(made: Run) -> str:
    colours = "Pixel values: the brighter, the larger. Where there are negative numbers: blue below 0, white 0, orange above. Rows and columns are counted from 0."
    if made.g.transposed:
        return f"Left the input, in the middle the kernel, right the output. The green cell of the input, times the kernel, is added to the green cells of the output; where outlines lie beyond the output, the padding cropped it. {colours} Click an input cell to stand there."
    return f"Left the input (inside the dashed red line; around it the padding), in the middle the kernel, right the output. The green outline on the input is what the kernel sees now, the green output cell what comes of it; cells still to come lie under a grey veil. Faint channels belong to other groups. {colours} Click an output cell to stand there."


def film_steps(spec: ConvArithmeticSpec) -> list[Step]:
    """What the transport bar says at each stop."""
    made = run_of(spec)
    o, grid = chosen_filter(spec, made), stops(made)
    spelled = grid[0] * grid[1] <= MOST_FORMULAS
    return [_step(made, o, u, v, spelled) for u, v in np.ndindex(*grid)]


def _step(made: Run, o: int, u: int, v: int, spelled: bool) -> Step:
    rows, columns = taps(made, u, v)
    if made.g.transposed:
        text = f"Its value, times the kernel, goes to rows {_range(rows)} and columns {_range(columns)} of the output."
        return Step(f"Input cell ({u}, {v})", text)
    text = f"Rows {_range(rows)}, columns {_range(columns)} of the {'padded ' if made.seen.shape != made.image.shape else ''}input. Output {short(float(made.y[o, u, v]))}."
    return Step(
        f"Output cell ({u}, {v})",
        text,
        [cell_latex(made, o, u, v)] if spelled and weights_of(made, o).size <= MOST_TERMS else [],
    )


def _range(at: np.ndarray) -> str:
    if len(at) == 1:
        return str(at[0])
    if (np.diff(at) == 1).all():
        return f"{at[0]} to {at[-1]}"
    return ", ".join(map(str, at))


def number(value: float) -> str:
    """A number in LaTeX, in parentheses where it is negative."""
    text = f"{value + 0.0:.4g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = rf"{mantissa}\cdot 10^{{{int(exponent)}}}"
    return f"({text})" if value < 0 else text


def cell_latex(made: Run, o: int, u: int, v: int) -> str:
    """One output cell: all its products where they are few, else the sum of every row of the kernel."""
    seen, weights = window(made, o, u, v), weights_of(made, o)
    bias = f" + {number(made.bias)}_b" if made.bias else ""
    if weights.size <= MOST_TERMS:
        terms = " + ".join(rf"{number(w)}\cdot {number(x)}" for w, x in zip(weights.flat, seen.flat, strict=True))
    else:
        sums = (weights * seen).sum(2)
        shown = sums.ravel() if sums.size <= MOST_TERMS else sums.sum(1)
        terms = " + ".join(number(value) for value in shown)
    return rf"y_{{{o},{u},{v}}} = {terms}{bias} = {number(made.y[o, u, v]).strip('()')}"


def stamp_latex(made: Run, o: int, u: int, v: int) -> list[str]:
    """What one input cell adds to the output of a transposed convolution: one line for each channel that reaches filter `o`."""
    first, count = group_of(made, o)
    weights, lines = weights_of(made, o), []
    for c in range(first, first + count):
        x = made.image[c, u, v]
        lines.append(
            rf"x_{{{c},{u},{v}}}\, w = {number(x)} \cdot {_matrix(weights[c - first])} = {_matrix(x * weights[c - first])}"
        )
    return lines


def _matrix(values: np.ndarray) -> str:
    rows = r" \\ ".join(" & ".join(f"{value + 0.0:.3g}" for value in row) for row in values)
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def size_latex(made: Run) -> list[str]:
    """The output-size formula with the numbers of both axes (of one where they are the same)."""
    g, lines = made.g, []
    for axis, name in enumerate(("h", "w")):
        n, k, o = made.image.shape[1 + axis], made.kernel.shape[2 + axis], made.y.shape[1 + axis]
        s, p, d, a = g.stride[axis], g.padding[axis], g.dilation[axis], g.output_padding[axis]
        if g.transposed:
            lines.append(
                rf"o_{name} = (n - 1)s - 2p + d(k - 1) + a + 1 = ({n} - 1)\cdot {s} - 2\cdot {p} + {d}\cdot({k} - 1) + {a} + 1 = {o}"
            )
        elif made.causal and name == "w":
            lines.append(
                rf"o_w = \left\lfloor \frac{{n - 1}}{{s}} \right\rfloor + 1 = \left\lfloor \frac{{{n} - 1}}{{{s}}} \right\rfloor + 1 = {o}"
            )
        else:
            lines.append(
                rf"o_{name} = \left\lfloor \frac{{n + 2p - d(k - 1) - 1}}{{s}} \right\rfloor + 1 = "
                rf"\left\lfloor \frac{{{n} + 2\cdot {p} - {d}\cdot({k} - 1) - 1}}{{{s}}} \right\rfloor + 1 = {o}"
            )
    height, width = lines
    if made.image.shape[1] == 1 and made.kernel.shape[2] == 1 and not g.transposed:
        return [width]
    return [height.replace("o_h", "o_h = o_w")] if height.replace("o_h", "o_w") == width else lines
