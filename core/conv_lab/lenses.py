"""The looks of the page, as data: sentences, figures and a table for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Figure, Step, View
from core.conv_lab import figures as draw
from core.conv_lab.compute import (
    CONTROLS,
    NUDGE,
    Asked,
    Change,
    ablated,
    asked,
    class_of,
    concept,
    dream,
    edited,
    labels_of,
    layers_of,
    learned_kernel,
    moved,
    new_kernel,
    nudged,
    numbers,
    patches,
    quick_climb,
)
from core.conv_lab.spec import PARAMS, ConvLabSpec
from core.plots.words import plain, short
from models import MODELS

SHOWN, ROWS = 10, 12  # classes in a bar chart, maps in a table


def look(spec: ConvLabSpec) -> View:
    """The look that the Spec names."""
    a = asked(spec)
    return LENS[spec.lens](spec, a)


def name_of(a: Asked) -> str:
    """The unit in words."""
    return f"map {a.unit} of {plain(a.layer)}"


def picture_words(a: Asked) -> str:
    """The chosen picture in words."""
    return "your own picture" if a.index < 0 else f"example picture {a.index}"


def wants(spec: ConvLabSpec, a: Asked) -> View:
    """The first steps of the climb; the page lets a job go on."""
    film = quick_climb(spec)
    first, last = film[0].metrics["answer"], film[-1].metrics["answer"]
    found = numbers(spec)
    sentences = [
        f"The first **{film[-1].step}** steps uphill from faint noise: the answer goes from {short(first)} to **{short(last)}**. **Start** climbs {spec.steps} steps and keeps a film. After a ReLU or tanh, what climbs is the value that enters it: a silent ReLU has no slope.",
        f"For comparison, the mean of {name_of(a)} on {picture_words(a)} is {short(found['answer'])}; one step of {NUDGE} along the sign of its gradient makes it {short(found['answer after a step'])}.",
    ]
    return View(sentences, params=PARAMS["wants"], figures=wish_figures(film, spec))


def wish_figures(film: Sequence[Any], spec: ConvLabSpec) -> dict[str, Figure]:
    """The picture that the unit wants, with its film, and the answer over the steps."""
    a = asked(spec)
    what = {
        "neuron": f"one cell of {name_of(a)}",
        "channel": name_of(a),
        "layer": f"all maps of {a.layer}",
        "logit": "a class",
    }
    steps, answers = [m.step for m in film], [m.metrics["answer"] for m in film]
    return {"wish": draw.wishes(film, what[spec.objective]), "progress": draw.progress(steps, answers)}


def best_patches(spec: ConvLabSpec, a: Asked) -> View:
    """The nine patches that excite the unit most."""
    found = patches(spec.network, a.layer, a.unit)
    reach = layers_of(spec.network)[a.layer].reach
    whole = a.examples.pictures[found.pictures]
    framed = [_windowed(picture, window) for picture, window in zip(whole, found.windows, strict=True)]
    names = [_class(a, n) for n in found.pictures.tolist()]
    titles = [f"{short(float(v))} {n}".strip() for v, n in zip(found.values, names, strict=True)]
    spread = len(set(names))
    sentences = [
        f"Over {len(a.examples.pictures)} pictures ({a.examples.words}): those where one cell of **{name_of(a)}** is largest, with {_window(reach.size)}; the rest is greyed.",
        f"They belong to {spread} of {len(a.about.classes)} classes. A unit whose best patches come from many classes has found something that those share, or answers to several things."
        if any(names)
        else "These pictures have no class of the network's own.",
    ]
    picture = draw.row_of_pictures(
        framed, titles, columns=3 if len(framed) > 4 else 0,
        alt=f"The {len(framed)} pictures that excite {name_of(a)} most, values {', '.join(short(float(v)) for v in found.values)}.",
        how_to_read="Each picture, the strongest first, with the unit's value and the picture's class above it. In full colour: what the strongest cell can see. Greyed: the rest, which cannot have moved it.",
    )  # fmt: skip
    rows = [
        {"picture": int(n), "class": name, "value": short(float(v)), "cell (row, column)": f"{i}, {j}", "window (pixels)": f"rows {w[0]} to {w[2] - 1}, columns {w[1]} to {w[3] - 1}"}
        for n, name, v, (i, j), w in zip(found.pictures, names, found.values, found.cells.tolist(), found.windows.tolist(), strict=True)
    ]  # fmt: skip
    return View(sentences, figures={"patches": picture}, rows=rows)


def _window(size: float) -> str:
    """How much a cell sees, in words."""
    if not np.isfinite(size):
        return "all that this cell can see: the whole picture, for the network takes means over whole maps before it"
    return f"the **{int(size)} × {int(size)}** pixels that this cell can see"


def _windowed(picture: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The picture, faded to grey outside the window."""
    top, left, bottom, right = window
    out = 0.75 * 0.5 + 0.25 * picture
    out[:, top:bottom, left:right] = picture[:, top:bottom, left:right]
    return out


