"""What is on screen as files: draws, both networks, the open closer look, the pipeline and the settings; every number as a table."""

from __future__ import annotations

from collections.abc import Iterator

from core.augmentation.code import pipeline
from core.augmentation.compute import Run, pair, resolved
from core.augmentation.learning import NOISES, SHIFTS, TURNS
from core.augmentation.lenses import about, curves, look, tiles
from core.augmentation.spec import LENSES, AugmentationSpec
from core.contracts import View
from core.report import Section, section, settings, to_csv

HARDER = {"shift [share of a side]": SHIFTS, "turn [degrees]": TURNS, "noise [standard deviation]": NOISES}


def sections(spec: AugmentationSpec) -> list[Section]:
    """Draws and curves, the closer look that is open, torchvision's words for the pipeline, settings."""
    spec, why = resolved(spec)
    words = [words for words in (why, about(spec)) if words]
    return [
        section(
            "With and without changed copies",
            View(words, figures={"draws": tiles(spec), "test accuracy": curves(spec)}),
        ),
        section(LENSES[spec.lens], look(spec)),
        Section("This pipeline with torchvision", pipeline(spec).splitlines()),
        settings(spec),
    ]


def table(spec: AugmentationSpec) -> str:
    """CSV: for each network its loss and test accuracy by epoch, then its accuracy on each kind and level of harder pictures."""
    spec, _ = resolved(spec)
    rows = (row for name, run in pair(spec).items() for row in _rows(name, run))
    return to_csv(("network", "quantity", "at", "value"), rows)


def _rows(name: str, run: Run) -> Iterator[tuple[str, str, float, float]]:
    for quantity, values in (("training loss [nat], epoch", run.loss), ("test accuracy, epoch", run.test)):
        for epoch, value in enumerate(values, start=1):
            yield name, quantity, epoch, float(value)
    for (kind, levels), accuracies in zip(HARDER.items(), run.harder, strict=True):
        for level, value in zip(levels, accuracies, strict=True):
            yield name, f"test accuracy, {kind}", float(level), float(value)
