"""The closer looks below the two pictures, as data: sentences, formulas, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.contracts import Figure, Step, View
from core.initialisation import figures as draw
from core.initialisation import isometry, phase, symmetry
from core.initialisation.compute import LOWEST, Film, expected_chi, measured, shown_film, sigma_w
from core.initialisation.schemes import SCHEMES
from core.initialisation.spec import SUITED, InitialisationSpec, repaired
from core.initialisation.theory import means
from core.plots.words import short
from core.training.activations import ACTIVATIONS

WIDER = (256, 64)  # inputs and units of the table's second example


def look(spec: InitialisationSpec, film: Film | None = None) -> View:
    """The view through the lens that the Spec names; `film` is its training, where it trains."""
    if spec.lens in TRAINING:
        return TRAINING[spec.lens](spec, film or shown_film(spec))
    return OTHER[spec.lens](spec)


def pictures(spec: InitialisationSpec) -> dict[str, Figure]:
    """Signal and gradient by layer; behind them the stack before the repair."""
    flow, line, g = measured(spec)
    before = measured(replace(spec, repair="none"))[0] if spec.repair != "none" else None
    q, back = (None, None) if before is None else (before.q, before.g)
    return {
        "signal": draw.signal(flow.q, flow.a, None if line is None else (line.q, line.a), q),
        "gradient": draw.gradient(flow.g, flow.dW, g, back),
    }


def factor(values: np.ndarray) -> float:
    """The mean factor from one value to the next."""
    with np.errstate(all="ignore"):
        return float((values[-1] / values[0]) ** (1 / max(1, len(values) - 1)))


def about(spec: InitialisationSpec) -> str:
    """What the two pictures say, in one paragraph."""
    own, (flow, line, _) = repaired(spec), measured(spec)
    name = SCHEMES[own.scheme].title
    if line is None:
        return f"**{name}**: all units of a layer compute the same, so there is no variance to predict. Look closer at *Units that stay identical*."
    if own.depth == 1:
        return f"**{name}**, one layer: its weighted sums have the mean square {short(float(flow.q[0]))}, predicted {short(float(line.q[0]))}. Add layers to see what repetition does."
    size = sigma_w(own)
    words = (
        f"σ_w² = {short(size**2)} (inputs × variance of the weights)"
        if size is not None
        else "each layer is divided so that its weighted sums have variance 1"
    )
    back = f", predicted {short(expected_chi(line))}" if own.norm != "batch" else ""
    return (
        f"**{name}**: {words}. From layer to layer the signal's mean square changes by a factor of **{short(factor(flow.q))}** (predicted {short(factor(line.q))}), "
        f"the gradient's on its way down by **{short(factor(flow.g[::-1] ** 2))}**{back}. Over {own.depth} layers the gradient arrives at "
        f"{short(float(flow.g[0] / flow.g[-1]) if flow.g[-1] else 0.0)} of its size at the top."
    )


def schemes_table(spec: InitialisationSpec) -> list[dict[str, Any]]:
    """All schemes: the variance, the deviation of this stack's weights, and of a layer with more inputs than units."""
    n, m = WIDER
    return [
        {
            "scheme": one.title, "variance of a weight": _plain(one.latex), "deviation here": short(spec.scale * float(np.sqrt(one.variance(spec.width, spec.width, spec.sigma)))),
            f"deviation, {n} inputs, {m} units": short(float(np.sqrt(one.variance(n, m, spec.sigma)))), "source": one.paper,
        }
        for one in SCHEMES.values()
    ]  # fmt: skip


def _plain(latex: str) -> str:
    """A short formula as text."""
    for mark, sign in ((r"\sigma", "σ"), (r"\max", "max"), (r"\mathrm{Var}", "Var"), ("^2", "²")):
        latex = latex.replace(mark, sign)
    return latex


def film(spec: InitialisationSpec, found: Film) -> View:
    """Histograms of activations and gradients over training, and the flow of the gradient."""
    parts, g = found.parts, found.parts["g"][0]
    reach, top = parts["ends"][0]
    last = int(found.step[-1])
    words = (
        f"The stack learns for {found.spec.steps} steps of gradient descent; the bar moves through {len(found.step)} of them. The loss goes from {draw.loss(found.losses[0, 0])} to {draw.loss(found.losses[0, last])}; "
        f"ln 2 = 0.6931 is a stack that has learned nothing. At the start the first layer's gradient is {short(float(g[0, 0] / g[0, -1]) if g[0, -1] else 0.0)} of the last one's, at the end {short(float(g[-1, 0] / g[-1, -1]) if g[-1, -1] else 0.0)}."
    )
    shown = {
        "activations": draw.histogram(parts["hist.x"], (-reach, reach), "activation x  [1]", "activations", found.step),
        "gradients": draw.histogram(parts["hist.g"], (LOWEST, top), "log₁₀ |∂loss/∂x|", "logarithm of the gradients by the activations", found.step),
        "flow": draw.flow_film(g, found.step),
        "losses": draw.losses(["loss"], found.losses),
    }  # fmt: skip
    return View([_broke_off(found) + words], figures=shown)


