"""The loop with all its records against the same loop that keeps nothing but the losses of validation.

    python -m bench.training_loop

Both take the same batches and reach the same weights to the last bit; one BLAS thread, the sides in turn, the median of the ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from core.training.optimizers import gather
from core.training_loop.compute import data_of, plan_of
from core.training_loop.loop import Plan, begin, epochs, fresh
from core.training_loop.net import evaluate, gradient
from core.training_loop.spec import TrainingLoopSpec

TURNS, TARGET = 15, 0.95


def recorded(plan: Plan) -> np.ndarray:
    """The loop of the page."""
    *_, last = epochs(plan, begin(plan), plan.steps)
    return last.state.theta


def bare(plan: Plan) -> np.ndarray:
    """Batches, gradient, step, validation."""
    state, h, rule = begin(plan), gather(list(plan.racers), plan.net.count), plan.racers[0].optimizer.rule
    g, s, theta, step = np.random.default_rng(), SimpleNamespace(**fresh(plan)), state.theta, 0
    g.bit_generator.state = state.random[0]
    for _ in range(plan.epochs):
        order = g.permutation(plan.X.shape[1])
        for start in range(0, len(order), plan.batch):
            rows = order[None, start : start + plan.batch]
            _, grad = gradient(plan.net, theta, plan.X[[[0]], rows], plan.y[[[0]], rows])
            h.lr[:] = plan.rates[step][:, None]
            step += 1
            theta = rule(theta, grad, s, h, step)
        evaluate(plan.net, theta, plan.X_val, plan.y_val)
    return theta


def seconds(side: Callable[[Plan], np.ndarray], plan: Plan) -> float:
    begun = time.perf_counter()
    side(plan)
    return time.perf_counter() - begun


def main() -> None:
    for title, spec in {"first visit": TrainingLoopSpec(), "1,000 digits": TrainingLoopSpec(points=1000, epochs=10, width=64)}.items():  # fmt: skip
        plan = plan_of(spec, data_of(spec))
        assert np.array_equal(recorded(plan), bare(plan))
        pairs = [(seconds(recorded, plan), seconds(bare, plan)) for _ in range(TURNS)]
        ratio = statistics.median(without / full for full, without in pairs)
        best = min(without for _, without in pairs) / min(full for full, _ in pairs)
        per_step = 1e6 * min(full for full, _ in pairs) / plan.steps
        print(
            f"{title}: {per_step:.0f} µs a step with all records, {ratio:.3f} times the speed of the bare loop (median), {best:.3f} (fastest); wanted {TARGET} or more"
        )


if __name__ == "__main__":
    main()
