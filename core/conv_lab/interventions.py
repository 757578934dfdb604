"""Change one thing and measure what follows: a kernel, a map, the place of the picture, its pixels by the least that is needed.

Ablation. A map is set to 0 wherever the layer puts it out; what the network then gets wrong it needed that map for.

Equivariance. f is equivariant to T if f(T x) = T' f(x): the map of the moved picture is the moved map. Its error is

    e = |f(T x) - T' f(x)| / |f(x)|

T moves by s pixels round the edge (T' by s / j cells, j the layer's stride to the picture, linear between cells), turns by quarters, or adds
noise (T' does nothing). Pooling and strides keep only every j-th place, so shifts by other numbers break it.

Adversarial nudge. With loss L(x) = -log softmax(f(x))[y], size eps and n steps of alpha = 2.5 eps / n (n = 1: alpha = eps):

    x_0 = x,    x_{k+1} = P(x_k + alpha sign(dL / dx)),    P: back to |x' - x| <= eps and to 0..1, pixel by pixel

Sources: R. Zhang, "Making convolutional networks shift-invariant again", ICML 2019; I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and
harnessing adversarial examples", ICLR 2015 (n = 1: FGSM); A. Madry et al., ICLR 2018 (PGD, here from x itself).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, fx, nn
from torch.nn import functional as F

from core.convolution.probe import changed, layer_of
from core.errors import ExplainerError
from models.surgery import graph_of

Maps = Float[np.ndarray, "C h w"]


# ---- a kernel and a map -----------------------------------------------------------------------------------------------


def with_kernel(model: nn.Module, conv: str, unit: int, source: int, kernel: Float[np.ndarray, "kh kw"]) -> nn.Module:
    """The network with one kernel another; it shares all other weights with the one that it was made from.

    Raises:
        ExplainerError: the layer is no convolution, has no such kernel, or the kernel has another size or is not finite.
    """
    layer = layer_of(model, conv)
    if not isinstance(layer, nn.Conv2d) or not (0 <= unit < len(layer.weight) and 0 <= source < layer.weight.shape[1]):
        raise ExplainerError(f"layer {conv!r} has no kernel for map {unit} and input {source}; choose smaller numbers")
    if kernel.shape != tuple(layer.kernel_size) or not np.isfinite(kernel).all():
        raise ExplainerError(
            f"the kernel has {kernel.shape[0]} by {kernel.shape[1]} numbers; it takes {layer.kernel_size[0]} by {layer.kernel_size[1]} finite ones"
        )
    other = copy.deepcopy(model, {id(one): one for one in (*model.parameters(), *model.buffers())})
    weight = layer.weight.detach().clone()
    weight[unit, source] = torch.as_tensor(kernel)
    layer_of(other, conv).weight = nn.Parameter(weight, requires_grad=False)
    return other


def without_map(model: nn.Module, layer: str, unit: int, x: Tensor) -> Tensor:
    """The logits when map number `unit` of a layer is 0."""

    def silence(output: Tensor) -> Tensor:
        if not 0 <= unit < output.shape[1]:
            raise ExplainerError(f"map {unit} is outside 0 to {output.shape[1] - 1}; try 0")
        output = output.clone()
        output[:, unit] = 0
        return output

    return changed(model, layer, silence, x)


@torch.no_grad()
def without_each(model: nn.Module, layer: str, x: Tensor) -> Iterator[Tensor]:
    """The logits when each map of a layer in turn is 0. What does not depend on the layer is computed once."""
    traced = fx.GraphModule(model, graph_of(model, innermost=True))
    run = fx.Interpreter(traced, garbage_collect_values=False)
    run.run(x)
    known = dict(run.env)
    start = next(node for node in traced.graph.nodes if node.target == layer)
    later = {start}
    for node in traced.graph.nodes:
        if later.intersection(node.all_input_nodes):
            later.add(node)
    before = {node: value for node, value in known.items() if node not in later}
    for unit in range(known[start].shape[1]):
        silenced = known[start].clone()
        silenced[:, unit] = 0
        yield run.run(x, initial_env={**before, start: silenced})


def right_by_class(
    logits: Float[np.ndarray, "N K"], labels: Int[np.ndarray, "N"]
) -> tuple[Float[np.ndarray, "K"], Int[np.ndarray, "K"]]:
    """Of each class: the share that is answered rightly (NaN where there is none), and how many there are."""
    K = logits.shape[1]
    count = np.bincount(labels, minlength=K)
    right = np.bincount(labels[logits.argmax(axis=1) == labels], minlength=K)
    return np.divide(right, count, out=np.full(K, np.nan), where=count > 0), count


# ---- equivariance -----------------------------------------------------------------------------------------------------


def shifted(maps: Float[np.ndarray, "C h w"], down: float, across: float) -> Float[np.ndarray, "C h w"]:
    """Moved round the edge; by parts of a cell linearly between two whole moves."""
    return _along(_along(maps, down, 1), across, 2)


def _along(maps: np.ndarray, by: float, axis: int) -> np.ndarray:
    whole = int(np.floor(by))
    part = by - whole
    first = np.roll(maps, whole, axis)
    return first if part == 0 else (1 - part) * first + part * np.roll(maps, whole + 1, axis)


def turned(maps: Float[np.ndarray, "C h w"], quarters: int) -> Float[np.ndarray, "C h w"]:
    """Turned clockwise by quarters."""
    return np.rot90(maps, -quarters, axes=(1, 2)).copy()


def departure(of_moved: Maps, moved: Maps, still: Maps) -> float:
    """e; 0 for maps that are 0 altogether."""
    size = float(np.linalg.norm(still))
    return float(np.linalg.norm(of_moved - moved)) / size if size else 0.0


# ---- adversarial ------------------------------------------------------------------------------------------------------


def nudge(logits: Callable[[Tensor], Tensor], x: Tensor, y: int, eps: float, steps: int) -> Tensor:
    """A picture (1, C, H, W) in 0..1, changed by at most eps a pixel so that the loss for class y grows; logits take such pictures.

    Raises:
        ExplainerError: eps is negative, or there is no step.
    """
    if eps < 0 or steps < 1:
        raise ExplainerError(f"epsilon {eps:g} and {steps} steps cannot be used; try 0.03 and 10")
    alpha = eps if steps == 1 else 2.5 * eps / steps
    near, label = x.detach(), torch.tensor([y])
    for _ in range(steps):
        near = near.requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(logits(near), label), near)
        near = (near.detach() + alpha * slope.sign()).clamp(x - eps, x + eps).clamp(0, 1)
    return near


@torch.no_grad()
def loss_of(logits: Callable[[Tensor], Tensor], x: Tensor, y: int) -> float:
    """L for class y."""
    return float(F.cross_entropy(logits(x), torch.tensor([y])))
