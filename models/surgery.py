"""A network whose every activation is its own module, not in-place: what attribution methods need, with the same outputs.

torchvision's networks use one ReLU module two or three times in a block, overwrite their input, or call relu as a function. DeepLift and
guided backpropagation keep one input and one output for each module, so there the second use would overwrite the first. A sum of two paths
becomes a module too: what is shared out among the inputs of a layer (LRP) has to be shared out there.
"""

from __future__ import annotations

import copy
import operator
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from models.blocks import Add

ACTIVATIONS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.Tanh,
)
FUNCTIONS = {F.relu: nn.ReLU, torch.relu: nn.ReLU, torch.relu_: nn.ReLU}
SUMS = (operator.add, operator.iadd, torch.add)


_TRACING = threading.Lock()  # fx puts nn.Module's own methods back when a trace ends: one trace at a time


class Tracer(fx.Tracer):
    """While fx traces, it changes nn.Module for all threads; this tracer lets the calls of other threads pass as they are.

    With `innermost`, every module without children is one step, as it is for hooks; else every module of torch.nn.
    """

    def __init__(self, innermost: bool = False) -> None:
        super().__init__()
        self.innermost, self.thread = innermost, threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if self.innermost:
            return next(m.children(), None) is None
        return super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self.thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def graph_of(model: nn.Module, innermost: bool = False) -> fx.Graph:
    """The forward pass as a graph; it must not branch on the values of its input."""
    with _TRACING:
        return Tracer(innermost).trace(model)


def separate_activations(module: nn.Module) -> nn.Module:
    """A copy of the module with its weights, in its mode, and with an activation module of its own at every place.

    The second use of `relu` becomes `relu_2`, a function's call `relu`. The forward pass is traced by torch.fx, so it must not branch
    on the values of its input.
    """
    copied = copy.deepcopy(module)
    traced = fx.GraphModule(copied, graph_of(copied))
    modules, uses = dict(traced.named_modules()), {}
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(modules[node.target], ACTIVATIONS):
            uses[node.target] = uses.get(node.target, 0) + 1
            if uses[node.target] > 1:
                _place(traced, node, f"{node.target}_{uses[node.target]}", copy.deepcopy(modules[node.target]))
        elif node.op == "call_function" and node.target in FUNCTIONS:
            _place(traced, node, f"{node.name}_module", FUNCTIONS[node.target]())
        elif node.op == "call_function" and node.target in SUMS and len(node.all_input_nodes) == 2:
            _place(traced, node, f"{node.name}_sum", Add(), inputs=2)
    for layer in traced.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False
    traced.graph.lint()
    traced.recompile()
    return traced.train(module.training)


def _place(traced: fx.GraphModule, node: fx.Node, name: str, layer: nn.Module, inputs: int = 1) -> None:
    """Let this node of the graph call `layer`, which becomes the submodule `name`."""
    traced.add_submodule(name, layer)
    node.op, node.target, node.args, node.kwargs = "call_module", name, node.args[:inputs], {}
