"""The sequential torch loop that the race must equal: torch's optimizers, torch's clipping and schedules, and the surfaces
written once more, in torch, so that autograd gives their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from core.optimizer_race.race import RaceSpec, draw_noise
from core.training.optimizers import Racer, gather

cos, sin, exp, sqrt = torch.cos, torch.sin, torch.exp, torch.sqrt
PI = math.pi


def bowl(x: Tensor, y: Tensor, condition: float = 25.0, angle: float = 0.0) -> Tensor:
    along = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
    across = -x * math.sin(math.radians(angle)) + y * math.cos(math.radians(angle))
    return 0.5 * along**2 + 0.5 * condition * across**2


FORMULAS: dict[str, Callable[..., Tensor]] = {
    "quadratic_bowl": bowl,
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "beale": lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "rastrigin": lambda x, y: 20 + (x**2 - 10 * cos(2 * PI * x)) + (y**2 - 10 * cos(2 * PI * y)),
    "ackley": lambda x, y: (
        -20 * exp(-0.2 * sqrt(0.5 * (x**2 + y**2))) - exp(0.5 * (cos(2 * PI * x) + cos(2 * PI * y))) + math.e + 20
    ),
    "styblinski_tang": lambda x, y: (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2,
    "saddle": lambda x, y: x**2 - y**2 + y**4 / 2,
    "monkey_saddle": lambda x, y: x**3 - 3 * x * y**2 + (x**2 + y**2) ** 2 / 4,
    "plateau": lambda x, y: (x**2 + y**2) / (1 + x**2 + y**2),
    "ravine": lambda x, y, steepness=20.0: steepness / 2 * (y - sin(x)) ** 2 + x**2 / 20,
    "noisy_bowl": lambda x, y, noise=0.5: x**2 / 2 + 2 * y**2,
}

SGD, Adam = torch.optim.SGD, torch.optim.Adam
CLASSES = {
    "sgd": SGD, "momentum": SGD, "nesterov": SGD, "adagrad": torch.optim.Adagrad, "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta, "adam": Adam, "amsgrad": Adam, "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam, "radam": torch.optim.RAdam, "adamax": torch.optim.Adamax,
    "rprop": torch.optim.Rprop, "lbfgs": torch.optim.LBFGS, "lbfgs_wolfe": torch.optim.LBFGS,
}  # fmt: skip


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al. 2023, line by line."""

    def step(self) -> None:
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            eta, lam = group["lr"], group["weight_decay"]
            for theta in group["params"]:
                m = self.state[theta].get("m", torch.zeros_like(theta))
                g = theta.grad
                c = beta1 * m + (1 - beta1) * g
                theta.data = theta.data - eta * (torch.sign(c) + lam * theta.data)
                self.state[theta]["m"] = beta2 * m + (1 - beta2) * g


def optimizer_of(racer: Racer, theta: Tensor) -> torch.optim.Optimizer:
    hyper = dict(racer.hyper)
    if racer.name == "lion":
        return Lion([theta], hyper)
    if racer.name == "adamw":
        hyper.pop("decoupled_weight_decay")
    if racer.name == "lbfgs":
        hyper["max_iter"] = 1
    if racer.name == "lbfgs_wolfe":
        hyper |= {"max_iter": 1, "max_eval": 26, "line_search_fn": "strong_wolfe"}
    return CLASSES[racer.name]([theta], **hyper)


def lockstep(racer: Racer, spec: RaceSpec) -> tuple[np.ndarray, np.ndarray]:
    """Our rule and torch's optimizer side by side, (step, 2) each: before every step ours is put where torch's stands and
    gets torch's gradient. Chaotic paths magnify the last bit until nothing is left of it; single steps do not."""
    theta = torch.tensor(spec.start, dtype=torch.float64, requires_grad=True)
    optimizer, f = optimizer_of(racer, theta), FORMULAS[spec.hill.name]
    h = gather([racer], 2)
    h.measure = lambda places: measured(f, places)
    s = SimpleNamespace(**{symbol: first(h) for symbol, first in racer.optimizer.state.items()})

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = f(theta[0], theta[1])
        loss.backward()
        return loss

    ours, theirs = [], []
    for t in range(1, spec.steps + 1):
        place = theta.detach().numpy()[None].copy()
        closure()
        g = theta.grad.numpy()[None].copy()
        optimizer.step(closure) if racer.optimizer.guest else optimizer.step()
        with np.errstate(all="ignore"):
            ours.append(racer.optimizer.rule(place, g, s, h, t)[0])
        theirs.append(theta.detach().numpy().copy())
    return np.array(ours), np.array(theirs)


def measured(f: Callable[..., Tensor], places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and gradients by autograd, for a line search."""
    at = torch.tensor(places, requires_grad=True)
    values = f(at[:, 0], at[:, 1])
    values.sum().backward()
    return values.detach().numpy(), at.grad.numpy()


def torch_race(
    spec: RaceSpec, scheduler: Callable[[torch.optim.Optimizer], object] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Paths (racer, step + 1, 2) and rates (racer, step) of the sequential loop."""
    noise = draw_noise(spec, spec.seed)
    pairs = [_one(spec, racer, noise, scheduler) for racer in spec.racers]
    return np.array([path for path, _ in pairs]), np.array([rates for _, rates in pairs])


def _one(spec: RaceSpec, racer: Racer, noise: np.ndarray | None, scheduler) -> tuple[np.ndarray, list[float]]:
    theta = torch.tensor(spec.start, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_of(racer, theta)
    schedule = scheduler(optimizer) if scheduler else None
    f, rest = FORMULAS[spec.hill.name], dict(spec.parameters)
    path, rates = [theta.detach().numpy().copy()], []
    for t in range(spec.steps):

        def closure(t: int = t) -> Tensor:
            optimizer.zero_grad()
            loss = f(theta[0], theta[1], **rest)
            loss.backward()
            if noise is not None:
                theta.grad += torch.from_numpy(noise[t, 0])
            if spec.clip == "value":
                torch.nn.utils.clip_grad_value_([theta], spec.threshold)
            if spec.clip == "norm":
                torch.nn.utils.clip_grad_norm_([theta], spec.threshold)
            return loss

        rates.append(optimizer.param_groups[0]["lr"])
        loss = optimizer.step(closure) if racer.optimizer.guest else closure()
        if not racer.optimizer.guest:
            optimizer.step()
        path.append(theta.detach().numpy().copy())
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(loss.item())
        elif schedule is not None:
            schedule.step()
    return np.array(path), rates
