"""Several recurrent nets learn side by side from the same batches, told as Snapshots.

Adam (D. Kingma, J. Ba, ICLR 2015); before each step the gradient g over all of a net's weights is cut to length c, where one is
given (R. Pascanu et al., ICML 2013):  g ← g · min(1, c / |g|). A net whose loss is no finite number any more stands still.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from core.contracts import Snapshot
from core.recurrent.networks import Net, arrays

Batches = Iterator[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


def descend(
    nets: Mapping[str, Net],
    batches: Batches,
    loss: Loss,
    steps: int,
    *,
    rate: float,
    clip: float | None = None,
    optimizer: Callable[..., torch.optim.Optimizer] | None = None,
) -> Iterator[tuple[int, dict[str, float], dict[str, float]]]:
    """Train all nets in place. Yields after each step its number, and by net the loss before it and the gradient's norm before clipping.

    `optimizer` is a class of torch.optim, Adam if it is not given.
    """
    made = optimizer or torch.optim.Adam
    optimizers = {name: made(net.parameters(), rate) for name, net in nets.items()}
    losses, norms = {}, {}
    for step, (inputs, targets) in zip(range(1, steps + 1), batches, strict=False):
        for name, net in nets.items():
            if math.isfinite(losses.get(name, 0.0)):
                losses[name], norms[name] = _step(net, optimizers[name], loss, inputs, targets, clip)
        yield step, dict(losses), dict(norms)


def _step(
    net: Net, optimizer: torch.optim.Optimizer, loss: Loss, inputs: Tensor, targets: Tensor, clip: float | None
) -> tuple[float, float]:
    L = loss(net(inputs), targets)
    optimizer.zero_grad()
    L.backward()
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), math.inf if clip is None else clip)
    if torch.isfinite(L) and torch.isfinite(norm):
        optimizer.step()
        return L.item(), norm.item()
    return math.nan, math.nan


def train(
    nets: Mapping[str, Net],
    batches: Batches,
    loss: Loss,
    steps: int,
    *,
    rate: float,
    clip: float | None = None,
    every: int = 10,
    score: Callable[[Net], float] | None = None,
    say: Callable[[], Mapping[str, Any]] = dict,
) -> Iterator[Snapshot]:
    """`descend` as Snapshots: before the first step, after every `every` steps, and at the end.

    Metrics: loss.<net>, norm.<net> of the step (the mean loss since the last snapshot), score.<net> where `score` says what a net is
    worth. Arrays: <net>/<weight> for every weight, and what `say()` adds.
    """

    def told(step: int, metrics: dict[str, float]) -> Snapshot:
        if score is not None:
            metrics |= {f"score.{name}": score(net) for name, net in nets.items()}
        weights = {f"{name}/{key}": values for name, net in nets.items() for key, values in arrays(net).items()}
        return Snapshot(step, steps, metrics, {**weights, **say()})

    yield told(0, {})
    since: list[dict[str, float]] = []
    for step, losses, norms in descend(nets, batches, loss, steps, rate=rate, clip=clip):
        since.append(losses)
        if step % every == 0 or step == steps:
            mean = {f"loss.{name}": sum(row[name] for row in since) / len(since) for name in nets}
            yield told(step, {**mean, **{f"norm.{name}": value for name, value in norms.items()}})
            since = []


def weights_in(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The weights of one net in a snapshot's arrays."""
    return {key.removeprefix(f"{name}/"): values for key, values in found.items() if key.startswith(f"{name}/")}
