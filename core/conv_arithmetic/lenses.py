"""The closer looks below the film, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from core.contracts import Figure, Step, View
from core.conv_arithmetic import figures as draw
from core.conv_arithmetic.compute import (
    Run,
    as_matrix,
    backward,
    chosen_filter,
    group_of,
    place,
    run_of,
    taps,
    timings,
    true_convolution,
    upstream_of,
    weights_of,
    window,
)
from core.conv_arithmetic.kernels import filters_of
from core.conv_arithmetic.scene import MOST_TERMS, cell_latex, number, size_latex, stamp_latex
from core.conv_arithmetic.spec import ConvArithmeticSpec
from core.conv_arithmetic.stack import fields_of, layers_of, measured
from core.convolution import cost
from core.convolution.convolve import columns, flipped, run
from core.convolution.geometry import Geometry
from core.convolution.pooling import adaptive_spans, pool, route, shift_change, spans
from core.errors import ExplainerError
from core.plots.field import field_picture, field_profile, growth
from core.plots.theme import BLUE, GREEN, ORANGE, PURPLE, VERMILLION
from core.plots.words import short
from core.rng import numpy_generator

MOST_ENTRIES = 150_000  # of a layer drawn as a matrix
WAYS = {
    "naive": "one window after the other",
    "im2col": "all windows as columns, one matrix product",
    "fft": "products in the Fourier domain",
    "torch": "torch.nn.functional",
}
POOL_COLOURS = {
    "max": (BLUE, "solid"), "average": (GREEN, "dash"), "lp": (PURPLE, "dot"), "stride": (VERMILLION, "dashdot"), "blur": (ORANGE, "solid"),
}  # fmt: skip
POOL_WORDS = {"max": "max", "average": "average", "lp": "LP", "stride": "stride alone", "blur": "max, then blur"}


def grouped(count: int) -> str:
    """A whole number with thin spaces between its thousands."""
    return f"{count:,}".replace(",", "\u202f")


def tiny(difference: float) -> str:
    """A difference that should be nothing but rounding."""
    return f"{difference:.0e}" if difference else "0"


def look(spec: ConvArithmeticSpec) -> View:
    """The view through the lens that the Spec names.

    Raises:
        ExplainerError: the settings do not fit together.
    """
    return LENS[spec.lens](spec, run_of(spec))


def cell(spec: ConvArithmeticSpec, made: Run) -> View:
    """One window, its products and their sum."""
    o, (u, v) = chosen_filter(spec, made), place(spec, made)
    weights = weights_of(made, o)
    if made.g.transposed:
        x = made.image[group_of(made, o)[0], u, v]
        words = f"Input cell **({u}, {v})** holds {short(float(x))}. It stamps the kernel, times that number, on the output; where stamps overlap, they are added."
        parts, names = (np.full((1, 1, 1), x), weights[:1], x * weights[:1]), ("input cell", "weights", "its stamp")
        return View(
            [words],
            latex=stamp_latex(made, o, u, v)[:2],
            figures={
                "cell": draw.one_cell(
                    parts, names, f"Input cell ({u}, {v}) with value {x:.4g}, the kernel, and their product."
                )
            },
        )
    seen = window(made, o, u, v)
    rows, across = taps(made, u, v)
    sentence = (
        f"Output cell **({u}, {v})** of filter {o + 1}: {weights.size} products, added up"
        + (f", and the bias {made.bias:g}" if made.bias else "")
        + ". "
        f"The window starts at row s·u = {made.g.stride[0]}·{u} = {rows[0]} and column {made.g.stride[1]}·{v} = {across[0]} of the {'input' if made.seen.shape == made.image.shape else 'padded input'}."
    )
    if weights.size > MOST_TERMS:
        sentence += " The formula adds the products of each row of the kernel first."
    alt = f"Window, weights and products of output cell ({u}, {v}); their sum{' with the bias' if made.bias else ''} is {made.y[o, u, v]:.5g}."
    formula = r"y_{o,u,v} = \sum_{c,i,j} w_{o,c,i,j}\; x_{c,\,s u + d i,\,s v + d j} + b"
    return View(
        [sentence],
        latex=[formula, cell_latex(made, o, u, v)],
        figures={"cell": draw.one_cell((seen, weights, seen * weights), ("what it sees", "weights", "products"), alt)},
    )


def methods(spec: ConvArithmeticSpec, made: Run) -> View:
    """Four implementations side by side."""
    rows = [
        {
            "method": row.method,
            "how": WAYS[row.method],
            "largest difference from torch": tiny(row.difference),
            "multiply-adds": grouped(row.multiply_adds),
            "time here [ms]": f"{1000 * row.seconds:.3f}",
        }
        for row in timings(made)
    ]
    sentences = [
        "Four programs, one result: they differ by rounding alone. Times are the fastest of three runs on this machine, float64; "
        "the loop runs in Python and is slow for that reason. The Fourier way costs the same for every kernel size, so it pays for large kernels only.",
    ]
    if made.g.transposed:
        return View(
            [
                *sentences,
                "A transposed convolution multiplies every input cell with every weight; im2col does so in one matrix product and then adds the columns where their windows lie.",
            ],
            rows=rows,
        )
    o = chosen_filter(spec, made)
    first, count = group_of(made, o)
    g = replace(made.g, padding=(0, 0), groups=1)
    table = columns(made.seen[first : first + count], made.kernel.shape[2:], g)[0]
    row = weights_of(made, o).reshape(1, -1)
    alt = f"im2col: a row of {row.size} weights times a matrix of {table.shape[0]} × {table.shape[1]} gives the {table.shape[1]} output cells."
    picture = draw.panels(
        [
            ("weights: 1 row", row, {"signed": True}),
            (f"windows: {table.shape[1]} columns", table, {}),
            ("output: 1 row", row @ table, {}),
        ],
        alt,
        "Left: the kernel as one row. Middle: every column is one window, read row by row. Right: row times matrix, the output cells one after the other (without bias).",
        widths=[1, 2.2, 1.6],
        square=False,
    )
    return View(sentences, figures={"im2col": picture}, rows=rows)


def gradient(spec: ConvArithmeticSpec, made: Run) -> View:
    """Backward, with numbers and a three-way check."""
    found = backward(made, upstream_of(spec, made))
    o = chosen_filter(spec, made)
    c, _ = group_of(made, o)
    grad_w = found.kernel[c, o % made.kernel.shape[1]] if made.g.transposed else found.kernel[o, 0]
    parts = [
        ("arrives: G = dL/dy", found.upstream[o], {"signed": True}),
        (f"dL/dx{'' if len(made.image) == 1 else f', channel {c}'}", found.image[c], {"signed": True}),
        ("dL/dw", grad_w, {"signed": True}),
    ]
    alt = f"Gradient that arrives, of the picture (up to {np.abs(found.image).max():.4g}) and of the kernel (up to {np.abs(found.kernel).max():.4g})."
    sentences = [
        "Every output cell hands its gradient back along the products that made it: to the cells it saw, times the weights; to the weights, times the cells. "
        + (
            "The gradient of a transposed convolution's picture is an ordinary convolution."
            if made.g.transposed
            else "The gradient of the picture is therefore the **transposed convolution** of G with the same kernel."
        ),
        f"Three ways to the same numbers: the largest difference from torch's autograd is **{tiny(found.autograd)}**, from central differences **{tiny(found.numeric)}** "
        f"(largest gradient {max(np.abs(found.image).max(), np.abs(found.kernel).max()):.4g}). The bias gets ΣG = {short(float(found.upstream.sum()))}.",
    ]
    picture = draw.panels(
        parts,
        alt,
        "Left: dL/dy, what arrives from above. Middle: dL/dx, what goes on to the layer below. Right: dL/dw, by which the kernel learns. Blue is negative, white 0, orange positive; each block has a scale of its own.",
    )
    formulas = [] if made.g.transposed else [_weight_gradient(made, found.upstream[o], o, float(grad_w[0, 0]))]
    return View(sentences, latex=formulas, params=["upstream"], figures={"backward": picture})


def _weight_gradient(made: Run, G: np.ndarray, o: int, value: float) -> str:
    """dL/dw of the first weight, spelled out where few cells arrive."""
    c, _ = group_of(made, o)
    height, width = G.shape
    met = made.seen[
        c,
        : (height - 1) * made.g.stride[0] + 1 : made.g.stride[0],
        : (width - 1) * made.g.stride[1] + 1 : made.g.stride[1],
    ]
    terms = [f"{number(float(a))}\\cdot {number(float(b))}" for a, b in zip(G.flat, met.flat, strict=True) if a]
    words = " + ".join(terms) if 0 < len(terms) <= MOST_TERMS else rf"\ldots\;({len(terms)}\text{{ products}})"
    return rf"\frac{{\partial L}}{{\partial w_{{{o},0,0,0}}}} = \sum_{{u,v}} G_{{{o},u,v}}\; x_{{{c},\,s u,\,s v}} = {words} = {number(value).strip('()')}"


def flip(spec: ConvArithmeticSpec, made: Run) -> View:
    """Cross-correlation against true convolution."""
    o = chosen_filter(spec, made)
    w, y, true = weights_of(made, o)[0], made.y[o], true_convolution(made)[o]
    difference = float(np.abs(y - true).max())
    verdict = (
        "This kernel looks the same when turned, so both agree." if difference < 1e-9 * max(1.0, float(np.abs(y).max()))
        else f"They differ by up to **{short(difference)}**."
    )  # fmt: skip
    sentences = [
        "Deep learning's “convolution” lays the kernel on the picture as it is: a **cross-correlation**. A true convolution turns the kernel by 180° first; "
        f"only then do convolutions commute. {verdict} A network does not care: it would learn the turned kernel.",
        "Try the shape *One point*: the true convolution draws the kernel itself, the correlation draws it turned.",
    ]
    bound = float(max(np.abs(y).max(), np.abs(true).max()))
    both = {"signed": bool(min(y.min(), true.min()) < 0), "bound": bound}
    parts = [
        ("w", w, {"signed": True}),
        ("w turned", flipped(w), {"signed": True}),
        ("cross-correlation", y, both),
        ("true convolution", true, both),
    ]
    alt = f"Kernel, kernel turned by 180 degrees, and the outputs of both; largest difference {difference:.4g}."
    widths = [2.4, 2.4, 4, 4]
    picture = draw.panels(
        parts,
        alt,
        "Left to right: the kernel, the kernel turned, the output on this page, the output of the true convolution. Both outputs share one scale.",
        widths,
    )
    return View(
        sentences,
        latex=[
            r"(w \star x)_{u,v} = \sum_{i,j} w_{i,j}\, x_{u+i,\,v+j} \qquad (w * x)_{u,v} = \sum_{i,j} w_{i,j}\, x_{u-i,\,v-j}"
        ],
        figures={"flip": picture},
    )


def sharing(spec: ConvArithmeticSpec, made: Run) -> View:
    """Parameters of the convolution against layers that share less."""
    shape, out, k = made.image.shape, made.y.shape, made.kernel.shape[2:]
    counts = {
        "dense": cost.dense_parameters(shape, out),
        "locally connected": cost.local_parameters(len(made.image), len(made.y), k, out[1:], made.g.groups),
        "this convolution": cost.parameters(len(made.image), len(made.y), k, made.g.groups),
    }
    dense, own = counts["dense"], counts["this convolution"]
    sentences = [
        f"A dense layer between these two pictures has {grouped(dense)} parameters; windows with weights of their own have {grouped(counts['locally connected'])}; the convolution has **{grouped(own)}**, "
        f"a factor of {grouped(round(dense / own))} less than dense. Two ideas save them: a cell sees its neighbourhood only, and every place shares the same weights.",
    ]
    figures = {
        "parameters": draw.bars(
            counts,
            "parameters (weights and biases)",
            f"Parameters: dense {dense}, locally connected {counts['locally connected']}, this convolution {own}.",
            "Parameters on a logarithmic scale: each line up is ten times more.",
        )
    }
    if made.image.size * made.y.size <= MOST_ENTRIES:
        A = as_matrix(made)
        product = float(np.abs(A @ made.image.ravel() + made.bias - made.y.ravel()).max())
        zeros = float((A == 0).mean())
        sentences.append(
            f"As a matrix the same layer is {A.shape[0]} × {A.shape[1]}, **{zeros:.0%}** of it zeros; A x + b differs from y by {tiny(product)}."
        )
        figures["matrix"] = draw.matrix(
            A,
            f"The convolution as a matrix of {A.shape[0]} rows and {A.shape[1]} columns: bands of the same weights, {zeros:.0%} zeros.",
        )
    else:
        sentences.append(
            "Picture and output are too large to draw the layer as a matrix; choose a smaller picture or fewer channels."
        )
    return View(sentences, figures=figures)


def separable(spec: ConvArithmeticSpec, made: Run) -> View:
    """A depthwise convolution and a 1 x 1 convolution against the full one."""
    channels, filters, k = len(made.image), len(made.y), made.kernel.shape[2:]
    g = (
        Geometry(stride=(1, 1), dilation=made.g.dilation, groups=channels)
        if made.g.transposed
        else replace(made.g, padding=(0, 0), groups=channels)
    )
    if min(g.output_size(made.seen.shape[1:], k)) < 1:
        raise ExplainerError(
            "the kernel does not fit into the picture without padding; try a smaller kernel or a larger picture"
        )
    D = filters_of(replace(spec, kind="plain"), (channels, 1, *k))
    P = np.round(numpy_generator(spec.seed, "mix").uniform(-1, 1, (filters, channels, 1, 1)), 1)
    between = run(made.seen, D, g)
    y = run(between, P, Geometry())
    full = run(made.seen, P * D[:, 0], replace(g, groups=1))
    out = y.shape[1:]
    pair, whole = (
        cost.separable_multiply_adds(channels, filters, k, out),
        out[0] * out[1] * filters * channels * k[0] * k[1],
    )
    sentences = [
        f"First every channel by itself with its own kernel ({channels} of {k[0]} × {k[1]}), then a 1 × 1 convolution that mixes the channels with random weights. "
        f"The pair equals one full convolution with kernel P[o, c]·D[c] (largest difference {tiny(float(np.abs(y - full).max()))}), so it cannot do everything that a full one can.",
        f"Multiply-adds here: {grouped(pair)} against {grouped(whole)}, a factor of **{pair / whole:.3g}** = 1/{filters} + 1/{k[0] * k[1]}. "
        "The table shows layers of the sizes that networks have.",
    ]
    parts = [(f"channel {c} by itself", between[c], {}) for c in range(channels)] + [("mixed: filter 1", y[0], {})]
    picture = draw.panels(
        parts,
        f"The {channels} channels after the depthwise step, and their mixture in filter 1.",
        "Left: what the depthwise step makes of each channel. Right: the first filter of the 1 × 1 convolution, a weighted sum of them. Each block has a scale of its own.",
    )
    rows = [
        _layer_cost(n, m, size)
        for n, m, size in ((channels, filters, out[0]), (32, 64, 112), (128, 128, 56), (512, 512, 14))
    ]
    return View(sentences, figures={"separable": picture}, rows=rows)


def _layer_cost(channels: int, filters: int, size: int) -> dict[str, Any]:
    full, pair = size**2 * filters * channels * 9, cost.separable_multiply_adds(channels, filters, (3, 3), (size, size))
    return {
        "3 × 3 layer": f"{channels} → {filters} channels, {size} × {size}",
        "full: multiply-adds": grouped(full),
        "separable: multiply-adds": grouped(pair),
        "share": f"{pair / full:.1%}",
        "full: parameters": grouped(cost.parameters(channels, filters, (3, 3))),
        "separable: parameters": grouped(cost.separable_parameters(channels, filters, (3, 3))),
    }


def pooling(spec: ConvArithmeticSpec, made: Run) -> View:
    """Values, winners, gradient and shift sensitivity of pooling."""
    o = chosen_filter(spec, made)
    x = made.y[o : o + 1]
    rows, across = (_windows(spec, n) for n in x.shape[1:])
    found = pool(x, rows, across, spec.pool, spec.power)
    grad = route(np.ones(found.values.shape), x, rows, across, spec.pool, spec.power)
    winners = found.winners.reshape(-1, 2) if spec.pool == "max" else np.zeros((0, 2), int)
    alt = f"The output y, pooled ({POOL_WORDS[spec.pool]}) to {found.values.shape[1]} × {found.values.shape[2]}, and the gradient that goes back."
    picture = draw.pooling(x[0], found.values[0], grad[0], winners, alt)
    used = float((grad != 0).mean())
    sentences = [
        f"{found.values.size} window{'s' if found.values.size > 1 else ''}; the gradient reaches **{used:.0%}** of the cells. {_POOL_SENTENCE[spec.pool]}"
    ]
    figures = {"pooling": picture}
    table: list[dict[str, Any]] = []
    if spec.windows == "fixed":
        figures["shift"], table = _shift(spec, made)
    else:
        sentences.append("How much a shift changes is measured for fixed windows.")
    return View(
        sentences,
        latex=[_POOL_LATEX[spec.pool]],
        params=["pool", "windows", *_POOL_PARAMS[spec.windows], *(["power"] if spec.pool == "lp" else [])],
        figures=figures,
        rows=table,
    )


_POOL_PARAMS = {"fixed": ("pool_size", "pool_stride"), "adaptive": ("pool_out",), "global": ()}
_POOL_SENTENCE = {
    "max": "Max pooling keeps the largest and tells only that cell; ties go to the first.",
    "average": "Average pooling tells every cell the same.",
    "lp": "LP pooling lies between: the larger a cell, the more it hears; with growing p it becomes the maximum.",
    "stride": "A stride alone throws the other cells away, which is cheap. Inside a convolution it can replace pooling, for the kernel learns what to keep.",
}
_POOL_LATEX = {
    "max": r"y = \max_i x_i, \qquad \frac{\partial y}{\partial x_i} = 1 \text{ for the winner, else } 0",
    "average": r"y = \frac{1}{n}\sum_i x_i, \qquad \frac{\partial y}{\partial x_i} = \frac{1}{n}",
    "lp": r"y = \Big(\sum_i |x_i|^p\Big)^{1/p}, \qquad \frac{\partial y}{\partial x_i} = \mathrm{sign}(x_i)\Big(\frac{|x_i|}{y}\Big)^{p-1}",
    "stride": r"y = x_1, \qquad \frac{\partial y}{\partial x_1} = 1",
}


def _windows(spec: ConvArithmeticSpec, n: int) -> list[tuple[int, int]]:
    """The windows along an axis of `n` cells; one of a single cell (1-D) has one window."""
    if n == 1 or spec.windows == "global":
        return [(0, n)]
    if spec.windows == "adaptive":
        return adaptive_spans(n, spec.pool_out)
    return spans(n, spec.pool_size, spec.pool_stride)


def _shift(spec: ConvArithmeticSpec, made: Run) -> tuple[Figure, list[dict[str, Any]]]:
    s = spec.pool_stride
    picture = made.image[0][:, : made.image.shape[2] // s * s]
    if picture.shape[1] == 0:
        raise ExplainerError(f"the picture is narrower than the stride {s} of the windows; try stride 1")
    shifts = 2 * s
    curves = {
        name: shift_change(picture, kind, spec.pool_size, s, shifts, spec.power) for kind, name in POOL_WORDS.items()
    }
    colours = {POOL_WORDS[kind]: colour for kind, colour in POOL_COLOURS.items()}
    worst = {name: 100 * float(values.max()) for name, values in curves.items()}
    alt = (
        "Change of the pooled input while it moves, at worst: "
        + ", ".join(f"{name} {w:.3g} %" for name, w in worst.items())
        + "."
    )
    rows = [
        {"pooling of the input": name, "change at worst": f"{w:.3g} %"}
        for name, w in sorted(worst.items(), key=lambda pair: pair[1])
    ]
    return draw.shift_lines(curves, colours, alt), rows


def receptive(spec: ConvArithmeticSpec, made: Run) -> View:
    """How far a stack of layers sees, counted and measured."""
    from core.convolution.gradient_field import gaussian_spread, spread_of  # torch is loaded only where it is needed

    layers = layers_of(spec)
    fields = fields_of(layers)
    seen = measured(layers, spec.photo, spec.field_weights, spec.seed)
    centre, sigma = spread_of(seen.field)
    profile = seen.field.sum(0) / (seen.field.sum() or 1.0)
    last, (low, high) = fields[-1], seen.box
    theory = gaussian_spread([layer.numbers for layer in layers])
    inside = _inside(profile, centre, last.size)
    sentences = [
        f"A unit of the last layer sees **{last.size} × {last.size}** cells; its neighbours look {last.jump} cells further along; the first is centred at cell {last.start:g}. "
        f"Measured on a picture of {len(seen.field)} × {len(seen.field)}, in front of the middle unit: standard deviation **{short(sigma)}** cells"
        + (
            f" (closed form without edges and padding: {theory:.4g})."
            if spec.field_weights == "average"
            else f" (averaging layers would have {theory:.4g})."
        ),
    ]
    if np.isfinite(inside):
        sentences.append(
            f"The middle half of the theoretical field's width holds **{inside:.0%}** of the gradient: the effective field is smaller than the theoretical one, and close to a Gaussian for deep stacks."
        )
    else:
        sentences.append("No gradient arrives at all: every path ends at a ReLU that is off. Try another seed.")
    rows = [
        {
            "layer": f"{n}: {layer.name}",
            "kernel": layer.kernel,
            "stride": layer.stride,
            "padding": layer.padding,
            "dilation": layer.dilation,
            "receptive field": f.size,
            "jump": f.jump,
            "start": f"{f.start:g}",
        }
        for n, (layer, f) in enumerate(zip(layers, fields, strict=True), 1)
    ]
    words = f"Receptive field of {len(layers)} layers: {last.size} cells in theory, standard deviation {sigma:.3g} cells measured."
    pictures = {
        "field": field_picture(
            seen.picture, seen.field, (low, high, low, high), words, "the middle unit of the last layer"
        ),
        "profile": field_profile(
            profile, centre, sigma, (low, high), f"Profile of the gradient field beside its Gaussian. {words}"
        ),
        "growth": growth(
            [f.size for f in fields],
            [f.jump for f in fields],
            [layer.name for layer in layers],
            f"Receptive field from {fields[0].size} to {last.size} cells and jump from {fields[0].jump} to {last.jump} over {len(layers)} layers.",
        ),
    }
    formulas = [
        r"r_l = r_{l-1} + d_l (k_l - 1)\, j_{l-1}, \qquad j_l = s_l\, j_{l-1}, \qquad a_l = a_{l-1} + \Big(\frac{d_l (k_l - 1)}{2} - p_l\Big) j_{l-1}"
    ]
    return View(
        sentences,
        latex=formulas,
        params=_field_params(spec),
        figures=pictures,
        rows=rows,
    )


def _field_params(spec: ConvArithmeticSpec) -> list[str]:
    """The lens's own controls, without those that the page shows for picture and kernel already."""
    wanted = {
        "stack": True,
        "layers": spec.stack == "own",
        "field_weights": True,
        "photo": spec.picture != "photo",
        "seed": spec.field_weights == "random" and spec.kernel != "random",
    }
    return [name for name, shown in wanted.items() if shown]


