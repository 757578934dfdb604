"""The closer looks below the race, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.contracts import Step, View
from core.optimizer_race import figures as draw
from core.optimizer_race.compute import (
    BASIN_STEPS,
    RATES,
    Run,
    bands,
    basin_map,
    chosen_racer,
    inside,
    run_of,
    strip,
    theory,
)
from core.optimizer_race.leaderboard import Row, lowest_of
from core.optimizer_race.spec import OptimizerRaceSpec
from core.plots.words import short
from core.training.optimizers import Racer
from core.training.schedules import SCHEDULES, Schedule, by_period


def look(spec: OptimizerRaceSpec) -> View:
    """The view through the lens that the Spec names."""
    return LENS[spec.lens](spec, run_of(spec))


def about_hill(run: Run) -> str:
    """What hill this is, where its gradient comes from, and what the gaps are measured against."""
    hill = run.spec.hill
    gradient = (
        "from the formula's own graph, by the backward pass that the backprop stepper shows"
        if hill.by_graph
        else "analytic, its formula worked out by hand and held against automatic differentiation"
    )
    floor = lowest_of(run.result.values, hill)
    lowest = (
        f"lowest value f* = {short(floor)}, known in closed form or to all digits"
        if hill.minima
        else f"lowest value found, on the map or by any racer: **{short(floor)}**; the true minimum is not known, so gaps are measured against this one"
    )
    return f"{hill.summary} Gradient: {gradient}. {lowest[0].upper()}{lowest[1:]}."


def leaderboard(spec: OptimizerRaceSpec, run: Run) -> View:
    """Who won, by several measures."""
    out = [run.labels[row.index] for row in run.rows if row.dnf]
    rows = [_line(run, row) for row in run.rows]
    sentences = [
        f"Ranked by the value at the end. **Arrived**: the first step at which f is within {spec.goal:g} of its lowest value"
        f"{'' if run.spec.hill.minima else ' found'}. "
        "**Area**: under the curve of log₁₀(f − f*); lower is better, and it rewards who is low early. The measures need not agree.",
    ]
    if guests := [label for label, racer in zip(run.labels, run.spec.racers, strict=True) if racer.optimizer.searches]:
        asked = ", ".join(f"{label} {int(run.result.evaluations[run.labels.index(label)])}" for label in guests)
        sentences.append(
            "**A guest sees more.** L-BFGS stores pairs of past steps and gradient changes; with a line search it also looks at f several "
            f"times in every step, so its steps cost more than the others': {asked} evaluations in {run.spec.steps} steps, where the others need one a step."
        )
    if chaotic := [label for label, change in zip(run.labels, run.unrest, strict=True) if not change <= CHAOTIC]:
        sentences.append(
            f"**Chaotic**: {', '.join(chaotic)}. When the start moves by its last bit (2·10⁻¹⁶), the value at the end changes by up to "
            f"{short(float(np.nanmax(run.unrest)))}: at the edge of stability a racer magnifies every rounding. So the last digits here and in the "
            "exported script, which PyTorch rounds in its own way, differ for it."
        )
    if out:
        sentences.append(
            f"**DNF** (did not finish): {', '.join(out)}. The steps grew until the value passed 10¹² or was no number any more; "
            "the racer stands at its last good place. A smaller rate, a warm-up or clipping keeps it in the race."
        )
    return View(sentences, params=["goal"], rows=rows)


def _line(run: Run, row: Row) -> dict[str, Any]:
    """A racer's row; columns that no racer could fill are left out."""
    return {
        "place": "DNF" if row.dnf else str(row.place),
        "racer": run.labels[row.index],
        "rate η": f"{row.racer.lr:.4g}",
        "f at the end": short(row.final),
        "lowest f": short(row.best),
        **({"distance to the minimum": short(row.distance)} if run.spec.hill.minima else {}),
        "arrived at step": "" if row.steps_to is None else str(row.steps_to),
        "evaluations": str(int(run.result.evaluations[row.index])),
        "area": "" if row.dnf else short(row.area),
        **({"left at step": str(row.stopped + 1) if row.dnf else ""} if run.result.diverged.any() else {}),
    }


