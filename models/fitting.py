"""Training as it is done for transformers, one step at a time, and how much a network learns from few pictures.

AdamW (I. Loshchilov, F. Hutter, ICLR 2019); at step t of T the rate is  rate * min(10 t / T, (1 + cos(pi t / T)) / 2):  it rises
over the first steps (A. Vaswani et al., NeurIPS 2017, section 5.3) and falls along a cosine (Loshchilov and Hutter, ICLR 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.rng import generator


@dataclass(frozen=True)
class Rule:
    """How a network is trained: `steps` in all, the highest rate, pictures in a batch, weight decay."""

    steps: int
    rate: float
    batch: int = 64
    decay: float = 0.05

    def rate_at(self, t: int) -> float:
        """The rate of step t = 1 .. steps."""
        return self.rate * min(10 * t / self.steps, (1 + math.cos(math.pi * t / self.steps)) / 2)


def batches(count: int, rule: Rule, seed: int) -> Iterator[Tensor]:
    """The rows of each step: all of them once in a new order, again and again."""
    g, left = generator(seed, "batches"), rule.steps
    while left:
        for rows in torch.randperm(count, generator=g).split(rule.batch):
            yield rows
            left -= 1
            if not left:
                return


def fitting(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    rule: Rule,
    *,
    seed: int = 0,
    change: Callable[[Tensor], Tensor] = lambda x: x,
) -> Iterator[float]:
    """Train in place, and tell the loss of each batch before its step. `change` is done to every batch of pictures.

    The module is in training mode at each step, whatever was done with it between two steps.
    """
    optimizer = torch.optim.AdamW(module.parameters(), lr=rule.rate, weight_decay=rule.decay)
    for t, rows in enumerate(batches(len(x), rule, seed), start=1):
        module.train()
        optimizer.param_groups[0]["lr"] = rule.rate_at(t)
        loss = F.cross_entropy(module(change(x[rows])), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


@torch.no_grad()
def tested(module: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """(loss, share of right answers), in eval mode."""
    logits = module.eval()(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()


def by_number_of_pictures(
    builders: Mapping[str, Callable[[], nn.Module]],
    learn: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    sizes: Sequence[int],
    rule: Rule,
    seed: int = 0,
) -> Iterator[tuple[int, str, float]]:
    """(n, name, share of right answers) of each network after as many steps on the first n pictures, the smallest n first."""
    for n in sizes:
        for name, build in builders.items():
            module = build()
            for _ in fitting(module, learn[0][:n], learn[1][:n], rule, seed=seed):
                pass
            yield n, name, tested(module, *test)[1]
