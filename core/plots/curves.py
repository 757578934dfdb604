"""Lines over steps: one for each run, told apart by colour and dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.contracts import Figure
from core.plots.theme import CATEGORIES, axis, layout

DASHES = ("solid", "dash", "dot", "dashdot")


def overlay(curves: Mapping[str, Sequence[float]], x_title: str, y_title: str, *, log: bool = False) -> Figure:
    """All `curves` (name -> values at step 0, 1, ...) in one picture."""
    data = [
        {
            "type": "scatter",
            "mode": "lines" if len(values) > 1 else "markers",
            "name": name,
            "x": np.arange(len(values)),
            "y": np.asarray(values, float),
            "line": {"width": 2.2, "color": CATEGORIES[k % len(CATEGORIES)], "dash": DASHES[k // len(CATEGORIES) % 4]},
            "hovertemplate": f"{x_title} %{{x}}<br>{y_title} %{{y:.5g}}<extra>%{{fullData.name}}</extra>",
        }
        for k, (name, values) in enumerate(curves.items())
    ]
    ends = "; ".join(
        f"{name} from {values[0]:.4g} to {values[-1]:.4g}" for name, values in curves.items() if len(values)
    )
    return Figure(
        data=data,
        layout=layout(xaxis=axis(x_title), yaxis=axis(y_title, type="log" if log else "linear"), showlegend=True),
        alt=f"{y_title} against {x_title}: {ends or 'no run yet'}.",
        how_to_read=f"Each line is one run. Left to right: {x_title}; lower or higher: {y_title}. Click a name in the legend to hide its line.",
    )
