"""Who races, written as one text: "SGD, Adam@0.1" are SGD at the race's rate, and Adam at a rate of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from core.errors import ExplainerError, one_of
from core.training.optimizers import EVERY, Optimizer, Racer


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


def racer(
    entry: Entry, *, rate: float | None, momentum: float, betas: tuple[float, float], weight_decay: float, **more: Any
) -> Racer:
    """The entry with those of the race's hyper-parameters that its optimizer has.

    A rate of its own goes before the race's; without both, and with a weight decay of 0, torch's default holds. Lion keeps its own second β of 0.99.
    """
    first, second = betas
    hyper = {
        "lr": rate if entry.rate is None else entry.rate,
        "momentum": momentum if entry.name in ("momentum", "nesterov") else None,
        "betas": (first, 0.99 if entry.name == "lion" else second),
        "weight_decay": weight_decay or None,
        **more,
    }
    accepts = EVERY[entry.name].accepts
    return Racer(entry.name, **{k: v for k, v in hyper.items() if v is not None and k in accepts})


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
