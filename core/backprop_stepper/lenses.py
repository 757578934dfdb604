"""The closer looks below the graph, as data: sentences, tables and figures for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core import contracts
from core.backprop_stepper import figures as draw
from core.backprop_stepper.bugs import BUGS, first_wrong
from core.backprop_stepper.compute import axes, first_step, slice_of, training
from core.backprop_stepper.memory import BYTES, checkpointing, memory
from core.backprop_stepper.spec import OPTIMIZERS, StepperSpec
from core.backprop_stepper.vanishing import vanishing
from core.backprop_stepper.walk import said
from core.formula import Graph
from core.formula.checks import compare
from core.plots.curves import overlay
from core.plots.words import short


@dataclass(frozen=True)
class View(contracts.View):
    """Also lines of `code`, and what the run table may pin: `metrics` and a `curve`."""

    code: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[float] = ()


def look(spec: StepperSpec, graph: Graph) -> View:
    """The view through the lens that the Spec names."""
    return LENS[spec.lens](spec, graph)


def digits(number: float | None) -> str:
    """Ten significant digits, as much as two methods in float64 should share."""
    return "" if number is None else f"{number + 0.0:.10g}"


def proof(spec: StepperSpec, graph: Graph) -> View:
    """Every gradient three ways."""
    found = compare(graph)
    rows = [
        {
            "node": said(graph.nodes[row.node]),
            "value": digits(graph.nodes[row.node].value),
            "ours": digits(row.ours),
            "torch.autograd": digits(row.autograd),
            "central difference": digits(row.difference),
            "|ours − autograd|": f"{row.off_autograd:.1e}",
            "note": "kink: no difference is defined" if row.at_kink else "",
        }
        for row in found.rows
        if row.ours is not None
    ]
    return View(
        [
            f"Largest difference from torch.autograd: **{found.largest_off_autograd:.2g}**. From the central difference: "
            f"**{found.largest_off_difference:.2g}**; that one is an approximation, with an error of about 1e-9 times the size of L's derivatives.",
        ],
        rows=rows,
    )


def update(spec: StepperSpec, graph: Graph) -> View:
    """One step and what it was predicted to do; training on from here; the loss over two leaves."""
    one, run, names = first_step(spec, graph), training(spec, graph), axes(spec, graph)
    pictures = {
        "losses": overlay(
            {OPTIMIZERS[spec.optimizer]: run.losses.tolist()},
            "training step",
            "loss L",
            log=bool((run.losses > 0).all()),
        )
    }
    if names:
        field_, path = slice_of(graph, names, run)
        pictures["contour"] = draw.contour(field_.x, field_.y, field_.z, names, path)
    actual = "undefined, for the formula has no value there" if one.actual is None else f"**{short(one.actual)}**"
    sentences = [
        f"One step of {OPTIMIZERS[spec.optimizer]} from L = {short(one.loss)}: the gradient predicts **{short(one.predicted)}** (first order: L + Σ g·Δw), the new loss is {actual}.",
        f"After {len(run.losses) - 1} steps the loss is **{short(run.losses[-1])}**."
        + (f" Training ended early: {run.stopped}." if run.stopped else ""),
    ]
    rows = [
        {
            "leaf": m.name,
            "w": m.w,
            "g = dL/dw": m.g,
            "Δw": m.dw,
            "new w": m.new_w,
            f"w after {len(run.losses) - 1} steps": float(last),
        }
        for m, last in zip(one.moves, run.values[-1], strict=True)
    ]
    leaves = list(graph.leaves)
    choices: dict[str, tuple[Sequence[str], str | Sequence[str]]] = {"trained": (leaves, run.names)}
    if names:
        choices |= {
            axis: ([n for n in leaves if n != other], name)
            for axis, name, other in zip(("axis_x", "axis_y"), names, reversed(names), strict=True)
        }
    return View(
        sentences,
        params=["optimizer", "rate", "beta", "steps"],
        choices=choices,
        figures=pictures,
        rows=rows,
        metrics={"final loss": float(run.losses[-1])},
        curve=run.losses.tolist(),
    )


def vanish(spec: StepperSpec, graph: Graph) -> View:
    """The product of local derivatives along the longest path."""
    found = vanishing(graph, spec.source if spec.source in graph.leaves else "")
    factors = found.longest.factors
    labels = [f"{said(graph.nodes[f.node])} → {said(graph.nodes[f.input])}" for f in factors]
    local, running = (np.array([getattr(f, name) for f in factors]) for name in ("local", "product"))
    slope = factors[-1].log10 / len(factors) if factors else 0.0
    paths = "There is one path" if found.path_count == 1 else f"There are {found.path_count} paths"
    sentences = [
        f"{paths} from {found.leaf} to L. Along the longest, {len(factors)} edges, the product is **{short(found.longest.product)}**; "
        f"the sum over all paths is **{short(found.sum_over_paths)}**, and the backward pass gave dL/d{found.leaf} = **{short(found.gradient)}**.",
    ]
    pictures = {"vanishing": draw.vanishing(labels, local, running, slope)} if factors else {}
    rows = [
        {"edge": label, "local derivative": f.local, "product so far": f.product, "log₁₀ |product|": f.log10}
        for label, f in zip(labels, factors, strict=True)
    ]
    return View(sentences, choices={"source": (list(graph.leaves), found.leaf)}, figures=pictures, rows=rows)


def bug_lab(spec: StepperSpec, graph: Graph) -> View:
    """One classic mistake, planted in this graph, and the first gradient that it spoils."""
    about, found = BUGS[spec.bug], first_wrong(graph, spec.bug)
    code = {"Wrong": about.wrong, "Right": about.right}
    if not found.applies:
        return View([f"**{about.title}** does not apply to this formula: {found.reason}."], params=["bug"], code=code)
    labels = [said(graph.nodes[row.node]) for row in found.rows]
    where = "" if found.planted is None else f" Here it was planted at {said(graph.nodes[found.planted])}."
    first = next((k for k, row in enumerate(found.rows) if row.node == found.first), None)
    verdict = (
        f"The first gradient that goes wrong is that of **{labels[first]}**."
        if first is not None
        else f"{found.reason.capitalize()}."
    )
    sentences = [f"**{about.title}.**{where} {verdict} {about.symptom}", f"What torch says: {about.torch_says}"]
    right, wrong = (np.array([getattr(row, name) or 0.0 for row in found.rows]) for name in ("correct", "buggy"))
    return View(sentences, params=["bug"], code=code, figures={"bug": draw.bug(labels, right, wrong, first)})


def memory_view(spec: StepperSpec, graph: Graph) -> View:
    """What backward needs, and what checkpointing saves and costs."""
    held, trade = memory(graph), checkpointing(graph, spec.segments)
    operations = [entry.node for entry in held.saved]
    again = {node for segment in trade.segments for node in segment.recomputed}
    marks = [np.array([node in chosen for node in operations]) for chosen in (held.activations, trade.kept, again)]
    sentences = [
        f"Backward needs **{held.scalars}** numbers from forward: {len(held.leaves)} leaves, which exist anyway, and **{held.extra}** that are kept for it alone ({held.extra * BYTES['float64']} bytes in float64, {held.extra * BYTES['float32']} in float32).",
        f"With {len(trade.segments)} checkpoint segments at most **{trade.peak}** of those are held at once, for **{trade.extra_operations}** operations that are computed again. In a small or branched graph that need not be a gain; in a long chain it is.",
    ]
    rows = [
        {
            "operation": said(graph.nodes[entry.node]),
            "backward needs": ", ".join(said(graph.nodes[i]) for i in entry.values) or "nothing",
            "numbers of its own": entry.own,
        }
        for entry in held.saved
    ]
    return View(
        sentences,
        params=["segments"],
        figures={"memory": draw.memory([said(graph.nodes[i]) for i in operations], *marks)},
        rows=rows,
    )


LENS: Mapping[str, Callable[[StepperSpec, Graph], View]] = {
    "proof": proof,
    "update": update,
    "vanish": vanish,
    "memory": memory_view,
    "bugs": bug_lab,
}