CHAOTIC = 1e-9  # relative change of the final value

UPDATES: Mapping[str, tuple[str, str, Callable[[Mapping[str, float]], float]]] = {
    "sgd": (r"-\eta\, g", r"-{lr}\cdot {g}", lambda s: -s["lr"] * s["g"]),
    "momentum": (r"-\eta\, d", r"-{lr}\cdot {d}", lambda s: -s["lr"] * s["d"]),
    "adagrad": (
        r"-\eta\,\frac{g}{\sqrt{G}+\epsilon}",
        r"-{eta}\cdot\frac{{{g}}}{{\sqrt{{{G}}}}}",
        lambda s: -s["eta"] * s["g"] / np.sqrt(s["G"]),
    ),
    "rmsprop": (
        r"-\eta\,\frac{g}{\sqrt{v}+\epsilon}",
        r"-{lr}\cdot\frac{{{g}}}{{\sqrt{{{v}}}}}",
        lambda s: -s["lr"] * s["g"] / np.sqrt(s["v"]),
    ),
    "adadelta": (r"-\eta\,\delta", r"-{lr}\cdot {delta}", lambda s: -s["lr"] * s["delta"]),
    "adam": (
        r"-\eta\,\frac{\hat m}{\sqrt{\hat v}+\epsilon}",
        r"-{lr}\cdot\frac{{{m_hat}}}{{\sqrt{{{v_hat}}}}}",
        lambda s: -s["lr"] * s["m_hat"] / np.sqrt(s["v_hat"]),
    ),
    "radam": (
        r"-\eta\,\hat m\, r\, l \;(\rho>5),\ \text{else}\ -\eta\,\hat m",
        r"-{lr}\cdot {m_hat}\cdot {trust}",
        lambda s: -s["lr"] * s["m_hat"] * s["trust"],
    ),
    "adamax": (
        r"-\eta\,\frac{\hat m}{u}",
        r"-{lr}\cdot\frac{{{m_hat}}}{{{u}}}",
        lambda s: -s["lr"] * s["m_hat"] / s["u"],
    ),
    "lion": (
        r"-\eta\,\mathrm{sign}(c)",
        r"-{lr}\cdot\mathrm{{sign}}({c})",
        lambda s: -s["lr"] * np.sign(s["c"]),
    ),
    "rprop": (
        r"-\Delta\,\mathrm{sign}(g)",
        r"-{delta}\cdot\mathrm{{sign}}({g_prev})",
        lambda s: -s["delta"] * np.sign(s["g_prev"]),
    ),
    "lbfgs": (r"\alpha\, d,\quad d=-H g", r"{alpha}\cdot {d}", lambda s: s["alpha"] * s["d"] * s["moves"]),
}  # the update without weight decay: symbols, numbers, value (eps is left out of the numbers: it is at most 1e-6)
FAMILY = {"lbfgs_wolfe": "lbfgs", "nesterov": "momentum", "amsgrad": "adam", "adamw": "adam", "nadam": "adam"}


def update_of(name: str, symbols: Mapping[str, float]) -> tuple[str, str, float]:
    """One coordinate's update Δθ without decoupled weight decay: symbols, the same in numbers, its value."""
    words, template, value = UPDATES[FAMILY.get(name, name)]
    known = dict(symbols)
    if name == "radam":
        known["trust"] = known["r"] * known["l"] if known["rho"] > 5 else 1.0
    with np.errstate(all="ignore"):
        result = float(value(known))
    return words, template.format(**{k: number(v) for k, v in known.items()}), result


def number(value: float, *, alone: bool = False) -> str:
    """Four digits in LaTeX; in parentheses if negative, unless it stands `alone`."""
    digits = f"{value:.4g}"
    if "e" in digits:
        mantissa, exponent = digits.split("e")
        digits = rf"{mantissa}\cdot 10^{{{int(exponent)}}}"
    return rf"({digits})" if digits.startswith("-") and not alone else digits


