"""Maps whose rows and columns are tokens, layers, heads or numbers: one matrix as a heat map with a selected row and its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.theme import MAGNITUDE, ORANGE, axis, layout, signed_scale
from core.plots.words import short

LABELS = 40  # words at an axis


def tokens(title: str, words: Sequence[str], **more: Any) -> dict[str, Any]:
    """An axis of tokens, at most LABELS of them named; long ones are turned where they would overlap."""
    at = np.arange(0, len(words), max(1, -(-len(words) // LABELS)))
    named = [words[k] for k in at]
    angle = 0 if max(map(len, named), default=0) <= 2 else "auto"
    return axis(title, tickvals=at, ticktext=named, tickangle=angle, showgrid=False, zeroline=False, **more)


def matrix(values: np.ndarray, title: str, rows: tuple[str, Sequence[str] | None], columns: tuple[str, Sequence[str] | None], row: int | None, about: str, *, signed: bool = True, digits: int = 1) -> Figure:  # fmt: skip
    """Any matrix: `rows` and `columns` are (title, words or None for plain numbers); what is not finite stays empty."""
    finite = values[np.isfinite(values)]
    end = float(np.abs(finite).max()) if finite.size else 1.0
    scale = signed_scale(end) if signed else {"colorscale": MAGNITUDE, "zmin": 0.0, "zmax": end or 1.0}
    x, y = (tokens(t, w) if w is not None else axis(t, showgrid=False, zeroline=False) for t, w in (columns, rows))
    n, m = values.shape
    shapes = [] if row is None else [{"type": "rect", "x0": -0.5, "x1": m - 0.5, "y0": row - 0.5, "y1": row + 0.5, "line": {"color": ORANGE, "width": 3}}]  # fmt: skip
    heat_map = {
        "type": "heatmap", "z": np.where(np.isfinite(values), values, np.nan).astype(np.float32), "colorbar": {"title": {"text": title}, "thickness": 12},
        "hovertemplate": "row %{y}, column %{x}: %{z:.4f}<extra></extra>", "hoverongaps": False, **scale,
        **({"texttemplate": f"%{{z:.{digits}f}}", "textfont": {"size": 9}} if max(n, m) <= 12 else {}),
    }  # fmt: skip
    return Figure(
        data=[heat_map],
        layout=layout(
            title={"text": about.partition(":")[0], "font": {"size": 14}, "x": 0.02, "y": 0.98, "yanchor": "top"},
            xaxis=x, yaxis={**y, "autorange": "reversed"}, shapes=shapes, margin={"l": 56, "r": 8, "t": 34, "b": 48},
        ),
        alt=f"{about}: {n} by {m} numbers from {short(float(finite.min()) if finite.size else 0.0)} to {short(float(finite.max()) if finite.size else 0.0)}.",
        how_to_read=f"{about}. "
        + ("Orange is above 0, blue below, white 0." if signed else "Dark blue is 0, yellow the largest.")
        + " Empty cells have no number, for a mask forbids them." * (finite.size < values.size)
        + " The orange frame is the selected row." * (row is not None),
    )  # fmt: skip
