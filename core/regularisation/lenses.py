"""The closer looks: each is sentences, controls, figures and a table about the nets on screen, or about nets of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from core.contracts import Step, View
from core.plots.words import short
from core.regularisation import descent as wide
from core.regularisation import dropout as drop
from core.regularisation import figures as draw
from core.regularisation import inside_figures as inner
from core.regularisation import norms, penalties
from core.regularisation.compute import (
    Interval,
    contrasts,
    differences,
    interval,
    run_of,
    strength,
    sweep,
)
from core.regularisation.datasets import CLASSES, truth
from core.regularisation.networks import answers, softmax
from core.regularisation.spec import KINDS, RegularisationSpec, chosen
from core.regularisation.training import Run

Array = np.ndarray
SIDE = 60  # cells of a decision map
MAPS = 8  # nets whose maps are drawn


def look(run: Run, spec: RegularisationSpec) -> View:
    """The view through the lens that the Spec names."""
    return LOOKS[spec.lens](run, spec)


def names(run: Run) -> list[str]:
    """The variants, as they are called."""
    return [one.name for one in run.plan.variants]


def own(spec: RegularisationSpec, kind: str) -> list[str]:
    """The control of a kind's strength, unless it stands above the pictures already."""
    return [] if kind in chosen(spec) else [kind]


def signed(value: float, metric: str) -> str:
    """A difference with its sign, in the measure's unit."""
    text = short(100 * value if metric == "accuracy" else value)
    return f"+{text}" if value > 0 else text


def verdict(found: Interval, metric: str) -> str:
    """What an interval says."""
    if not np.isfinite(found.mean):
        return "no finite value"
    if not found.decided:
        return "may be luck"
    return "better" if (found.mean < 0) == (metric == "loss") else "worse"


def _from_to(found: Interval, metric: str) -> str:
    return f"{signed(found.low, metric)} to {signed(found.high, metric)}"


def summary(run: Run, spec: RegularisationSpec) -> tuple[str, list[dict[str, str]]]:
    """One sentence and a table about the pictures at the top."""
    plan, metric = run.plan, spec.metric
    found, ended = differences(run, f"test_{metric}"), {m: run.at_end(m) for m in ("train_loss", "validation_loss", "test_loss", "test_accuracy")}  # fmt: skip
    rows = [
        {
            "net": one.name, "strength": _strengths(one.kinds), "training loss": short(float(ended["train_loss"][v].mean())),
            "validation loss": short(float(ended["validation_loss"][v].mean())), "test loss": short(float(ended["test_loss"][v].mean())),
            "test accuracy": f"{100 * ended['test_accuracy'][v].mean():.1f} %", f"test {metric} minus plain": signed(found[one.name].mean, metric) if v else "",
            "95 % interval": _from_to(found[one.name], metric) if v else "", "verdict": verdict(found[one.name], metric) if v else "",
        }
        for v, one in enumerate(plan.variants)
    ]  # fmt: skip
    better = [name for name, one in found.items() if verdict(one, metric) == "better"]
    told = f"More than luck on test {metric}: {', '.join(better)}." if better else f"No kind is better than the plain net on test {metric} by more than luck."  # fmt: skip
    words = f"{len(plan.variants)} nets, {plan.seeds} seeds each, {plan.steps} steps of {min(plan.batch, plan.points)} out of {plan.points} points. {told}"
    return words, rows


