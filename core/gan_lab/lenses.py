"""The closer looks below the game, as data; what a run has come to, in a sentence; and its formulas with its numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from core.contracts import Step, View
from core.gan_lab import figures as draw
from core.gan_lab.alarms import MOVED, RANKED, VARIETY, Alarm, alarms, windowed
from core.gan_lab.compute import Run, agreeing, floor_of, frame_of, parity, pulls, run_of, sizes_of
from core.gan_lab.engine import LOSSES as RULES
from core.gan_lab.engine import Mlp, output
from core.gan_lab.maps import best, exact, family
from core.gan_lab.measures import visits
from core.gan_lab.spec import LOSSES, GanSpec, learning
from core.plots.words import short

EXACT, PAIRED = 12, 300  # frames with an exact distance, and points of each kind in it


def raised_at(run: Run, frame: int) -> list[Alarm]:
    """The alarms that are up at a frame."""
    return [alarm for alarm in alarms(run) if alarm.raised[frame]]


def about(spec: GanSpec) -> str:
    """How the run ends, in a sentence or two."""
    run = run_of(spec)
    m, n = run.measures, len(run.source.places)
    if up := raised_at(run, -1):
        names = " and ".join(f"**{alarm.name}**" for alarm in up)
        cures = " ".join(f"What usually helps against {alarm.name}: {alarm.cure}." for alarm in up)
        return f"After {run.rounds[-1]} rounds the alarm is up: {names}. {cures}"
    return (
        f"After {run.rounds[-1]} rounds no alarm is up. {int(m['covered'][-1])} of {n} places are covered, {100 * m['inside'][-1]:.0f} % of the generated points lie in one, "
        f"and D ranks {100 * m['ranked'][-1]:.0f} % of the pairs of a real and a generated point right (50 % is guessing)."
    )


def look(spec: GanSpec) -> View:
    """The view through the lens that the Spec names."""
    return LENS[spec.lens](spec, run_of(spec))


def wrong(spec: GanSpec, run: Run) -> View:
    """The alarms, their rules, and what they read at the film's frame."""
    at, found = frame_of(run, spec.frame), alarms(run)
    rows = [
        {
            "alarm": alarm.name, "state": "up" if alarm.raised[at] else "quiet", "it is up when": alarm.rule,
            f"in round {run.rounds[at]}": "; ".join(f"{name} {short(float(values[at]))}" for name, values in alarm.values.items()),
            "what usually helps": alarm.cure,
        }
        for alarm in found
    ]  # fmt: skip
    words = [
        "Each alarm is a rule on measured numbers; the limits are this page's own. The table reads the frame at which the film rests.",
        "**Variety** is exp(H(q) − H(p)): how many cells of the map generated points fill for each that real points fill. **Moved** counts the generated points whose nearest place is another one than a frame before, although their noise is the same.",
    ]
    limit = {"variety": VARIETY, "moved": MOVED, "ranked": RANKED}
    pictures = {"alarms": draw.strip(run, found), "measures": draw.limits(run, windowed(run.measures["moved"]), limit)}
    return View(words, figures=pictures, rows=rows)


@lru_cache(maxsize=24)
def paired(run: Run) -> tuple[np.ndarray, np.ndarray, float]:
    """Frames, the exact Wasserstein distance there, and that of two real samples."""
    frames = np.unique(np.rint(np.linspace(0, len(run.rounds) - 1, EXACT)).astype(int))
    real = run.stick.real[:PAIRED]
    return frames, np.array([exact(real, run.fakes[k][:PAIRED]) for k in frames]), exact(real, run.stick.again[:PAIRED])


