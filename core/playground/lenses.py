"""The closer looks below the run, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import numpy as np

from core import contracts
from core.contracts import Step
from core.errors import ExplainerError
from core.playground import figures as draw
from core.playground import network
from core.playground.compute import (
    EDGE,
    ENSEMBLE_EPOCHS,
    FILM_GRID,
    LINE_GRID,
    Run,
    ensemble,
    halves,
    layers_of,
    output_map,
    parity,
    quality,
    run_of,
)
from core.playground.datasets import FEATURES
from core.playground.problem import inputs
from core.playground.spec import PlaygroundSpec, feature_names, learning
from core.playground.training import bias
from core.plots.words import short

MOST_LATEX = 10  # units of a layer whose numbers fit on a line; half as many if it is normalised


@dataclass(frozen=True)
class View(contracts.View):
    """Also `films`: whether the figures follow the page's transport bar."""

    films: bool = False


def look(spec: PlaygroundSpec) -> View:
    """The view through the lens that the Spec names."""
    return LENS[spec.lens](spec, run_of(spec))


def goodness(spec: PlaygroundSpec, run: Run) -> View:
    """Confusion matrices, or residuals."""
    train, test = (quality(run, run.thetas[-1], part) for part in halves(run))
    if run.about.k == 0:
        words = f"**R²** = 1 − Σ(y − p)² / Σ(y − ȳ)²: {short(train.score)} on the training points, {short(test.score)} on the test points. 1 is perfect; 0 is what the constant answer ȳ gets."
        return View([words], figures={"residuals": draw.residuals(run, train, test)})
    words = f"**Accuracy**: {short(train.score)} on {len(train.y)} training points, {short(test.score)} on {len(test.y)} test points. The gap between the two is what the net learned by heart."
    pictures = {f"confusion {part}": draw.confusion(run, part, q) for part, q in (("training", train), ("test", test))}
    return View([words], figures=pictures)


def equation(spec: PlaygroundSpec, run: Run) -> View:
    """The whole net as formulas, with its numbers."""
    net = run.about.net
    widest = max(max(net.sizes[k], net.sizes[k + 1]) * (1 + net.norms[k]) for k in range(len(net.kinds)))
    words = f"The net has {run.about.parameters} parameters after {int(run.steps[-1])} updates; all of them stand here, to four digits."
    if widest > MOST_LATEX:
        words = f"The net has {run.about.parameters} parameters, too many for a line each. These are its formulas; where a layer is small, with its numbers."
    return View([words], latex=[formula for step in worked(spec) for formula in step.latex])


def worked(spec: PlaygroundSpec) -> list[Step]:
    """Each layer's formula with the numbers at the end of the run."""
    run = run_of(spec)
    theta, net = run.thetas[-1], run.about.net
    steps = []
    for k, name in enumerate(draw.activation_names(run)):
        W, b = network.matrix(theta, net, k).T, bias(theta, net, k)
        source = (
            r"\begin{bmatrix} " + r" \\ ".join(FEATURES[n] for n in feature_names(spec)) + r" \end{bmatrix}"
            if k == 0
            else f"a^{{({k})}}"
        )
        target = "p" if k == len(net.kinds) - 1 else f"a^{{({k + 1})}}"
        f = "" if name == "linear" else rf"\mathrm{{{name.replace('_', '~')}}}"
        values = {"W": W, "b": b[:, None]}
        if net.norms[k]:
            values |= {name: network.row(theta, net, k, r)[:, None] for r, name in enumerate(("gamma", "mu", "v"))}
        if max(W.shape) > (MOST_LATEX // 2 if net.norms[k] else MOST_LATEX):
            source = source if k else "x"
            names = {name: f"{LETTERS[name]}^{{({k + 1})}}" for name in values}
            names["b"] = names["b"].replace("b", r"\beta") if net.norms[k] else names["b"]
        else:
            names = {name: _matrix(value) for name, value in values.items()}
        inner = _layer_latex(names, source, bool(net.norms[k]), spec.bias)
        title = (
            f"Layer {k + 1}: {W.shape[1]} inputs, {W.shape[0]} outputs"
            if target != "p"
            else f"Output: {W.shape[1]} inputs, {W.shape[0]} outputs"
        )
        steps.append(Step(title, latex=[rf"{target} = {f}\left( {inner} \right)"]))
    return steps


LETTERS = {"W": "W", "b": "b", "gamma": r"\gamma", "mu": r"\mu", "v": "v"}


def _layer_latex(names: Mapping[str, str], source: str, norm: bool, biased: bool) -> str:
    """W a + b, or γ (W a - μ) / √(v + ε) + β with the running mean μ and variance v."""
    inner = f"{names['W']}\\, {source}"
    if norm:
        centred = f"{inner} - {names['mu']}"
        inner = rf"{names['gamma']} \circ \frac{{{centred}}}{{\sqrt{{{names['v']} + 10^{{-5}}}}}}"
    return f"{inner} + {names['b']}" if biased else inner


def _matrix(values: np.ndarray) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(f"{v:.4g}" for v in row) for row in values) + r" \end{bmatrix}"


