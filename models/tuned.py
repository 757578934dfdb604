"""A network to tune: the body of a trained network and a new head for new classes.

    logits = head(body(x)),     body: (N, C, H, W) -> (N, D),     head: depth dense layers, D -> HIDDEN -> ... -> classes

The body is a network of MODELS or PRETRAINED without its last layer. Its layers fall into at most MOST_BLOCKS blocks in the order
of computing; a strategy says how many of the last ones learn. Dropout draws from a generator of the run (core.rng), never from
torch's global one, so that two runs at once do not disturb each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from core.errors import ExplainerError, one_of
from core.rng import generator
from models.blocks import init_weights
from models.catalogue import MODELS, Model, load
from models.pretrained import PRETRAINED, Pretrained, available, plain

OWN = ("tinyvgg-cifar10", "resnet20-cifar10")
BACKBONES: Mapping[str, Model | Pretrained] = MappingProxyType({**{name: MODELS[name] for name in OWN}, **PRETRAINED})
HIDDEN = 128  # units of a hidden layer of the head
MOST_BLOCKS = 6
NORMS = (nn.BatchNorm2d, nn.LayerNorm)
CONTAINERS = ("features", "encoder", "layers", "classifier")

Progress = Callable[[int, int], None]


class Dropout(nn.Module):
    """Inverted dropout while training: x * m / (1 - p), m ~ Bernoulli(1 - p) from `source` (set by the run)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.source: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        return x * torch.empty_like(x).bernoulli_(1 - self.p, generator=self.source) / (1 - self.p)


class Tuned(nn.Module):
    """`body` and `head`; `blocks[k]` lists the parts of the body (dotted names) that block k consists of."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head
        self.blocks = blocks_of(body)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def block(self, name: str) -> int:
        """The block that a parameter or buffer belongs to; the head comes after the last block."""
        if name.startswith("head."):
            return len(self.blocks)
        inner = name.removeprefix("body.")
        found = (k for k, parts in enumerate(self.blocks) if any(inner.startswith(f"{part}.") for part in parts))
        return next(found, 0)  # a ViT's class token and positions belong to the start

    def draw_from(self, source: torch.Generator) -> None:
        """Let every dropout draw from this generator."""
        for layer in self.modules():
            if isinstance(layer, Dropout):
                layer.source = source


def tuned(
    name: str,
    classes: int,
    *,
    depth: int = 1,
    dropout: float = 0.0,
    seed: int = 0,
    scratch: bool = False,
    download: bool = False,
    progress: Progress = lambda done, total: None,
) -> Tuned:
    """The body `name`, trained or (`scratch`) with first weights, and a new head with first weights of this seed, in eval mode.

    Raises:
        ExplainerError: the name is unknown, or the trained weights cannot be had.
    """
    check(name)
    body = _untrained(name, seed) if scratch else _trained(name, download, progress)
    _cut(body)
    _own_dropout(body)
    width = _width(body, BACKBONES[name].input_shape)
    return Tuned(body, start_head(_head(width, classes, depth, dropout), generator(seed, "head"))).eval()


def check(name: str) -> None:
    """Raises ExplainerError if there is no such backbone."""
    if name not in BACKBONES:
        raise ExplainerError(f"the backbone {name!r} is unknown; choose {one_of(BACKBONES)}")


def missing(name: str) -> str:
    """Why the trained weights of a backbone are not here; "" if they are.

    Raises:
        ExplainerError: the name is unknown.
    """
    check(name)
    return next((a.words for a in available() if a.model.name == name and a.path is None), "")


def _trained(name: str, download: bool, progress: Progress) -> nn.Module:
    return load(name) if name in OWN else plain(name, download=download, progress=progress)


def outline(name: str) -> Tuned:
    """The network without its numbers, on torch's meta device: names, shapes and blocks. Its head is one layer.

    Raises:
        ExplainerError: the name is unknown.
    """
    check(name)
    with torch.device("meta"):
        body = MODELS[name].builder() if name in OWN else PRETRAINED[name].build()
        _cut(body)
        return Tuned(body, nn.Linear(_width(body, BACKBONES[name].input_shape), 1))


def _untrained(name: str, seed: int) -> nn.Module:
    return MODELS[name].build(seed) if name in OWN else first_weights(PRETRAINED[name].build(), generator(seed, "weights", name))  # fmt: skip


@torch.no_grad()
def first_weights(module: nn.Module, g: torch.Generator) -> nn.Module:
    """Convolutions and dense layers as in `init_weights`; of a ViT, Xavier for attention and N(0, 0.02) for positions."""
    init_weights(module, g)
    for part in module.modules():
        if isinstance(part, nn.MultiheadAttention):
            nn.init.xavier_uniform_(part.in_proj_weight, generator=g)
            part.in_proj_bias.zero_()
    for key, value in module.named_parameters():
        if key.endswith(("pos_embedding", "class_token")):
            value.normal_(0.0, 0.02, generator=g)
    return module


def _cut(module: nn.Module) -> None:
    """Take the last layer away, so that the network gives its features (N, D)."""
    if hasattr(module, "heads"):  # ViT
        module.heads = nn.Identity()
    elif hasattr(module, "fc"):  # torchvision's ResNet
        module.fc = nn.Identity()
    elif not isinstance(module.classifier, nn.Sequential):
        module.classifier = nn.Identity()
    elif isinstance(module.classifier[-1], nn.Linear):
        module.classifier[-1] = nn.Identity()
    else:  # SqueezeNet classifies by a convolution and a mean
        module.classifier = nn.AdaptiveAvgPool2d(1)


def _own_dropout(module: nn.Module) -> None:
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(parent, name, Dropout(child.p))


@torch.no_grad()
def _width(body: nn.Module, shape: tuple[int, int, int]) -> int:
    return body.eval()(torch.zeros(1, *shape)).shape[1]


def _head(width: int, classes: int, depth: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth - 1):
        layers += [nn.Linear(width, HIDDEN), nn.ReLU(), Dropout(dropout)]
        width = HIDDEN
    first = [Dropout(dropout)] if depth == 1 else []  # also where it is 0: the names of the weights do not depend on it
    return nn.Sequential(*first, *layers, nn.Linear(width, classes))


@torch.no_grad()
def start_head(head: nn.Sequential, g: torch.Generator) -> nn.Sequential:
    """First weights as in `init_weights`, but the last layer is 0: every class is as likely as any other, and the loss is log K."""
    init_weights(head, g)
    head[-1].weight.zero_()
    return head


def blocks_of(body: nn.Module) -> tuple[tuple[str, ...], ...]:
    """The parts of a body with weights, in the order of computing, in at most MOST_BLOCKS groups; a norm goes with the part before it."""
    units: list[list[str]] = []
    for name, part in _parts(body, ""):
        if units and isinstance(part, NORMS):
            units[-1].append(name)
        elif any(True for _ in part.parameters()):
            units.append([name])
    groups = min(MOST_BLOCKS, len(units))
    edges = [round(k * len(units) / groups) for k in range(groups + 1)]
    return tuple(tuple(name for unit in units[a:b] for name in unit) for a, b in itertools.pairwise(edges))


def _parts(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    found = []
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        found += _parts(child, f"{path}.") if name in CONTAINERS else [(path, child)]
    return found
