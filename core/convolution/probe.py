"""Reach into a network: a layer's output with its gradient, and a run in which one layer's output is changed.

Every hook is taken off again, also after an error, and hears its own thread alone; the network itself is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from core.convolution.maps import in_this_thread, innermost
from core.errors import ExplainerError, one_of
from models.surgery import ACTIVATIONS


class _Reached(Exception):  # noqa: N818 (no error: it ends a run early)
    """The layer that was asked for has computed: the rest of the network is not needed."""


def layer_of(model: nn.Module, name: str) -> nn.Module:
    """The layer with this name.

    Raises:
        ExplainerError: there is none.
    """
    layers = innermost(model)
    if name not in layers:
        raise ExplainerError(f"the network has no layer {name[:40]!r}; choose {one_of(layers)}")
    return layers[name]


@contextmanager
def hooked(layer: nn.Module, hook: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """While it lasts, `hook` sees the layer's output; what it returns, if anything, takes the output's place."""
    handle = layer.register_forward_hook(in_this_thread(lambda _layer, _inputs, output: hook(output)))
    try:
        yield
    finally:
        handle.remove()


def until(model: nn.Module, layer: str, x: Tensor, *, entering: bool = False) -> Tensor:
    """The layer's output for x, or what enters it, with its graph; what follows is not computed, so x may be of any size that the layer takes."""
    found: list[Tensor] = []

    def stop(value: Tensor) -> None:
        found.append(value)
        raise _Reached

    target = layer_of(model, layer)
    try:
        with entered(target, stop) if entering else hooked(target, stop):
            model(x)
    except _Reached:
        pass
    return found[0]


@contextmanager
def entered(layer: nn.Module, hook: Callable[[Tensor], None]) -> Iterator[None]:
    """While it lasts, `hook` sees the first of what enters the layer."""
    handle = layer.register_forward_pre_hook(in_this_thread(lambda _layer, inputs: hook(inputs[0])))
    try:
        yield
    finally:
        handle.remove()


def before_activation(model: nn.Module, layer: str, x: Tensor) -> Tensor:
    """The layer's output; of an activation, what enters it: where it is off or at its end it has no slope."""
    return until(model, layer, x, entering=isinstance(layer_of(model, layer), ACTIVATIONS))


def with_activations(model: nn.Module, layer: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """The layer's output and the logits, on one graph: the logits can be differentiated by the output."""
    found: list[Tensor] = []

    def keep(output: Tensor) -> Tensor:
        found.append(output if output.requires_grad else output.detach().requires_grad_())
        return found[0]

    with hooked(layer_of(model, layer), keep):
        logits = model(x)
    return found[0], logits


@torch.no_grad()
def changed(model: nn.Module, layer: str, change: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The logits when `change` is applied to the layer's output."""
    with hooked(layer_of(model, layer), change):
        return model(x)
