"""What the page computes: one convolution with all that goes into it, its gradients, its cost, its rivals, its pooling.

y = w ∗ x + b in float64, by core.convolution. A 1-D convolution has one row; a causal one has its padding, d (k - 1) zeros,
before the first cell only (A. van den Oord et al., WaveNet, 2016, arXiv:1609.03499, section 2.1).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from core.conv_arithmetic.inputs import picture
from core.conv_arithmetic.kernels import filters_of
from core.conv_arithmetic.spec import ConvArithmeticSpec
from core.convolution import cost
from core.convolution.backward import grad_kernel, grad_padded, gradients
from core.convolution.convolve import METHODS, flipped, run
from core.convolution.geometry import Geometry, geometry, pad, sources, unpad
from core.errors import ExplainerError

TIMED = 3  # runs of each method; the fastest counts


@dataclass(frozen=True, eq=False)
class Run:
    """One convolution. `image` (channel, height, width); `seen` is it with its padding, whose axes show the input cells `rows`
    and `columns` (-1: a zero); `kernel` (out, in / groups, height, width) or, transposed, (in, out / groups, height, width);
    `y` (out, height, width) with the bias."""

    image: np.ndarray
    seen: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    kernel: np.ndarray
    bias: float
    g: Geometry
    causal: bool
    y: np.ndarray

    @property
    def given(self) -> np.ndarray:
        """The picture that `g` pads: a causal one brings its zeros along."""
        return self.seen if self.causal else self.image


def settings_of(spec: ConvArithmeticSpec) -> dict[str, object]:
    """The keyword arguments of `core.convolution.convolve` that the Spec stands for."""
    line = spec.kind in ("line", "causal")

    def pair(name: str, same: int, flat: int) -> tuple[int, int]:
        height, width = getattr(spec, name), getattr(spec, f"{name}_width")
        return flat if line else height, height if width == same else width

    transposed = spec.kind == "transposed"
    return {
        "stride": pair("stride", 0, 1),
        "padding": (0, 0) if spec.kind == "causal" else pair("padding", -1, 0),
        "dilation": pair("dilation", 0, 1),
        "groups": spec.groups,
        "mode": "zeros" if transposed else spec.mode,
        "transposed": transposed,
        "output_padding": pair("output_padding", -1, 0) if transposed else (0, 0),
    }


def kernel_of(spec: ConvArithmeticSpec, channels: int) -> np.ndarray:
    """The kernel in the layout that `convolve` takes. Groups that do not divide the channels are left for `geometry` to refuse.

    Raises:
        ExplainerError: the preset cannot have this size, or groups do not divide the filters of a transposed convolution.
    """
    height = 1 if spec.kind in ("line", "causal") else spec.kernel_size
    width = spec.kernel_width or spec.kernel_size
    seen = max(1, channels // spec.groups)
    kernel = filters_of(spec, (spec.filters, seen, height, width))
    if spec.kind != "transposed" or channels % spec.groups:
        return kernel
    if spec.filters % spec.groups:
        raise ExplainerError(
            f"{spec.groups} groups do not divide {spec.filters} output channels; try as many groups as both have in common"
        )
    grouped = kernel.reshape(spec.groups, spec.filters // spec.groups, seen, height, width)
    return grouped.swapaxes(1, 2).reshape(channels, -1, height, width)


@lru_cache(maxsize=64)
def _run(spec: ConvArithmeticSpec) -> Run:
    image = picture(spec)
    kernel, settings = kernel_of(spec, len(image)), settings_of(spec)
    rows, columns = np.arange(image.shape[1]), np.arange(image.shape[2])
    causal = spec.kind == "causal"
    if causal:
        columns = sources(image.shape[2], settings["dilation"][1] * (kernel.shape[3] - 1), 0, "zeros")
        g = geometry(pad(image, rows, columns), kernel, **settings)
    else:
        g = geometry(image, kernel, **settings)
        if not g.transposed:
            rows, columns = (sources(n, p, p, g.mode) for n, p in zip(image.shape[1:], g.padding, strict=True))
    seen = pad(image, rows, columns)
    inner = g if g.transposed else replace(g, padding=(0, 0))
    return Run(image, seen, rows, columns, kernel, spec.bias, g, causal, run(seen, kernel, inner) + spec.bias)


def run_of(spec: ConvArithmeticSpec) -> Run:
    """The convolution of this Spec.

    Raises:
        ExplainerError: the settings do not fit together.
    """
    about = {name: p.default for name, p in ConvArithmeticSpec.params().items() if name in _UNSEEN}
    return _run(replace(spec, **about))


_UNSEEN = (
    "step", "filter", "lens", "upstream", "pool", "windows", "pool_size", "pool_stride", "pool_out", "power", "stack", "layers", "field_weights",
)  # fmt: skip


def chosen_filter(spec: ConvArithmeticSpec, made: Run) -> int:
    """The output channel on screen."""
    return min(spec.filter, len(made.y)) - 1


def stops(made: Run) -> tuple[int, int]:
    """The film's grid: the output's cells, or those of the input, where each of them stamps."""
    return made.image.shape[1:] if made.g.transposed else made.y.shape[1:]


def place(spec: ConvArithmeticSpec, made: Run) -> tuple[int, int]:
    """Row and column at which the film stands."""
    height, width = stops(made)
    at = height * width - 1 if spec.step < 0 else min(spec.step, height * width - 1)
    return divmod(at, width)


def group_of(made: Run, o: int) -> tuple[int, int]:
    """The first input channel that output channel `o` sees, and how many."""
    per_group = len(made.image) // made.g.groups
    return o // (len(made.y) // made.g.groups) * per_group, per_group


def weights_of(made: Run, o: int) -> np.ndarray:
    """The slices of the kernel that make output channel `o`: (channels that it sees, height, width)."""
    if not made.g.transposed:
        return made.kernel[o]
    first, count = group_of(made, o)
    return made.kernel[first : first + count, o % made.kernel.shape[1]]


def taps(made: Run, u: int, v: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that the kernel touches at stop (u, v): of the padded picture, or of the output where it stamps."""
    shift = made.g.padding if made.g.transposed else (0, 0)
    at = zip((u, v), made.g.stride, made.g.dilation, made.kernel.shape[2:], shift, strict=True)
    rows, columns = (s * n + d * np.arange(k) - p for n, s, d, k, p in at)
    return rows, columns