def _broke_off(found: Film) -> str:
    """A word about a single stack whose training diverged."""
    came = found.came[0]
    return (
        ""
        if came >= int(found.step[-1])
        else f"**The training diverged at step {came + 1}**; the stack is shown as it was before that step. "
    )


def health(spec: InitialisationSpec, found: Film) -> View:
    """Saturated and dead units, and the size of the updates."""
    parts, last = found.parts, min(int(found.step[-1]), max(0, found.came[0]))
    saturated, dead, ratio = (parts[name][0] for name in ("saturated", "dead", "ratio"))
    rows = [
        {"layer": k + 1, "saturated": f"{100 * saturated[-1, k]:.1f} %", "dead units": f"{100 * dead[-1, k]:.1f} %", "update : data, first step": draw.number(ratio[0, k]), f"update : data, step {last}": draw.number(ratio[-1, k])}
        for k in np.unique(np.rint(np.linspace(0, ratio.shape[1] - 1, 6))).astype(int).tolist()
    ]  # fmt: skip
    slowest, fastest = (
        (float(f(ratio[0])) for f in (np.nanmin, np.nanmax)) if np.isfinite(ratio[0]).any() else (0.0, 0.0)
    )
    sentences = [
        f"At the first step the layers' updates lie between **{short(slowest)}** and **{short(fastest)}** of their weights. One learning rate serves all layers, so where these differ by orders of magnitude some layers stand still while others leap.",
        f"{_broke_off(found)}After step {last}, **{100 * saturated[-1].mean():.1f} %** of units × points are saturated and **{100 * dead[-1].mean():.1f} %** of all units are dead.",
    ]  # fmt: skip
    return View(
        sentences,
        figures={
            "health": draw.health(saturated[[0, -1]], dead[[0, -1]], last),
            "ratio": draw.ratio(ratio[0], ratio[-1], last),
        },
        rows=rows,
    )


def _outcomes(found: Film) -> list[dict[str, Any]]:
    """The table of several trainings."""
    g = found.parts["g"]
    return [
        {
            "stack": name, "loss at the start": draw.loss(found.losses[k, 0]), f"loss after step {int(found.step[-1])}": draw.loss(found.ends[k]),
            "gradient, first : last layer, before": short(float(g[k, 0, 0] / g[k, 0, -1]) if g[k, 0, -1] else 0.0),
            f"after step {int(found.step[-1])}": short(float(g[k, -1, 0] / g[k, -1, -1]) if g[k, -1, -1] else 0.0),
        }
        for k, name in enumerate(found.names)
    ]  # fmt: skip


def repair(spec: InitialisationSpec, found: Film) -> View:
    """The stack as set, and after each stage of the repair."""
    norm = {"batch": "batch", "layer": "layer", "none": "layer"}[spec.norm]
    sentences = [
        f"Four stacks on the same points. **Stage 1** draws the weights as suits {ACTIVATIONS[spec.activation].title}: {SCHEMES[SUITED[spec.activation]].title}. **Stage 2** adds {norm} normalisation in every layer. **Stage 3** adds residual connections. "
        "The switch *Repair* above shows each stage in the two pictures, with the stack before it in grey.",
        f"With residual connections all layers add up: at the last layer the mean square of x is {short(float(found.parts['a'][3, 0, -1]))}, without them {short(float(found.parts['a'][2, 0, -1]))}. So the readout starts with larger logits, and the loss may leap before it falls; a smaller learning rate or a smaller readout avoids it.",
    ]  # fmt: skip
    return View(sentences, figures=_together(found, 0, "before training"), rows=_outcomes(found))


