"""A small transformer learns a task from endless new examples, and every snapshot keeps its maps of one example and its weights.

    L = mean over all asked answers of -log softmax(logits)[target],     theta <- Adam(theta, dL/dtheta; eta_t)

The pace of eta_t, the longest gradient and the steps of the snapshots are those of core/training/watched.py; one snapshot comes before
the first step. Decoders are given the true answers so far (teacher forcing), in training and in the accuracy of a snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.attention.language import NAME, bits, corpus_of, language
from core.attention.layout import Arranged, arrange, shape_for
from core.attention.measures import entropy, score
from core.attention.tasks import IGNORED, TASKS, Task
from core.attention.tracing import trace
from core.contracts import Snapshot
from core.errors import ExplainerError
from core.rng import generator
from core.training.watched import packed, unpacked, watched
from models.transformer import Transformer, transformer

SNAPSHOTS = 40
TESTED, TESTED_WINDOWS = 200, 24  # examples that no step has seen; of a text
FIRST = 32  # tokens of the example whose maps are kept


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
    text: str = ""  # of a visitor, for the task "text"

    def about(self) -> Task:
        """The task by its name."""
        return language(self.text) if self.task == NAME else TASKS[self.task]

    def model(self) -> Transformer:
        """The untrained transformer, its first weights drawn for this seed.

        Raises:
            ExplainerError: a text is to be learned by a transformer that sees what comes next.
        """
        if self.task == NAME and self.kind != "decoder":
            raise ExplainerError(
                f"a transformer of the kind {self.kind!r} would see the character that it has to say; choose a decoder"
            )
        shape = shape_for(self.about(), self.kind, self.length, layers=self.layers, heads=self.heads, d=self.d,
                          positions=self.positions, norm=self.norm)  # fmt: skip
        return transformer(shape, generator(self.seed, "weights"))

    def batches(self, purpose: str, count: int) -> Iterator[Arranged]:
        """Endless new examples; other ones for each purpose. What is not for training comes from what no training has seen."""
        task, g = self.about(), generator(self.seed, purpose)
        draw = task.sample if purpose == "examples" or task.unseen is None else task.unseen
        while True:
            yield arrange(task, self.kind, draw(count, self.length, g))

    def test(self) -> Arranged:
        """What a snapshot is measured on."""
        return next(self.batches("test", TESTED if self.about().scored else TESTED_WINDOWS))


def train(course: Course, model: Transformer | None = None) -> Iterator[Snapshot]:
    """Learn, and report; a run whose loss is no finite number any more ends there, its last snapshot with `diverged` = 1.

    A given `model` is trained in place.
    """
    model = (course.model() if model is None else model).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=course.rate, betas=(0.9, 0.98))
    examples, test = course.batches("examples", course.batch), course.test()

    def loss() -> Tensor:
        given = next(examples)
        return loss_of(model(given.inputs), given.targets)

    yield report(model, test, 0, course)
    for step in watched(optimizer, loss, course.steps, course.rate, SNAPSHOTS):
        yield report(model, test, step, course)


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats, mean over the answers that are asked for."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def accuracy_of(logits: Tensor, targets: Tensor) -> float:
    """The share of asked answers that are right."""
    asked = targets != IGNORED
    return float((logits.argmax(-1) == targets)[asked].double().mean())


@torch.no_grad()
def report(model: Transformer, test: Arranged, step: int, course: Course) -> Snapshot:
    """Loss and accuracy on the test examples, the marks of all heads there, the maps of the first one, and all weights.

    Of a text the maps show the first FIRST characters. Nobody knows where its heads ought to look, so their entropy is all that is
    told of them; and the loss comes in bits per character too, over the characters that n-grams are judged on.
    """
    seen = trace(model, test.inputs)
    loss = float(loss_of(seen.logits, test.targets))
    metrics = {
        "loss": loss,
        "accuracy": accuracy_of(seen.logits, test.targets),
        "diverged": float(not math.isfinite(loss)),
    }
    maps = seen.weights[0]
    if course.about().scored:
        heads = score(seen.weights, test.truth)
        marks = {"accuracy": heads.accuracy, "entropy": heads.entropy}
        metrics["alignment"] = float(heads.accuracy.max())
        if course.task == "induction":
            marks["induction"] = heads.mass
            metrics["induction"] = float(heads.mass.max())
    else:
        maps, marks = maps[..., :FIRST, :FIRST], {"entropy": entropy(seen.weights).mean((0, 3)).double()}
        metrics["bits"] = bits(model, corpus_of(course.text))
    metrics["entropy"] = float(marks["entropy"].mean())
    arrays = {
        "maps": maps.half().numpy(),
        **{f"head_{name}": values.numpy() for name, values in marks.items()},
        **packed(model),
    }
    return Snapshot(step, course.steps, metrics, arrays)


def trained(course: Course, arrays: Mapping[str, np.ndarray]) -> Transformer:
    """The transformer with the weights that a snapshot of its course holds, in eval mode."""
    return unpacked(course.model(), arrays)