def _strengths(kinds: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{s:g}" for kind, s in kinds if kind not in ("batch", "layer"))


def gap(run: Run, spec: RegularisationSpec) -> View:
    """Training against validation."""
    metric, sign = spec.metric, 1.0 if spec.metric == "loss" else -1.0
    train, other = run.curves[f"train_{metric}"], run.curves[f"validation_{metric}"]
    shown = sign * (other - train)
    lowest = run.curves["validation_loss"].mean(-1).argmin(0)
    rows = [
        {"net": name, "gap at the end": signed(float(shown[-1, v].mean()), metric), "lowest validation loss": short(float(run.curves["validation_loss"][lowest[v], v].mean())), "at step": str(int(run.looks[lowest[v]])), "stopped, on average": f"step {run.stopped[v].mean():.0f}"}
        for v, name in enumerate(names(run))
    ]  # fmt: skip
    words = [
        "The gap says how much of what was learned is about the training points alone. A small gap is no aim in itself: a net that learns nothing has none. Look at the validation value too."
    ]
    pictures = {"ends": draw.gap_bars(names(run), train[-1], other[-1], metric), "gap": draw.gap_curves(names(run), run.looks, shown, metric)}  # fmt: skip
    return View(words, figures=pictures, rows=rows)


def how_strong(run: Run, spec: RegularisationSpec) -> View:
    """One kind at seven strengths."""
    grid, found = sweep(spec)
    metric, title = spec.metric, spec.params()[spec.swept].label
    train, test = found.at_end(f"train_{metric}"), found.at_end(f"test_{metric}")
    between = differences(found, f"test_{metric}")
    rows = [
        {title: f"{s:g}", "training": short(float(train[v].mean())), "test": short(float(test[v].mean())), "minus plain": signed(between[f"{s:g}"].mean, metric), "95 % interval": _from_to(between[f"{s:g}"], metric), "verdict": verdict(between[f"{s:g}"], metric)}
        for v, s in enumerate(grid, 1)
    ]  # fmt: skip
    words = [
        f"{KINDS[spec.swept]} at {len(grid)} strengths, {found.plan.seeds} seeds each, all trained as one array. Choosing the best of these by the test points would be a little too kind to it; in earnest, choose by the validation points."
    ]
    pictures = {"sweep": draw.sweep(grid, train[1:], test[1:], test[0], title, metric, spec.swept != "dropout")}
    return View(words, params=["swept"], figures=pictures, rows=rows)


def factorial(run: Run, spec: RegularisationSpec) -> View:
    """Main effects and interactions."""
    if spec.design != "all":
        return View(
            [
                "Choose **All combinations** as the design, and two or three kinds: then each is trained on and off with every setting of the others."
            ]
        )
    metric = f"test_{spec.metric}"
    found = {name: interval(values) for name, values in contrasts(run, metric).items()}
    rows = [{"effect": name, "mean": signed(one.mean, spec.metric), "95 % interval": _from_to(one, spec.metric), "more than luck": "yes" if one.decided else "no"} for name, one in found.items()]  # fmt: skip
    words = [
        "The effect of a kind is what it changes on average over all settings of the others. An interaction (×) says how far two kinds together do more or less than the sum of both: "
        + (
            "for a loss, above 0 means that the benefits overlap."
            if spec.metric == "loss"
            else "for accuracy, below 0 means that the benefits overlap."
        )
    ]
    return View(words, figures={"effects": draw.forest(found, contrasts(run, metric), spec.metric, "Effect")}, rows=rows)  # fmt: skip


def maps(run: Run, spec: RegularisationSpec) -> View:
    """What each net says about the plane, at the first seed."""
    if CLASSES[spec.data] != 2:
        return View(["Pictures of 64 pixels do not lie in a plane: choose two moons or the disc for a map."])
    plan, part = run.plan, run.plan.sets.train
    X, y = part.X[0], part.Y[0].argmax(-1)
    low, high = X.min(0) - 0.5, X.max(0) + 0.5
    xs, ys = np.linspace(low[0], high[0], SIDE), np.linspace(low[1], high[1], SIDE)
    grid = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)
    p = softmax(answers(plan.net, run.theta[:, :1], grid))[:, 0, :, 1].reshape(-1, SIDE, SIDE)
    shown = names(run)[:MAPS]
    pictures = {
        name: draw.decision(name, xs, ys, p[v], X, y, plan.sets.flipped[0], float(run.test_accuracy[v, 0]))
        for v, name in enumerate(shown)
    }
    words = [f"The nets of the first seed, one map each: {', '.join(f'{name} ({100 * run.test_accuracy[v, 0]:.1f} % of the test points)' for v, name in enumerate(shown))}."]  # fmt: skip
    return View(words, figures=pictures)


