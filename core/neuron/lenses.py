"""The closer looks below the plane, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core import contracts
from core.contracts import Step
from core.neuron import figures as draw
from core.neuron.compute import Run, accuracy, at_step, chosen, least_squares, margin, run_of, separation
from core.neuron.figures import num, vector
from core.neuron.spec import RULES, NeuronSpec
from core.plots.words import short
from core.training.activations import ACTIVATIONS


@dataclass(frozen=True)
class View(contracts.View):
    """Also `drawing`: whether the sketch of both neurons is asked for."""

    drawing: bool = False


def look(spec: NeuronSpec) -> View:
    """The view through the lens that the Spec names."""
    return {"sum": inside, "bound": bound, "rules": rules, "biology": biology}[spec.lens](spec, run_of(spec))


def inside(spec: NeuronSpec, run: Run) -> View:
    """The weighted sum and the answer for the selected point."""
    i, w = chosen(spec, run), run.answer[at_step(spec, run)]
    x, one = run.X[i], ACTIVATIONS[spec.activation]
    z = float(w @ x)
    answer = float(one.f(np.array(z)))
    length = float(np.hypot(w[0], w[1]))
    where = (
        f"{short(abs(z) / length)} from the line, on the {'+' if z > 0 else '−'} side"
        if length and z
        else "on the line"
        if length
        else "nowhere: all weights are 0 and there is no line"
    )
    sentences = [
        f"**Point {i + 1}** of class {'+' if run.y[i] > 0 else '−'} at ({short(x[0])}, {short(x[1])}): it lies {where}. "
        "The weights say how much each input counts and in which direction; the bias moves the line away from the origin. The class is read from the sign of z; the activation decides what number the neuron passes on.",
    ]
    return View(
        sentences,
        latex=_sum_in_numbers(w, x, z, answer, spec.activation),
        params=["activation"],
        figures={"sum": draw.contributions(x, w, answer, one.title)},
    )


def _sum_in_numbers(w: np.ndarray, x: np.ndarray, z: float, answer: float, activation: str) -> list[str]:
    one = ACTIVATIONS[activation]
    return [
        rf"z = w_1 x_1 + w_2 x_2 + b = {num(w[0])} \cdot {num(x[0], inner=True)} + {num(w[1], inner=True)} \cdot {num(x[1], inner=True)} + {num(w[2], inner=True)} = {num(z)}",
        rf"a = f(z) = {one.latex},\qquad f({num(z)}) = {num(answer)}",
    ]


def bound(spec: NeuronSpec, run: Run) -> View:
    """Separable or not, and the mistake bound beside the count."""
    found = separation(run)
    if not found.separable:
        sentences = [
            f"**No line separates these points.** The point ({short(found.common[0])}, {short(found.common[1])}) is a mixture of + points and, with other shares, a mixture of − points. "
            "If a line had all + points on one side and all − points on the other, this point would have to lie on both sides. So a perceptron can go on for ever and will keep making mistakes."
        ]
        if not run.w.any() and len(run.order):
            sentences.append(
                f"Here the lessons go round in a circle: after {len(run.order)} points and {int(run.mistake.sum())} mistakes all weights are back at 0. Play the film to see the line turn."
            )
        return View(sentences, figures={"hulls": draw.hulls(run, found)})
    latex = [
        rf"\left(\frac{{R}}{{\gamma}}\right)^2 = \left(\frac{{{num(found.R)}}}{{{num(found.gamma)}}}\right)^2 = {num(found.bound)}"
    ]
    sentences = [
        f"**A line separates these points.** R = {short(found.R)} is the length of the longest input (x₁, x₂, 1), γ = {short(found.gamma)} the widest margin that weights of length 1 can keep from all points. "
        f"So the perceptron, from zero weights, makes at most **{found.most}** mistakes, in whatever order the points come."
    ]
    if spec.rule not in ("perceptron", "averaged"):
        sentences.append("The bound belongs to the perceptron rule: choose it above to see its mistakes counted.")
        return View(sentences, latex=latex)
    after = np.vstack([run.W[:1], run.W[1:][run.mistake]])
    sentences.append(
        f"Here it made **{int(run.mistake.sum())}**"
        + (
            " and came to rest."
            if run.clean
            else f" in {run.passes} passes, and has not come to rest yet: allow more passes."
        )
    )
    return View(
        sentences,
        latex=latex,
        figures={"proof": draw.proof(np.linalg.norm(after, axis=1), after @ found.w, found, spec.rate)},
    )


def rules(spec: NeuronSpec, run: Run) -> View:
    """Every rule on the same points in the same order."""
    runs = {
        name: run_of(replace(spec, rule=name, rate=spec.rate if name == spec.rule else _rate(name)))
        for name in RULES
        if name != "hand"
    }
    rows = [
        {
            "rule": RULES[name],
            "rate η": "" if name == "mira" else f"{spec.rate if name == spec.rule else _rate(name):g}",
            "mistakes while learning": int(r.mistake.sum()),
            "passes": r.passes,
            "came to rest": "yes" if r.clean else "no",
            "right in the end": f"{accuracy(r.w, r):.0%}",
            "margin": short(margin(r.w, r)),
        }
        for name, r in runs.items()
    ]
    best = least_squares(run)
    delta = runs["delta"]
    gap = float(np.abs(delta.w - best).max())
    sentences = [
        "**Perceptron**: only a mistake moves the weights. **Averaged**: the same lessons, but the mean of all weights answers. **Delta rule**: every point moves them, by how far z is from ±1. **MIRA**: the smallest change that gives the point y z ≥ 1.",
        "The delta rule has **diverged**: its steps overshoot, because η |x|² is above 2 for some points. Lower its rate."
        if delta.diverged
        else f"The delta rule heads for least squares, w = {', '.join(short(v) for v in best)}; its largest distance from that is {short(gap)}. A rate that stays constant keeps it jittering.",
    ]
    return View(sentences, figures={"rules": draw.all_rules(run, {name: r.w for name, r in runs.items()})}, rows=rows)


def _rate(name: str) -> float:
    """The rate of a rule that is not on screen."""
    return 0.02 if name == "delta" else 1.0


COMPARED = (
    ("Dendrites with thousands of synapses", "Inputs x₁, x₂", "in part: synapses excite or inhibit, but each does only one of the two, while a weight may change its sign"),
    ("Strength of a synapse", "Weight w", "yes: how much one input counts; it changes with experience"),
    ("Currents add up at the cell body", "Weighted sum z", "roughly: dendrites also multiply and gate, and a single cortical cell can compute XOR"),
    ("Firing threshold", "Bias b", "yes: −b is how large the weighted inputs must be together"),
    ("Spike, all or nothing, about 1 ms", "Step activation", "roughly: one answer, without time; a real cell sends trains of spikes"),
    ("Firing rate, up to a few hundred a second", "Activation value a", "roughly: a ≥ 0 may be read as a rate; tanh or a negative a has no counterpart"),
    ("Local plasticity (Hebb; timing of spikes)", "Perceptron rule, gradient descent", "no: the rule needs the right answer, and backpropagation needs the weights of later layers"),
    ("Chemistry, rhythm, growth, some 86 billion cells", "—", "no: left out altogether"),
)  # fmt: skip


def biology(spec: NeuronSpec, run: Run) -> View:
    """What maps onto what, and what does not."""
    sentences = [
        "McCulloch and Pitts (1943) and Rosenblatt (1958) took one idea from the nerve cell: add up weighted inputs, and answer when the sum is large enough. That idea is useful without being a model of the brain.",
    ]
    rows = "\n".join(f"| {cell} | {unit} | {verdict} |" for cell, unit, verdict in COMPARED)
    sentences.append(f"| nerve cell | this neuron | does it carry over? |\n| --- | --- | --- |\n{rows}")
    return View(sentences, drawing=True)


def worked(spec: NeuronSpec) -> list[Step]:
    """The weighted sum of the selected point, and the last correction, with the numbers on screen."""
    run = run_of(spec)
    i, t = chosen(spec, run), at_step(spec, run)
    w, x = run.answer[t], run.X[i]
    z = float(w @ x)
    steps = [
        Step(
            f"Point {i + 1}",
            latex=_sum_in_numbers(w, x, z, float(ACTIVATIONS[spec.activation].f(np.array(z))), spec.activation),
        )
    ]
    moved = np.flatnonzero((run.W[1 : t + 1] != run.W[:t]).any(axis=1))
    if len(moved):
        k = int(moved[-1])
        before, after, shown = run.W[k], run.W[k + 1], run.X[run.order[k]]
        steps.append(
            Step(
                f"The last correction so far, by point {int(run.order[k]) + 1}",
                latex=[
                    rf"w \leftarrow {vector(before)} + {num(float((after - before)[2]), inner=True)} \cdot {vector(shown)} = {vector(after)}"
                ],
            )
        )
    found = separation(run)
    if found.separable:
        steps.append(
            Step(
                "The mistake bound",
                latex=[
                    rf"\left(\frac{{R}}{{\gamma}}\right)^2 = \left(\frac{{{num(found.R)}}}{{{num(found.gamma)}}}\right)^2 = {num(found.bound)}"
                ],
            )
        )
    return steps