def window(made: Run, o: int, u: int, v: int) -> np.ndarray:
    """What filter `o` sees at output cell (u, v): (channels, kernel height, kernel width)."""
    rows, columns = taps(made, u, v)
    first, count = group_of(made, o)
    return made.seen[first : first + count, rows[:, None], columns]


@dataclass(frozen=True)
class Timing:
    """One way to compute it: largest difference from torch, seconds, multiply-adds."""

    method: str
    difference: float
    seconds: float
    multiply_adds: int


def timings(made: Run) -> list[Timing]:
    """The four methods side by side, on the given picture."""
    found = {}
    for method in METHODS:
        seconds = []
        for _ in range(TIMED):
            start = time.perf_counter()
            y = run(made.given, made.kernel, made.g, method)
            seconds.append(time.perf_counter() - start)
        found[method] = (y, min(seconds))
    plain = cost.multiply_adds(made.given.shape, made.kernel.shape, made.g)
    fourier = cost.fourier_multiply_adds(made.given.shape, made.kernel.shape, made.g)
    return [
        Timing(method, float(np.abs(y - found["torch"][0]).max()), seconds, fourier if method == "fft" else plain)
        for method, (y, seconds) in found.items()
    ]


@dataclass(frozen=True, eq=False)
class Backward:
    """`upstream` = dL/dy, dL/dx and dL/dw by the formulas; `autograd` and `numeric`: largest differences from the two other ways."""

    upstream: np.ndarray
    image: np.ndarray
    kernel: np.ndarray
    autograd: float
    numeric: float


def upstream_of(spec: ConvArithmeticSpec, made: Run) -> np.ndarray:
    """dL/dy of the chosen loss."""
    if spec.upstream == "square":
        return made.y.copy()
    if spec.upstream == "sum":
        return np.ones_like(made.y)
    u, v = place(spec, made)
    u, v = (min(n, m - 1) for n, m in zip((u, v), made.y.shape[1:], strict=True))
    one = np.zeros_like(made.y)
    one[chosen_filter(spec, made), u, v] = 1
    return one