def weights(run: Run, spec: RegularisationSpec) -> View:
    """How large the weights are."""
    w = penalties.weights_of(run.plan, run.theta)
    small = penalties.near_zero(w)
    rows = [
        {"net": name, "mean |w|": short(float(np.abs(w[v]).mean())), "largest |w|": short(float(np.abs(w[v]).max())), f"smaller than {penalties.TINY:g}": f"{100 * small[v]:.1f} %", "length |w| of one net": short(float(np.sqrt((w[v] ** 2).sum() / run.plan.seeds)))}
        for v, name in enumerate(names(run))
    ]  # fmt: skip
    words = [
        "L1 pulls small weights all the way to 0: a sparse net. L2 and decay make all of them smaller. Dropout and early stopping never name the weights, and yet change them. "
        "Under plain gradient steps L1's weights tremble around 0, so near 0 means smaller than 0.01; *One weight under L1 and L2* shows the step that makes exact zeros."
    ]
    return View(words, figures={"histogram": draw.histogram(names(run), w)}, rows=rows)


def one_weight(run: Run, spec: RegularisationSpec) -> View:
    """Soft threshold and shrinkage."""
    h, lam = spec.curvature, spec.strength
    reach = max(2.0, 1.5 * lam / h)
    target, coarse = np.linspace(-reach, reach, 121), np.linspace(-reach, reach, 13)

    def closed(w: Array) -> dict[str, Array]:
        return {"plain": w, "L1 penalty": penalties.soft(w, lam / h), "L2 penalty": penalties.shrunk(w, h, lam)}

    ended = penalties.ways(coarse, 1.0, h, lam, steps=2000)
    found = {"L1 penalty": ended["L1, proximal step"][-1], "L2 penalty": ended["L2 penalty"][-1]}
    near = max(float(np.abs(found[kind] - closed(coarse)[kind]).max()) for kind in found)
    asked = 0.5 * lam / h
    way = {name: w[:, 0] for name, w in penalties.ways(np.array([asked]), 1.0, h, lam).items()}
    words = [
        f"A weight whose loss is ½ h (w - w*)² with h = {short(h)}, and a penalty with λ = {short(lam)}. L1 answers 0 for every w* within ±λ/h = ±{short(lam / h)}; L2 multiplies by h/(h + λ) = {short(h / (h + lam))}. "
        f"In the right picture the data ask for w* = {short(asked)}, which L1 turns into exactly 0."
    ]
    latex = [
        r"w_{L1} = \operatorname{sign}(w^*)\,\max(|w^*| - \lambda/h,\ 0), \qquad w_{L2} = \frac{h}{h + \lambda}\, w^*"
    ]
    pictures = {"closed": inner.thresholds(target, closed(target), found, near), "way": inner.descents(way, asked)}
    rows = [{"rule": name, "weight at the end": f"{float(w[-1]):.6g}"} for name, w in way.items()]
    return View(words, latex, ["curvature", "strength"], figures=pictures, rows=rows)


def decay(run: Run, spec: RegularisationSpec) -> View:
    """The same λ as a penalty and as decoupled decay, under SGD and Adam."""
    found = penalties.both_optimizers(spec)
    label = {name: f"{'SGD' if name == 'sgd' else 'Adam'}, η = {rate:g}" for name, (rate, _) in found.items()}
    pairs = {label[name]: twins for name, (_, twins) in found.items()}
    steps = next(iter(pairs.values())).steps
    rows = [{"optimizer": name, "|w| with L2": short(float(one.norms[-1, 0])), "|w| with decay": short(float(one.norms[-1, 1])), "largest difference of a weight": f"{one.apart[-1]:.2g}"} for name, one in pairs.items()]  # fmt: skip
    words = [
        f"Both with λ = {spec.l2:g} (the strength of the L2 penalty), {penalties.TWIN_SEEDS} seeds. Under SGD they are the same step, so their weights differ by rounding at most. Under Adam the penalty's gradient passes through √v̂ and no longer shrinks all weights alike: AdamW's reason to be."
    ]
    latex = [
        r"w - \eta\,(g + \lambda w) = (1 - \eta\lambda)\,w - \eta\, g \qquad\text{but}\qquad w - \eta\,\frac{\hat m(g + \lambda w)}{\sqrt{\hat v(g + \lambda w)} + \epsilon} \neq (1 - \eta\lambda)\,w - \eta\,\frac{\hat m(g)}{\sqrt{\hat v(g)} + \epsilon}"
    ]
    pictures = {
        "norms": inner.twin_norms(steps, {name: one.norms for name, one in pairs.items()}),
        "apart": inner.twin_distance(steps, {name: one.apart for name, one in pairs.items()}),
    }
    return View(words, latex, own(spec, "l2"), figures=pictures, rows=rows)