def _class(a: Asked, n: int) -> str:
    return "" if a.examples.labels is None else a.about.classes[a.examples.labels[n]]


def dreaming(spec: ConvLabSpec, a: Asked) -> View:
    """A photograph with all maps of a layer driven up."""
    photo, after, low, high = dream(spec.network, a.layer, spec.dream_steps, spec.jitter)
    picture = draw.row_of_pictures(
        [photo, after], ["photograph", f"after {spec.dream_steps} steps"],
        alt=f"A photograph of a temple, and the same after {spec.dream_steps} steps that drive up all maps of {a.layer}.",
        how_to_read="Left: the photograph, 64 by 96 pixels. Right: changed so that everything the layer already sees in it becomes stronger.",
    )  # fmt: skip
    learned = (
        "these small networks have learned no dogs"
        if spec.network in MODELS
        else "late ones draw what their thousand classes are made of, many of them dogs"
    )
    grey = " The network takes grey pictures, so the photograph is grey." if len(photo) == 1 else ""
    sentences = [
        f"All maps of **{plain(a.layer)}** are driven up at once: their mean square goes from {short(low)} to **{short(high)}**. Early layers draw strokes and stripes; {learned}.{grey}"
    ]
    return View(sentences, params=PARAMS["dream"], figures={"dream": picture})


def kernel_edit(spec: ConvLabSpec, a: Asked) -> View:
    """A kernel changed: its map, the answer, the accuracy."""
    conv, source, kernel = learned_kernel(spec)
    found = edited(spec)
    sentences = [
        f"Kernel of **{plain(conv)}**, filter {a.unit}, input map {source}. {_verdict(a, found)}",
    ]
    return View(
        sentences,
        params=PARAMS["kernel"],
        figures={"kernels": draw.kernels(kernel, new_kernel(spec)), **_before_after(a, found)},
    )


def ablation(spec: ConvLabSpec, a: Asked) -> View:
    """A map set to zero: who needed it."""
    found = ablated(spec)
    drops = found.right[0] - found.right[1]
    rows = [
        {
            "class": name,
            "pictures": int(n),
            "right before": _percent(b),
            "right after": _percent(c),
            "drop": _percent(d),
        }
        for name, n, b, c, d in zip(a.about.classes, found.count, *found.right, drops, strict=True)
        if n
    ]
    maps = layers_of(spec.network)[a.layer].maps
    return View(
        [
            f"**{name_of(a).capitalize()}** is 0 everywhere. {_verdict(a, found)}",
            f"**Remove each map in turn** does the same with all {maps} maps of the layer, one after the other.",
        ],
        figures=_before_after(a, found),
        rows=rows,
    )


def removals(drops: np.ndarray, spec: ConvLabSpec) -> tuple[Figure, list[dict[str, Any]]]:
    """What the removal of each map so far costs each class, and the maps that cost most; `drops` (maps, classes)."""
    a = asked(spec)
    count = np.bincount(labels_of(a), minlength=len(a.about.classes))
    there = np.flatnonzero(count)
    whole = (drops[:, there] * count[there]).sum(axis=1) / count.sum()
    names = [a.about.classes[k] for k in there]
    rows = [
        {
            "map removed": int(unit),
            "right answers lost, all classes": _percent(float(whole[unit])),
            "class that loses most": names[int(drops[unit, there].argmax())],
            "it loses": _percent(float(drops[unit, there].max())),
        }
        for unit in np.argsort(-whole, kind="stable")[:ROWS]
    ]
    return draw.removals(drops[:, there], names, whole, a.layer), rows


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %".replace("-", "−")


def _verdict(a: Asked, found: Change) -> str:
    """What the change does to this picture and to all."""
    before, after = (a.about.classes[int(p.argmax())] for p in found.probabilities)
    said = f"The answer stays **{before}**" if before == after else f"The answer turns from **{before}** to **{after}**"
    chance = " ({:.1%} before, {:.1%} after)".format(
        *(float(p[found.probabilities[0].argmax()]) for p in found.probabilities)
    )
    what = "right answers" if a.examples.labels is not None else "answers equal to the network's own"
    return f"{said}{chance}. Over {int(found.count.sum())} pictures ({a.examples.words}), {what}: {found.accuracy(0):.1%} before, **{found.accuracy(1):.1%}** after."