def distance(spec: GanSpec, run: Run) -> View:
    """Divergences and transport."""
    frames, W, floor = paired(run)
    m, least = run.measures, floor_of(run)
    words = [
        f"At the end: JS **{short(float(m['JS'][-1]))}** nats, KL {short(float(m['KL'][-1]))} nats, sliced W₁ {short(float(m['sliced W1'][-1]))}, exact W₁ **{short(float(W[-1]))}**. "
        f"Two draws of real points have JS {short(least['JS'])}, sliced W₁ {short(least['sliced W1'])} and exact W₁ {short(floor)}: no generator gets below that but by luck.",
        "JS and KL compare densities cell by cell, so they do not see *how far* a missing cloud is; the Wasserstein distance does, for it counts the way that points have to go.",
    ]
    pictures = {"divergences": draw.divergences(run), "transport": draw.transport_cost(run, frames, W, floor)}
    return View(words, figures=pictures)


def places(spec: GanSpec, run: Run) -> View:
    """How the generated points are shared out among the places."""
    source, at = run.source, frame_of(run, spec.frame)
    counts = np.array([visits(X, source.places, source.reach) for X in run.fakes])
    both = np.array([counts[at], visits(run.stick.real, source.places, source.reach)])
    words = [
        f"The data have {len(source.places)} places. A generated point counts for the nearest one if it lies within {short(source.reach)} of it; {int(run.measures['covered'][at])} are covered in round {run.rounds[at]}."
    ]
    return View(words, figures={"visits": draw.visited(run, counts), "shares": draw.shares(run, both, at)})


def best_answer(spec: GanSpec, run: Run) -> View:
    """D beside the best answer there is."""
    found = best(run, frame_of(run, spec.frame))
    if found is None:
        return View(
            [
                "A critic's best answer is no function of p and q at the same cell: it is the steepest allowed slope from generated to real points, and it depends on where all of them are. Choose another loss to see D* beside D."
            ]
        )
    words = [
        f"The densities p (real) and q (generated) in round {run.rounds[frame_of(run, spec.frame)]}, blurred by 0.1, decide what D could say at best. This D is **{short(found.gap)}** away from it on average over the points. "
        f"Its loss on the grid is {short(found.cost)}; the best possible is {short(found.least)}."
    ]
    latex = {
        "log": [r"D^*(x) = \frac{s\,p(x)}{p(x) + q(x)}", rf"s = 1: \quad L_{{D^*}} = 2\log 2 - 2\,\mathrm{{JS}}(p, q) = {2 * np.log(2):.4f} - 2 \cdot {found.js:.4f} = {2 * np.log(2) - 2 * found.js:.4f}"],
        "least": [r"D^*(x) = \frac{s\,p(x)}{p(x) + q(x)}"],
        "hinge": [r"D^*(x) = \mathrm{sign}\big(p(x) - q(x)\big)"],
    }[family(spec.loss)]  # fmt: skip
    return View(words, latex=latex, figures=draw.best_maps(found, run))


def race(spec: GanSpec, run: Run) -> View:
    """The same start, data, batches and noise under another loss."""
    rival = run_of(replace(spec, loss=spec.rival))
    names = {LOSSES[spec.loss]: run, LOSSES[spec.rival]: rival}
    rows = [
        {"loss": name, "places covered": f"{int(r.measures['covered'][-1])} of {len(r.source.places)}", "inside (%)": round(100 * float(r.measures["inside"][-1]), 1),
         "JS (nats)": float(r.measures["JS"][-1]), "sliced W1": float(r.measures["sliced W1"][-1]), "alarms at the end": ", ".join(a.name for a in raised_at(r, -1)) or "none"}
        for name, r in names.items()
    ]  # fmt: skip
    if spec.rival == spec.loss:
        return View(["Both are the same loss; choose another one for the rival."], params=["rival"], rows=rows)
    words = [
        "One thing differs: the loss. First weights, data, batches and noise are the same, and so are all settings above; a loss that needs other rates or more updates of D is at a disadvantage that you can lift. One seed proves little: try several."
    ]
    return View(words, params=["rival"], figures=draw.race(run, rival), rows=rows)