def anatomy(spec: OptimizerRaceSpec, run: Run) -> View:
    """One step of one racer from inside."""
    index = chosen_racer(spec)
    history, label = inside(run.spec, index), run.labels[index]
    made, racer = len(history["g"]), run.spec.racers[index]
    step = _made(history, spec.step)
    here = {symbol: series[step - 1] for symbol, series in history.items()}
    formulas = [racer.optimizer.latex, *_in_numbers(racer, here)]
    rows = [
        {
            "symbol": SYMBOLS.get(symbol, symbol),
            "what it is": MEANING.get(symbol, "kept by the rule"),
            "x": short(float(x)),
            "y": short(float(y)),
        }
        for symbol, (x, y) in here.items()
        if symbol not in HIDDEN and history[symbol].any()  # what the rule does not use stays at 0
    ]
    decayed = (
        " Weight decay is on: where it is L2, it is part of the gradient that the means see."
        if dict(racer.settings).get("weight_decay")
        else ""
    )
    sentences = [
        f"**{label}**, step **{step}** of {made}, from ({short(float(here['theta'][0]))}, {short(float(here['theta'][1]))}). Move the film to another step and this look follows.{decayed}"
    ]
    return View(
        sentences,
        latex=formulas,
        choices={"racer": (run.labels, label)},
        figures=draw.anatomy(label, history, step),
        rows=rows,
    )


def _in_numbers(racer: Racer, here: Mapping[str, np.ndarray]) -> list[str]:
    """Δx and Δy of one step: the rule in symbols, in numbers, and what decoupled weight decay adds."""
    lines = []
    for k, axis in enumerate("xy"):
        words, numbers, value = update_of(racer.name, {symbol: float(pair[k]) for symbol, pair in here.items()})
        moved, hyper = float(here["delta_theta"][k]), racer.hyper
        past = bool(hyper.get("weight_decay")) and (racer.name == "lion" or hyper.get("decoupled_weight_decay", False))
        decay = rf"\;{moved - value:+.3g}_{{\,-\eta\lambda {axis}}}" if past else ""
        lines.append(rf"\Delta {axis} = {words} = {numbers}{decay} = {number(moved, alone=True)}")
    return lines


def worked(spec: OptimizerRaceSpec) -> list[Step]:
    """Every racer's update in numbers, at the step where the film stands."""
    run = run_of(spec)
    return [_worked(label, run.spec.racers[k], inside(run.spec, k), spec.step) for k, label in enumerate(run.labels)]


def _worked(label: str, racer: Racer, history: Mapping[str, np.ndarray], step: int) -> Step:
    at = _made(history, step)
    here = {symbol: series[at - 1] for symbol, series in history.items()}
    return Step(f"{label}, step {at}", latex=_in_numbers(racer, here))


def _made(history: Mapping[str, np.ndarray], step: int) -> int:
    """The step looked at: the film's, but one that the racer made; −1 is its last."""
    made = len(history["g"])
    return made if step < 0 else min(max(step, 1), made)


SYMBOLS = {
    "theta": "θ", "gradient": "∇f", "m_hat": "m̂", "v_hat": "v̂", "delta_theta": "Δθ", "effective_rate": "−Δθ / g", "lr": "η",
    "v_max": "max v", "v_tilde": "ṽ", "delta": "δ", "eta": "η_t", "g_prev": "g before", "rho": "ρ", "alpha": "α", "gamma": "γ",
}  # fmt: skip
HIDDEN = ("moves", "k", "mu_product")
MEANING = {
    "theta": "place before the step", "gradient": "slope of the hill there", "g": "gradient that arrives, after noise and clipping",
    "lr": "learning rate at this step", "m": "running mean of g", "v": "running mean of g²", "m_hat": "m, corrected for its start at 0",
    "v_hat": "v, corrected for its start at 0", "b": "velocity: decaying sum of g", "d": "direction of the step", "G": "sum of all g²",
    "eta": "rate after lr_decay", "u": "running mean or maximum", "c": "mixed momentum, whose sign counts", "delta": "step size",
    "delta_theta": "step made", "effective_rate": "rate that this coordinate really gets", "v_max": "largest v so far",
    "v_tilde": "v, centred if asked for", "r": "rectification", "l": "adaptive rate", "rho": "length of the mean so far",
    "evaluations": "looks at f and ∇f in this step", "s": "last step", "y": "last change of g", "gamma": "scale of H", "alpha": "step length", "g_prev": "sign that counts",
}  # fmt: skip


