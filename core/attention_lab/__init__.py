"""Operate on attention: switch heads off, force a pattern, patch activations, let a decoder write, and measure what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.attention_lab import figures as draw
from core.attention_lab import lenses
from core.attention_lab.caching import saved
from core.attention_lab.code import script
from core.attention_lab.compute import ablation, marks, named, run, subject
from core.attention_lab.language import OWN, learned_part, trainer
from core.attention_lab.lenses import learning, look
from core.attention_lab.questions import questions
from core.attention_lab.report import sections, table
from core.attention_lab.spec import EXAMPLES, TOUR
from core.attention_lab.spec import AttentionLabSpec as SPEC
from core.contracts import Figure, Snapshot, Step, View

__all__ = [
    "EXAMPLES",
    "OWN",
    "SPEC",
    "TOUR",
    "draw",
    "figures",
    "learned",
    "look",
    "numbers",
    "questions",
    "script",
    "sections",
    "subject",
    "switched",
    "table",
    "thumbnail",
    "trainer",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return dict(look(subject(spec)).figures)


def learned(spec: SPEC, curve: Mapping[str, Sequence[float]], said: Sequence[Snapshot]) -> View:
    """The lens of the language model with the visitor's own training, if it is that of these settings."""
    mine = said and str(said[-1].arrays["asked"]) == learned_part(spec)
    return learning(spec, curve, said) if mine else learning(spec)


def numbers(spec: SPEC) -> dict[str, float]:
    """What the script prints: the loss of the sequence on screen with every head off in turn, or what a cache saves."""
    if spec.lens == "cache":
        return saved(spec)
    who = subject(spec)
    gone = {"loss": who.off, **{f"loss without {named(p)}": (*who.off, p) for p in who.places}}
    return {name: marks(run(who, who.arranged, off), who.arranged)[0] for name, off in gone.items()}


def worked(spec: SPEC) -> Sequence[Step]:
    """The head that is missed most, in numbers."""
    return lenses.worked(subject(spec))


def switched(spec: SPEC, cell: tuple[int, ...] | None) -> dict[str, Any]:
    """The heads that are off after a click on a cell (layer, head) of the matrix."""
    if cell is None:
        return {}
    who = subject(spec)
    place = who.places[cell[0] * who.model.shape.heads + cell[1]]
    off = [p for p in who.places if (p in who.off) != (p == place)]
    return {"off": ", ".join(map(named, off))}


def thumbnail() -> Figure:
    """The effects of the page's first visit, for the card on the home page."""
    found = ablation(subject(SPEC()))
    return draw.thumbnail(found.loss - found.before[0])