def _before_after(a: Asked, found: Change) -> dict[str, Figure]:
    old, new = found.maps
    likely, there = _likely(found.probabilities), np.flatnonzero(found.count)[:SHOWN]
    drops = np.nan_to_num(found.right[0] - found.right[1])
    worst = int(np.argmax(drops))
    classes = a.about.classes
    change = float(np.abs(new - old).max())
    return {
        "maps": draw.row_of_maps(
            [old, new, new - old], ["before", "after", "difference"],
            alt=f"{name_of(a).capitalize()} before and after, and the difference, at most {short(change)}.",
            how_to_read="The unit's map of the chosen picture before and after the change, and after minus before.",
        ),
        "probabilities": draw.two_bars(
            [classes[k] for k in likely], *(p[likely] for p in found.probabilities), "probability",
            alt="Probabilities before and after: " + "; ".join(f"{c} {p:.1%} to {q:.1%}" for c, p, q in zip(classes, *found.probabilities, strict=True) if max(p, q) > 0.02) + ".",
            how_to_read="For the chosen picture: how probable the network finds each class, before (grey) and after (blue).",
        ),
        "classes": draw.two_bars(
            [classes[k] for k in there], *(r[there] for r in found.right), "right answers",
            alt=f"Right answers for each class before and after; the largest drop is {drops[worst]:.1%}, for {classes[worst]}.",
            how_to_read="For each class: the share of its example pictures that is answered rightly, before (grey) and after (blue). A class without a picture has no bar.",
        ),
    }  # fmt: skip


