"""The closer looks: recall against the delay, the forget bias, exploding gradients, singular values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.contracts import Step, View
from core.memory_length import figures as draw
from core.memory_length.compute import (
    CLIP_STEPS,
    DELAYS,
    KINDS,
    Recall,
    at_first,
    belongs,
    biases,
    explosion,
    reach,
    shipped_recall,
    spectrum,
    ways,
)
from core.memory_length.spec import MemoryLengthSpec
from core.plots.words import short

Array = np.ndarray


def look(
    spec: MemoryLengthSpec, metrics: Mapping[str, Array] | None = None, arrays: Mapping[str, Array] | None = None
) -> View:
    """The view through the lens that the Spec names; `metrics` and `arrays` are those of its job, if one has said something."""
    mine = arrays is not None and belongs(spec, arrays)
    if spec.lens == "delay":
        return delay(spec, arrays if mine else None)
    if spec.lens == "bias":
        return bias(spec, metrics if mine else None)
    return {"clip": clip, "spectrum": singular}[spec.lens](spec)


def delay(spec: MemoryLengthSpec, arrays: Mapping[str, Array] | None) -> View:
    """Accuracy of trained nets against the delay."""
    found = {"that ship": shipped_recall()}
    if arrays is not None:
        found["trained here"] = Recall(dict(zip(KINDS, arrays["scores"], strict=True)), spec.steps)
    rows = [
        {"cell": draw.TITLES[kind], "nets": origin, **{f"{d} steps": "" if np.isnan(v) else f"{100 * v:.0f} %" for d, v in zip(DELAYS, one.scores[kind], strict=True)}}
        for origin, one in found.items() for kind in KINDS
    ]  # fmt: skip
    words = [
        f"The shipped nets have 16 units and learned for {found['that ship'].steps} steps from torch's uniform first weights (LSTM: forget bias 3), by the project's own script, core/recurrent/shipped.py; their accuracy is measured now, on new sequences. One draw of first weights each: another seed may turn the order round. "
        "Train your own with the settings on screen: three nets for each delay, one delay after the other."
    ]
    return View(words, (), ["steps", "rate"], {}, {"recall": draw.recall(found)}, rows)


def bias(spec: MemoryLengthSpec, metrics: Mapping[str, Array] | None) -> View:
    """The forget bias before and in training."""
    found = biases(replace_bias(spec))
    rows = [
        {"forget bias b": f"{b:g}", "σ(b)": f"{1 / (1 + np.exp(-b)):.4f}", "mean forget gate": f"{way.forget:.4f}", "|dL/dc| at step 1": short(float(way.c[0])), "steps until 1 % is left": _reach(way.c)}
        for b, way in found.items()
    ]  # fmt: skip
    words = [
        "Before training every forget gate stands near σ(b), whatever is read. So b alone decides how much gradient the cell carries back. "
        "Press the button to train these five on the same batches at this length, and see which of them find the letter."
    ]
    figures = {"bias": draw.bias(found)}
    if metrics is not None and any(name.startswith("score.") for name in metrics):
        figures["learning"] = draw.bias_learning(metrics)
    return View(words, (), ["steps", "rate"], {}, figures, rows)


def replace_bias(spec: MemoryLengthSpec) -> MemoryLengthSpec:
    """The forget bias on the slider does not matter where five others are tried."""
    plain = at_first(spec)
    return MemoryLengthSpec(plain.length, plain.hidden, plain.weights, plain.gain, seed=plain.seed)


def clip(spec: MemoryLengthSpec) -> View:
    """One RNN trained twice, with and without clipping."""
    found = explosion(spec)
    rows = [
        {"run": name, "largest gradient norm": short(float(np.nanmax(n))) if np.isfinite(n).any() else "none", "steps with a norm above the limit": int((n > spec.limit).sum()), "mean loss of the last 20 steps": short(float(l[-20:].mean()))}
        for (name, n), l in zip(found.norms.items(), found.losses.values(), strict=True)  # noqa: E741
    ]  # fmt: skip
    words = [
        f"A vanilla RNN with gain {short(spec.gain)} learns to recall by plain gradient descent, η = {short(spec.rate)}, {CLIP_STEPS} steps, twice: as it is, and with every gradient longer than {short(spec.limit)} cut to that length. "
        "The direction stays; only a step that is too long becomes shorter. Guessing costs log 4 = 1.386."
    ]
    return View(words, (), ["rate", "limit"], {}, draw.exploding(found), rows)


def singular(spec: MemoryLengthSpec) -> View:
    """Why it vanishes or explodes: the singular values of U and of the product of all steps."""
    plain = at_first(spec)
    found, sigma = spectrum(plain), ways(plain)["rnn"].sigma
    T = spec.length
    words = [
        f"The state {T - 1} steps later depends on the state now through a product of {T - 1} matrices, each U times the slopes of tanh. No direction can grow faster than σ = {short(sigma)} at a step: σ to the power {T - 1} is {short(sigma ** (T - 1))}. "
        f"Measured on one sequence: the loudest direction arrives as {short(float(found.largest[0]))}, the middle one as {short(float(found.median[0]))}."
    ]
    latex = [
        r"\frac{\partial h_T}{\partial h_t} = \prod_{s=t+1}^{T} \operatorname{diag}(1 - h_s^2)\, U, \qquad \Big\lVert \frac{\partial h_T}{\partial h_t} \Big\rVert \le \sigma_{\max}(U)^{T-t}"
    ]
    return View(words, latex, (), {}, {"singular": draw.singular(found, sigma), "U": draw.values_of_U(found)})


def summary(spec: MemoryLengthSpec) -> tuple[str, list[dict[str, str]]]:
    """One sentence and a table about the picture at the top."""
    found = ways(at_first(spec))
    rows = [
        {"cell": f"{draw.TITLES[kind]}, {name}", "at step 1": short(float(values[0])), "at the last step": short(float(values[-1])), "kept at each step, on average": f"{(values[0] / values[-1]) ** (1 / max(1, spec.length - 1)):.4f}" if values[0] > 0 else "0", "steps until 1 % is left": _reach(values)}
        for kind, way in found.items() for name, values in (("h", way.h), ("c", way.c)) if values is not None
    ]  # fmt: skip
    words = "Before any training: how much of the gradient of the loss at the last step reaches each earlier step? What does not arrive cannot be learned from."
    return words, rows


def _reach(norms: Array) -> str:
    steps = reach(norms)
    return f"more than {steps}" if steps == len(norms) - 1 else str(steps + 1)


def worked(spec: MemoryLengthSpec) -> list[Step]:
    """The bound with the numbers on screen."""
    way, T = ways(at_first(spec))["rnn"], spec.length
    bound = way.h[-1] * way.sigma ** (T - 1)
    latex = rf"\lVert \tfrac{{\partial L}}{{\partial h_1}} \rVert = {_tex(way.h[0])} \;\le\; \sigma^{{{T - 1}}} \lVert \tfrac{{\partial L}}{{\partial h_{{{T}}}}} \rVert = {way.sigma:.4f}^{{{T - 1}}} \cdot {_tex(way.h[-1])} = {_tex(bound)}"
    lstm = ways(at_first(spec))["lstm"]
    cell = rf"\bar f^{{{T - 1}}} = {lstm.forget:.4f}^{{{T - 1}}} = {_tex(lstm.forget ** (T - 1))}, \qquad \frac{{\lVert \partial L / \partial c_1 \rVert}}{{\lVert \partial L / \partial c_{{{T}}} \rVert}} = {_tex(lstm.c[0] / lstm.c[-1])}"
    return [
        Step("The vanilla RNN's bound", latex=[latex]),
        Step("The LSTM's cell: mean forget gate to the power, and what is measured", latex=[cell]),
    ]


def _tex(value: float) -> str:
    mantissa, _, exponent = f"{float(value):.3e}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
