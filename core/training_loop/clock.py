"""How long each part of the loop takes: measured when it is asked for, and different from run to run."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np

from core.rng import numpy_generator
from core.training.clipping import CLIPS
from core.training.optimizers import gather
from core.training_loop.compute import Run
from core.training_loop.loop import fresh
from core.training_loop.net import backward, cross_entropy, evaluate, forward, log_softmax

PARTS = ("load", "forward", "backward", "step", "validate")
TURNS = 5


def clock(run: Run) -> dict[str, float]:
    """Part of the loop -> seconds in an epoch, the shortest of TURNS epochs."""
    turns = [_epoch(run) for _ in range(TURNS)]
    return {name: min(turn[name] for turn in turns) for name in PARTS}


@np.errstate(over="ignore", invalid="ignore")
def _epoch(run: Run) -> dict[str, float]:
    plan, theta = run.plan, run.states[0].theta
    h, rule, s = (
        gather(list(plan.racers), plan.net.count),
        plan.racers[0].optimizer.rule,
        SimpleNamespace(**fresh(plan)),
    )
    order, spent = numpy_generator(0, "clock").permutation(plan.X.shape[1]), np.zeros(4)
    for t, start in enumerate(range(0, len(order), plan.batch), 1):
        marks = [time.perf_counter()]
        rows = order[start : start + plan.batch]
        X, y = plan.X[:, rows], plan.y[:, rows]
        marks.append(time.perf_counter())
        a = forward(plan.net, theta, X)
        log_p = log_softmax(a[-1])
        cross_entropy(log_p, y)
        marks.append(time.perf_counter())
        g = backward(plan.net, theta, a, log_p, y)
        marks.append(time.perf_counter())
        theta = rule(theta, CLIPS["norm"](g, plan.clip) if plan.clip else g, s, h, t)
        marks.append(time.perf_counter())
        spent += np.diff(marks)
    begun = time.perf_counter()
    evaluate(plan.net, theta, plan.X_val, plan.y_val)
    return dict(zip(PARTS, (*spent.tolist(), time.perf_counter() - begun), strict=True))


def slowest(seconds: dict[str, float], digits: int) -> str:
    """Which part takes most of an epoch, and the throughput, in a sentence."""
    whole, most = math.fsum(seconds.values()), max(seconds, key=seconds.__getitem__)
    return f"On this computer an epoch takes {1000 * whole:.3g} ms, {digits / whole:,.0f} digits a second; most of it, {seconds[most] / whole:.0%}, is “{most}”."
