"""The page to take home: the clouds and the open look as a report, and the points as a table."""

from __future__ import annotations

from core.contracts import View
from core.diffusion.compute import Study
from core.diffusion.lenses import about, look, pictures
from core.diffusion.live import at_once
from core.diffusion.spec import LENSES, DiffusionSpec
from core.report import Section, section, settings, to_csv


def sections(spec: DiffusionSpec) -> list[Section]:
    """The two clouds, the closer look, the settings."""
    study = Study(at_once(spec))
    return [
        section("From noise to data", View([about(study)], figures=pictures(study))),
        section(LENSES[spec.lens], look(study)),
        settings(study.spec),
    ]


def table(spec: DiffusionSpec) -> str:
    """CSV: where every generated point stands after every step."""
    ways = Study(at_once(spec)).ways
    rows = ((k, i, float(x), float(y)) for k, points in enumerate(ways) for i, (x, y) in enumerate(points))
    return to_csv(("step", "point", "x", "y"), rows)
