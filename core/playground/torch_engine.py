"""The same training in PyTorch: tensors for each layer, autograd, torch.optim, its batch_norm; float64, one thread's worth of
work a step."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from core.playground import network
from core.playground.network import Rules
from core.playground.problem import Problem

ACTIVATIONS = {
    network.LINEAR: lambda z: z,
    network.TANH: torch.tanh,
    network.SIGMOID: torch.sigmoid,
    network.RELU: torch.relu,
    network.LEAKY: torch.nn.functional.leaky_relu,
    network.ELU: torch.nn.functional.elu,
    network.SILU: torch.nn.functional.silu,
    network.SOFTPLUS: torch.nn.functional.softplus,
    network.GELU: lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    network.SINE: torch.sin,
}


def optimizer_of(rules: Rules, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    """torch's optimizer with the same settings; the penalty is part of the loss."""
    return {
        network.SGD: lambda: torch.optim.SGD(parameters, lr=1.0),
        network.MOMENTUM: lambda: torch.optim.SGD(parameters, lr=1.0, momentum=rules.beta1),
        network.NESTEROV: lambda: torch.optim.SGD(parameters, lr=1.0, momentum=rules.beta1, nesterov=rules.beta1 > 0),
        network.ADAGRAD: lambda: torch.optim.Adagrad(parameters, lr=1.0),
        network.RMSPROP: lambda: torch.optim.RMSprop(parameters, lr=1.0, alpha=rules.beta2),
        network.ADAM: lambda: torch.optim.Adam(parameters, lr=1.0, betas=(rules.beta1, rules.beta2)),
    }[rules.optimizer]()


class TorchEngine:
    """Weights as leaf tensors W (inputs, outputs), b (outputs; β in a normalised layer), and in a normalised layer γ."""

    def __init__(self, about: Problem) -> None:
        self.about, self.kinds = about, about.net.kinds.tolist()
        self.F, self.Y = torch.from_numpy(about.F), torch.from_numpy(about.Y)
        sizes = about.net.sizes.tolist()
        self.W = [torch.zeros(i, o, dtype=torch.float64) for i, o in itertools.pairwise(sizes)]
        self.b = [torch.zeros(o, dtype=torch.float64) for o in sizes[1:]]
        rows = [3 if norm else 0 for norm in about.net.norms]  # γ, running mean, running variance
        self.more = [list(torch.zeros(r, o, dtype=torch.float64)) for r, o in zip(rows, sizes[1:], strict=True)]
        self.tensors = [p for w, more, b in zip(self.W, self.more, self.b, strict=True) for p in (w, *more, b)]
        self.put(about.theta)
        gammas = [more[0].requires_grad_() for more in self.more if more]
        self.parameters = [p.requires_grad_() for p in (*self.W, *(self.b if about.net.biased else []))] + gammas
        self.optimizer = optimizer_of(about.rules, self.parameters)

    def theta(self) -> np.ndarray:
        return torch.cat([p.detach().flatten() for p in self.tensors]).numpy().copy()

    def put(self, theta: np.ndarray) -> None:
        pieces = torch.from_numpy(theta.copy()).split([p.numel() for p in self.tensors])
        with torch.no_grad():
            for p, piece in zip(self.tensors, pieces, strict=True):
                p.copy_(piece.view_as(p))

    def run(self, rows: np.ndarray, masks: np.ndarray, first: int, last: int, rates: np.ndarray, t: int) -> None:
        size, rules = self.about.batch, self.about.rules
        order, drops = torch.from_numpy(rows), torch.from_numpy(masks)
        for k in range(first, last):
            chosen, mask = order[k * size : (k + 1) * size], drops[k * size : (k + 1) * size]
            self.optimizer.zero_grad()
            (self.loss(chosen, mask) + self.penalty()).backward()
            for group in self.optimizer.param_groups:
                group["lr"] = float(rates[k])
            if rules.penalty == network.DECOUPLED:
                with torch.no_grad():
                    for W in self.W:
                        W.mul_(1.0 - float(rates[k]) * rules.strength)
            self.optimizer.step()

    def loss(self, chosen: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The mean loss over a batch, with dropout."""
        A, unit = self.F[chosen], 0
        for layer, (b, kind) in enumerate(zip(self.b[:-1], self.kinds[:-1], strict=True)):
            A = ACTIVATIONS[kind](self.preactivation(A, layer))
            if self.about.rules.keep < 1.0:
                A = A * mask[:, unit : unit + len(b)]
                unit += len(b)
        Z, Y = A @ self.W[-1] + self.b[-1], self.Y[chosen]
        if self.about.rules.loss == network.HINGE:
            return torch.relu(1.0 - Y * Z).sum(1).mean()
        if self.about.rules.loss == network.ABSOLUTE:
            return (ACTIVATIONS[self.kinds[-1]](Z) - Y).abs().sum(1).mean()
        if self.about.rules.loss == network.SQUARED:
            return 0.5 * ((ACTIVATIONS[self.kinds[-1]](Z) - Y) ** 2).sum(1).mean()
        if self.kinds[-1] == network.SIGMOID:
            return torch.nn.functional.binary_cross_entropy_with_logits(Z, Y)
        return torch.nn.functional.cross_entropy(Z, Y)

    def preactivation(self, A: torch.Tensor, layer: int) -> torch.Tensor:
        """A W + b, or γ Ẑ + β. torch refuses to normalise a single row, which is its own mean: Ẑ is 0."""
        W, b, more = self.W[layer], self.b[layer], self.more[layer]
        if not more:
            return A @ W + b
        Z, (gamma, mean, variance) = A @ W, more
        if len(Z) > 1:
            return torch.nn.functional.batch_norm(Z, mean, variance, gamma, b, True, network.FOLLOW, network.EPS)
        mean.lerp_(Z[0].detach(), network.FOLLOW)
        return (Z - Z) * gamma + b

    def penalty(self) -> torch.Tensor | float:
        """λ Σ|w| (L1) or ½ λ Σ w² (L2) over the weights."""
        if self.about.rules.penalty == network.L1:
            return self.about.rules.strength * sum(W.abs().sum() for W in self.W)
        if self.about.rules.penalty == network.L2:
            return 0.5 * self.about.rules.strength * sum((W * W).sum() for W in self.W)
        return 0.0