def backward(made: Run, upstream: np.ndarray) -> Backward:
    """The gradients of L for a fixed dL/dy, three ways: formulas, autograd, and central differences."""
    if made.g.transposed:
        grad_x, grad_w = gradients(
            upstream, made.image, made.kernel, stride=made.g.stride, padding=made.g.padding, dilation=made.g.dilation,
            groups=made.g.groups, transposed=True, output_padding=made.g.output_padding,
        )  # fmt: skip
    else:
        inner = replace(made.g, padding=(0, 0))
        arrived = grad_padded(upstream, made.kernel, made.seen.shape[1:], inner)
        grad_x = unpad(arrived, made.rows, made.columns, made.image.shape[1:])
        grad_w = grad_kernel(upstream, made.seen, made.kernel.shape, inner)
    by_torch = _autograd(made, upstream)
    by_difference = _differences(made, upstream)
    return Backward(
        upstream, grad_x, grad_w, _largest((grad_x, grad_w), by_torch), _largest((grad_x, grad_w), by_difference)
    )


def _largest(ours: tuple[np.ndarray, ...], others: tuple[np.ndarray, ...]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, others, strict=True))


def _autograd(made: Run, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import torch
    from torch.nn import functional as F

    x, w = (torch.tensor(array, requires_grad=True) for array in (made.image, made.kernel))
    g = made.g
    if g.transposed:
        y = F.conv_transpose2d(x[None], w, None, g.stride, g.padding, g.output_padding, g.groups, g.dilation)
    else:
        (top, left), (bottom, right) = g.padding, g.padding
        if made.causal:
            left = made.seen.shape[2] - made.image.shape[2]
        padded = F.pad(x[None], (left, right, top, bottom), mode="constant" if g.mode == "zeros" else g.mode)
        y = F.conv2d(padded, w, None, g.stride, 0, g.dilation, g.groups)
    grads = torch.autograd.grad(y[0], (x, w), torch.tensor(upstream))
    return tuple(grad.numpy() for grad in grads)


def _differences(made: Run, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(L(+h) - L(-h)) / 2h of every cell and weight. y is linear in each, so h may be 1 and nothing is lost."""
    inner = made.g if made.g.transposed else replace(made.g, padding=(0, 0))

    def loss(image: np.ndarray, kernel: np.ndarray) -> float:
        return float((run(pad(image, made.rows, made.columns), kernel, inner) * upstream).sum())

    def slopes(array: np.ndarray, at: int) -> np.ndarray:
        given, slope = [made.image, made.kernel], np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                moved = array.copy()
                moved[index] += sign
                given[at] = moved
                sides.append(loss(*given))
            slope[index] = (sides[0] - sides[1]) / 2
        return slope

    return slopes(made.image, 0), slopes(made.kernel, 1)


def as_matrix(made: Run) -> np.ndarray:
    """The layer as a matrix: row = output cell, column = input cell, y - b = A x. (Picture and output read row by row.)"""
    inner = made.g if made.g.transposed else replace(made.g, padding=(0, 0))
    size = made.image.size
    one = np.zeros(made.image.shape)
    columns = np.zeros((made.y.size, size))
    for n in range(size):
        one.flat[n] = 1
        columns[:, n] = run(pad(one, made.rows, made.columns), made.kernel, inner).ravel()
        one.flat[n] = 0
    return columns


def true_convolution(made: Run) -> np.ndarray:
    """The same with the kernel turned by 180 degrees."""
    inner = made.g if made.g.transposed else replace(made.g, padding=(0, 0))
    return run(made.seen, flipped(made.kernel), inner) + made.bias


def numbers(spec: ConvArithmeticSpec) -> dict[str, float]:
    """The numbers that the exported script prints as well."""
    made = run_of(spec)
    o, (u, v) = chosen_filter(spec, made), place(spec, made)
    u, v = (min(n, m - 1) for n, m in zip((u, v), made.y.shape[1:], strict=True))
    found = backward(made, upstream_of(spec, made))
    return {
        "output height": float(made.y.shape[1]),
        "output width": float(made.y.shape[2]),
        "output cell": float(made.y[o, u, v]),
        "smallest output": float(made.y.min()),
        "largest output": float(made.y.max()),
        "multiply-adds": float(cost.multiply_adds(made.given.shape, made.kernel.shape, made.g)),
        "true convolution cell": float(true_convolution(made)[o, u, v]),
        "gradient of the first weight": float(found.kernel.flat[0]),
        "largest gradient of a cell": float(np.abs(found.image).max()),
    }