def _likely(probabilities: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The classes to show, in order: all, or the most probable ones before or after."""
    most = np.maximum(*probabilities)
    return np.sort(np.argsort(-most, kind="stable")[:SHOWN])


def equivariance(spec: ConvLabSpec, a: Asked) -> View:
    """The map of the moved picture against the moved map."""
    found = moved(spec)
    jump = layers_of(spec.network)[a.layer].reach.jump
    before, after = (a.about.classes[int(p.argmax())] for p in found.probabilities)
    sentences = [
        f"The picture is moved by {spec.shift} pixel{'s' * (spec.shift != 1)} round the edge, turned by {90 * spec.quarters}° and given noise of σ = {spec.noise:g}. If the layer followed exactly, the map of the moved picture would be the moved map. "
        f"For **{name_of(a)}** the difference is **{found.unit:.1%}** of the map's size, for the whole layer {found.departures[a.layer]:.1%}.",
        f"One cell of this layer is {jump} pixel{'s' * (jump > 1)} of the picture: a shift by a multiple of {jump} moves whole cells; what is left then comes from the padding at the edge. "
        + (f"The answer stays **{before}**." if before == after else f"The answer turns from **{before}** to **{after}**."),
    ]  # fmt: skip
    figures = {
        "pictures": draw.row_of_pictures(
            [a.pixels, found.picture], ["picture", "moved"],
            alt=f"The picture, and the picture moved by {spec.shift} pixels and turned by {90 * spec.quarters} degrees.",
            how_to_read="Left: the chosen picture. Right: the same, shifted round the edge, turned, with noise.",
        ),
        "maps": draw.row_of_maps(
            [found.of_moved, found.moved, found.of_moved - found.moved], ["map of the moved picture", "moved map", "difference"],
            alt=f"{name_of(a).capitalize()} of the moved picture beside the moved map; the difference is {found.unit:.1%} of the map's size.",
            how_to_read="Left: what the unit makes of the moved picture. Middle: its map of the picture, moved. Right: the difference; where it is 0 the unit follows the move.",
        ),
        "layers": draw.along_layers(
            found.departures, a.layer, "departure e (share of the layer's size)",
            alt="Departure from equivariance by layer: " + ", ".join(f"{plain(n)} {v:.3f}" for n, v in found.departures.items()) + ".",
            how_to_read="One bar a layer: the size of the difference between the map of the moved picture and the moved map, over all its maps, divided by the size of the maps. 0: the layer follows exactly. The red bar is the chosen layer.",
        ),
    }  # fmt: skip
    return View(sentences, params=PARAMS["equivariance"], figures=figures)


def attack(spec: ConvLabSpec, a: Asked) -> View:
    """The nudged picture and what it does from layer to layer."""
    found = nudged(spec)
    x = a.pixels
    change = found.picture - x
    most = float(np.abs(change).max())
    classes, y = a.about.classes, a.truth
    before, after = (classes[int(p.argmax())] for p in found.probabilities)
    against = "its class" if a.labelled else "the network's own answer, for the picture has no class of its own"
    sentences = [
        f"Every pixel changes by at most {spec.eps:g} (of 0 to 1), against **{classes[y]}**, {against}. The loss goes from {short(found.losses[0])} to **{short(found.losses[1])}** nats, its probability from {found.probabilities[0][y]:.1%} to {found.probabilities[1][y]:.1%}; the answer "
        + (f"stays **{before}**." if before == after else f"turns from **{before}** to **{after}**."),
        f"The picture's change is {np.linalg.norm(change) / np.linalg.norm(x):.1%} of its size; the chosen layer's is {found.changes[a.layer]:.1%} of its own.",
    ]  # fmt: skip
    old, new = found.maps
    likely = _likely(found.probabilities)
    figures = {
        "pictures": draw.row_of_pictures(
            [x, found.picture, 0.5 + 0.5 * change / (most or 1.0)], ["picture", "nudged", "change, enlarged"],
            alt=f"The picture, the nudged picture, and the change, at most {short(most)} a pixel, enlarged.",
            how_to_read="Left: the chosen picture. Middle: nudged. Right: the change, stretched so that the largest fills the scale; mid-grey is none.",
        ),
        "maps": draw.row_of_maps(
            [old, new, new - old], ["before", "after", "difference"],
            alt=f"{name_of(a).capitalize()} before and after the nudge; the largest difference is {short(float(np.abs(new - old).max()))}.",
            how_to_read="The unit's map of the picture and of the nudged picture, and the second minus the first.",
        ),
        "probabilities": draw.two_bars(
            [classes[k] for k in likely], *(p[likely] for p in found.probabilities), "probability",
            alt=f"{classes[y]} has probability {found.probabilities[0][y]:.1%} before and {found.probabilities[1][y]:.1%} after.",
            how_to_read="How probable the network finds each class: before (grey) and after the nudge (blue).",
        ),
        "layers": draw.along_layers(
            found.changes, a.layer, "change (share of the layer's size)",
            alt="Change by layer: " + ", ".join(f"{plain(n)} {v:.3f}" for n, v in found.changes.items()) + ".",
            how_to_read="One bar a layer: the size of the change of all its maps, divided by their size. A nudge that the eye hardly sees often grows on its way. The red bar is the chosen layer.",
        ),
    }  # fmt: skip
    return View(sentences, params=PARAMS["attack"], figures=figures)


def concept_direction(spec: ConvLabSpec, a: Asked) -> View:
    """Does the class's logit change along a planted concept's direction?"""
    found = concept(spec)
    k = class_of(spec, a)
    verdict = (
        f"outside all {CONTROLS} random ones, {found.random.min():.0%} to {found.random.max():.0%}: the concept moves this class more than chance does"
        if found.beyond
        else f"among the {CONTROLS} random ones, {found.random.min():.0%} to {found.random.max():.0%}: it tells nothing"
    )
    sentences = [
        f"Half of the pictures got **{spec.concept}**. From the means of the maps of **{plain(a.layer)}**, a straight border tells the two halves apart on **{found.held_out:.0%}** of the pictures that it did not learn from: near 100 % the layer knows the concept, near 50 % it does not, and then its direction means little.",
        f"Class **{a.about.classes[k]}**, {found.pictures} pictures: the logit grows along the concept's direction for **{found.score:.0%}** of them, {verdict}.",
    ]  # fmt: skip
    figures = {
        "score": draw.against_chance(found.score, found.random, spec.concept),
        "pair": draw.row_of_pictures(
            list(found.pair), ["without", f"with {spec.concept}"],
            alt=f"One example picture without and with the planted concept, {spec.concept}.",
            how_to_read="An example picture as it is, and with the concept planted.",
        ),
    }  # fmt: skip
    return View(sentences, params=PARAMS["concept"], figures=figures)


LENS: Mapping[str, Callable[[ConvLabSpec, Asked], View]] = {
    "wants": wants, "patches": best_patches, "dream": dreaming, "kernel": kernel_edit, "ablation": ablation,
    "equivariance": equivariance, "attack": attack, "concept": concept_direction,
}  # fmt: skip


def worked(spec: ConvLabSpec) -> list[Step]:
    """The unit's answer, one step uphill, and the departure under the shift, in numbers."""
    a, found = asked(spec), numbers(spec)
    n = {name: f"{value:.5g}" for name, value in found.items()}
    return [
        Step(
            f"The mean of {name_of(a)} on {picture_words(a)}, and one step uphill",
            latex=[
                rf"f(x) = {n['answer']}, \qquad \Big|\frac{{\partial f}}{{\partial x}}\Big| = {n['size of the gradient']}",
                rf"f\big(x + {NUDGE}\,\mathrm{{sign}}\,\tfrac{{\partial f}}{{\partial x}}\big) = {n['answer after a step']}",
            ],
        ),
        Step(
            f"The whole layer under a shift of {spec.shift} pixels to the right",
            latex=[rf"e = \frac{{|f(Tx) - T'f(x)|}}{{|f(x)|}} = {n['departure under the shift']}"],
        ),
    ]