def race(spec: InitialisationSpec, found: Film) -> View:
    """All schemes, trained on the same points."""
    last = int(found.step[-1])
    sentences = [
        f"{len(found.names)} stacks of {found.spec.depth} layers: the same points, biases, learning rate ({short(found.spec.rate)}) and steps; only the first weights differ. Normal schemes share their draws. "
        "With as many units as inputs in every layer, Xavier and LeCun have the same variance; the table of all schemes, in the drawer above, shows where they part.",
        "One rate does not suit all equally: move it and the order may change.",
    ]
    return View(
        sentences,
        figures=_together(found, -1, f"after step {last}"),
        rows=[
            row | {"variance of a weight": _plain(one.latex)}
            for row, one in zip(_outcomes(found), SCHEMES.values(), strict=True)
        ],
    )


def _together(found: Film, frame: int, when: str) -> dict[str, Figure]:
    return {
        "losses": draw.losses(found.names, found.losses),
        "flow": draw.by_layer(found.names, found.parts["g"][:, frame], when),
    }


def jacobian(spec: InitialisationSpec) -> View:
    """Singular values of the Jacobian, by depth and for several schemes."""
    own, (_, line, _) = repaired(spec), measured(spec)
    at, values = isometry.depths(own), isometry.singular(spec)
    predicted = np.empty(0)
    if line is not None and own.norm != "batch":
        predicted = np.sqrt(np.concatenate([[1.0], np.cumprod(line.chi[:, 0])])[at])
    others = isometry.compared(spec)
    titles = {
        SCHEMES[name].title + (" (this stack)" if name == own.scheme else ""): row for name, row in others.items()
    }
    rows = [
        {"first weights": title, "largest": short(float(row.max())), "median": short(float(np.median(row))), "smallest": short(float(row.min())), "condition": _condition(row)}
        for title, row in titles.items()
    ]  # fmt: skip
    sentences = [
        f"The Jacobian of {own.depth} layers is a product of {own.depth} matrices. A level gradient says that its singular values have the root mean square 1; it does not say that they are alike. Here they reach from **{short(float(values[-1].max()))}** to **{short(float(values[-1].min()))}**, condition **{_condition(values[-1])}**.",
        "Orthogonal weights stretch every direction alike: in a linear stack all singular values are 1 at any depth, and with tanh they stay near 1 while the signals are small. ReLU switches half of the directions off in each layer, so no choice of weights gives isometry (Pennington et al. 2017).",
    ]
    if own.norm == "batch":
        sentences.append("The statistics of the batch norm are held here, as at test time.")
    return View(
        sentences,
        figures={"singular": draw.singular(at, values, predicted), "spectra": draw.spectra(titles)},
        rows=rows,
    )


def _condition(values: np.ndarray) -> str:
    number = isometry.condition(values)
    return short(number) if np.isfinite(number) else "beyond 1e14"


def units(spec: InitialisationSpec) -> View:
    """Identical units stay identical."""
    own, found = symmetry.small(spec), symmetry.lessons(spec)
    words = {"zero": "Zero", "constant": "Constant", "grain": "+ noise", "random": "Random"}
    rows = [
        {"start": words[name], "loss at the start": draw.loss(one.losses[0]), f"loss after {own.steps} steps": draw.loss(one.losses[-1]),
         "different units, by layer": ", ".join(f"{k} of {own.width}" for k in one.different), "spread, first layer": short(float(one.spread[-1, 0]))}
        for name, one in found.items()
    ]  # fmt: skip
    sentences = [
        f"The same stack ({own.depth} layers of {own.width} units, {ACTIVATIONS[own.activation].title}) from four starts: all weights 0; all weights {short(own.sigma)}; the same with noise of deviation {symmetry.GRAIN:g}; random. "
        f"After {own.steps} steps the constant start still has **{found['constant'].different[0]}** kind of unit in its first layer, the random one **{found['random'].different[0]}**.",
        "Equal units get equal gradients, so gradient descent moves them together: a layer of any width works as one unit. Noise can only break this as fast as the differences grow, which the second picture shows.",
    ]
    shown = {
        "weights": draw.weights({words[k]: one.before for k, one in found.items()}, {words[k]: one.after for k, one in found.items()}, own.steps),
        "spread": draw.spread({words[k]: one.spread[:, 0] for k, one in found.items()}),
    }  # fmt: skip
    return View(sentences, figures=shown, rows=rows)