def masks(run: Run, spec: RegularisationSpec) -> View:
    """The masks of the first steps, and the ensemble that the whole net stands for."""
    plan = drop.dropout_plan(spec)
    found, on = drop.ensemble(plan), drop.step_masks(plan, min(drop.SHOWN, plan.steps))
    plainly, over_masks = found.sums
    rows = [{"who answers": who, "test loss": short(loss), "test accuracy": f"{100 * accuracy:.1f} %"} for who, (loss, accuracy) in found.scores.items()]  # fmt: skip
    words = [
        f"A net of {' and '.join(map(str, plan.hidden))} hidden units has 2^{sum(plan.hidden)} masks: as many nets that share their weights. Each step trains some of them. "
        f"Dividing by 1 - p keeps the mean: a sum over ten units is {plainly:.6g} plainly and {over_masks:.6g} as the mean over all 1,024 masks, weighted by their probability (difference {abs(plainly - over_masks):.1g})."
    ]
    latex = [
        r"\mathbb{E}\Big[\sum_j w_j \frac{m_j}{1-p} a_j\Big] = \sum_j w_j a_j, \qquad \operatorname{Var} = \frac{p}{1-p} \sum_j (w_j a_j)^2"
    ]
    pictures = {
        "masks": inner.masks(on, strength(spec, "dropout")),
        "ensemble": inner.ensemble(drop.SIZES, found.outputs_off, found.theory, found.probabilities_off),
    }
    return View(words, latex, own(spec, "dropout"), figures=pictures, rows=rows)


def norm(run: Run, spec: RegularisationSpec) -> View:
    """Batch norm's statistics and modes, and both norms' gradients against torch."""
    plan = norms.norm_plan(spec)
    found = norms.modes(plan)
    parity = norms.by_hand(min(plan.batch, plan.points), spec.width, spec.seed)
    rows = [{"norm": name, "forward, difference to torch": f"{one['forward']:.1g}", "gradient by hand, difference to torch": f"{one['gradient']:.1g}"} for name, one in parity.items()]  # fmt: skip
    words = [
        "In training, batch norm takes mean and variance of the batch. Afterwards a point may come alone, so running values stand in. "
        "Forget to switch the mode, and the answer depends on who else is in the batch. The table holds this page's formulas against torch's autograd."
    ]
    latex = [
        r"\frac{\partial L}{\partial z} = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \Big( \delta - \operatorname{mean}(\delta) - \hat z \, \operatorname{mean}(\delta \circ \hat z) \Big), \qquad \delta = \gamma\, \frac{\partial L}{\partial u}"
    ]
    pictures = {
        "mean": inner.modes(found.mean, "mean"),
        "variance": inner.modes(found.variance, "variance"),
        "loss": inner.mode_losses(found.looks, found.by_batch, found.by_running),
    }
    return View(words, latex, figures=pictures, rows=rows)


def tiny(run: Run, spec: RegularisationSpec) -> View:
    """Smaller and smaller batches."""
    runs = norms.tiny(spec)
    first = next(iter(runs.values()))
    losses = {name: np.stack([one.test_loss[v] for one in runs.values()]) for v, name in enumerate(names(first))}
    rows = [
        {"batch": str(size), **{name: short(float(one.test_loss[v].mean())) for v, name in enumerate(names(one))}, "batch norm minus plain": signed(d.mean, "loss"), "95 % interval": _from_to(d, "loss")}
        for size, one in runs.items() for d in [interval(one.test_loss[1] - one.test_loss[0])]
    ]  # fmt: skip
    words = [
        f"Test loss after {first.plan.steps} steps, {first.plan.seeds} seeds. Batch norm is asked in test mode, with its running statistics. A batch of two tells a unit's mean with an error as large as 0.7 of its spread; a batch of one would always be normalised to exactly 0."
    ]
    return View(words, figures={"tiny": inner.tiny(list(runs), losses)}, rows=rows)


