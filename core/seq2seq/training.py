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
from torch import nn
from torch.nn import functional as F

from core.attention import Sample
from core.attention.training import pace
from core.contracts import Snapshot
from core.rng import generator, numpy_generator
from core.seq2seq.tasks import LENGTHS, TRAINED, TRANSLATIONS
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
    optimizer = torch.optim.Adam(model.parameters(), lr=course.rate)
    told = {round(course.steps * (k / SNAPSHOTS) ** 2) for k in range(1, SNAPSHOTS + 1)}
    yield report(model, test, 0, course)
    for step, (x, y, _) in zip(range(1, course.steps + 1), course.examples(), strict=False):
        logits, _, _ = model.unroll(x, y.shape[1], some_true_tokens(y, course.ratio, heard))
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.param_groups[0]["lr"] = course.rate * pace(step, course.steps)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        diverged = not torch.isfinite(loss)
        if step in told or diverged:
            yield report(model, test, step, course)
        if diverged:
            return


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
        **{f"weights {name}": values.half().numpy().copy() for name, values in model.state_dict().items()},
    }
    return Snapshot(step, course.steps, metrics, arrays)


def score(alpha: np.ndarray, truth: np.ndarray) -> float:
    """The share of answers that look most at a token that holds what they need; answers that need none are not asked. NaN without any."""
    asked = truth.any(axis=-1)
    best = np.take_along_axis(truth, alpha.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return float(best[asked].mean()) if asked.any() else float("nan")


def trained(course: Course, arrays: Mapping[str, np.ndarray]) -> Seq2Seq:
    """The model with the weights that a snapshot of its course holds, in float64."""
    model = course.model().double()
    model.load_state_dict({n.removeprefix("weights "): torch.from_numpy(v.astype(np.float64)) for n, v in arrays.items() if n.startswith("weights ")})  # fmt: skip
    return model.eval()
