"""The same training in PyTorch: autograd and torch.optim.Adam on the same first weights and batches, in float64."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from core.diffusion.compute import Lesson, batches, lesson_steps, sizes_of, start_of
from core.diffusion.coupling import DEPTH
from core.diffusion.nets import CLIP

PARITY = 60  # updates that are compared: later the last bit of a rounding has grown


def torch_losses(lesson: Lesson, updates: int) -> np.ndarray:
    """The loss before each of the first updates."""
    flat, sizes, nets, at = torch.from_numpy(start_of(lesson)), sizes_of(lesson), [], 0
    for _ in range(DEPTH if lesson.kind == "coupling" else 1):
        net = []
        for i, o in itertools.pairwise(sizes):
            W, b = flat[at : at + i * o].reshape(i, o), flat[at + i * o : at + i * o + o]
            net.append((W.clone().requires_grad_(), b.clone().requires_grad_()))
            at += i * o + o
        nets.append(net)
    parameters = [p for net in nets for layer in net for p in layer]
    optimizer = torch.optim.Adam(parameters, lr=lesson.rate)
    losses = []
    for k, (X, Y) in zip(range(updates), batches(lesson), strict=False):
        optimizer.param_groups[0]["lr"] = lesson.rate * (1.0 - k / lesson.updates)
        optimizer.zero_grad()
        L = torch_loss(nets, torch.from_numpy(X), None if Y is None else torch.from_numpy(Y))
        L.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        losses.append(L.item())
    return np.array(losses)


def torch_loss(nets: list, X: torch.Tensor, Y: torch.Tensor | None) -> torch.Tensor:
    """The mean squared miss of a field, or RealNVP's mean negative log-likelihood where nothing is asked."""
    if Y is not None:
        return ((output(nets[0], X) - Y) ** 2).sum(1).mean()
    y, total = [X[:, 0], X[:, 1]], 0.0
    for k, net in enumerate(nets):
        o = output(net, y[k % 2][:, None])
        u = 2 * torch.tanh(o[:, 0] / 2)
        y[1 - k % 2] = y[1 - k % 2] * torch.exp(u) + o[:, 1]
        total = total + u
    normal = torch.distributions.Normal(torch.zeros((), dtype=X.dtype), 1.0)
    return -(normal.log_prob(torch.stack(y, 1)).sum(1) + total).mean()


def output(net: list, A: torch.Tensor) -> torch.Tensor:
    """What a net answers."""
    for W, b in net[:-1]:
        A = torch.nn.functional.silu(A @ W + b)
    return A @ net[-1][0] + net[-1][1]


def parity(lesson: Lesson) -> tuple[np.ndarray, np.ndarray]:
    """Both engines' losses before each of the first PARITY updates."""
    n = min(PARITY, lesson.updates)
    own = np.array([loss for _, (_, loss) in zip(range(n), lesson_steps(lesson), strict=False)])
    return own, torch_losses(lesson, n)


def agreeing(own: np.ndarray, other: np.ndarray) -> int:
    """How many updates run before the losses differ by more than 1e-10."""
    apart = np.abs(own - other) > 1e-10
    return int(apart.argmax()) if apart.any() else len(own)
