"""Four translations whose right alignment is known: copy, reverse, and dates in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.attention import TASKS as SHARED
from core.attention import Sample
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


def _shared(name: str, example: str) -> Translation:
    task = SHARED[name]
    return Translation(name, task.title, task.vocabulary, task.vocabulary, task.sample, task.solve, example)


TRANSLATIONS: dict[str, Translation] = {
    task.name: task
    for task in (
        _shared("reverse", "314159265358"),
        _shared("copy", "314159265358"),
        _shared("dates", "2026-11-20"),
        _shared("undates", "20 November 2026"),
    )
}
