"""Predict, then reveal: questions about the network on screen, answered by its counts."""

from __future__ import annotations

from core.architectures.compute import Plan, plan
from core.architectures.count import count, where_it_breaks
from core.architectures.lenses import parts
from core.architectures.spec import ArchitecturesSpec
from core.architectures.words import large
from core.contracts import Question


def questions(spec: ArchitecturesSpec) -> list[Question]:
    """At most three; one that the network does not decide is left out."""
    found = plan(spec)
    return [question for question in (_heaviest(found), _doubled(found), _twice(found)) if question is not None]


def _heaviest(found: Plan) -> Question | None:
    """Which part holds most parameters."""
    names, counts = parts(found)
    shares = {name: c.parameters / (found.count.parameters or 1) for name, c in zip(names, counts, strict=True)}
    first, *rest = sorted(shares, key=shares.__getitem__, reverse=True)[:4]
    if not rest or shares[rest[0]] > 0.9 * shares[first]:
        return None
    return Question(
        f"heaviest.{_name(found)}",
        "Which part holds the most parameters?",
        first,
        "; ".join(f"{name}: {100 * shares[name]:.3g} %" for name in (first, *rest)) + ".",
        tuple(sorted((first, *rest))),
    )


def _doubled(found: Plan) -> Question | None:
    """What pictures of twice the side cost."""
    C, H, _ = found.shape
    if where_it_breaks(found.net, C, 2 * H):
        return None
    ratio = count(found.net, (C, 2 * H, 2 * H)).macs / found.count.macs
    return Question(
        f"doubled.{_name(found)}",
        f"Pictures of {2 * H} × {2 * H} in place of {H} × {H}: how many times the multiply-adds? Within 0.3 counts as right.",
        ratio,
        f"{ratio:.3g} times. Convolutions work once for every cell, and there are about four times as many; borders that windows cut off weigh less, and a dense head after a mean does not grow.",
        tolerance=0.3,
    )


def _twice(found: Plan) -> Question | None:
    """Whether a larger picture means more parameters."""
    C, H, _ = found.shape
    if where_it_breaks(found.net, C, 2 * H):
        return None
    larger = count(found.net, (C, 2 * H, 2 * H)).parameters
    return Question(
        f"more.{_name(found)}",
        f"And the parameters: do they grow with pictures of {2 * H} × {2 * H}?",
        "yes" if larger > found.count.parameters else "no",
        f"{large(found.count.parameters)} at {H} × {H}, {large(larger)} at {2 * H} × {2 * H}. Kernels are shared by all places; a dense layer on a flattened map has a weight for each cell.",
        ("yes", "no"),
    )


def _name(found: Plan) -> str:
    return f"{found.title}.{found.shape[1]}.{found.count.parameters}"
