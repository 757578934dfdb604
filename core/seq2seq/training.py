"""An encoder-decoder learns a translation from endless new examples, and every snapshot keeps its alignment of one example and its weights.

    L = mean over all tokens of -log softmax(logits_i)[y_i],     theta <- Adam(theta, dL/dtheta; eta_t),  gradients shortened to 1

While it learns, the token that the decoder hears is the truth with probability `ratio` and its own guess otherwise. A snapshot measures
both: `forced` is the accuracy by token while the truth is heard, `free` while it hears itself, as in use; `whole` is the share of answers
without a mistake in free use. Each batch of copy and reverse has one length, drawn from those that it is trained on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.attention import Sample
from core.contracts import Snapshot
from core.rng import generator, numpy_generator
from core.seq2seq.tasks import LENGTHS, TRAINED, TRANSLATIONS
from core.training.watched import packed, unpacked, watched
from models.seq2seq import Seq2Seq, own_tokens, seq2seq, some_true_tokens, true_tokens

SNAPSHOTS = 24
TESTED = 200
EXAMPLE = {"copy": 10, "reverse": 10, "dates": 10, "undates": 17}  # length of the film's example


@dataclass(frozen=True)
class Course:
    """What is learned, by which model, and how long. It crosses processes and is hashable."""

    task: str = "reverse"
    attention: str = "luong"
    hidden: int = 32
    ratio: float = 1.0
    steps: int = 800
    rate: float = 0.005
    batch: int = 64
    seed: int = 0

    def model(self) -> Seq2Seq:
        """The untrained model, its first weights drawn for this seed."""
        about = TRANSLATIONS[self.task]
        g = generator(self.seed, "weights", self.attention)
        return seq2seq(self.attention, len(about.source), len(about.target), self.hidden, g)

    def examples(self) -> Iterator[Sample]:
        """Endless batches."""
        about, lengths = TRANSLATIONS[self.task], numpy_generator(self.seed, "lengths")
        g = generator(self.seed, "examples")
        low, high = LENGTHS[self.task] if about.fixed else TRAINED
        while True:
            yield about.sample(self.batch, int(lengths.integers(low, high + 1)), g)

    def test(self) -> Sample:
        """Examples that no step sees."""
        return TRANSLATIONS[self.task].sample(TESTED, EXAMPLE[self.task], generator(self.seed, "test"))


def train(course: Course) -> Iterator[Snapshot]:
    """Learn, and report: before the first step and at most SNAPSHOTS times after it.

    A run whose loss is no finite number any more ends there; its last snapshot has the metric `diverged` = 1.
    """
    model, test, heard = course.model(), course.test(), generator(course.seed, "heard")
    optimizer, examples = torch.optim.Adam(model.parameters(), lr=course.rate), course.examples()

    def loss() -> Tensor:
        x, y, _ = next(examples)
        logits, _, _ = model.unroll(x, y.shape[1], some_true_tokens(y, course.ratio, heard))
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    yield report(model, test, 0, course)
    for step in watched(optimizer, loss, course.steps, course.rate, SNAPSHOTS):
        yield report(model, test, step, course)


@torch.no_grad()
def report(model: Seq2Seq, test: Sample, step: int, course: Course) -> Snapshot:
    """Loss and accuracies on the test examples, the alignment of the first one, and all weights."""
    x, y, truth = test
    logits, _, _ = model.unroll(x, y.shape[1], true_tokens(y))
    loss = float(F.cross_entropy(logits.flatten(0, 1), y.flatten()))
    _, said, alpha = model.unroll(x, y.shape[1], own_tokens)
    metrics = {
        "loss": loss,
        "forced": float((logits.argmax(2) == y).double().mean()),
        "free": float((said == y).double().mean()),
        "whole": float((said == y).all(1).double().mean()),
        "alignment": score(alpha.double().numpy(), truth.numpy()),
        "diverged": float(not math.isfinite(loss)),
    }
    arrays = {
        "course": np.array(repr(course)),
        "alpha": alpha[0].numpy().copy(),
        "said": said[0].numpy().copy(),
        **packed(model),
    }
    return Snapshot(step, course.steps, metrics, arrays)


def score(alpha: np.ndarray, truth: np.ndarray) -> float:
    """The share of answers that look most at a token that holds what they need; answers that need none are not asked. NaN without any."""
    asked = truth.any(axis=-1)
    best = np.take_along_axis(truth, alpha.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return float(best[asked].mean()) if asked.any() else float("nan")


def trained(course: Course, arrays: Mapping[str, np.ndarray]) -> Seq2Seq:
    """The model with the weights that a snapshot of its course holds, in float64."""
    return unpacked(course.model().double(), arrays)
