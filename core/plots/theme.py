"""Colours and the look of every figure, the same in light and dark.

Categories use the palette of Okabe and Ito (Color Universal Design, 2008), which readers with any of the common forms of
colour blindness can tell apart, darkened where needed so that it holds on white and on near-black alike. Magnitudes use
cividis, signed values a blue-white-orange map centred at 0. Text and page colours are left to the browser's theme.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, OLIVE, GREY = (
    "#2b7bba", "#e08e0b", "#1a9876", "#d1495b", "#a56ab5", "#4aa8d8", "#94891f", "#8a8f98",
)  # fmt: skip
CATEGORIES = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, OLIVE, GREY)
MAGNITUDE = "Cividis"
SIGNED = ((0.0, "#0b4f8a"), (0.25, "#5aa0d0"), (0.5, "#f4f4f2"), (0.75, "#eda046"), (1.0, "#a04a00"))
FORWARD, BACKWARD, QUIET = BLUE, ORANGE, GREY

_LINE = "rgba(128, 136, 148, 0.28)"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title (and unit), quiet grid and any other Plotly attributes."""
    return {"title": {"text": title}, "gridcolor": _LINE, "zerolinecolor": _LINE, "automargin": True, **more}


def hidden_axis(**more: Any) -> dict[str, Any]:
    """An axis of a drawing (a graph, a picture) that has no scale."""
    return {"visible": False, "fixedrange": False, **more}


def layout(**more: Any) -> dict[str, Any]:
    """The layout that all figures share, with `more` on top. `uirevision` keeps zoom and camera while data change."""
    base: Mapping[str, Any] = {
        "colorway": list(CATEGORIES),
        "margin": {"l": 56, "r": 16, "t": 28, "b": 48},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        "hoverlabel": {"namelength": -1},
        "uirevision": "keep",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
    return {**base, **more}


def upright_line(x: Any, **line: Any) -> dict[str, Any]:
    """A shape: the vertical line at x, from the bottom of the picture to its top; `line` are its colour, width and dash."""
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def signed_scale(bound: float) -> dict[str, Any]:
    """Colour attributes for signed values in -bound to bound, white at 0."""
    bound = float(bound) or 1.0
    return {"colorscale": [list(stop) for stop in SIGNED], "zmin": -bound, "zmax": bound}
