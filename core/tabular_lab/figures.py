"""The lab's pictures: scores, training curves, learning curves, errors, importances, leaks. Arrays come from compute; here they are only drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure
from core.plots.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, axis, layout
from core.plots.words import short
from core.tabular_lab.compute import Learning, Study
from core.tabular_lab.spec import LEAKS, MODELS

COLOURS = {"linear": BLUE, "trees": ORANGE, "single": GREEN, "deep": PURPLE}
SYMBOLS = {"linear": "circle", "trees": "square", "single": "diamond", "deep": "cross"}
DASHES = {"fit": "solid", "validation": "dot", "test": "dash"}
PART_WORDS = {"fit": "rows it learns from", "validation": "validation", "test": "test"}
TOP_HEIGHT, LENS_HEIGHT = 380, 440
MOST_COLUMNS = 10


def unit_of(run: Study, metric: str) -> str:
    """The metric by its name here, with its unit."""
    if metric == "score":
        return f"{run.score_name}  [{'share' if run.sheet.classes else '1'}]"
    return f"{run.loss_name}  [{'nat' if run.sheet.classes else run.sheet.unit or 'unit of the target'}]"


def scores(run: Study, metric: str) -> Figure:
    """Training and test value of every model on the first split."""
    k = ("score", "loss").index(metric)
    titles = list(MODELS.values())
    found = {part: [run.scores[part][model][k] for model in MODELS] for part in ("training", "test")}
    links = {
        "type": "scatter", "mode": "lines", "showlegend": False, "hoverinfo": "skip", "line": {"color": GREY, "width": 1.5},
        "x": [v for pair in zip(found["training"], found["test"], [None] * 4, strict=True) for v in pair],
        "y": [t for title in titles for t in (title, title, None)],
    }  # fmt: skip
    data = [links] + [
        {
            "type": "scatter", "mode": "markers", "name": part, "x": np.array(values), "y": titles,
            "marker": {
                "size": 13, "symbol": "circle" if part == "test" else "circle-open", "color": list(COLOURS.values()),
                "line": {"width": 2, "color": list(COLOURS.values())},
            },
            "hovertemplate": "%{y}, " + part + ": %{x:.4g}<extra></extra>",
        }
        for part, values in found.items()
    ]  # fmt: skip
    words = "; ".join(
        f"{title} {short(test)} on the test part, {short(own)} in training"
        for title, own, test in zip(titles, found["training"], found["test"], strict=True)
    )
    return Figure(
        data,
        layout(
            xaxis=axis(unit_of(run, metric)),
            yaxis=axis("model", type="category", autorange="reversed", categoryorder="array", categoryarray=titles),
            showlegend=True, margin={"l": 130, "r": 16, "t": 28, "b": 48},
        ),
        f"{unit_of(run, metric)} of four models: {words}.",
        "One row for each model. Filled: on test rows that it has never seen. Hollow: on the rows that it was trained on. The line between is the gap: memory that does not serve. "
        + ("To the right is better." if metric == "score" else "To the left is better."),
    )  # fmt: skip


def training(run: Study) -> Figure:
    """The two nets' losses after every epoch."""
    data: list[dict[str, Any]] = []
    words = []
    for model in ("single", "deep"):
        net = run.models[model].learned
        for part, curve in net.curves.items():
            data.append({
                "type": "scatter", "mode": "lines", "name": MODELS[model], "showlegend": part == "fit", "x": np.arange(len(curve)), "y": curve,
                "line": {"color": COLOURS[model], "dash": DASHES[part], "width": 2},
                "hovertemplate": f"epoch %{{x}}: %{{y:.4g}}<extra>{MODELS[model]}, {PART_WORDS[part]}</extra>",
            })  # fmt: skip
        data.append({
            "type": "scatter", "mode": "markers", "showlegend": False, "x": [net.epoch], "y": [float(net.curves["test"][net.epoch])],
            "marker": {"size": 11, "color": COLOURS[model], "symbol": SYMBOLS[model]},
            "hovertemplate": "kept from epoch %{x}; test loss %{y:.4g}<extra>" + MODELS[model] + "</extra>",
        })  # fmt: skip
        words.append(
            f"{MODELS[model]} kept from epoch {net.epoch} of {len(net.curves['fit']) - 1} with the test loss {short(float(net.curves['test'][net.epoch]))}"
        )
    data += [
        {"type": "scatter", "mode": "lines", "name": PART_WORDS[part], "x": [None], "y": [None], "line": {"color": GREY, "dash": DASHES[part]}}
        for part in run.models["deep"].learned.curves
    ]  # fmt: skip
    unit = "cross-entropy  [nat]" if run.sheet.classes else "squared error  [target variance]"
    return Figure(
        data,
        layout(xaxis=axis("epoch"), yaxis=axis(unit, type="log"), showlegend=True),
        f"Loss of the two nets in training: {'; '.join(words)}.",
        "Solid: the rows that the net learns from. Dotted: the validation part, where early stopping is on; it alone decides which weights are kept. Dashed: the test part, which decides nothing. "
        "The mark is the epoch whose weights are used. The axis is logarithmic; lower is better.",
    )  # fmt: skip


