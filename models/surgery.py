"""A network whose every activation is its own module, not in-place: what attribution methods need, with the same outputs.

torchvision's networks use one ReLU module two or three times in a block, overwrite their input, or call relu as a function. DeepLift and
guided backpropagation keep one input and one output for each module, so there the second use would overwrite the first.
"""

from __future__ import annotations

import copy

import torch
from torch import fx, nn
from torch.nn import functional as F

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


def separate_activations(module: nn.Module) -> nn.Module:
    """A copy of the module with its weights, in its mode, and with an activation module of its own at every place.

    The second use of `relu` becomes `relu_2`, a function's call `relu`. The forward pass is traced by torch.fx, so it must not branch
    on the values of its input.
    """
    traced = fx.symbolic_trace(copy.deepcopy(module))
    modules, uses = dict(traced.named_modules()), {}
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(modules[node.target], ACTIVATIONS):
            uses[node.target] = uses.get(node.target, 0) + 1
            if uses[node.target] > 1:
                _place(traced, node, f"{node.target}_{uses[node.target]}", copy.deepcopy(modules[node.target]))
        elif node.op == "call_function" and node.target in FUNCTIONS:
            _place(traced, node, f"{node.name}_module", FUNCTIONS[node.target]())
    for layer in traced.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False
    traced.graph.lint()
    traced.recompile()
    return traced.train(module.training)


def _place(traced: fx.GraphModule, node: fx.Node, name: str, layer: nn.Module) -> None:
    """Let this node of the graph call `layer`, which becomes the submodule `name`."""
    traced.add_submodule(name, layer)
    node.op, node.target, node.args, node.kwargs = "call_module", name, node.args[:1], {}
