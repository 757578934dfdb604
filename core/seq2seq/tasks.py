"""Four translations whose right alignment is known: copy, reverse, and dates in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.attention import TASKS as SHARED
from core.attention import Sample
from core.attention.tasks import MONTHS
from core.errors import ExplainerError

LENGTHS = {"copy": (2, 20), "reverse": (2, 20), "dates": (10, 10), "undates": (17, 17)}
TRAINED = (2, 12)  # lengths that a model of copy or reverse is trained on


@dataclass(frozen=True)
class Translation:
    """Source tokens and target tokens are places in their vocabularies; `sample(batch, length, generator)` gives a Sample."""

    name: str
    title: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    sample: Callable[[int, int, torch.Generator], Sample]
    solve: Callable[[Tensor], Sample]
    example: str

    @property
    def fixed(self) -> bool:
        """Whether all sources have the same length."""
        return LENGTHS[self.name][0] == LENGTHS[self.name][1]

    def read(self, text: str) -> Sample:
        """A typed source and its right answer.

        Raises:
            ExplainerError: it is no source of this task.
        """
        shortest, longest = LENGTHS[self.name]
        text = text.strip().ljust(shortest) if self.name == "undates" else text.strip()
        if unknown := [c for c in text if c not in self.source]:
            raise ExplainerError(f"{unknown[0]!r} is no token of this task; for example {self.example}")
        if not shortest <= len(text) <= longest:
            raise ExplainerError(f"{len(text)} tokens are outside {shortest} to {longest}; for example {self.example}")
        return self.solve(torch.tensor([[self.source.index(c) for c in text]]))


def _turned(sample: Sample) -> Sample:
    """The same translation the other way round: who is read from whom is transposed."""
    return Sample(sample.targets, sample.tokens, sample.alignment.transpose(1, 2))


def _undate(x: Tensor) -> Sample:
    """2026-11-20 from 20 November 2026."""
    dates = SHARED["dates"]
    written = ["".join(dates.vocabulary[t] for t in tokens) for tokens in x.tolist()]
    return _turned(dates.solve(torch.cat([dates.encode(_iso(text)) for text in written])))


def _iso(written: str) -> str:
    """20 November 2026 as 2026-11-20."""
    parts = written.split()
    if (
        len(parts) != 3
        or parts[1] not in MONTHS
        or written != f"{parts[0]:>2} {parts[1]} {parts[2]}".ljust(len(written))
    ):
        raise ExplainerError(f"{written.strip()!r} is no date; write day, month and year, as in 20 November 2026")
    return f"{parts[2]}-{MONTHS.index(parts[1]) + 1:02}-{parts[0]}"


def _shared(name: str, example: str) -> Translation:
    task = SHARED[name]
    return Translation(name, task.title, task.vocabulary, task.vocabulary, task.sample, task.solve, example)


_DATES = SHARED["dates"]
TRANSLATIONS: dict[str, Translation] = {
    task.name: task
    for task in (
        _shared("reverse", "314159265358"),
        _shared("copy", "314159265358"),
        _shared("dates", "2026-11-20"),
        Translation(
            "undates", "Dates, backwards", _DATES.vocabulary, _DATES.vocabulary,
            lambda batch, length, g: _turned(_DATES.sample(batch, 10, g)), _undate, "20 November 2026",
        ),
    )
}  # fmt: skip
