"""One task for three kinds of transformer: what each is given, what it has to answer, and where the truth lies in its maps.

    encoder   in place: answer i at token i; else behind the tokens stand as many blanks as there are answers
    decoder   in place where all that an answer needs stands left of it; else tokens, blank, answers so far: a continuation
    both      the tokens go to the encoder, blank and answers so far to the decoder (teacher forcing)

The blank is one more token, with the number len(task.vocabulary).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from core.attention.tasks import IGNORED, Sample, Task
from models.transformer import Shape

BLANK, SPACE, LINE_END = "▢", "␣", "↵"  # how they are written at an axis


@dataclass(frozen=True, eq=False)
class Arranged:
    """A sample as a model gets it. `inputs` are tokens, or the pair (source, answers so far); `truth` fits the main maps."""

    inputs: Int[Tensor, "batch query"] | tuple[Int[Tensor, "batch key"], Int[Tensor, "batch query"]]
    targets: Int[Tensor, "batch query"]
    truth: Bool[Tensor, "batch query key"]

    @property
    def queries(self) -> Int[Tensor, "batch query"]:
        """The tokens that stand at the rows of the main maps."""
        return self.inputs[1] if isinstance(self.inputs, tuple) else self.inputs

    @property
    def keys(self) -> Int[Tensor, "batch key"]:
        """The tokens that stand at their columns."""
        return self.inputs[0] if isinstance(self.inputs, tuple) else self.inputs


def in_place(task: Task, kind: str) -> bool:
    """Whether answer i is given at token i."""
    return task.aligned if kind == "encoder" else kind == "decoder" and task.leftward


def arrange(task: Task, kind: str, sample: Sample) -> Arranged:
    """The sample for a model of this kind: "encoder", "decoder" or "both"."""
    x, y, truth = sample
    if in_place(task, kind):
        return Arranged(x, y, truth)
    blank = torch.full((len(x), 1), len(task.vocabulary))
    before = torch.cat([blank, y[:, :-1]], 1)
    before = torch.where(before == IGNORED, blank, before)
    if kind == "both":
        return Arranged((x, before), y, truth)
    n, m = x.shape[1], y.shape[1]
    behind = before if kind == "decoder" else blank.expand(-1, m)
    placed = torch.zeros(len(x), n + m, n + m, dtype=torch.bool)
    placed[:, n:, :n] = truth
    return Arranged(torch.cat([x, behind], 1), torch.cat([torch.full_like(x, IGNORED), y], 1), placed)


def shape_for(task: Task, kind: str, length: int, **about) -> Shape:
    """The shape of a transformer for the task: `about` are layers, heads, d, positions, norm and their like."""
    longest = 2 * max(length, task.length) + 20  # room for typed tokens, and for a date written out
    classes = len(task.vocabulary)
    return Shape(classes + 1, classes, kind, length=longest, **about)


def words(task: Task, tokens: Tensor | np.ndarray) -> list[str]:
    """Tokens as they stand at an axis: blank, space and line end get signs of their own."""
    names, seen = (*task.vocabulary, BLANK), {" ": SPACE, "\n": LINE_END}
    return [seen.get(names[t], names[t]) for t in tokens.tolist()]
