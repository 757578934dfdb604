"""The feature maps of every layer of a network: what each layer's filters make of a picture.

A layer's output A of shape (batch, channel, height, width) holds one picture a channel, its *feature map*. The maps are taken
by forward hooks while the network computes as it always does, in evaluation mode and without gradients.

M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Num, Shaped
from torch import nn

Images = Shaped[np.ndarray, "batch channel height width"] | Shaped[torch.Tensor, "batch channel height width"]
Maps = Num[np.ndarray, "_ _ _ _"]


def feature_maps(model: nn.Module, images: Images, only: Collection[str] | None = None) -> dict[str, Maps]:
    """Layer name -> its output (batch, channel, height, width) for `images` (batch, channel, height, width).

    Layers are the innermost modules, in the order in which they compute, named as `model.named_modules` does; one that is used
    k times appears as "name", "name#2", ..., "name#k". Outputs that are no pictures (vectors of classes) are left out,
    and so are layers outside `only` where it is given. The network computes in evaluation mode and in its own number type; its modes and hooks are left as they were, also when it
    cannot take the images (its own error is then raised).
    """
    found: dict[str, np.ndarray] = {}

    def keep(name: str, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            found[_unused(name, found)] = (
                output.detach().cpu().numpy().copy()
            )  # a later in-place layer must not reach it

    layers = innermost(model)
    with evaluating(model), torch.no_grad():
        handles = [
            layer.register_forward_hook(in_this_thread(lambda _layer, _inputs, output, name=name: keep(name, output)))
            for name, layer in layers.items()
            if only is None or name in only
        ]
        try:
            model(as_input(model, images))
        finally:
            for handle in handles:
                handle.remove()
    return found


def in_this_thread(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook, deaf to other threads: they may run the same shared network at the same time."""
    mine = threading.get_ident()
    return lambda *given: hook(*given) if threading.get_ident() == mine else None


def innermost(model: nn.Module) -> dict[str, nn.Module]:
    """Name -> module, for the modules that contain no other; a network that is one module has its class's name."""
    return {
        name or type(layer).__name__.lower(): layer
        for name, layer in model.named_modules()
        if next(layer.children(), None) is None
    }


def made_by(layer: str, maps: Mapping[str, np.ndarray], model: nn.Module) -> str | None:
    """The convolution that makes a layer's maps: itself, or the one that computed last before it with as many maps, more than one cell each.

    None where there is none, as after maps were put side by side. `maps` holds every layer's (..., channel, height, width).
    """
    kinds, names = innermost(model), list(maps)
    channels = maps[layer].shape[-3]
    makers = [
        name
        for name in names[: names.index(layer) + 1]
        if isinstance(kinds.get(name), nn.Conv2d) and maps[name].shape[-3] == channels and maps[name].shape[-1] > 1
    ]
    return makers[-1] if makers else None


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The network in evaluation mode; afterwards every module is in the mode in which it was."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def as_input(model: nn.Module, images: Images) -> torch.Tensor:
    """The images as a tensor of the number type, and on the device, of the network's weights."""
    tensor = torch.as_tensor(images)
    weight = next(model.parameters(), None)
    return tensor if weight is None else tensor.to(weight)


def _unused(name: str, taken: dict[str, np.ndarray]) -> str:
    """`name`, or `name#2`, `name#3`, ... when it is taken."""
    uses = 1 + sum(one == name or one.startswith(f"{name}#") for one in taken)
    return name if uses == 1 else f"{name}#{uses}"
