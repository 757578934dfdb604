"""The page to take home: pictures and sentences as a report, and every layer as a table."""

from __future__ import annotations

import numpy as np

from core.contracts import View
from core.initialisation.compute import measured
from core.initialisation.lenses import about, look, pictures
from core.initialisation.spec import LENSES, InitialisationSpec
from core.report import Section, section, settings, to_csv


def sections(spec: InitialisationSpec) -> list[Section]:
    """Signal and gradient, the closer look that is open, settings."""
    return [
        section("Signal and gradient by layer", View([about(spec)], figures=pictures(spec))),
        section(LENSES[spec.lens], look(spec)),
        settings(spec),
    ]


def table(spec: InitialisationSpec) -> str:
    """CSV: for each layer (0 is the input) what was measured and predicted before training; nan where there is no such number."""
    flow, line, g = measured(spec)
    none = np.full(len(flow.a), np.nan)
    columns = {
        "layer": np.arange(len(flow.a)), "mean square of z": _above(flow.q), "predicted z": none if line is None else _above(line.q),
        "mean square of x": flow.a, "predicted x": none if line is None else line.a, "gradient by x": flow.g,
        "predicted gradient": g if len(g) else none, "norm of gradient by W": _above(flow.dW), "update : data": _above(flow.ratio),
        "saturated": _above(flow.saturated), "dead": _above(flow.dead),
    }  # fmt: skip
    return to_csv(tuple(columns), ([value.item() for value in row] for row in zip(*columns.values(), strict=True)))


def _above(values: np.ndarray) -> np.ndarray:
    """A layer's values, with none for the input."""
    return np.concatenate([[np.nan], values])
