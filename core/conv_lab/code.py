"""The chosen unit as a script: the layers up to it with their trained weights, the picture, and the same numbers."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from torch import nn

from core.conv_lab.compute import NUDGE, Asked, asked
from core.conv_lab.patches import field_of
from core.conv_lab.spec import ConvLabSpec
from core.convolution.maps import feature_maps, innermost


def script(spec: ConvLabSpec) -> str:
    """It needs torch and numpy; it prints the page's numbers."""
    a = asked(spec)
    chain = _chain(a)
    layers = "\n".join(f"    {_built(layer)},  # {name}" for name, layer in chain)
    weights = "\n".join(
        f"    '{number}.{name}': {_packed(values.numpy())},"
        for number, (_, layer) in enumerate(chain)
        for name, values in layer.state_dict().items()
        if name != "num_batches_tracked"
    )
    jump = field_of(a.net, a.layer).jump
    return f"""# %% [markdown]
# # What excites map {a.unit} of layer {a.layer}
#
# {a.about.title}, picture {a.index}. Needs torch and numpy; the trained weights are in the script (base64).

# %%
import base64
import zlib

import numpy as np
import torch
from torch import nn


def numbers(packed):
    \"\"\"(base64 of packed bytes, shape, type) as a float64 tensor.\"\"\"
    text, shape, kind = packed
    return torch.tensor(np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(shape).astype(np.float64))


# %% [markdown]
# ## The layers up to the unit, with their trained weights

# %%
layers = nn.Sequential(
{layers}
).double().eval()
weights = {{
{weights}
}}
layers.load_state_dict({{name: numbers(packed) for name, packed in weights.items()}}, strict=False)
mean, std = (torch.tensor(v, dtype=torch.float64).view(-1, 1, 1) for v in ({list(a.about.mean)!r}, {list(a.about.std)!r}))


def maps(x):
    return layers((x - mean) / std)


def f(x):
    return maps(x)[0, {a.unit}].mean()


# %% [markdown]
# ## The answer, its gradient, and one step uphill

# %%
x = numbers({_packed(a.examples.pictures[a.index])})[None].requires_grad_()
answer = f(x)
(slope,) = torch.autograd.grad(answer, x)
with torch.no_grad():
    uphill = f((x + {NUDGE} * slope.sign()).clamp(0, 1))
print("answer =", answer.item())
print("size of the gradient =", slope.norm().item())
print("answer after a step =", uphill.item())

# %% [markdown]
# ## Does the layer follow a shift by {spec.shift} pixels? One cell is {jump} pixels

# %%
with torch.no_grad():
    still, of_moved = maps(x), maps(torch.roll(x, {spec.shift}, 3))
whole, part = divmod({spec.shift} / {jump}, 1)
moved = (1 - part) * torch.roll(still, int(whole), 3) + part * torch.roll(still, int(whole) + 1, 3)
size = still.norm()
print("departure under the shift =", ((of_moved - moved).norm() / size).item() if size else 0.0)

# %% [markdown]
# ## What the unit wants: uphill from noise, by plain steps on the pixels

# %%
theta = 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed({spec.seed}), dtype=torch.float64)
for step in range(12):  # try {spec.steps}
    theta.requires_grad_()
    (slope,) = torch.autograd.grad(f(torch.sigmoid(theta)), theta)
    theta = (theta + 0.3 * slope / slope.abs().max().clamp_min(1e-12)).detach()
wish = torch.sigmoid(theta)[0]  # a picture (channels, height, width) in 0..1
"""


def _chain(a: Asked) -> list[tuple[str, nn.Module]]:
    """Layers in the order of computing, up to the chosen one."""
    kinds = innermost(a.net)
    names = list(feature_maps(a.net, np.zeros((1, *a.about.input_shape))))
    return [(name, kinds[name]) for name in names[: names.index(a.layer) + 1]]


def _built(layer: nn.Module) -> str:
    """The call that makes a layer."""
    if isinstance(layer, nn.Conv2d):
        return f"nn.Conv2d({layer.in_channels}, {layer.out_channels}, {layer.kernel_size}, {layer.stride}, {layer.padding}, bias={layer.bias is not None})"
    if isinstance(layer, nn.BatchNorm2d):
        return f"nn.BatchNorm2d({layer.num_features}, eps={layer.eps!r})"
    if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)):
        return f"nn.{type(layer).__name__}({layer.kernel_size})"
    return f"nn.{type(layer).__name__}()"


def _packed(values: np.ndarray) -> str:
    """(base64 of the compressed bytes, shape, type), in the smallest type that keeps every digit."""
    exact = values.astype(np.float64)
    with np.errstate(over="ignore"):
        kept = next(v for v in map(values.astype, (np.float16, np.float32, np.float64)) if np.array_equal(v, exact))
    packed = zlib.compress(np.ascontiguousarray(kept).tobytes(), 9)
    return repr((base64.b64encode(packed).decode(), kept.shape, kept.dtype.str))