def surface(spec: PlaygroundSpec, run: Run) -> View:
    """The output in space."""
    return View(
        [
            "The same answer as on the map, as a height over the plane; the points stand at the height that the net should reach. It follows the film."
        ],
        figures={"surface": draw.surface(run)},
        films=True,
    )


def warp(spec: PlaygroundSpec, run: Run) -> View:
    """How one hidden layer moves the plane."""
    depth = len(run.about.net.kinds) - 1
    if not depth:
        return View(["This net has no hidden layer, so nothing is bent: add one above."])
    options = [f"layer {k}" for k in range(1, depth + 1)]
    chosen = spec.layer if spec.layer in options else options[-1]
    layer = options.index(chosen) + 1
    lines, points, axes, shown = layer_space(run, layer)
    words = (
        f"{chosen.capitalize()} has {int(run.about.net.sizes[layer])} units, so it sends every point of the plane to a place in as many dimensions; seen here: {shown}. "
        "The layers after it see nothing but these places."
    )
    return View(
        [words],
        choices={"layer": (options, chosen)},
        figures={"warp": draw.warp(run, layer, lines, points, axes, shown)},
        films=True,
    )


def layer_space(run: Run, layer: int) -> tuple[np.ndarray, np.ndarray, tuple[str, str], str]:
    """Grid lines (frame, line, 41, 2) and training points (frame, n, 2) in a layer's space, its axes' names, and what they are.

    Two units are the axes themselves; one unit is drawn over x1; more are seen along the two directions in which the points
    spread most at the end of the run (principal components).
    """
    stops, along = np.arange(-EDGE, EDGE + 1), np.linspace(-EDGE, EDGE, 41)
    across = np.stack(np.meshgrid(along, stops), -1)  # (line, 41, 2): x2 fixed
    plane = np.concatenate([across, across[..., ::-1]]).reshape(-1, 2)
    F = run.about.F[halves(run)[0]]
    grid_at = layers_of(run.thetas, run.about.net, inputs(run.spec, plane))[layer - 1]
    points_at = layers_of(run.thetas, run.about.net, F)[layer - 1]
    units = grid_at.shape[-1]
    if units == 1:
        first = (
            np.broadcast_to(plane[:, :1], grid_at.shape),
            np.broadcast_to(run.about.X[halves(run)[0], :1], points_at.shape),
        )
        grid_at, points_at = np.concatenate([first[0], grid_at], -1), np.concatenate([first[1], points_at], -1)
        axes, shown = ("x₁  [1]", "unit 1  [activation]"), "its one unit over x₁"
    elif units == 2:
        axes, shown = ("unit 1  [activation]", "unit 2  [activation]"), "both units, one on each axis"
    else:
        end = points_at[-1] - points_at[-1].mean(0)
        directions = np.linalg.svd(np.nan_to_num(end), full_matrices=False)[2][:2].T
        grid_at, points_at = (a @ directions for a in (grid_at, points_at))
        axes, shown = (
            ("principal component 1  [activation]", "principal component 2  [activation]"),
            "the two directions in which the points spread most (principal components)",
        )
    clean = [np.nan_to_num(a, nan=0.0, posinf=1e6, neginf=-1e6) for a in (grid_at, points_at)]
    return clean[0].reshape(len(run.thetas), -1, 41, 2), clean[1], axes, shown


def bump_sum(spec: PlaygroundSpec, run: Run) -> View:
    """The output as a sum over the units of the last hidden layer."""
    if len(run.about.net.kinds) == 1:
        return View(
            [
                "This net has no hidden layer: its output is one straight line. Add a layer, and it becomes a sum of its units."
            ]
        )
    x, parts, rest = shares(run)
    across = "x₁" if spec.one else "x₁, at x₂ = 0"
    words = (
        f"The output (before its own activation) is nothing but a weighted sum: {len(parts)} units, each times its weight, plus the bias {short(rest)}. With enough of such units "
        "any continuous function can be approached on a bounded set (Cybenko 1989; Hornik 1991). The theorem promises that fitting weights exist, not that training finds them."
    )
    return View([words], figures={"sum": draw.bumps(run, x, parts, rest, parts.sum(0) + rest, across)})


def shares(run: Run) -> tuple[np.ndarray, np.ndarray, float]:
    """x1, and over it each last hidden unit's share w_j a_j(x1, 0) in the first output (unit, n), and the bias."""
    theta, net = run.thetas[-1], run.about.net
    x, last = np.linspace(-EDGE, EDGE, LINE_GRID), len(net.kinds) - 1
    F = inputs(run.spec, np.column_stack([x, np.zeros(LINE_GRID)]))
    A = layers_of(theta, net, F)[-2]
    return x, np.nan_to_num((A * network.matrix(theta, net, last)[:, 0]).T), float(bias(theta, net, last)[0])