def chaos(spec: InitialisationSpec) -> View:
    """The phase diagram of tanh, and where the stack stands."""
    here, found = phase.place(spec), phase.measure(spec)
    chi, border = phase.diagram()
    shown = {"phases": draw.phases(phase.SIGMA_W, phase.SIGMA_B, chi, border, here)}
    if here is None or found is None:
        return View(["These weights are no independent draws of one variance, so the stack has no place in the diagram. Choose normal, uniform, Xavier, He, LeCun or orthogonal weights."], figures=shown)  # fmt: skip
    chi_1, q = phase.chi(*here), phase.fixed_point(*here)
    like = phase.likeness(*here, spec.depth)
    named = "the border" if not np.isfinite(phase.depth_scale(chi_1)) else "order" if chi_1 < 1 else "chaos"
    other = (
        ""
        if spec.activation == "tanh"
        else " The diagram is that of **tanh**, whatever activation is chosen above; so are the measurements."
    )
    sentences = [
        f"At σ_w = {short(here[0])}, σ_b = {short(here[1])} the weighted sums settle at q* = {short(q)} and χ₁ = **{short(chi_1)}**: {named}. The gradient's mean square changes by this factor in every layer, so the depth scale is ξ = 1/|ln χ₁| = **{_layers(chi_1)}**. "
        f"**Measured** in {phase.DRAWS} stacks of {spec.width} units and {spec.depth} layers: χ = {short(found.chi)}, ξ = **{_layers(found.chi)}**.{other}",
    ]  # fmt: skip
    rows = [
        {
            "": "q, last layer",
            "predicted": short(float(_settled(here, spec.depth))),
            "measured": short(float(found.q[:, -1].mean())),
        },
        {
            "": "correlation of two inputs, last layer",
            "predicted": short(float(like[-1])),
            "measured": short(float(found.c[:, -1].mean())),
        },
        {"": "χ₁", "predicted": short(chi_1), "measured": short(found.chi)},
        {
            "": "depth scale ξ",
            "predicted": short(phase.depth_scale(chi_1)),
            "measured": short(phase.depth_scale(found.chi)),
        },
    ]
    shown |= {"likeness": draw.likeness(found.c, like), "decay": draw.decay(found.g, chi_1, found.chi)}
    return View(sentences, figures=shown, rows=rows)


def _layers(chi: float) -> str:
    """A depth scale in words."""
    scale = phase.depth_scale(chi)
    return f"{short(scale)} layers" if np.isfinite(scale) else "without end"


def _settled(here: tuple[float, float], depth: int) -> float:
    """q after `depth` layers of inputs with mean square 1."""
    w, b = here
    q = w**2 + b**2
    for _ in range(depth - 1):
        q = float(w**2 * means(phase.TANH, q)[1] + b**2)
    return q


TRAINING = {"film": film, "health": health, "repair": repair, "race": race}
OTHER = {"isometry": jacobian, "symmetry": units, "phase": chaos}


def _number(value: float) -> str:
    """Four digits in LaTeX."""
    mantissa, _, exponent = f"{value + 0.0:.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def worked(spec: InitialisationSpec) -> Sequence[Step]:
    """The formulas with the numbers on screen."""
    own, (flow, line, _) = repaired(spec), measured(spec)
    scheme = SCHEMES[own.scheme]
    steps = [
        Step(
            "The first weights",
            latex=[
                rf"\text{{{scheme.title}}}:\quad {scheme.latex},\qquad n = m = {own.width},\ \sigma = {own.sigma:g},\ \text{{scale}}\ {own.scale:g}"
            ],
        )
    ]
    if line is None:
        return steps
    if (size := sigma_w(own)) is not None and own.norm == "none" and not own.residual:
        _, second, slope = (float(v) for v in means(ACTIVATIONS[own.activation], line.q[0]))
        steps += [
            Step("Signal", latex=[rf"q_1 = \sigma_w^2 a_0 + \sigma_b^2 = {_number(size**2)} \cdot {_number(float(line.a[0]))} + {_number(own.bias**2)},\qquad \text{{measured: }} {_number(float(flow.q[0]))}",
                                  rf"\mathrm{{E}} f(\sqrt{{q_1}}u)^2 = {_number(second)}"]),
            Step("Gradient", latex=[rf"\chi_1 = \sigma_w^2\, \mathrm{{E}} f'(\sqrt{{q_1}}u)^2 = {_number(size**2)} \cdot {_number(slope)} = {_number(size**2 * slope)}"]),
        ]  # fmt: skip
    from core.initialisation.parity import against_torch

    worst = against_torch(own)
    steps.append(
        Step(
            "Held against PyTorch, double precision, beside the largest number",
            latex=[rf"\text{{weighted sums: }} {_number(worst[0])},\qquad \text{{gradients: }} {_number(worst[1])}"],
        )
    )
    return steps