def learning(run: Study, found: Learning, metric: str) -> Figure:
    """Test value of every model against the number of training rows: mean and range over the draws."""
    k = ("score", "loss").index(metric)
    data: list[dict[str, Any]] = []
    words = []
    known = ~np.isnan(found.values[..., 0]).all(axis=(1, 2))
    x = found.sizes[known].astype(float)
    for m, (model, title) in enumerate(MODELS.items()):
        values = found.values[known, :, m, k]
        low, middle, high = (f(values, axis=1) for f in (np.nanmin, np.nanmean, np.nanmax))
        if values.shape[1] > 1:
            data.append({
                "type": "scatter", "mode": "lines", "x": np.concatenate([x, x[::-1]]), "y": np.concatenate([high, low[::-1]]), "fill": "toself",
                "fillcolor": _faint(COLOURS[model]), "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
            })  # fmt: skip
        data.append({
            "type": "scatter", "mode": "lines+markers", "name": title, "x": x, "y": middle, "line": {"color": COLOURS[model], "width": 2.4},
            "marker": {"symbol": SYMBOLS[model], "size": 9}, "hovertemplate": "%{x} rows: %{y:.4g}<extra>" + title + "</extra>",
        })  # fmt: skip
        if len(x):
            words.append(f"{title} from {short(float(middle[0]))} to {short(float(middle[-1]))}")
    return Figure(
        data,
        layout(
            xaxis=axis("training rows, logarithmic", type="log", tickvals=x.tolist(), ticktext=[f"{int(n):,}" for n in x]),
            yaxis=axis(f"test {unit_of(run, metric)}", **_window(found, k, metric, run)),
            showlegend=True,
        ),
        f"Test {unit_of(run, metric)} against {int(x[0]) if len(x) else 0} to {int(x[-1]) if len(x) else 0} training rows: {'; '.join(words)}.",
        f"Line: the mean over {found.values.shape[1]} draws of training and test part. Band: the lowest to the highest draw. Where bands overlap, luck with the rows is as large as the difference between models. "
        + ("Higher is better; values far below 0 lie under the picture." if metric == "score" else "Lower is better."),
    )  # fmt: skip


def _window(found: Learning, k: int, metric: str, run: Study) -> dict[str, Any]:
    """R² has no lower bound: one model's disaster must not press the others flat."""
    values = found.values[..., k]
    if metric == "score" and not run.sheet.classes and np.nanmin(values) < -0.5:
        return {"range": [-0.5, max(0.1, float(np.nanmax(values)) + 0.05)]}
    return {}


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def predicted(run: Study, model: str) -> Figure:
    """Prediction against truth on the test part."""
    y, p = run.data.y_test.astype(float), run.models[model].predict(run.data.X_test)
    ends = [float(min(y.min(), p.min())), float(max(y.max(), p.max()))]
    unit = run.sheet.unit or "unit of the target"
    data = [
        {"type": "scatter", "mode": "lines", "name": "right", "x": ends, "y": ends, "line": {"color": GREY, "dash": "dash"}, "hoverinfo": "skip"},
        {"type": "scatter", "mode": "markers", "name": "test rows", "x": p, "y": y, "marker": {"color": COLOURS[model], "size": 6, "opacity": 0.7}, "hovertemplate": "predicted %{x:.4g}, true %{y:.4g}<extra></extra>"},
    ]  # fmt: skip
    r2, rmse = run.scores["test"][model]
    return Figure(
        data,
        layout(xaxis=axis(f"predicted {run.sheet.target}  [{unit}]"), yaxis=axis(f"true {run.sheet.target}  [{unit}]"), showlegend=True),
        f"{MODELS[model]}: true against predicted {run.sheet.target} of {len(y)} test rows; R² {short(r2)}, RMSE {short(rmse)}.",
        "Each point is one test row. On the dashed line the prediction is right; above it the truth is higher. A cloud that is flatter in its predictions than in its truths is a model that plays safe.",
    )  # fmt: skip


def residuals(run: Study, model: str) -> Figure:
    """How often which error, on the test part."""
    y, p = run.data.y_test.astype(float), run.models[model].predict(run.data.X_test)
    r = y - p
    counts, edges = np.histogram(r, bins=24)
    unit = run.sheet.unit or "unit of the target"
    data = [{
        "type": "bar", "x": (edges[:-1] + edges[1:]) / 2, "y": counts, "width": np.diff(edges) * 0.96, "name": "test rows", "marker": {"color": COLOURS[model]},
        "hovertemplate": "about %{x:.4g}: %{y} rows<extra></extra>",
    }]  # fmt: skip
    return Figure(
        data,
        layout(xaxis=axis(f"residual: true less predicted  [{unit}]", zeroline=True), yaxis=axis("test rows  [count]"), showlegend=False),
        f"{MODELS[model]}: residuals of {len(y)} test rows from {short(float(r.min()))} to {short(float(r.max()))}, mean {short(float(r.mean()))}, deviation {short(float(r.std()))}.",
        "Height: how many test rows have about this residual. A heap around 0 is good; a heap beside 0 is a bias; a long tail is a few rows that the model does not understand.",
    )  # fmt: skip