def sensitivity(spec: OptimizerRaceSpec, run: Run) -> View:
    """The final value against the learning rate; racers that differ in their rate alone are one."""
    kinds = list(dict.fromkeys(racer.at(1.0) for racer in run.spec.racers))
    found = strip(run.spec)
    first = [next(i for i, racer in enumerate(run.spec.racers) if racer.at(1.0) == kind) for kind in kinds]
    final, diverged = found.final[first], found.diverged[first]
    best = np.where(diverged, np.inf, final).argmin(1)
    titles = [kind.optimizer.title for kind in kinds]
    rows = [
        {
            "optimizer": title,
            "best rate": f"{RATES[k]:.3g}",
            "f there": short(float(row[k])),
            "rates that diverge": f"{int(out.sum())} of {len(RATES)}",
        }
        for title, k, row, out in zip(titles, best, final, diverged, strict=True)
    ]
    sentences = [
        f"Each optimizer ran {len(RATES)} times, at rates from {RATES[0]:g} to {RATES[-1]:g}, all at once: the same number of tries for everyone."
    ]
    if edge := [title for title, k in zip(titles, best, strict=True) if k in (0, len(RATES) - 1)]:
        sentences.append(
            f"The best rate of {', '.join(edge)} lies at the end of the grid: it might do better still beyond."
        )
    here = [
        (kinds.index(r.at(1.0)), r.lr, float(f))
        for r, f, out in zip(run.spec.racers, run.result.values[:, -1], run.result.diverged, strict=True)
        if not out
    ]
    lowest = lowest_of(np.append(final, run.result.values[:, -1]), run.spec.hill)
    picture = draw.sensitivity([kind.name for kind in kinds], final, diverged, lowest, here)
    return View(sentences, figures={"sensitivity": picture}, rows=rows)


def basins(spec: OptimizerRaceSpec, run: Run) -> View:
    """Where each start ends."""
    index = chosen_racer(spec)
    found, label = basin_map(run.spec, index), run.labels[index]
    names, counts = np.unique(found.index, return_counts=True)
    order = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: -pair[1])[:6]
    rows = [
        {
            "ends at": "none of the minima" if k < 0 else f"({short(found.minima[k][0])}, {short(found.minima[k][1])})",
            "f there": "" if k < 0 else short(found.minima[k][2]),
            "share of the starts": f"{100 * n / found.index.size:.1f} %",
        }
        for k, n in order
    ]
    sentences = [
        f"{found.index.size} starts, each run for {min(spec.steps, BASIN_STEPS)} steps of **{label}** at the constant rate {run.spec.racers[index].lr:.4g}, without clipping or schedule. "
        "Where two colours meet, the smallest change of the start changes the end; with momentum or large steps that border is frayed, at every scale.",
    ]
    if not run.spec.hill.minima:
        sentences.append(
            "The minima of this formula are not known beforehand: the stars are the places where at least 1 % of the starts end."
        )
    picture = draw.basins(found.x, found.y, found.index, found.ends, found.minima, label, run.spec.start)
    return View(sentences, choices={"racer": (run.labels, label)}, figures={"basins": picture}, rows=rows)


