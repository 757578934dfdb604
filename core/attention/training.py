"""A small transformer learns a task from endless new examples, and every snapshot keeps its maps of one example and its weights.

    L = mean over all asked answers of -log softmax(logits)[target],     theta <- Adam(theta, dL/dtheta; eta_t)

eta_t rises in the first 20th of the steps, then falls along half a cosine to a tenth; gradients longer than 1 are shortened to 1.
Decoders are given the true answers so far (teacher forcing), in training and in the accuracy of a snapshot. Snapshots come before the
first step and after the steps round(T (k / K)^2), k = 1 .. K: close together at first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.attention.layout import Arranged, arrange, shape_for
from core.attention.measures import score
from core.attention.tasks import IGNORED, TASKS, Task
from core.attention.tracing import trace
from core.contracts import Snapshot
from core.rng import generator
from models.transformer import Transformer, transformer

SNAPSHOTS = 40
TESTED = 200  # examples that no step has seen


@dataclass(frozen=True)
class Course:
    """What is learned, by which transformer, and how long. It crosses processes and is hashable."""

    task: str = "reverse"
    kind: str = "encoder"
    layers: int = 1
    heads: int = 2
    d: int = 32
    positions: str = "sinusoidal"
    norm: str = "pre"
    length: int = 10
    steps: int = 600
    batch: int = 64
    rate: float = 0.003
    seed: int = 0

    def about(self) -> Task:
        """The task by its name."""
        return TASKS[self.task]

    def model(self) -> Transformer:
        """The untrained transformer, its first weights drawn for this seed."""
        shape = shape_for(self.about(), self.kind, self.length, layers=self.layers, heads=self.heads, d=self.d,
                          positions=self.positions, norm=self.norm)  # fmt: skip
        return transformer(shape, generator(self.seed, "weights"))

    def batches(self, purpose: str, count: int) -> Iterator[Arranged]:
        """Endless new examples; other ones for each purpose."""
        g = generator(self.seed, purpose)
        while True:
            yield arrange(self.about(), self.kind, self.about().sample(count, self.length, g))


def train(course: Course, model: Transformer | None = None) -> Iterator[Snapshot]:
    """Learn, and report; a run whose loss is no finite number any more ends there, its last snapshot with `diverged` = 1.

    A given `model` is trained in place.
    """
    model = (course.model() if model is None else model).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=course.rate, betas=(0.9, 0.98))
    examples, test = course.batches("examples", course.batch), next(course.batches("test", TESTED))
    shown = {round(course.steps * (k / SNAPSHOTS) ** 2) for k in range(1, SNAPSHOTS + 1)}
    yield report(model, test, 0, course)
    for step in range(1, course.steps + 1):
        given = next(examples)
        loss = loss_of(model(given.inputs), given.targets)
        for group in optimizer.param_groups:
            group["lr"] = course.rate * pace(step, course.steps)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        diverged = not torch.isfinite(loss)
        if step in shown or diverged:
            yield report(model, test, step, course)
        if diverged:
            return


def pace(step: int, steps: int) -> float:
    """The share of the learning rate at a step, 1 to `steps`: a rise over a 20th, then half a cosine down to 0.1."""
    rise = max(1, steps // 20)
    if step < rise:
        return step / rise
    return 0.55 + 0.45 * math.cos(math.pi * (step - rise) / max(1, steps - rise))


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats, mean over the answers that are asked for."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def accuracy_of(logits: Tensor, targets: Tensor) -> float:
    """The share of asked answers that are right."""
    asked = targets != IGNORED
    return float((logits.argmax(-1) == targets)[asked].double().mean())


@torch.no_grad()
def report(model: Transformer, test: Arranged, step: int, course: Course) -> Snapshot:
    """Loss and accuracy on the test examples, the scores of all heads there, the maps of the first one, and all weights."""
    seen = trace(model, test.inputs)
    heads = score(seen.weights, test.truth)
    loss = float(loss_of(seen.logits, test.targets))
    metrics = {
        "loss": loss,
        "accuracy": accuracy_of(seen.logits, test.targets),
        "alignment": float(heads.accuracy.max()),
        "entropy": float(heads.entropy.mean()),
        "diverged": float(not math.isfinite(loss)),
    }
    arrays = {
        "maps": seen.weights[0].half().numpy(),
        "head_accuracy": heads.accuracy.numpy(),
        "head_entropy": heads.entropy.numpy(),
        **{f"weights {name}": values.half().numpy().copy() for name, values in model.state_dict().items()},
    }
    if course.task == "induction":
        arrays["head_induction"] = heads.mass.numpy()
        metrics["induction"] = float(heads.mass.max())
    return Snapshot(step, course.steps, metrics, arrays)


def trained(course: Course, arrays: Mapping[str, np.ndarray]) -> Transformer:
    """The transformer with the weights that a snapshot of its course holds, in eval mode."""
    model = course.model()
    model.load_state_dict({n.removeprefix("weights "): torch.from_numpy(v.astype(np.float32)) for n, v in arrays.items() if n.startswith("weights ")})  # fmt: skip
    return model.eval()
