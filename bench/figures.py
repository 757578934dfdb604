"""How fast a figure gets ready for the browser, and how much is sent. `python -m bench.figures`

The rival is plotly's own way: build with `plotly.graph_objects`, then `to_json`. Both are timed in turns in one run,
with plotly given the same arrays. The film's size is that of its JSON.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go

from core.contracts import Figure, Frame
from core.plots.encode import figure_json, quantise

ROUNDS = 200
x = np.linspace(-2, 2, 100)
loss = np.add.outer(x**2, np.sin(3 * x))
points = np.random.default_rng(0).normal(size=(2, 250))


def ours() -> str:
    contour = {"type": "contour", "x": x, "y": x, "z": loss}
    path = {"type": "scatter", "x": points[0], "y": points[1], "mode": "markers"}
    layout = {"xaxis": {"title": {"text": "w1"}}, "yaxis": {"title": {"text": "w2"}}}
    return figure_json(Figure([contour, path], layout, "", ""))


def rival() -> str:
    figure = go.Figure([go.Contour(x=x, y=x, z=loss), go.Scatter(x=points[0], y=points[1], mode="markers")])
    figure.update_layout(xaxis_title_text="w1", yaxis_title_text="w2", template=None)
    return figure.to_json(validate=False)


def film(pack: Callable[[np.ndarray], object]) -> int:
    """Bytes of a film of 60 frames of 100 x 100 whose arrays went through `pack`."""
    waves = [np.sin(loss + k / 10) for k in range(60)]
    frames = [Frame([{"z": pack(wave)}], [0]) for wave in waves]
    return len(figure_json(Figure([{"type": "heatmap", "z": pack(waves[0])}], {}, "", "", frames)))


def film_of_plotly() -> int:
    waves = [np.sin(loss + k / 10) for k in range(60)]
    frames = [go.Frame(data=[go.Heatmap(z=wave)]) for wave in waves]
    return len(go.Figure([go.Heatmap(z=waves[0])], frames=frames).update_layout(template=None).to_json(validate=False))


def timed(work: Callable[[], str]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    pairs = [(timed(ours), timed(rival)) for _ in range(ROUNDS)][10:]
    for name, values in zip(("plain dict", "graph_objects"), zip(*pairs, strict=True), strict=True):
        low, median, high = statistics.quantiles(values, n=4)
        print(f"{name:14} {1e3 * median:6.3f} ms  (quartiles {1e3 * low:.3f} to {1e3 * high:.3f})")
    print(f"times faster   {statistics.median(b / a for a, b in pairs):6.1f}")
    print(f"figure, bytes  ours {len(ours()):,}  plotly {len(rival()):,}")
    sizes = {
        "plotly float64": film_of_plotly(),
        "float32": film(np.asarray),
        "quantised": film(lambda z: quantise(z, -1, 1)),
    }
    print("film, bytes    " + "  ".join(f"{name} {size:,}" for name, size in sizes.items()))


if __name__ == "__main__":
    main()