def pin_text(spec: PlaygroundSpec) -> str:
    """The run of a Spec as the text that `pinned` holds."""
    return urlencode({key.partition(".")[2]: value for key, value in learning(spec).to_query().items()}) or "default"


def pinned_spec(text: str) -> PlaygroundSpec:
    """The Spec that such a text names. Raises ExplainerError if it names none."""
    query = {f"playground.{key}": value for key, value in parse_qsl(text)}
    spec, problems = PlaygroundSpec.from_query(query)
    if problems:
        raise ExplainerError(f"the pinned run cannot be read: {next(iter(problems.values()))}; pin a run anew")
    return learning(spec)


def beside(spec: PlaygroundSpec, run: Run) -> View:
    """The pinned run and the run on screen."""
    if not spec.pinned:
        return View(["Pin this run with the button, then change one thing above: both runs will stand side by side."])
    other = run_of(pinned_spec(spec.pinned))
    known, now = other.spec.as_dict(), learning(spec).as_dict()
    differ = [name for name in now if known[name] != now[name]]
    runs = {"pinned run": other, "this run": run}
    rows = [{"": name, **{label: _shown(r.spec, name) for label, r in runs.items()}} for name in differ]
    word = "accuracy" if run.about.k else "R²"
    for label, value in (("training loss", lambda r: r.train_loss[-1]), ("test loss", lambda r: r.test_loss[-1]), (f"test {word}", lambda r: quality(r, r.thetas[-1], halves(r)[1]).score)):  # fmt: skip
        rows.append({"": label, **{name: short(float(value(r))) for name, r in runs.items()}})
    maps = {
        name: draw.flat_map(r, output_map(r, r.thetas[-1], FILM_GRID), name.capitalize(), r.about.k, f"The output of {'the ' * (name[0] == 'p')}{name} over the plane. {draw.score_words(r)}")
        for name, r in runs.items()
    }  # fmt: skip
    words = (
        "The two runs are the same."
        if not differ
        else f"They differ in: {', '.join(spec.params()[name].label for name in differ)}."
    )
    if len(differ) == 1:
        words += " One thing was changed, so the difference below is its doing (for this seed)."
    return View([words], figures={**maps, "losses": draw.two_losses(runs)}, rows=rows)


def _shown(spec: PlaygroundSpec, name: str) -> str:
    value, about = getattr(spec, name), spec.params()[name]
    return about.options[value] if about.options else str(value)[:40]


def uncertain(spec: PlaygroundSpec, run: Run) -> View:
    """A deep ensemble: mean and spread."""
    found = ensemble(learning(spec), spec.members)
    if not np.isfinite(found.mean).all():
        return View(
            ["Some of the nets diverged, so there is no mean to show; try a lower learning rate."], params=["members"]
        )
    word, k = ("accuracy", run.about.k) if run.about.k else ("R²", 0)
    epochs = min(spec.epochs, ENSEMBLE_EPOCHS)
    words = [
        f"{spec.members} nets that differ only in their first weights, trained at once for {epochs} epochs. Their test {word}: {short(float(found.alone.min()))} to {short(float(found.alone.max()))} alone, "
        f"**{short(found.together)}** for the mean of their answers (a deep ensemble, Lakshminarayanan et al. 2017).",
    ]  # fmt: skip
    mean = draw.flat_map(
        run,
        found.mean,
        "Their mean answer",
        k,
        f"The mean answer of {spec.members} nets over the plane; test {word} {short(found.together)}.",
    )
    return View(words, params=["members"], figures={"mean": mean, "spread": draw.spread_map(run, found)})


def engines(spec: PlaygroundSpec, run: Run) -> View:
    """Both engines on the same run."""
    found = parity(learning(spec))
    kind = "NumPy code, compiled by numba" if found.compiled else "plain NumPy code"
    words = [
        f"The same first weights, the same order of points, two engines: the formulas of this page as {kind}, and PyTorch with autograd and torch.optim. "
        f"Largest difference between the two loss curves: **{found.difference:.2g}** (float64 rounds at 1.1e-16).",
        f"Measured just now, one thread: **{found.numpy_speed:,.0f}** training points a second against **{found.torch_speed:,.0f}**, {found.numpy_speed / found.torch_speed:.0f} times. "
        "Nothing is wrong with PyTorch: a step of it costs tens of microseconds before any arithmetic, and a net of a dozen numbers has next to none. From some thousand weights a layer on, the ratio turns round.",
    ]  # fmt: skip
    return View(words, figures={"engines": draw.engine_curves(found)})


LENS = {
    "quality": goodness, "equation": equation, "surface": surface, "warp": warp, "sum": bump_sum, "beside": beside,
    "ensemble": uncertain, "engines": engines,
}  # fmt: skip
