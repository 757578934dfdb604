"""The chosen map as a script: the layers up to it with their trained weights, the picture, and the same numbers.

A network that is one chain of layers is given from the picture on. In a residual network the script starts with the maps that enter
the convolution, for its paths branch and join.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from core.conv_filters.compute import chosen_layer, entering, inside, network, see
from core.conv_filters.kernels import classics, correlation
from core.conv_filters.spec import ConvFiltersSpec
from core.convolution.exported import READER, built, packed
from core.convolution.maps import innermost
from core.errors import ExplainerError, one_of
from models import MODELS, ResNet, known


def script(spec: ConvFiltersSpec) -> str:
    """It needs torch and numpy, recomputes the chosen map and prints the page's numbers.

    Raises:
        ExplainerError: the network is one of the large ones.
    """
    if spec.network not in MODELS:
        raise ExplainerError(
            f"{known(spec.network).title} has too many weights for a script; choose {one_of(m.title for m in MODELS.values())}"
        )
    seen, found = see(spec), inside(spec)
    chain, x = _chain(spec)
    weights = {
        f"{number}.{name}": values
        for number, (_, layer) in enumerate(chain)
        for name, values in layer.state_dict().items()
        if name != "num_batches_tracked"
    }
    conv = next(number for number, (name, _) in enumerate(chain) if name == found.conv)
    last = len(chain) - 1
    layers = "\n".join(f"    {built(layer)},  # {name}" for name, layer in chain)
    stored = "\n".join(f"    {name!r}: {packed(values.numpy())}," for name, values in weights.items())
    start = "the maps that enter the convolution" if _branches(spec) else "the picture, in 0..1"
    after = (
        ""
        if found.layer in dict(chain)
        else f"""
map_ = numbers({packed(found.map)})  # {found.layer} comes after the sum with the block's shortcut: given"""
    )
    return f"""# %% [markdown]
# # Feature map {found.unit} of layer {found.layer}
#
# {seen.about.title}, {"a picture of your own" if seen.index < 0 else f"picture {seen.index}"}. Needs torch and numpy; the trained weights are in the script (base64).

{READER}
# %% [markdown]
# ## The layers, with their trained weights

# %%
layers = nn.Sequential(
{layers}
).double().eval()
weights = {{
{stored}
}}
layers.load_state_dict({{name: numbers(packed) for name, packed in weights.items()}}, strict=False)

# %% [markdown]
# ## What goes in: {start}

# %%
x = numbers({packed(x)})[None]{_normalised(spec)}

# %% [markdown]
# ## Feature maps, caught by a hook

# %%
maps = {{}}
for k, layer in enumerate(layers):
    layer.register_forward_hook(lambda module, inputs, output, k=k: maps.update({{k: (inputs[0][0], output[0].clone())}}))
with torch.no_grad():
    layers(x)
unit = {found.unit}
map_ = maps[{last}][1][unit]{after}

# %% [markdown]
# ## The map before its activation is a sum over the input maps

# %%
conv = layers[{conv}]
inputs, direct = maps[{conv}]
with torch.no_grad():
    parts = torch.stack([
        nn.functional.conv2d(inputs[None, c:c + 1], conv.weight[unit:unit + 1, c:c + 1], None, conv.stride, conv.padding, conv.dilation)[0, 0]
        for c in range(conv.in_channels)
    ])
    total = parts.sum(0) + (0 if conv.bias is None else conv.bias[unit])
assert torch.allclose(total, direct[unit], rtol=1e-9, atol=1e-11)

# %% [markdown]
# ## How alike are the filters?

# %%
flat = conv.weight.detach().flatten(1)
flat = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-300)
alike = torch.cat([(flat @ flat[unit])[:unit], (flat @ flat[unit])[unit + 1:]]).abs().max()

print("map mean =", map_.mean().item())
print("map largest =", map_.max().item())
print("map share of zeros =", (map_ == 0).double().mean().item())
print("largest contribution =", parts.abs().mean(dim=(1, 2)).max().item())
print("sum mean =", total.mean().item())
print("likeness to the nearest other filter =", alike.item())
{_classic(spec)}"""


def _chain(spec: ConvFiltersSpec) -> tuple[list[tuple[str, nn.Module]], np.ndarray]:
    """Layers in the order of computing up to the chosen one, and what enters the first."""
    seen, found = see(spec), inside(spec)
    model = network(spec.network)
    kinds = innermost(model)
    layer = chosen_layer(spec, seen)
    if not _branches(spec):
        names = list(seen.maps)
        return [(name, kinds[name]) for name in names[: names.index(layer) + 1]], seen.picture
    return _residual(layer, found.conv, list(seen.maps), kinds), entering(found.conv, seen)


def _normalised(spec: ConvFiltersSpec) -> str:
    """The line that brings the picture's colours to the scale that the network takes."""
    if _branches(spec):
        return ""
    about = see(spec).about
    mean, std = (
        f"torch.tensor({list(values)!r}, dtype=torch.float64).view(-1, 1, 1)" for values in (about.mean, about.std)
    )
    return f"\nx = (x - {mean}) / {std}"


def _branches(spec: ConvFiltersSpec) -> bool:
    return isinstance(network(spec.network), ResNet)


def _residual(layer: str, conv: str, names: list[str], kinds: dict[str, nn.Module]) -> list[tuple[str, nn.Module]]:
    """The convolution and what follows it in a straight line, at most up to the chosen layer."""
    after = names[names.index(conv) : names.index(layer) + 1]
    straight = next((k for k, name in enumerate(after) if not isinstance(kinds[name], _STRAIGHT)), len(after))
    return [(name, kinds[name]) for name in after[:straight]]


_STRAIGHT = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU)


def _classic(spec: ConvFiltersSpec) -> str:
    """The nearest classic filter, written out."""
    found = inside(spec)
    if found.likeness is None:
        return ""
    kernel = found.sum.kernels[found.strongest]
    best = max((c for _, _, c in classics(len(kernel))), key=lambda c: abs(correlation(kernel, c)))
    return f"""
# %% [markdown]
# ## The nearest classic filter: {found.likeness.name}

# %%
classic = torch.tensor({best.tolist()!r}, dtype=torch.float64)
kernel = conv.weight[unit, {found.strongest}].detach()
print("likeness to the nearest classic filter =", ((kernel * classic).sum().abs() / kernel.norm() / classic.norm()).item())
"""
