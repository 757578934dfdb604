"""The closer looks below the tiles, as data: sentences, formulas, figures and a table for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.attribution import METHODS, Method, chance_iou, importance, iou, pointing
from core.contracts import Figure, Step
from core.plots.words import plain, short
from core.saliency import figures as draw
from core.saliency.compute import (
    PATCHES,
    Map,
    View,
    can,
    cascades,
    checked,
    layer_names,
    map_of,
    patch,
    steps_of,
    trust,
)
from core.saliency.scene import OWN, SCRIPTED
from core.saliency.spec import SMALL, SaliencySpec, fields_of, settings_of

MOST_STAGES = 11


@dataclass(frozen=True)
class Look:
    """What a lens shows: Markdown sentences, LaTeX formulas, figures, then a table; `params` are the controls that it needs.

    `job` says that this lens can be measured on many pictures.
    """

    sentences: Sequence[str]
    latex: Sequence[str] = ()
    params: Sequence[str] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    job: bool = False


def look(view: View) -> Look:
    """The view through the lens that the Spec names."""
    if view.spec.network not in SMALL and (said := _not_here(view)):
        return Look([said], params=["method"] if view.spec.lens == "method" else [])
    return LENS[view.spec.lens](view)


def _not_here(view: View) -> str:
    """Why a large network cannot be looked at through the open lens; "" where it can."""
    spec, title = view.spec, METHODS[view.spec.method].title
    if spec.lens in ("trust", "cascade", "score"):
        return "These measurements take hundreds of passes through the network. Choose one of the first five networks for them."
    if spec.lens == "method" and not can(spec.method, spec.network):
        return f"**{title}** has no rule for the activations of this network: it needs a ReLU at each. Choose another method, or another network."
    if spec.lens == "method" and spec.method not in view.at_hand:
        return f"**{title}** takes many passes through the network. Start the slow maps above."
    return ""


def is_signed(spec: SaliencySpec, method: str) -> bool:
    """Whether a map is drawn with colours for both signs."""
    return METHODS[method].signed and spec.sign == "signed"


def unit_of(method: str) -> str:
    """The unit of a map's values."""
    return "logit per unit of input" if METHODS[method].local or method == "saliency" else "logit"


def one(view: View) -> Look:
    """One method large, what it is, and its number check."""
    spec, about = view.spec, METHODS[view.spec.method]
    made = view.map(spec.method)
    sentences = [f"**{about.title}.** {about.idea} *{about.paper}.*"]
    if about.needs_layer:
        sentences.append(f"It reads layer `{view.layer}`.")
    sentences.append(f"It took **{1000 * made.seconds:.0f} ms**.{_sum(about, made)}")
    rows: list[Mapping[str, Any]] = []
    if (
        spec.network in SCRIPTED
        and spec.method in ("saliency", "input_x_gradient", "integrated_gradients", "grad_cam")
        and view.scene.words != OWN
    ):
        rows = check_rows(spec)
        sentences.append(
            "**Number check.** The same map by Captum and written out by hand with torch alone, in float64 "
            f"(integrated gradients with {steps_of(spec)} Gauss-Legendre steps, Grad-CAM for the class):"
        )
    picture = draw.large(
        view.scene.picture(), view.ranking(spec.method), about.title, is_signed(spec, spec.method), spec.clip, spec.overlay,
        view.scene.truth(), unit_of(spec.method),
    )  # fmt: skip
    return Look(sentences, [about.formula], ["method", *fields_of(spec.method)], {"large": picture}, rows)


def _sum(about: Method, made: Map) -> str:
    if not about.complete:
        return " It promises no sum."
    return f" Its values add up to **{short(float(made.attribution.sum()))}**; the method promises {PROMISE[about.complete]}."


PROMISE = {
    "difference": "that this is the logit of the picture minus the logit of the baseline",
    "output": "that this is the logit of the picture, but for what biases keep",
}


def check_rows(spec: SaliencySpec) -> list[Mapping[str, Any]]:
    """Captum against the formulas written out."""
    found = checked(SaliencySpec(**{**spec.as_dict(), **HARMLESS}))
    return [
        {
            "method": METHODS[name].title,
            "Captum, sum": f"{captum_s.sum():.10g}",
            "by hand, sum": f"{hand.sum():.10g}",
            "largest difference": f"{np.abs(captum_s - hand).max():.1e}",
        }
        for name, (captum_s, hand) in found.items()
    ]


HARMLESS = {
    "sign": "signed",
    "clip": 99.0,
    "overlay": 0.75,
    "lens": "method",
    "seed": 0,
}  # what the check does not depend on


