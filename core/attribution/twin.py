"""A private copy of a model to explain, its layers by name, and random numbers that belong to one call.

Captum hangs hooks into a model, changes its weights (LRP) and leaves what it did behind when it fails. So it never sees
the caller's model: it works on a copy, in evaluation mode, on the CPU, whose parameters want no gradient. Mode, gradients,
`requires_grad` and hooks of the original cannot change, and two threads may explain one model at once.

Captum also draws from the generator that all threads share. `drawing` stands between: a mode of torch that is local to
the thread, in which every drawing function takes its numbers from a generator of this call.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from core.errors import ExplainerError, one_of

DRAWS = {
    torch.normal, torch.rand, torch.randn, torch.randperm, torch.bernoulli, torch.multinomial, Tensor.random_, Tensor.uniform_
}  # fmt: skip


def twin(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy of `model` in evaluation mode, on the CPU, in `dtype`, without gradients for its parameters."""
    return copy.deepcopy(model).eval().to("cpu", dtype).requires_grad_(False)


def tensor(inputs: np.ndarray | Tensor) -> Tensor:
    """`inputs` as a new floating tensor on the CPU.

    Raises:
        ExplainerError: it has no batch axis, no element, or values that are no numbers.
    """
    x = torch.as_tensor(inputs).detach().to("cpu").clone()
    x = x if x.is_floating_point() else x.float()
    if x.ndim < 2 or x.numel() == 0:
        raise ExplainerError(
            f"inputs of shape {tuple(x.shape)} cannot be explained; give a batch, such as (1, channels, height, width)"
        )
    if not bool(torch.isfinite(x).all()):
        raise ExplainerError("the inputs hold NaN or infinity; give finite numbers")
    return x


def layers(model: nn.Module, inputs: np.ndarray | Tensor) -> dict[str, tuple[int, int, int]]:
    """Name -> (channels, height, width) of every layer that gives maps of more than one pixel, in the order of the forward pass.

    Only modules without children are layers; of a module that is used twice, the last use counts.
    """
    return {name: tuple(maps.shape[1:]) for name, maps in activations(model, inputs).items()}


def activations(model: nn.Module, inputs: np.ndarray | Tensor) -> dict[str, Tensor]:
    """Name -> maps (batch, channel, height, width) of the same layers."""
    x = tensor(inputs)
    net, found = twin(model, x.dtype), {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-1] * output.shape[-2] > 1:
                found[name] = output

        return hook

    for name, module in net.named_modules():
        if name and not any(True for _ in module.children()):
            module.register_forward_hook(keep(name))
    with torch.no_grad():
        net(x)
    return found


def layer_name(model: nn.Module, layer: str | nn.Module | None, inputs: Tensor) -> str:
    """The name of `layer`; for None the last layer that gives maps.

    Raises:
        ExplainerError: the model has no such layer, or no layer with maps.
    """
    if layer is None:
        names = list(layers(model, inputs))
        if not names:
            raise ExplainerError("this model has no layer that gives maps; choose a method that needs no layer")
        return names[-1]
    names = {name: module for name, module in model.named_modules() if name}
    for name, module in names.items():
        if layer == name or layer is module:
            return name
    given = repr(layer) if isinstance(layer, str) else f"a {type(layer).__name__} from elsewhere"
    raise ExplainerError(f"layer {given[:80]} is not part of this model; choose {one_of(list(names)[:12])}")


class OnGrid(nn.Module):
    """A layer of tokens (n, 1 + h w, d), the class token first, whose submodule `maps` gives them as maps (n, d, h, w) on their way."""

    def __init__(self, layer: nn.Module, height: int, width: int) -> None:
        super().__init__()
        self.layer, self.maps, self.shape = layer, nn.Identity(), (height, width)

    def forward(self, *inputs: Any, **more: Any) -> Tensor:
        z = self.layer(*inputs, **more)
        maps = self.maps(z[:, 1:].mT.unflatten(2, self.shape))
        return torch.cat([z[:, :1], maps.flatten(2).mT], 1)


def maps_of(model: nn.Module, layer: str, inputs: Tensor) -> nn.Module:
    """The module whose output is the maps of a layer: the layer itself, or, in a private `model`, one put around a layer of tokens.

    Raises:
        ExplainerError: the tokens are not a class token and one for each patch of a grid with the picture's proportions.
    """
    module, shapes = model.get_submodule(layer), []
    handle = module.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape)))
    with torch.no_grad():
        model(inputs[:1])
    handle.remove()
    if len(shapes[-1]) != 3:
        return module
    patches, (height, width) = shapes[-1][1] - 1, inputs.shape[-2:]
    rows = round((patches * height / width) ** 0.5)
    if rows < 1 or patches % rows or rows * width != patches // rows * height:
        raise ExplainerError(
            f"layer {layer!r} gives {patches + 1} tokens, which are no class token and a grid of patches; choose another layer"
        )
    around = OnGrid(module, rows, patches // rows)
    model.set_submodule(layer, around)
    return around.maps


class drawing(TorchFunctionMode):  # noqa: N801  # reads as a verb: with drawing(generator): ...
    """Within it, torch's drawing functions that this thread calls use `generator`."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if (func in DRAWS or "generator" in kwargs) and kwargs.get("generator") is None:
            kwargs["generator"] = self.generator
        return func(*args, **kwargs)
