"""Trainings that are watched while they run: the pace of the rate, the steps that are shown, and weights as a snapshot's arrays.

    eta_t   rises evenly over the first 20th of the T steps, then falls along half a cosine to a tenth
    step    theta <- Optimizer(theta, dL/dtheta; eta_t), a gradient longer than 1 shortened to 1
    shown   after the steps round(T (k / K)^2), k = 1 .. K: close together at first

Sources: A. Vaswani et al., NeurIPS 2017, section 5.3 (the rise); I. Loshchilov, F. Hutter, ICLR 2017 (the cosine); R. Pascanu et al.,
ICML 2013, algorithm 1 (the shortened gradient).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

LONGEST = 1.0  # norm of a gradient
WEIGHTS = "weights "  # how the names of arrays that are weights begin


def pace(step: int, steps: int) -> float:
    """The share of the learning rate at a step, 1 to `steps`: a rise over a 20th, then half a cosine down to 0.1."""
    rise = max(1, steps // 20)
    if step < rise:
        return step / rise
    return 0.55 + 0.45 * math.cos(math.pi * (step - rise) / max(1, steps - rise))


def shown(steps: int, count: int) -> set[int]:
    """The steps after which a run of `steps` is looked at: at most `count`."""
    return {round(steps * (k / count) ** 2) for k in range(1, count + 1)}


def watched(
    optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], steps: int, rate: float, count: int
) -> Iterator[int]:
    """Train, and stop after every step that is shown to tell its number. `loss()` is the loss on the next examples.

    After a loss that is no finite number the step is told and the run ends there.
    """
    looked_at = shown(steps, count)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for step in range(1, steps + 1):
        L = loss()
        for group in optimizer.param_groups:
            group["lr"] = rate * pace(step, steps)
        optimizer.zero_grad()
        L.backward()
        nn.utils.clip_grad_norm_(parameters, LONGEST)
        optimizer.step()
        diverged = not torch.isfinite(L)
        if step in looked_at or diverged:
            yield step
        if diverged:
            return


def packed(model: nn.Module) -> dict[str, np.ndarray]:
    """All weights in float16, under names that begin with WEIGHTS."""
    return {f"{WEIGHTS}{name}": values.half().numpy().copy() for name, values in model.state_dict().items()}


def unpacked(model: nn.Module, arrays: Mapping[str, np.ndarray]) -> nn.Module:
    """The model with the weights that `packed` put among the arrays, in the model's own precision and in eval mode."""
    found = {name.removeprefix(WEIGHTS): torch.from_numpy(np.array(values)) for name, values in arrays.items() if name.startswith(WEIGHTS)}  # fmt: skip
    model.load_state_dict(found)
    return model.eval()
