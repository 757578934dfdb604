"""Who races, written as one text: "SGD, Adam@0.1" are SGD at the race's rate, and Adam at a rate of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.errors import ExplainerError, one_of
from core.training.optimizers import Optimizer


class Entry(NamedTuple):
    """One racer as the visitor wrote it: `label` on screen, optimizer, and a rate of its own or None."""

    label: str
    name: str
    rate: float | None


def entries(text: str, known: Mapping[str, Optimizer], most: int) -> tuple[Entry, ...]:
    """The entries of a text, each label once; `known` are the optimizers that may race, at most `most` of them.

    Raises:
        ExplainerError: an unknown optimizer, a rate that is no number, none at all, or too many.
    """
    parts = filter(None, (part.strip() for part in text.split(",")))
    found = {entry.label: entry for entry in (_entry(part, known) for part in parts)}
    if not 1 <= len(found) <= most:
        raise ExplainerError(f"{len(found)} racers were chosen; a race needs 1 to {most}; try SGD, Momentum, Adam")
    return tuple(found.values())


def _entry(text: str, known: Mapping[str, Optimizer]) -> Entry:
    title, _, rate = text.partition("@")
    name = next(
        (name for name, about in known.items() if _letters(title) in (_letters(name), _letters(about.title))), ""
    )
    if not name:
        raise ExplainerError(f"racer {title[:40]!r} is unknown; choose {one_of(a.title for a in known.values())}")
    label = known[name].title
    if not rate:
        return Entry(label, name, None)
    try:
        return Entry(f"{label}@{float(rate):g}", name, float(rate))
    except ValueError:
        raise ExplainerError(f"racer {text[:40]!r}: after @ comes a learning rate; try {label}@0.1") from None


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