def _inside(profile: np.ndarray, centre: float, size: int) -> float:
    """The share of the field within a quarter of `size` from its centre."""
    if not np.isfinite(centre):
        return float("nan")
    return float(profile[np.abs(np.arange(len(profile)) - centre) <= size / 4].sum())


def worked(spec: ConvArithmeticSpec) -> list[Step]:
    """The output size and the film's cell with the numbers on screen."""
    made = run_of(spec)
    o, (u, v) = chosen_filter(spec, made), place(spec, made)
    values = stamp_latex(made, o, u, v)[:2] if made.g.transposed else [cell_latex(made, o, u, v)]
    counted = cost.multiply_adds(made.given.shape, made.kernel.shape, made.g)
    return [
        Step("The size of the output", latex=size_latex(made)),
        Step("The stamp of one input cell" if made.g.transposed else "One output cell", latex=values),
        Step("Multiply-adds", latex=[_count_latex(made, counted)]),
    ]


def _count_latex(made: Run, counted: int) -> str:
    sizes = made.image.shape if made.g.transposed else made.y.shape[1:]
    factors = [*sizes, *(made.kernel.shape[1:] if made.g.transposed else made.kernel.shape)]
    return r" \cdot ".join(map(str, factors)) + rf" = {counted}"


LENS: Mapping[str, Callable[[ConvArithmeticSpec, Run], View]] = {
    "cell": cell, "methods": methods, "backward": gradient, "flip": flip, "cost": sharing, "separable": separable, "pooling": pooling, "field": receptive,
}  # fmt: skip
