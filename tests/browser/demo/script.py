"""Charts of each kind, a film with its transport bar, a pad, and what Python heard of them."""

import json

import numpy as np
import streamlit as st

from core.contracts import Figure, Frame, Step
from core.plots import theme
from core.plots.encode import quantise
from pages._ui.charts import chart
from pages._ui.pad import drawing_pad
from pages._ui.transport import transport

FRAMES, ROWS, COLUMNS = 60, 20, 30


def wave(k: int) -> np.ndarray:
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    return np.sin(x / 4 + k / 6) * np.cos(y / 5)


def film() -> Figure:
    trace = {
        "type": "heatmap",
        "z": quantise(wave(0), -1, 1),
        "colorbar": {"title": {"text": "height [m]"}},
        **theme.signed_scale(1),
    }
    frames = [Frame([{"z": quantise(wave(k), -1, 1)}], [0]) for k in range(FRAMES)]
    layout = theme.layout(xaxis=theme.axis("x [m]"), yaxis=theme.axis("y [m]"))
    return Figure(
        [trace],
        layout,
        "A wave that travels to the left: 60 moments.",
        "Blue is below 0, orange above.\nOne frame is a moment.",
        frames,
    )


def echo() -> Figure:
    x = np.arange(COLUMNS, dtype=float)
    frames = [Frame([{"y": wave(k)[0]}], [0], {"title": {"text": f"moment {k}"}}) for k in range(FRAMES)]
    trace = {"type": "scatter", "x": x, "y": wave(0)[0], "mode": "lines+markers", "name": "row 0", "customdata": x * 10}
    layout = theme.layout(
        xaxis=theme.axis("x [m]"),
        yaxis=theme.axis("height [m]", range=[-1.1, 1.1]),
        showlegend=True,
        title={"text": "moment 0"},
    )
    return Figure(
        [trace, {"type": "bar", "x": x, "y": np.abs(wave(0)[0]), "name": "size"}],
        layout,
        "Row 0 of the wave.",
        "The line is row 0.",
        frames,
    )


def hill(scale: float) -> Figure:
    y, x = np.mgrid[-2:2:25j, -2:2:30j]
    axes = {
        "xaxis": {"title": {"text": "w1"}},
        "yaxis": {"title": {"text": "w2"}},
        "zaxis": {"title": {"text": "loss"}},
    }
    layout = theme.layout(scene=axes, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    return Figure(
        [{"type": "surface", "x": x[0], "y": y[:, 0], "z": scale * (x**2 + y**2), "colorscale": theme.MAGNITUDE}],
        layout,
        "A bowl.",
        "Height is the loss.",
    )


st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.title("Components")
if st.toggle("Other page", key="other"):
    st.write("nothing here")
    st.stop()
scale = st.slider("Scale", 1, 5, 1, key="scale")
start = st.number_input("Start", 0, FRAMES - 1, 0, key="start")
steps = [
    Step(f"moment {k}", f"The wave has moved by {k / 6:.2f} rad.", [rf"\sin\left(\frac{{x}}{{4}} + {k / 6:.2f}\right)"])
    for k in range(FRAMES)
]
rested = transport("wave", steps, key="bar", at=start)
quiet = transport("silent", [Step(f"epoch {k}") for k in range(8)], key="quiet")
left, right = st.columns(2)
with left:
    clicked = [chart(film(), key="film", film="wave", clickable=True)]
    clicked.append(chart(hill(scale), key="hill", clickable=True))
with right:
    clicked.append(chart(echo(), key="echo", film="wave", clickable=True))
    data = [{"type": "scatter", "x": [1, 2, 3], "y": [scale, 4, 9], "mode": "markers", "marker": {"size": 14}}]
    points = Figure(
        data, theme.layout(xaxis=theme.axis("n"), yaxis=theme.axis("n squared")), "Three squares.", "A dot is a square."
    )
    clicked.append(chart(points, key="points", clickable=True))
    chart(hill(2), key="thumb", height=160, static=True)
    if st.toggle("Broken", key="broken"):
        chart(
            Figure([{"type": "scatter", "x": [1], "y": [1]}], {"xaxis": 5, "annotations": 7}, "Broken.", ""), key="bad"
        )
if st.toggle("Late", key="late"):
    chart(echo(), key="latecomer", film="wave")
ink = drawing_pad(key="pad", label="Draw a digit")
said = {
    "runs": st.session_state["runs"],
    "rested": rested,
    "clicked": [None if c is None else [c.trace, c.point, c.x, c.y, c.z, c.customdata] for c in clicked],
    "ink": None if ink is None else [list(ink.shape), float(ink.max()), float(ink.mean())],
}
st.html(f"<pre id='said'>{json.dumps(said)}</pre>")
