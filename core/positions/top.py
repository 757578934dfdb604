"""What stands above the closer look: the encoding as a table, and what it says about every pair of positions."""

from __future__ import annotations

from core.contracts import Figure
from core.positions import figures as draw
from core.positions.compute import likeness, table
from core.positions.lenses import UNITS, key_of
from core.positions.spec import PositionsSpec
from models.positions import POSITIONS


def pictures(spec: PositionsSpec) -> dict[str, Figure]:
    """The encoding as a table, and what it says about every pair of positions."""
    column, unit = ("head", UNITS["alibi"]) if spec.kind == "alibi" else ("column", "component [1]")
    title = POSITIONS[spec.kind]
    return {
        "table": draw.table(table(spec), title, column, unit),
        "square": draw.square(likeness(spec), title, UNITS.get(spec.kind, "likeness [1]"), *key_of(spec)),
    }