def every_layer(view: View) -> Look:
    """Grad-CAM at each layer."""
    spec, names = view.spec, layer_names(view.spec.network)
    shown = picked(names, 19 if spec.network in SMALL else 7)
    settings = settings_of(spec, "grad_cam")
    found = {name: map_of(view.scene, view.target, "grad_cam", name, spec.baseline, settings) for name in shown}
    tiles = {short_name(name): draw.shrunk(made.heat) for name, made in found.items()}
    mask = view.scene.truth()
    sentences = [
        "Grad-CAM of every layer, from the first to the last. It averages the slope over a whole map, which is right where a map is one "
        "detector that stands for the class (late layers) and says little where it answers to edges everywhere (early ones). Choose the layer above."
    ]
    rows = [
        {"layer": name, "hit": _yes(pointing(made.heat, mask)), "IoU": f"{iou(made.heat, mask):.2f}"}
        for name, made in found.items()
        if mask is not None
    ]
    picture = draw.gallery(
        draw.shrunk(view.scene.picture()), tiles, dict.fromkeys(tiles, False), spec.clip, spec.overlay, mask, short_name(view.layer),
        view.classes[view.target],
    )  # fmt: skip
    return Look(
        sentences, params=["evidence"] if spec.method == "grad_cam" else [], figures={"layers": picture}, rows=rows
    )


def short_name(layer: str) -> str:
    """A layer's name without the box that all of them lie in."""
    return plain(layer)


def picked(names: Sequence[Any], most: int) -> Sequence[Any]:
    """At most so many of the names, evenly, with the first and the last."""
    if len(names) <= most:
        return names
    return [names[round(k * (len(names) - 1) / (most - 1))] for k in range(most)]


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def trusting(view: View) -> Look:
    """The measures of one map."""
    spec, about = view.spec, METHODS[view.spec.method]
    found, mask = trust(view, spec.method), view.scene.truth()
    what = view.classes[view.target]
    side = patch(view.scene)
    curves = draw.change_curves(
        {"Deletion": _points(found.deletion), "Insertion": _points(found.insertion)},
        {"Deletion": _points(found.blind_deletion), "Insertion": _points(found.blind_insertion)},
        what,
    )
    rows = [
        {"measure": "deletion area", "value": f"{found.deletion.area:.3f}", "beside": f"random order {found.blind_deletion.area:.3f}", "good": "low"},
        {"measure": "insertion area", "value": f"{found.insertion.area:.3f}", "beside": f"random order {found.blind_insertion.area:.3f}", "good": "high"},
        {"measure": "infidelity", "value": short(found.infidelity.value), "beside": f"{100 * found.infidelity.share:.1f} % of what a map of zeros gets", "good": "0"},
        {"measure": "sensitivity", "value": short(found.sensitivity), "beside": "largest relative change under 2 % noise", "good": "low"},
        {"measure": "completeness gap", "value": short(found.gap), "beside": PROMISE.get(about.complete, "this method promises no sum"), "good": "0" if about.complete else ""},
    ]  # fmt: skip
    if mask is not None:
        ranking = view.ranking(spec.method)
        rows += [
            {"measure": "pointing game", "value": _yes(pointing(ranking, mask)), "beside": "is the highest pixel on the shape?", "good": "yes"},
            {"measure": "IoU with the shape", "value": f"{iou(ranking, mask):.3f}", "beside": f"blind guess {chance_iou(mask):.3f}", "good": "1"},
        ]  # fmt: skip
    sentences = [
        f"**{about.title}** on this picture, pixels ranked by *{ORDER[spec.sign]}*. No single measure settles whether a map is right: "
        "covering pixels makes pictures that the network never saw.",
        f"Infidelity covers {PATCHES} random squares of {side} px and asks whether the map forecasts the change of the logit, at its best scale.",
    ]
    return Look(sentences, params=["method", *fields_of(spec.method)], figures={"curves": curves}, rows=rows)


ORDER = {"signed": "value", "positive": "evidence for the class", "absolute": "size"}


def _points(curve: Any) -> tuple[np.ndarray, np.ndarray]:
    return curve.shares, curve.probability


def forgets(view: View) -> Look:
    """The cascade of the chosen method, and its likeness beside others."""
    spec, found = view.spec, cascades(view)
    own = found[spec.method]
    shown = picked(range(len(own)), MOST_STAGES)
    tiles = {
        "trained" if k == 0 else f"{short_name(own[k].layer)} forgot": importance(own[k].heat, spec.sign) for k in shown
    }
    signed = is_signed(spec, spec.method)
    stages = [short_name(stage.layer) for stage in own]
    lines = {METHODS[m].title: [s.rank_absolute for s in ss] for m, ss in found.items()}
    pictures = {
        "stages": draw.gallery(
            view.scene.picture(), tiles, dict.fromkeys(tiles, signed), spec.clip, spec.overlay, view.scene.truth(), "",
            view.classes[view.target],
        ),
        "rank": draw.likeness(lines, stages, "rank correlation of sizes [1]"),
    }  # fmt: skip
    end = own[-1]
    sentences = [
        f"From the top down, each layer in turn gets random weights. **{METHODS[spec.method].title}** ends with a rank correlation of "
        f"**{end.rank_absolute:.2f}** of sizes ({end.rank:.2f} with signs) and a structural similarity of **{end.ssim:.2f}** to its first map. "
        "Where these stay high, the map shows the picture (its edges), not what was learned. A random network is still an edge detector of a kind: 0 is seldom reached."
    ]
    rows = [
        {
            "layer that forgot": short_name(s.layer) or "none (trained)",
            "rank correlation": f"{s.rank:.3f}",
            "of sizes": f"{s.rank_absolute:.3f}",
            "structural similarity": f"{s.ssim:.3f}",
        }
        for s in own
    ]
    return Look(
        sentences,
        params=["method", "seed", *(f for f in fields_of(spec.method) if f != "seed")],
        figures=pictures,
        rows=rows,
    )