def seeds(spec: OptimizerRaceSpec, run: Run) -> View:
    """The same race under other draws of the noise."""
    found = bands(run.spec, spec.draws)
    quiet = run.spec.noise == 0 and run.spec.hill.noise == 0
    rows = [
        {
            "racer": label,
            "median f at the end": short(float(mid)),
            "middle 80 %": f"{short(float(low))} to {short(float(high))}",
            "diverged": f"{100 * gone:.0f} % of the seeds",
        }
        for label, low, mid, high, gone in zip(
            run.labels, found.low[:, -1], found.median[:, -1], found.high[:, -1], found.diverged, strict=True
        )
    ]
    words = (
        "There is no noise in this race, so all seeds are one. Raise the gradient noise above, or choose the noisy bowl."
        if quiet
        else f"{spec.draws} races with the seeds {spec.seed} to {spec.seed + spec.draws - 1}; within a race all racers meet the same noise."
    )
    return View(
        [words],
        params=["draws"],
        figures={"seeds": draw.seed_bands(run, found.low, found.median, found.high, spec.draws)},
        rows=rows,
    )


def bowl_theory(spec: OptimizerRaceSpec, run: Run) -> View:
    """Momentum on the bowl, solved."""
    if spec.surface != "quadratic_bowl":
        return View(
            [
                "Only a quadratic can be solved in closed form: choose the **quadratic bowl** above, and theory and race will stand side by side."
            ]
        )
    found = theory(spec)
    here, best, plain = found.tuning, found.best, found.plain
    verdict = "the race converges" if here.rate < 1 else "the race diverges"
    sentences = [
        f"SGD with momentum at η = {here.lr:.4g}, μ = {here.momentum:.3g}: spectral radius **{here.rate:.4g}**, so {verdict}. "
        f"Best possible for κ = {spec.condition:g}: **{best.rate:.4g}** at η = {best.lr:.4g}, μ = {best.momentum:.4g}; without momentum {plain.rate:.4g} at η = {plain.lr:.4g}.",
        f"Largest difference between the race and the closed form over {len(found.closed) - 1} steps: **{found.difference:.1e}**. (This look runs at a constant rate, without decay, clipping or noise.)",
    ]
    formula = (
        r"\begin{pmatrix} z_{k} \\ x_{k} \end{pmatrix} = R^k \begin{pmatrix} 0 \\ x_0 \end{pmatrix}, \quad "
        r"R = \begin{pmatrix} \mu & \lambda \\ -\eta\mu & 1-\eta\lambda \end{pmatrix}, \quad"
        r"\eta^* = \Big(\tfrac{2}{\sqrt{\lambda_1}+\sqrt{\lambda_n}}\Big)^2, \quad \mu^* = \Big(\tfrac{\sqrt\kappa-1}{\sqrt\kappa+1}\Big)^2"
    )
    return View(
        sentences, latex=[formula], figures={"stability": draw.stability(found), "errors": draw.eigen_errors(found)}
    )


def schedule(spec: OptimizerRaceSpec, run: Run) -> View:
    """The learning rate over the steps."""
    about = SCHEDULES[spec.schedule]
    settings = [by_period(name, spec.period, spec.gamma) for name in SCHEDULES]
    curves = {s.name: _share(s, spec.steps) for s in settings if not s.watches}
    sentences = [
        f"**{about.title}**"
        + (f" ({about.source})." if about.source else ": the rate never changes. Choose another schedule above.")
    ]
    return View(
        sentences,
        latex=[about.latex],
        figures={"rates": draw.schedule(run), "schedules": draw.compare_schedules(curves, spec.schedule)},
    )


def _share(schedule: Schedule, steps: int) -> np.ndarray:
    return schedule.rates(np.ones(1), steps)[:, 0]


LENS: Mapping[str, Callable[[OptimizerRaceSpec, Run], View]] = {
    "leaderboard": leaderboard, "anatomy": anatomy, "sensitivity": sensitivity, "basins": basins, "seeds": seeds, "theory": bowl_theory,
    "schedule": schedule,
}  # fmt: skip
