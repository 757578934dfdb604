"""The closer looks below the maps, as data: sentences, figures and a table for each lens of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import Step, View
from core.conv_filters import figures as draw
from core.conv_filters.compute import (
    Inside,
    filters,
    inside,
    over_examples,
    reaches_of,
    see,
    seen_by_cell,
    shown_layers,
    statistics_over,
)
from core.conv_filters.kernels import Nearest, correlation, frequencies, nearest, rgb_view, similarity
from core.conv_filters.spec import TRAINING, ConvFiltersSpec
from core.convolution.flow import Reach
from core.convolution.gradient_field import spread_of
from core.plots.field import field_picture, field_profile, growth
from core.plots.words import plain, short

ROWS = 64  # filters or input maps in a table at most


def look(spec: ConvFiltersSpec) -> View:
    """The view through the lens that the Spec names."""
    return LENS[spec.lens](spec)


def map_inside(spec: ConvFiltersSpec) -> View:
    """One map as a sum over the maps that enter its convolution."""
    found = inside(spec)
    parts, loud = found.sum.parts, found.loud
    top = found.order[: draw.SOURCES_SHOWN]
    sources = [found.sum.sources[k] for k in top]
    seen = see(spec)
    direct = seen.maps[found.conv][found.unit]
    error = float(np.abs(found.sum.total - direct).max())
    share = loud[top].sum() / loud.sum() if loud.sum() else 1.0
    sentences = [
        f"Map **{found.unit}** of **{plain(found.layer)}**{_way(found)}. Its convolution adds **{len(parts)}** contributions, "
        f"one from each input map, and a bias of {short(found.sum.bias)}. The sum and the network's own map differ by at most {short(error)}.",
        f"Shown are the {len(top)} inputs with the largest contributions; together they make {share:.0%} of all by mean size.",
    ]
    rows = [
        {
            "input map": found.sum.sources[k],
            "mean size of its contribution": short(float(loud[k])),
            "mean with sign": short(float(parts[k].mean())),
            "kernel's norm": short(float(np.linalg.norm(found.sum.kernels[k]))),
            "kernel is most like": words(nearest(found.sum.kernels[k])),
        }
        for k in found.order[:ROWS]
    ]
    inputs = found.inputs[sources]
    picture = draw.the_sum(inputs, found.sum.kernels[top], parts[top], sources, found.sum.total)
    return View(sentences, figures={"sum": picture}, rows=rows)


def _way(found: Inside) -> str:
    """Which convolution stands behind a layer that is none itself."""
    if found.layer == found.conv:
        return ", before its activation"
    return f", which comes from convolution **{plain(found.conv)}**, the last one before it with as many maps"


def words(near: Nearest | None) -> str:
    """A nearest classic filter in words."""
    if near is None:
        return "none (too small, or all zeros)"
    sign = "negative " if near.sign < 0 else ""
    turn = f", turned {near.angle}°" if near.angle else ""
    return f"{sign}{near.name}{turn} (ρ = {near.rho:.2f})"


def layer_filters(spec: ConvFiltersSpec) -> View:
    """The kernels of a convolution: colours, frequencies, nearest classic filters, likeness."""
    conv, bank = filters(spec)
    found = inside(spec)
    rho = similarity(bank)
    strongest = found.strongest
    figures = {"kernels": draw.kernel_grid(bank, conv, found.unit)}
    if bank.shape[1] == 3:
        figures["colours"] = draw.colour_filters(rgb_view(bank), conv, found.unit)
    figures["spectrum"] = draw.spectrum(
        frequencies(found.sum.kernels[strongest]), found.unit, found.sum.sources[strongest]
    )
    figures["likeness"] = draw.likeness(rho, conv, found.unit)
    sentences = [
        f"Convolution **{plain(conv)}**: {len(bank)} filters of {bank.shape[1]} kernels, {bank.shape[2]} × {bank.shape[3]} weights each, "
        f"{bank.size:,} weights in all. Filter **{found.unit}**'s kernel with the largest norm (input map {found.sum.sources[strongest]}) "
        f"is most like **{words(found.likeness)}**.",
        "ρ is the correlation of the two as vectors: 1 the same, 0 nothing in common. A filter made of several kernels is rarely one classic filter; the table names the kernel with the largest norm of each. Turns are clockwise.",
    ]
    rows = [_filter_row(k, bank, rho) for k in range(min(len(bank), ROWS))]
    return View(sentences, figures=figures, rows=rows)


def _filter_row(k: int, bank: np.ndarray, rho: np.ndarray) -> dict[str, Any]:
    norms = np.linalg.norm(bank[k], axis=(1, 2))
    strongest = int(norms.argmax())
    others = np.delete(rho[k], k)
    twin = int(np.delete(np.arange(len(rho)), k)[np.abs(others).argmax()])
    return {
        "filter": k,
        "norm": short(float(np.linalg.norm(bank[k]))),
        "sum of weights": short(float(bank[k].sum())),
        "its strongest kernel": f"for input {strongest}",
        "is most like": words(nearest(bank[k, strongest])),
        "most alike filter": f"{twin} (ρ = {correlation(bank[k], bank[twin]):.2f})",
    }


def layer_statistics(spec: ConvFiltersSpec) -> View:
    """What the maps of the chosen layer are like over many pictures."""
    found, seen = inside(spec), see(spec)
    about = over_examples(spec.network)[found.layer]
    count = min(statistics_over(spec.network), len(seen.examples.pictures))
    dead = np.flatnonzero(about.dead)
    verdict = (
        f"**Dead: {', '.join(map(str, dead))}.** Their value never changes, whatever the picture."
        if len(dead)
        else "**No map is dead**: each changes somewhere."
    )
    sentences = [
        f"Layer **{plain(found.layer)}** over {count} pictures ({seen.examples.words}). {verdict}",
        f"Over the whole layer {about.zeros.mean():.1%} of all values are exactly 0. Zeros are no fault: after a ReLU each picture wakes only some of the maps. "
        "Before the activation hardly a value is exactly 0; choose a layer after it.",
    ]
    rows = [
        {
            "map": k,
            "mean": short(float(about.mean[k])),
            "zeros": f"{about.zeros[k]:.1%}",
            "smallest": short(float(about.low[k])),
            "largest": short(float(about.high[k])),
            "dead": "dead" if about.dead[k] else "",
        }
        for k in range(len(about.mean))
    ]
    picture = draw.statistics(about.mean, about.zeros, about.high, about.dead, found.layer, found.unit)
    return View(sentences, figures={"statistics": picture}, rows=rows)


def live_training(spec: ConvFiltersSpec) -> View:
    """The controls of the network to train; its pictures come from the job."""
    return View(
        [
            "Put a small network together and watch its filters form. It learns in a process of its own; the page stays free, and **Stop** ends it at once."
        ],
        params=TRAINING,
    )


def field_of_a_cell(spec: ConvFiltersSpec) -> View:
    """How far one cell sees: the box that counting gives, and the gradient measured on the picture."""
    found, seen = seen_by_cell(spec), see(spec)
    size = found.field.shape
    reach, (row, column) = found.reach, found.cell
    top, left, bottom, right = reach.window(row, column, size) if np.isfinite(reach.size) else (0, 0, *size)
    profile = found.field.sum(0) / (found.field.sum() or 1.0)
    centre, sigma = spread_of(found.field)
    where = f"cell ({row}, {column}) of map {found.unit} of {plain(found.layer)}"
    words = f"{where[0].upper()}{where[1:]} can see rows {top} to {bottom - 1} and columns {left} to {right - 1} of the picture."
    sentences = [
        f"**{words}** {_theory(reach, size)} Click another cell of the enlarged map above to move the box.",
        _measured(found.value, profile, found.box, sigma),
    ]
    reached = {name: reaches_of(spec.network)[name] for name in shown_layers(seen)}
    finite = {name: one for name, one in reached.items() if np.isfinite(one.size)}
    figures = {
        "field": field_picture(_grey(seen.picture), found.field, found.box, words, where),
        "profile": field_profile(
            profile, centre, sigma, found.box[2:],
            f"Profile of the gradient field along the columns beside its Gaussian, standard deviation {short(sigma)} pixels. {words}",
        ),
        "growth": growth(
            [int(one.size) for one in finite.values()], [one.jump for one in finite.values()], [plain(n) for n in finite],
            f"Receptive field and jump by layer: {', '.join(f'{plain(n)} {int(r.size)}' for n, r in finite.items())} pixels.",
        ),
    }  # fmt: skip
    rows = [
        {
            "layer": name,
            "receptive field (pixels)": "the whole picture" if not np.isfinite(one.size) else f"{int(one.size)}",
            "jump (pixels)": one.jump,
            "centre of cell 0": f"{one.start:g}" if np.isfinite(one.size) else "",
        }
        for name, one in reaches_of(spec.network).items()
        if name in seen.layers
    ]
    return View(sentences, figures=figures, rows=rows)


def _grey(picture: np.ndarray) -> np.ndarray:
    return picture.mean(axis=0)


def _theory(reach: Reach, size: tuple[int, int]) -> str:
    if not np.isfinite(reach.size):
        return "The network takes a mean over whole maps before this layer, so every pixel may move every cell."
    beyond = (
        " That is more than the whole picture: the rest of the box lies in the padding."
        if reach.size > max(size)
        else ""
    )
    return f"Its receptive field is {int(reach.size)} × {int(reach.size)} pixels, its neighbours look {reach.jump} pixel{'s' * (reach.jump > 1)} further along.{beyond}"


def _measured(value: float, profile: np.ndarray, box: Sequence[float], sigma: float) -> str:
    """What the gradient says."""
    if not profile.any():
        return f"Its value is {short(value)}, and no pixel moves it: on every way to it an activation is off. Click another cell."
    low, high = (3 * box[2] + box[3]) / 4, (box[2] + 3 * box[3]) / 4
    at = np.arange(len(profile))
    inner = float(profile[(at >= low) & (at <= high)].sum())
    return (
        f"Its value is {short(value)}. Measured by the gradient (of an activation: of what enters it, so that one that is off has a slope too), the middle half of the box's width holds **{inner:.0%}** of what moves it; "
        f"the standard deviation along the columns is {short(sigma)} pixels."
    )


LENS: Mapping[str, Callable[[ConvFiltersSpec], View]] = {
    "inside": map_inside,
    "field": field_of_a_cell,
    "filters": layer_filters,
    "statistics": layer_statistics,
    "training": live_training,
}


def worked(spec: ConvFiltersSpec) -> list[Step]:
    """The chosen map's sum in numbers, at the place where the map before its activation is largest."""
    found = inside(spec)
    total = found.sum.total
    i, j = np.unravel_index(total.argmax(), total.shape)
    top = found.order[:3]
    terms = "".join(_signed(float(found.sum.parts[k, i, j])) for k in top)
    rest = float(found.sum.parts[found.order[3:], i, j].sum())
    more = rf"\underbrace{{{_signed(rest)}}}_{{\text{{{len(found.order) - 3} others}}}}" if len(found.order) > 3 else ""
    lines = [
        rf"z_{{{found.unit}}}[{i}, {j}] = \underbrace{{{found.sum.bias:.4g}}}_{{b}} {terms} {more} = {total[i, j]:.4g}"
    ]
    steps = [Step(f"Map {found.unit} of {plain(found.conv)}, at its largest value: bias and inputs {', '.join(str(found.sum.sources[k]) for k in top)}", latex=lines)]  # fmt: skip
    if found.likeness is not None:
        w = found.sum.kernels[found.strongest]
        steps.append(
            Step(
                f"The kernel for input {found.sum.sources[found.strongest]} and its nearest classic filter, {words(found.likeness)}",
                latex=[
                    rf"|\rho| = \frac{{|\langle w, c\rangle|}}{{|w|\,|c|}} = {found.likeness.rho:.4f}, \qquad |w| = {np.linalg.norm(w):.4f}"
                ],
            )
        )
    return steps


def _signed(number: float) -> str:
    return f"{number:+.4g}"