def scored(view: View) -> Look:
    """All methods against the known mask, on this picture; the job does it on many."""
    mask = view.scene.truth()
    if mask is None:
        return Look(
            [
                "Nobody knows where a network ought to look on this picture. Choose the network *Planted shapes*: there the shape's own pixels are "
                "known. On other pictures the measurement below still scores deletion, insertion, infidelity and completeness."
            ],
            params=["count"],
            job=True,
        )
    rankings = {m: view.ranking(m) for m in METHODS}
    values = np.array([[iou(r, mask) for r in rankings.values()]])
    chance = chance_iou(mask)
    hits = [METHODS[m].title for m, r in rankings.items() if pointing(r, mask)]
    sentences = [
        f"The shape covers {100 * mask.mean():.1f} % of this picture. For each map the same number of highest pixels (ranked by *{ORDER[view.spec.sign]}*) is compared "
        f"with the shape: IoU = shared / all of both. Blind pixels get {chance:.3f}. The highest pixel of all lies on the shape for "
        f"{len(hits)} of {len(METHODS)} methods.",
        "A low mark is not always the map's fault: the network may look at corners and edges alone, and then a map that fills the shape would be wrong.",
    ]
    figure = draw.marks([a.title for a in METHODS.values()], values, chance, "IoU with the true shape [1]", 1)
    return Look(sentences, params=["count"], figures={"marks": figure}, job=True)


def score_rows(arrays: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """The table of a measurement so far, best first."""
    rows = []
    for k, about in enumerate(METHODS.values()):
        row: dict[str, Any] = {"method": about.title}
        if not np.isnan(arrays["iou"]).all():
            row |= {"IoU": mean_of(arrays["iou"][:, k]), "hits": mean_of(arrays["hit"][:, k])}
        row |= {
            "deletion area": mean_of(arrays["deletion"][:, k]),
            "insertion area": mean_of(arrays["insertion"][:, k]),
            "infidelity (share)": mean_of(arrays["infidelity"][:, k]),
            "largest gap": ""
            if np.isnan(arrays["gap"][:, k]).all()
            else short(float(np.abs(arrays["gap"][:, k]).max())),
            "ms a picture": f"{1000 * np.median(arrays['seconds'][:, k]):.0f}",
        }
        rows.append(row)
    return sorted(rows, key=lambda row: -float(row.get("IoU", row["insertion area"])))


def mean_of(values: np.ndarray) -> str:
    return f"{np.mean(values):.3f}"


def score_figure(arrays: Mapping[str, np.ndarray]) -> Figure:
    """IoU of all methods over the pictures measured so far; without masks, the insertion area."""
    names, pictures = [about.title for about in METHODS.values()], len(arrays["iou"])
    if np.isnan(arrays["iou"]).all():
        return draw.marks(names, arrays["insertion"], None, "area under the insertion curve [1]", pictures)
    return draw.marks(names, arrays["iou"], float(arrays["chance"].mean()), "IoU with the true shape [1]", pictures)


def overview(view: View, methods: Sequence[str]) -> list[dict[str, Any]]:
    """A line for each method: its time, and how well it finds the shape where that is known."""
    mask = view.scene.truth()
    rows = []
    for name in methods:
        made = view.map(name)
        row = {
            "method": METHODS[name].title,
            "time [ms]": round(1000 * made.seconds, 1),
            "sum": short(float(made.attribution.sum())),
        }
        if mask is not None:
            ranking = view.ranking(name)
            row |= {"IoU": round(iou(ranking, mask), 3), "hit": _yes(pointing(ranking, mask))}
        rows.append(row)
    return rows


def worked(spec: SaliencySpec) -> list[Step]:
    """The formulas with the numbers on screen."""
    found = checked(SaliencySpec(**{**spec.as_dict(), **HARMLESS}))
    lines = {
        "integrated_gradients": r"\sum_i \Phi_i = {sum}, \qquad \max_i \Phi_i = {largest}",
        "grad_cam": r"\sum_i \Phi_i = {sum}, \qquad \max_i \Phi_i = {largest}",
    }
    return [
        Step(
            METHODS[name].title,
            "",
            [METHODS[name].formula, line.replace("{sum}", f"{a.sum():.6g}").replace("{largest}", f"{a.max():.6g}")],
        )
        for name, line in lines.items()
        for a in [found[name][0]]
    ]


LENS: Mapping[str, Callable[[View], Look]] = {
    "method": one, "layers": every_layer, "trust": trusting, "cascade": forgets, "score": scored,
}  # fmt: skip
