"""The chosen unit as a script: the layers up to it with their trained weights, the picture, and the same numbers."""

from __future__ import annotations

import numpy as np
from torch import nn

from core.conv_lab.compute import NUDGE, Asked, asked
from core.conv_lab.patches import field_of
from core.conv_lab.spec import ConvLabSpec
from core.convolution.exported import READER, built, packed
from core.convolution.maps import feature_maps, innermost


def script(spec: ConvLabSpec) -> str:
    """It needs torch and numpy; it prints the page's numbers."""
    a = asked(spec)
    chain = _chain(a)
    layers = "\n".join(f"    {built(layer)},  # {name}" for name, layer in chain)
    weights = "\n".join(
        f"    '{number}.{name}': {packed(values.numpy())},"
        for number, (_, layer) in enumerate(chain)
        for name, values in layer.state_dict().items()
        if name != "num_batches_tracked"
    )
    jump = field_of(a.net, a.layer).jump
    return f"""# %% [markdown]
# # What excites map {a.unit} of layer {a.layer}
#
# {a.about.title}, picture {a.index}. Needs torch and numpy; the trained weights are in the script (base64).

{READER}
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
x = numbers({packed(a.examples.pictures[a.index])})[None].requires_grad_()
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
