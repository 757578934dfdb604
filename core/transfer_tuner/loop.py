"""The training loop as a text of nine lines: which of them runs, what passes through it, and how long it takes.

The shapes are those of the tensors of the run's own first batch; the seconds are measured by `Watch` and are the mean of its epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.contracts import Step
from core.transfer_tuner.spec import OPTIMIZERS, TuneSpec
from core.transfer_tuner.tuning import Task
from core.transfer_tuner.watch import PHASES

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Line:
    """One line of the loop: its code, the phase that it is (""), and what passes through it, with shapes."""

    code: str
    phase: str
    passes: str


TITLES = {
    "load": "Load a batch", "forward": "Forward", "loss": "Loss", "backward": "Backward", "norms": "Measure the gradient",
    "step": "Step", "validate": "Validation",
}  # fmt: skip


def listing(spec: TuneSpec, data: Task, arrays: Arrays) -> list[Line]:
    """The loop of this strategy; shapes that the run has not told yet are left open."""
    K, steps = len(data.classes), -(-len(data.train) // spec.batch)
    features = "x" if spec.strategy == "probe" else "features"
    probe = spec.strategy == "probe"
    learn = arrays.get("shape/gradient")
    weights = "each weight that learns" if learn is None else f"{int(learn[0]):,} weights"
    return [
        Line(f"for epoch in range({spec.epochs}):", "", f"{len(data.train):,} training pictures each"),
        Line(f"    for rows in shuffled.split({spec.batch}):", "", f"{steps} steps"),
        Line(f"        x, y = {'features' if probe else 'pictures'}[rows], labels[rows]", "load", f"x {_shape(arrays, 'x')}, y {_shape(arrays, 'y')}"),
        Line(f"        logits = {'head(x)' if probe else 'head(body(x))'}", "forward", f"{'' if probe else f'features {_shape(arrays, features)}, '}logits {_shape(arrays, 'logits')}"),
        Line("        loss = cross_entropy(logits, y)", "loss", f"one number {_shape(arrays, 'loss')}"),
        Line("        optimizer.zero_grad(); loss.backward()", "backward", f"a gradient for {weights}"),
        Line("        lengths += gradient_lengths()", "norms", "one for each block, one for the head"),
        Line("        optimizer.step()", "step", f"{weights}, by {OPTIMIZERS[spec.optimizer].partition(',')[0]}"),
        Line("    evaluate(validation)", "validate", f"logits ({len(data.val)}, {K})"),
    ]  # fmt: skip


def _shape(arrays: Arrays, name: str) -> str:
    found = arrays.get(f"shape/{name}")
    if found is None:
        return "(…)"
    return f"({', '.join(map(str, found))}{',' if len(found) == 1 else ''})"


def seconds(arrays: Arrays) -> dict[str, float]:
    """Phase -> seconds in an epoch, the mean of those measured; empty before the first epoch."""
    found = arrays.get("seconds")
    return {} if found is None or not len(found) else dict(zip(PHASES, found.mean(axis=0).tolist(), strict=True))


def captions(spec: TuneSpec, lines: Sequence[Line], taken: Mapping[str, float]) -> list[Step]:
    """What happens in each phase, in the order of the loop."""
    probe = spec.strategy == "probe"
    words = {
        "load": "The rows of one batch are taken from the features, which were computed once, before the loop." if probe else "One batch of pictures becomes numbers: bytes divided by 255, then normalised as the body is used to.",
        "forward": "The head turns the features into one number for each class." if probe else "The body turns pictures into features, the head turns features into one number for each class.",
        "loss": "The numbers become probabilities, and the loss asks how little the true class has got.",
        "backward": "The old gradients are cleared, and the chain rule goes back through everything that learns. Frozen layers get no gradient.",
        "norms": "The length of the gradient of each block is noted for the look “What moved?”. Nothing is cut off.",
        "step": "The optimizer changes each weight that learns, with the rate that the schedule gives at this step.",
        "validate": "Once an epoch: the validation pictures pass without learning, and the weights are kept if they are the best so far.",
    }  # fmt: skip
    total = sum(taken.values())
    return [
        Step(
            TITLES[line.phase],
            f"{words[line.phase]} Here: {line.passes}."
            + (f" It took {_time(taken[line.phase])} of an epoch's {_time(total)}." if taken else ""),
        )
        for line in lines
        if line.phase
    ]


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def slowest(taken: Mapping[str, float]) -> str:
    """Which part takes most of an epoch, in a sentence; "" before anything was measured."""
    if not taken:
        return ""
    most = max(taken, key=taken.get)
    return f"An epoch took {_time(sum(taken.values()))} on the computer that runs Glassnet; most of it, {taken[most] / sum(taken.values()):.0%}, was “{TITLES[most]}”."
