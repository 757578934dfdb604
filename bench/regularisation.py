"""Regularised nets x steps a second, all nets as one array, against the loop that trains them one by one in torch, within one run.

    python -m bench.regularisation

The rival is the loop one would write: for each net an nn.Sequential 2-32-32-2 with ReLU, BatchNorm1d, LayerNorm or Dropout where its kind asks for it,
torch.optim.Adam (weight_decay for L2), and for each step a shuffled batch of 20 points, zero_grad, cross-entropy, backward, step. Both in
float64 and on one thread. Ours is `descend`, the training without its looks; the last lines time what the page runs. Printed: median and
spread (lowest to highest) over the rounds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bench.network_race import milliseconds
from bench.optimizer_race import seconds, spread
from core.regularisation import descent, dropout
from core.regularisation.compute import RegularisationSpec, plan_of, variant
from core.regularisation.training import PLAIN, Plan, descend, run

STEPS, ROUNDS, RIVAL_STEPS = 100, 7, 60
KINDS = ("l2", "dropout", "batch", "layer")


def rival_net(kind: str) -> torch.nn.Sequential:
    """2-32-32-2 with what its kind adds to a hidden layer."""
    extra = {"batch": lambda: [torch.nn.BatchNorm1d(32)], "layer": lambda: [torch.nn.LayerNorm(32)]}
    after = {"dropout": lambda: [torch.nn.Dropout(0.3)]}
    parts = []
    for inputs in (2, 32):
        parts += [torch.nn.Linear(inputs, 32), *extra.get(kind, list)(), torch.nn.ReLU(), *after.get(kind, list)()]
    return torch.nn.Sequential(*parts, torch.nn.Linear(32, 2)).double()


def torch_loop(plan: Plan, steps: int) -> None:
    """The sequential rival: one net of each variant."""
    X, y = torch.tensor(plan.sets.train.X[0]), torch.tensor(plan.sets.train.Y[0].argmax(-1))
    criterion = torch.nn.CrossEntropyLoss()
    for kind in ("plain", *KINDS):
        net = rival_net(kind).train()
        optimizer = torch.optim.Adam(net.parameters(), lr=plan.rate, weight_decay=0.01 if kind == "l2" else 0.0)
        for _ in range(steps):
            rows = torch.randperm(len(X))[: plan.batch]
            optimizer.zero_grad()
            criterion(net(X[rows]), y[rows]).backward()
            optimizer.step()


def ours(plan: Plan) -> None:
    for _ in descend(plan):
        pass


def against_torch(plan: Plan) -> None:
    """Net-steps a second of both, one after the other in each round."""
    nets, mine, rivals = len(plan.variants), [], []
    for _ in range(ROUNDS):
        rivals.append(nets * RIVAL_STEPS / seconds(lambda: torch_loop(plan, RIVAL_STEPS)))
        mine.append(nets * plan.seeds * plan.steps / seconds(lambda: ours(plan)))
    ratios = [a / b for a, b in zip(mine, rivals, strict=True)]
    ratio = f"{np.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    print(
        f"  {nets} kinds x {plan.seeds} seeds: ours {spread(mine)}/s, torch net by net {spread(rivals)}/s, ratio x {ratio}"
    )


def main() -> None:
    torch.set_num_threads(1)
    spec = RegularisationSpec(steps=STEPS)
    plan = plan_of(spec, (PLAIN, *(variant(spec, kind) for kind in KINDS)))
    with threadpool_limits(1):
        torch_loop(plan, 3)  # the first optimizer imports what it needs
        print("net-steps of a net 2-32-32-2, batch 20, Adam, float64")
        for seeds in (1, 8, 24):
            against_torch(replace(plan, seeds=seeds))
        first = plan_of(RegularisationSpec())
        milliseconds("the page's first visit: 4 nets x 8 seeds, 300 steps, with its looks", lambda: run(first), 5)
        milliseconds("double descent: 26 widths, 8 seeds, two ridges", lambda: descent.strips.__wrapped__((0.0, 0.01), 0.3, 8, 0), 5)  # fmt: skip
        milliseconds("256 masked copies as an ensemble, trained first", lambda: dropout.ensemble.__wrapped__(dropout.dropout_plan(RegularisationSpec())), 3)  # fmt: skip


if __name__ == "__main__":
    main()