def curve(run: Run, spec: RegularisationSpec) -> View:
    """Masked copies of one net as a measure of doubt, beside an ensemble."""
    found = drop.doubt(spec.dropout, spec.seeds, spec.seed)
    hole, known = np.abs(drop.GRID) < 0.7, found.known
    rows = [
        {"method": name, "spread among the points": short(float(spread[known].mean())), "spread in the hole": short(float(spread[hole].mean())), "truth inside the band, among the points": f"{100 * found.covers(name, known):.0f} %", "in the hole": f"{100 * found.covers(name, hole):.0f} %"}
        for name, (_, spread) in found.bands.items()
    ]  # fmt: skip
    words = [
        f"A regression from {drop.CURVE_POINTS} points with a hole in the middle. Left on at test time, dropout with p = {spec.dropout:g} gives another answer each time, and their spread is read as doubt. On the right {spec.seeds} plain nets, trained on the same points from other first weights. Neither knows how noisy the points themselves are."
    ]
    pictures = {
        name: inner.doubt(drop.GRID, mean, spread, drop.REACH, truth(drop.GRID), found.x, found.y, name)
        for name, (mean, spread) in found.bands.items()
    }
    return View(words, params=own(spec, "dropout"), figures=pictures, rows=rows)


def descending(run: Run, spec: RegularisationSpec) -> View:
    """Wider and wider random features."""
    found = wide.strips((0.0, spec.ridge), spec.label_noise, spec.seeds, spec.seed)
    strips = dict(zip(("no ridge", f"ridge λ = {spec.ridge:g}"), found, strict=True))
    at = wide.WIDTHS.index(wide.N)
    medians = {name: np.median(one.test, 1) for name, one in strips.items()}
    rows = [
        {"fit": name, "best test error at p < n": short(float(m[:at].min())), f"at p = n = {wide.N}": short(float(m[at])), f"at p = {wide.WIDTHS[-1]}": short(float(m[-1])), "lowest of all at p": str(wide.WIDTHS[int(m.argmin())])}
        for name, m in medians.items()
    ]  # fmt: skip
    plain, ridged = (short(float(m[at])) for m in medians.values())
    words = [
        f"{wide.N} points in {wide.D} dimensions, random ReLU features and a last layer by least squares: everything in closed form, {spec.seeds} seeds. Without a ridge the error peaks where the model can just fit all points, and falls again beyond. "
        f"With a ridge (an L2 penalty) of λ = {spec.ridge:g} the error there is {ridged} instead of {plain}."
    ]
    pictures = {
        "descent": inner.descent(wide.WIDTHS, {name: (one.train, one.test) for name, one in strips.items()}, wide.N),
        "length": inner.shortest(wide.WIDTHS, {name: one.length for name, one in strips.items()}, wide.N),
    }
    return View(words, params=["ridge", "label_noise"], figures=pictures, rows=rows)


LOOKS: Mapping[str, Callable[[Run, RegularisationSpec], View]] = {
    "gap": gap, "sweep": how_strong, "factorial": factorial, "maps": maps, "weights": weights, "one_weight": one_weight,
    "decay": decay, "masks": masks, "norm": norm, "tiny": tiny, "curve": curve, "descent": descending,
}  # fmt: skip


def worked(spec: RegularisationSpec) -> list[Step]:
    """The interval of the first kind with the numbers on screen."""
    run = run_of(spec)
    one = run.plan.variants[1].name
    d = run.test_loss[1] - run.test_loss[0]
    found, K = interval(d), len(d)
    listed = ", ".join(f"{value:.4f}" for value in d)
    half = found.high - found.mean
    return [
        Step("Test loss minus the plain net's, seed by seed", f"{one}: {listed}"),
        Step(
            "Mean and interval",
            latex=[
                rf"\bar d = \frac{{1}}{{{K}}} \sum_k d_k = {found.mean:.4f}, \qquad s = {d.std(ddof=1):.4f}",
                rf"\bar d \pm t_{{{K - 1},\,0.975}}\, \frac{{s}}{{\sqrt{{{K}}}}} = {found.mean:.4f} \pm {half * K**0.5 / d.std(ddof=1):.3f} \cdot \frac{{{d.std(ddof=1):.4f}}}{{\sqrt{{{K}}}}} = {found.mean:.4f} \pm {half:.4f}",
            ],
        ),
    ]
