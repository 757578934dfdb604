"""How far a unit sees, drawn: the measured gradient over the picture with the theoretical box, its profile, and its growth by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.contracts import Figure
from core.plots.encode import quantise
from core.plots.theme import BLUE, GREEN, ORANGE, axis, layout, upright_line


def field_picture(
    picture: np.ndarray, field: np.ndarray, box: tuple[float, float, float, float], alt: str, unit: str
) -> Figure:
    """The measured gradient of `unit` (in words) over the grey picture, with the theoretical box: first and last row and column."""
    largest = field.max() or 1.0
    rows, columns = np.arange(field.shape[0]), np.arange(field.shape[1])
    behind = {
        "type": "heatmap",
        "z": quantise(picture, 0.0, 1.0),
        "x": columns,
        "y": rows,
        "colorscale": [[0.0, "#000000"], [1.0, "#ffffff"]],
        "showscale": False,
        "hoverinfo": "skip",
        "opacity": 0.75,
    }
    glow = {
        "type": "heatmap",
        "z": quantise(np.where(field > 0, field / largest, np.nan), 0.0, 1.0),
        "x": columns,
        "y": rows,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "rgba(224,142,11,0)"], [0.15, "rgba(224,142,11,0.45)"], [1, "rgba(255,236,170,1)"]],
        "hoverongaps": False,
        "colorbar": {"title": {"text": "|∂y/∂x|, largest = 1", "side": "right"}, "thickness": 10},
        "hovertemplate": "row %{y}, column %{x}: %{z:.3g} of the largest<extra></extra>",
    }
    top, bottom, left, right = box
    x, y = np.array([left, right, right, left, left]), np.array([top, top, bottom, bottom, top])
    grow = np.array([-0.5, 0.5, 0.5, -0.5, -0.5]), np.array([-0.5, -0.5, 0.5, 0.5, -0.5])
    frame = {
        "type": "scatter",
        "mode": "lines",
        "name": "theoretical field",
        "x": x + grow[0],
        "y": y + grow[1],
        "line": {"color": GREEN, "width": 3},
        "hoverinfo": "skip",
    }
    return Figure(
        [behind, glow, frame],
        layout(
            xaxis=axis("column (cells)", constrain="domain", showgrid=False, zeroline=False),
            yaxis=axis(
                "row (cells)", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, zeroline=False
            ),
            showlegend=True,
            margin={"l": 56, "r": 10, "t": 36, "b": 48},
        ),
        alt,
        f"The picture in grey; over it, from clear to bright, how strongly each cell moves {unit}. The green box is the theoretical receptive field: outside of it the gradient is exactly 0. Parts of the box beyond the picture lie in the padding.",
    )


def field_profile(profile: np.ndarray, centre: float, sigma: float, box: tuple[float, float], alt: str) -> Figure:
    """The field added up over its rows, against the Gaussian of the same centre and width."""
    at = np.arange(len(profile))
    measured = {
        "type": "scatter",
        "mode": "lines",
        "name": "measured",
        "x": at,
        "y": profile,
        "line": {"color": ORANGE, "width": 2.4},
        "hovertemplate": "column %{x}: %{y:.3g}<extra>measured</extra>",
    }
    data = [measured]
    if np.isfinite(sigma) and sigma > 0:
        bell = np.exp(-((at - centre) ** 2) / (2 * sigma**2))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"Gaussian, σ = {sigma:.3g} cells",
                "x": at,
                "y": bell / bell.sum(),
                "line": {"color": BLUE, "width": 2, "dash": "dash"},
                "hovertemplate": "column %{x}: %{y:.3g}<extra>Gaussian</extra>",
            }
        )
    shapes = [upright_line(x, color=GREEN, width=2) for x in (box[0] - 0.5, box[1] + 0.5)]
    return Figure(
        data,
        layout(
            xaxis=axis("column (cells)"),
            yaxis=axis("share of the gradient", rangemode="tozero"),
            shapes=shapes,
            showlegend=True,
        ),
        alt,
        "Orange: the measured field, added up over rows, as a share of the whole. Dashed: the Gaussian of the same centre and standard deviation. Green lines: the ends of the theoretical field.",
    )


def growth(sizes: Sequence[int], jumps: Sequence[int], names: Sequence[str], alt: str) -> Figure:
    """Receptive field and jump, layer by layer."""
    at = np.arange(1, len(sizes) + 1)
    lines = [("receptive field", sizes, BLUE, "solid"), ("jump", jumps, ORANGE, "dash")]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": at,
            "y": np.array(values),
            "text": list(names),
            "line": {"color": colour, "dash": dash, "width": 2.2},
            "hovertemplate": "layer %{x}, %{text}: %{y} cells<extra>%{fullData.name}</extra>",
        }
        for name, values, colour, dash in lines
    ]
    return Figure(
        data,
        layout(xaxis=axis("layer"), yaxis=axis("cells of the picture", rangemode="tozero"), showlegend=True),
        alt,
        "Blue: how many cells of the picture, along one side, a unit of this layer can see. Orange: how many cells apart two neighbouring units look; it grows with every stride.",
    )
