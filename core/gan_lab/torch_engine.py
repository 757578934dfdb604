"""The same game in PyTorch: tensors, autograd (twice for the penalty), torch.optim; float64, the same start, batches and noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.gan_lab.engine import LEAK, Draws, Rules, views

BENDS = {"leaky": lambda Z: functional.leaky_relu(Z, LEAK), "relu": torch.relu, "tanh": torch.tanh}
REAL: dict[str, Callable[[Tensor, float], Tensor]] = {
    "least": lambda r, s: 0.5 * (r - s) ** 2, "hinge": lambda r, s: torch.relu(1 - r), "critic": lambda r, s: -r,
    "log": lambda r, s: s * functional.softplus(-r) + (1 - s) * functional.softplus(r),
}  # fmt: skip
FAKE: dict[str, Callable[[Tensor], Tensor]] = {
    "least": lambda f: 0.5 * f**2, "hinge": lambda f: torch.relu(1 + f), "critic": lambda f: f, "log": functional.softplus,
}  # fmt: skip
FOOL: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": lambda f: -functional.softplus(f), "nonsat": lambda f: functional.softplus(-f), "least": lambda f: 0.5 * (f - 1) ** 2,
    "hinge": lambda f: -f, "wgan": lambda f: -f, "wgan_gp": lambda f: -f,
}  # fmt: skip
FAMILY = {"minimax": "log", "nonsat": "log", "wgan": "critic", "wgan_gp": "critic"}


def optimizer_of(rules: Rules, parameters: list[Tensor], rate: float) -> torch.optim.Optimizer:
    """torch's own, with the same settings."""
    if rules.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=(rules.beta1, rules.beta2))
    if rules.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=rate, alpha=rules.beta2)
    return torch.optim.SGD(parameters, lr=rate)


class TorchNet:
    """Weights (in, out) and biases as leaf tensors; with `us` every weight is used divided by v^T W u."""

    def __init__(
        self, sizes: tuple[int, ...], activation: str, theta: np.ndarray, us: list[np.ndarray] | None = None
    ) -> None:
        W, b = views(theta.copy(), sizes)
        self.W, self.b = ([torch.from_numpy(p.copy()).requires_grad_() for p in ps] for ps in (W, b))
        self.bend = BENDS[activation]
        self.us = None if us is None else [torch.from_numpy(u.copy()) for u in us]
        self.iterate()

    def iterate(self) -> None:
        """One step of power iteration for each weight."""
        if self.us is not None:
            with torch.no_grad():
                self.vs = [functional.normalize(W @ u, dim=0) for W, u in zip(self.W, self.us, strict=True)]
                self.us = [functional.normalize(v @ W, dim=0) for W, v in zip(self.W, self.vs, strict=True)]

    def __call__(self, X: Tensor) -> Tensor:
        W = self.W if self.us is None else [W / (v @ W @ u) for W, u, v in zip(self.W, self.us, self.vs, strict=True)]
        for V, c in zip(W[:-1], self.b[:-1], strict=True):
            X = self.bend(X @ V + c)
        return X @ W[-1] + self.b[-1]


class TorchGame:
    """The moves of engine.Game."""

    def __init__(
        self, rules: Rules, sizes_G: tuple[int, ...], sizes_D: tuple[int, ...], theta_G: np.ndarray, theta_D: np.ndarray,
        us: list[np.ndarray], draws: Draws,
    ) -> None:  # fmt: skip
        self.rules, self.draws, self.kind = rules, draws, FAMILY.get(rules.loss, rules.loss)
        self.G = TorchNet(sizes_G, rules.activation, theta_G)
        self.D = TorchNet(sizes_D, rules.activation, theta_D, us if rules.spectral else None)
        self.for_G, self.for_D = (
            optimizer_of(rules, [*net.W, *net.b], rate) for net, rate in zip((self.G, self.D), rules.rates, strict=True)
        )

    def generated(self) -> Tensor:
        """A batch of generated points."""
        return self.G(torch.from_numpy(self.draws.noise(self.rules.batch)))

    def move_d(self) -> float:
        """One update of D; its loss before it."""
        rules, D = self.rules, self.D
        x = torch.from_numpy(self.draws.real(rules.batch))
        y = self.generated().detach()
        D.iterate()
        L = REAL[self.kind](D(x), rules.target).mean() + FAKE[self.kind](D(y)).mean()
        if rules.loss == "wgan_gp":
            L = L + rules.penalty * self.penalty(x, y)
        self.for_D.zero_grad()
        L.backward()
        self.for_D.step()
        if rules.loss == "wgan":
            with torch.no_grad():
                for p in (*D.W, *D.b):
                    p.clamp_(-rules.clip, rules.clip)
        return L.item()

    def penalty(self, x: Tensor, y: Tensor) -> Tensor:
        """mean (|dD/dx| - 1)^2 between real and generated points."""
        between = (y + torch.from_numpy(self.draws.share(len(x))) * (x - y)).requires_grad_()
        (g,) = torch.autograd.grad(self.D(between).sum(), between, create_graph=True)
        return ((g.norm(dim=1) - 1) ** 2).mean()

    def move_g(self) -> float:
        """One update of G through D; its loss before it."""
        L = FOOL[self.rules.loss](self.D(self.generated())).mean()
        self.for_G.zero_grad()
        L.backward()
        self.for_G.step()
        return L.item()
