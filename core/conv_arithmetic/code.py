"""The convolution on screen as a script that needs only torch and numpy.

It prints "name = number" for every number that `numbers` gives to the page: a plain loop in numpy, held against torch.
"""

from __future__ import annotations

import numpy as np

from core.conv_arithmetic.compute import Run, chosen_filter, place, run_of
from core.conv_arithmetic.spec import ConvArithmeticSpec

LOOP = '''
def convolve(seen, kernel):
    """seen: the padded picture (channel, height, width); kernel: (out, in / groups, height, width)."""
    filters, per_group, kh, kw = kernel.shape
    height = (seen.shape[1] - DILATION[0] * (kh - 1) - 1) // STRIDE[0] + 1
    width = (seen.shape[2] - DILATION[1] * (kw - 1) - 1) // STRIDE[1] + 1
    y, count = np.zeros((filters, height, width)), 0
    for o in range(filters):
        first = o // (filters // GROUPS) * per_group
        for u in range(height):
            for v in range(width):
                rows = STRIDE[0] * u + DILATION[0] * np.arange(kh)
                columns = STRIDE[1] * v + DILATION[1] * np.arange(kw)
                window = seen[first : first + per_group, rows[:, None], columns]
                y[o, u, v] = (kernel[o] * window).sum() + BIAS
                count += kernel[o].size
    return y, count
'''
STAMP = '''
def convolve(x, kernel):
    """x: (channel, height, width); kernel: (in, out / groups, height, width). Every input cell stamps the kernel."""
    channels, per_group, kh, kw = kernel.shape
    _, height, width = x.shape
    size = [(n - 1) * s + d * (k - 1) + 1 + a for n, s, d, k, a in zip(x.shape[1:], STRIDE, DILATION, (kh, kw), OUTPUT_PADDING)]
    y, count = np.zeros((per_group * GROUPS, *size)), 0
    for c in range(channels):
        first = c // (channels // GROUPS) * per_group
        for u in range(height):
            for v in range(width):
                rows = STRIDE[0] * u + DILATION[0] * np.arange(kh)
                columns = STRIDE[1] * v + DILATION[1] * np.arange(kw)
                y[first : first + per_group, rows[:, None], columns] += kernel[c] * x[c, u, v]
                count += kernel[c].size
    (top, left), (height, width) = PADDING, y.shape[1:]
    return y[:, top : height - top, left : width - left] + BIAS, count
'''
UPSTREAM = {"square": "y.copy()  # L = half the sum of y squared", "sum": "np.ones_like(y)  # L = sum of y"}


def script(spec: ConvArithmeticSpec) -> str:
    """The state on screen, from picture to gradient, as a script."""
    made = run_of(spec)
    g = made.g
    u, v = (min(n, m - 1) for n, m in zip(place(spec, made), made.y.shape[1:], strict=True))
    upstream = UPSTREAM.get(spec.upstream, "np.zeros_like(y)\nG[FILTER, ROW, COLUMN] = 1  # L = this one cell")
    constants = f"STRIDE, DILATION, GROUPS, BIAS = {g.stride}, {g.dilation}, {g.groups}, {made.bias!r}"
    if g.transposed:
        constants += f"\nPADDING, OUTPUT_PADDING = {g.padding}, {g.output_padding}"
    return f"""# %% [markdown]
# # {"A transposed convolution" if g.transposed else "A convolution"}, cell by cell
#
# The state on screen: a plain loop in numpy, held against torch. Needs torch and numpy.

# %%
import numpy as np
import torch
from torch.nn import functional as F

IMAGE = np.array({_rows(made.image)})
KERNEL = np.array({_rows(made.kernel)})
{constants}
FILTER, ROW, COLUMN = {chosen_filter(spec, made)}, {u}, {v}

{_loop(made)}

# %%
y, count = convolve({"IMAGE" if g.transposed else "pad(IMAGE)"}, KERNEL)
x, w = torch.tensor(IMAGE, requires_grad=True), torch.tensor(KERNEL, requires_grad=True)
by_torch = {_by_torch(made)}[0] + BIAS
assert np.allclose(y, by_torch.detach().numpy(), rtol=1e-12, atol=1e-9), "loop and torch differ"
print(f"output height = {{y.shape[1]}}")
print(f"output width = {{y.shape[2]}}")
print(f"output cell = {{y[FILTER, ROW, COLUMN]!r}}".replace("np.float64(", "").replace(")", ""))
print(f"smallest output = {{float(y.min())!r}}")
print(f"largest output = {{float(y.max())!r}}")
print(f"multiply-adds = {{count}}")

# %% The true convolution turns the kernel by 180 degrees
turned, _ = convolve({"IMAGE" if g.transposed else "pad(IMAGE)"}, KERNEL[:, :, ::-1, ::-1])
print(f"true convolution cell = {{float(turned[FILTER, ROW, COLUMN])!r}}")

# %% Backward: autograd, for the gradient G = dL/dy
G = {upstream}
grad_x, grad_w = torch.autograd.grad(by_torch, (x, w), torch.tensor(G))
print(f"gradient of the first weight = {{grad_w.flatten()[0].item()!r}}")
print(f"largest gradient of a cell = {{grad_x.abs().max().item()!r}}")
"""


def _rows(array: np.ndarray) -> str:
    """The array as nested lists, whole numbers short."""
    return (
        repr(
            [[[[_short(v) for v in row] for row in m] for m in part] for part in array]
            if array.ndim == 4
            else [[[_short(v) for v in row] for row in m] for m in array]
        ).replace("'", "")
        + ", dtype=float"
    )


def _short(value: float) -> float | int:
    return int(value) if value == int(value) else float(value)


def _loop(made: Run) -> str:
    if made.g.transposed:
        return STAMP
    top, left = made.g.padding
    before, after = (left, left) if not made.causal else (made.seen.shape[2] - made.image.shape[2], 0)
    mode = {"zeros": "constant", "reflect": "reflect", "circular": "wrap", "replicate": "edge"}[made.g.mode]
    pad = f"""
def pad(x):
    return np.pad(x, ((0, 0), ({top}, {top}), ({before}, {after})), mode="{mode}")
"""
    return pad + "\n" + LOOP


def _by_torch(made: Run) -> str:
    if made.g.transposed:
        return "F.conv_transpose2d(x[None], w, None, STRIDE, PADDING, OUTPUT_PADDING, GROUPS, DILATION)"
    top, left = made.g.padding
    before, after = (left, left) if not made.causal else (made.seen.shape[2] - made.image.shape[2], 0)
    mode = {"zeros": "constant"}.get(made.g.mode, made.g.mode)
    return f'F.conv2d(F.pad(x[None], ({before}, {after}, {top}, {top}), mode="{mode}"), w, None, STRIDE, 0, DILATION, GROUPS)'