def engines(spec: GanSpec, run: Run) -> View:
    """This page's engine and PyTorch."""
    both = parity(learning(spec))
    if not both.shape[1]:
        return View(["No round is played, so there is nothing to compare."])
    gap = float(np.nanmax(np.abs(both[0] - both[1]), initial=0.0))
    words = [
        f"The first {both.shape[1]} rounds twice: by the formulas of this page in NumPy, and by PyTorch with autograd and torch.optim, from the same first weights, batches and noise. "
        f"Largest difference between the losses: **{gap:.1e}**; they agree within 1e-10 in {agreeing(both)} of {both.shape[1]} rounds (float64 rounds at 1.1e-16)."
    ]
    return View(words, figures=draw.engines(both))


LENS = {"alarm": wrong, "distance": distance, "places": places, "best": best_answer, "race": race, "engines": engines}

D_TEX = {
    "log": r"L_D = \frac1n \sum_i s\,\zeta(-r_i) + (1-s)\,\zeta(r_i) + \zeta(f_i), \quad \zeta(x) = \log(1 + e^x)",
    "least": r"L_D = \frac1n \sum_i \tfrac12 (r_i - s)^2 + \tfrac12 f_i^2",
    "hinge": r"L_D = \frac1n \sum_i \max(0, 1 - r_i) + \max(0, 1 + f_i)",
    "critic": r"L_D = \frac1n \sum_i f_i - r_i",
}
G_TEX = {
    "minimax": r"\ell_G = -\zeta(f), \quad \frac{\partial \ell_G}{\partial f} = -\sigma(f)",
    "nonsat": r"\ell_G = \zeta(-f), \quad \frac{\partial \ell_G}{\partial f} = \sigma(f) - 1",
    "least": r"\ell_G = \tfrac12 (f - 1)^2, \quad \frac{\partial \ell_G}{\partial f} = f - 1",
    "hinge": r"\ell_G = -f, \quad \frac{\partial \ell_G}{\partial f} = -1",
}


def worked(spec: GanSpec) -> list[Step]:
    """One generated point of the film's frame, with its numbers: noise, G, D, loss, the pull."""
    run = run_of(spec)
    at = frame_of(run, spec.frame)
    z, x = run.stick.noise[0], run.fakes[at][0]
    D = Mlp(sizes_of(spec)[1], spec.activation, run.D[at])
    f = float(output(run.D[at], sizes_of(spec)[1], spec.activation, x[None])[0, 0])
    slope, g = float(RULES[spec.loss].d_fool(np.array([f]))[0]), D.slopes_in(x[None])[0]
    pull = pulls(spec, run.D[at], x[None])[0]
    G_tex = G_TEX.get(spec.loss, G_TEX["hinge"])
    return [
        Step("What D pays", f"{LOSSES[spec.loss]}: r are D's outputs for real points, f for generated ones.", [D_TEX[family(spec.loss)]]),
        Step("G makes a point", f"The first noise of the film, in round {run.rounds[at]}.", [rf"G({vector(z)}) = {vector(x)}"]),
        Step("D looks at it", "One number: the higher, the more real.", [rf"f = D{vector(x)} = {f:.6f}"]),
        Step("What G pays for it", "And how that changes with f.", [G_tex, rf"\ell_G = {float(RULES[spec.loss].fool(np.array([f]))[0]):.6f}, \quad \frac{{\partial \ell_G}}{{\partial f}} = {slope:.6f}"]),
        Step("Where G is told to move it", "The chain rule through D; this is the dark line of the map before it is shortened.", [rf"-\frac{{\partial \ell_G}}{{\partial x}} = -\frac{{\partial \ell_G}}{{\partial f}}\, \nabla_x D = -({slope:.6f}) \cdot {vector(g)} = {vector(pull)}"]),
    ]  # fmt: skip


def vector(x: np.ndarray) -> str:
    """A row of numbers in LaTeX."""
    return "(" + ",\\; ".join(f"{v:.6f}" for v in x.tolist()) + ")"