def confusion(run: Study, model: str) -> Figure:
    """True class against predicted class on the test part."""
    counts = run_counts(run, model)
    names = list(run.sheet.classes)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    data = [{
        "type": "heatmap", "x": names, "y": names, "z": share, "text": [[str(int(c)) for c in row] for row in counts], "texttemplate": "%{text}",
        "colorscale": [[0, "#e3eff8"], [1, "#5aa0d0"]], "textfont": {"color": "#101418", "size": 15}, "zmin": 0.0, "zmax": 1.0, "xgap": 2, "ygap": 2,
        "colorbar": {"title": {"text": "share of row"}, "thickness": 12},
        "hovertemplate": "%{text} test rows of %{y} taken for %{x}<extra></extra>",
    }]  # fmt: skip
    right = int(np.trace(counts))
    return Figure(
        data,
        layout(
            xaxis=axis("predicted class", type="category", constrain="domain", showgrid=False),
            yaxis=axis("true class", type="category", autorange="reversed", showgrid=False),
        ),
        f"{MODELS[model]}: {right} of {int(counts.sum())} test rows are right; {int(counts.sum()) - right} lie beside the diagonal.",
        "Row: the true class. Column: what the model says. The number counts test rows; the darker, the larger the share of its row. Right answers stand on the diagonal.",
    )  # fmt: skip


def run_counts(run: Study, model: str) -> np.ndarray:
    """The confusion matrix: true class in rows, predicted class in columns."""
    k = len(run.sheet.classes)
    said = run.models[model].predict(run.data.X_test).argmax(axis=1)
    return np.bincount(k * run.data.y_test + said, minlength=k * k).reshape(k, k)


def importance(run: Study, falls: Mapping[str, np.ndarray]) -> Figure:
    """Fall of the test score for each column and model: mean and deviation over the permutations."""
    means = {model: fall.mean(axis=1) for model, fall in falls.items()}
    order = np.argsort(-np.mean(list(means.values()), axis=0), kind="stable")[:MOST_COLUMNS]
    columns = [run.data.columns[j] for j in order]
    data = [
        {
            "type": "bar", "orientation": "h", "name": title, "y": columns, "x": means[model][order], "marker": {"color": COLOURS[model]},
            "error_x": {"type": "data", "array": falls[model][order].std(axis=1), "thickness": 1, "width": 2},
            "hovertemplate": "%{y}: %{x:.4f}<extra>" + title + "</extra>",
        }
        for model, title in MODELS.items()
    ]  # fmt: skip
    first = "; ".join(
        f"{t} {run.data.columns[int(means[m].argmax())]} ({short(float(means[m].max()))})" for m, t in MODELS.items()
    )
    return Figure(
        data,
        layout(
            barmode="group", showlegend=True, margin={"l": 140, "r": 16, "t": 28, "b": 48},
            xaxis=axis(f"fall of the test {unit_of(run, 'score')}"),
            yaxis=axis("column that is shuffled", type="category", autorange="reversed"),
        ),
        f"Permutation importance of {len(columns)} columns; the greatest fall of each model: {first}.",
        "Bar: how far the test score falls when this column alone is shuffled, the mean over the permutations; whisker: their standard deviation. About 0, or below: the model does without it. "
        "Columns that say the same share their importance, so each may look useless alone.",
    )  # fmt: skip


def leak(found: Mapping[str, Study]) -> Figure:
    """Every model's test score with and without each leak."""
    titles = [LEAKS[name] for name in found]
    data = [
        {
            "type": "bar", "name": title, "x": titles, "y": np.array([one.scores["test"][model][0] for one in found.values()]),
            "marker": {"color": COLOURS[model]}, "hovertemplate": "%{x}: %{y:.4f}<extra>" + title + "</extra>",
        }
        for model, title in MODELS.items()
    ]  # fmt: skip
    honest = found["none"]
    words = "; ".join(
        f"{LEAKS[name]}: " + ", ".join(f"{t} {short(one.scores['test'][m][0])}" for m, t in MODELS.items())
        for name, one in found.items()
    )
    return Figure(
        data,
        layout(barmode="group", showlegend=True, xaxis=axis("leak", type="category"), yaxis=axis(f"test {unit_of(honest, 'score')}")),
        f"Test score under each leak. {words}.",
        "Each group is one way to prepare the same rows, each bar one model. Only the first group is honest; what a bar gains beside it is not skill.",
    )  # fmt: skip


def thumbnail(run: Study, found: Learning) -> Figure:
    """The learning curves without words, for a card."""
    whole = learning(run, found, "score")
    bare: dict[str, Any] = {name: {**whole.layout[name], "visible": False} for name in ("xaxis", "yaxis")}
    still = layout(**bare, margin={"l": 4, "r": 4, "t": 6, "b": 6}, showlegend=False)
    return Figure(whole.data, still, whole.alt, whole.how_to_read)


def names_of(columns: Sequence[str]) -> str:
    """A list for a sentence, at most eight of them."""
    return ", ".join(columns[:8]) + (f" and {len(columns) - 8} others" if len(columns) > 8 else "")
