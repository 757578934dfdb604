"""The chosen unit as a script: the layers up to it with their trained weights, the picture, and the same numbers."""

from __future__ import annotations

from torch import nn

from core.conv_lab.compute import NUDGE, asked, layers_of
from core.conv_lab.lenses import picture_words
from core.conv_lab.spec import ConvLabSpec
from core.convolution.exported import READER, built, forward, packed
from core.errors import ExplainerError, one_of
from models import MODELS, known

MOST = 120_000  # weights in a script


def script(spec: ConvLabSpec) -> str:
    """It needs torch and numpy; it prints the page's numbers.

    Raises:
        ExplainerError: the network is large, or too many weights lie before the layer.
    """
    if spec.network not in MODELS:
        raise ExplainerError(
            f"{known(spec.network).title} has too many weights for a script; choose {one_of(m.title for m in MODELS.values())}"
        )
    a = asked(spec)
    layers, steps = forward(a.net, a.layer)
    if (count := sum(w.numel() for layer in layers.values() for w in layer.state_dict().values())) > MOST:
        raise ExplainerError(
            f"{count:,} weights lie before layer {a.layer}, too many for a script; choose an earlier layer"
        )
    weights = "\n".join(f"    {name!r}: {_stored(layer)}," for name, layer in layers.items() if layer.state_dict())
    jump = layers_of(spec.network)[a.layer].reach.jump
    return f"""# %% [markdown]
# # What excites map {a.unit} of layer {a.layer}
#
# {a.about.title}, {picture_words(a)}. Needs torch and numpy; the trained weights are in the script (base64).

{READER}
# %% [markdown]
# ## The layers up to the unit, with their trained weights

# %%
net = {{
{chr(10).join(f"    {name!r}: {built(layer)}," for name, layer in layers.items())}
}}
weights = {{
{weights}
}}
for name, layer in net.items():
    layer.double().eval().load_state_dict({{k: numbers(packed) for k, packed in weights.get(name, {{}}).items()}}, strict=False)
mean, std = (torch.tensor(v, dtype=torch.float64).view(-1, 1, 1) for v in ({list(a.about.mean)!r}, {list(a.about.std)!r}))


def maps(x):
    v = {{"x": (x - mean) / std}}
{chr(10).join(f"    {step}" for step in steps)}
    return v[{a.layer!r}]


def f(x):
    return maps(x)[0, {a.unit}].mean()


# %% [markdown]
# ## The answer, its gradient, and one step uphill

# %%
x = numbers({packed(a.pixels)})[None].requires_grad_()
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


def _stored(layer: nn.Module) -> str:
    """The weights of a layer by name, packed."""
    parts = {name: values for name, values in layer.state_dict().items() if name != "num_batches_tracked"}
    return "{" + ", ".join(f"{name!r}: {packed(values.numpy())}" for name, values in parts.items()) + "}"
