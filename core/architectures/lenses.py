"""The closer looks: where it all sits, picture sizes, all networks counted and trained, depth, short cuts, separable, scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from core.architectures import figures as draw
from core.architectures.blocks import Chain, Layer, child
from core.architectures.compute import CLASSES, SMALL, Plan, chosen, opened, plan
from core.architectures.count import Count, Row, count, where_it_breaks, windows
from core.architectures.layout import blocks
from core.architectures.learning import BATCH, PAIR, before_training, belongs, pair, quiet, taken_apart
from core.architectures.scaling import SIDES, changing, law, published, scaled, sizes
from core.architectures.shipped import SPEC as SHIPPED_SPEC
from core.architectures.shipped import shipped
from core.architectures.spec import ArchitecturesSpec
from core.architectures.words import large, memory, named, size, spoken
from core.architectures.zoo import EFFICIENT_SIZES, MORE, NETS
from core.contracts import Step, View
from core.plots.words import short

Array = np.ndarray
Metrics = Mapping[str, Array] | None
Arrays = Mapping[str, Array] | None
JOBS = {"race": "Train all of them", "depth": "Train both", "skips": "Train both", "separable": "Measure the time"}
"""The lenses that have a job, with the words on its button."""


def look(spec: ArchitecturesSpec, metrics: Metrics = None, arrays: Arrays = None) -> View:
    """The view through the lens that the Spec names; `metrics` and `arrays` are those of its job, if one has said something."""
    mine = arrays is not None and belongs(spec, arrays)
    return LENS[spec.lens](spec, metrics if mine else None, arrays if mine else None)


def parts(found: Plan) -> tuple[list[str], list[Count]]:
    """The parts that the network consists of, with their counts: its blocks, or its layers where it has no blocks."""
    kept = [(str(k), part) for k, part in enumerate(found.net.parts)]
    names = [f"{k + 1}  {named(part)}" for k, (_, part) in enumerate(kept)]
    return names, [found.count.within(path) for path, _ in kept]


def where(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """Bars of parts, growth of the field, the table of layers."""
    found = plan(spec)
    c = found.count
    inner = [row for row in c.rows if row.layer is not None and row.layer.kind == "dense"]
    words = [
        f"**{large(c.parameters)} parameters** take {memory(c.parameters)} as float32 and **{large(c.macs)} multiply-adds** make one answer. A backward pass keeps what every layer gives out: {memory(c.values)} a picture, {memory(BATCH * c.values)} for a batch of {BATCH}. "
        f"Dense layers hold {100 * sum(r.parameters for r in inner) / (c.parameters or 1):.3g} % of the parameters and do {100 * sum(r.macs for r in inner) / (c.macs or 1):.3g} % of the multiply-adds."
    ]
    figures = {"shares": draw.shares(*parts(found), found.title), "fields": draw.fields(c, found.title)}
    return View(words, (), (), {}, figures, table_rows(c))


def table_rows(c: Count) -> list[dict[str, object]]:
    """One row for each layer."""
    return [
        {
            "layer": spoken(row.path), "operation": row.label, "in": size(row.came), "out": size(row.went), "parameters": row.parameters, "multiply-adds": row.macs,
            "activations": memory(row.values), "receptive field": row.field.size, "jump": row.field.jump,
        }
        for row in c.rows
    ]  # fmt: skip


def picture_sizes(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """What stays of pictures of several sizes."""
    found = plan(spec)
    channels = found.shape[0]
    seen = sizes(found.net, channels)
    dense = [row for row in found.count.rows if row.layer is not None and row.layer.kind == "dense"]
    fixed = bool(dense) and dense[0].came[0] != _channels_before(found.count, dense[0])
    words = [
        f"The smallest picture that every layer can take is **{seen.least} × {seen.least}**."
        if seen.least
        else "No picture up to 1,024 × 1,024 fits.",
        f"Its dense head reads {dense[0].came[0]:,} values of a map, so weights trained at one size fit that size only: another size changes the head, and its parameters."
        if fixed
        else "It ends in the mean of each channel, so the same weights take any picture from that size on.",
    ]
    rows = [_size_row(found.net, channels, side) for side in SIDES]
    return View(words, (), (), {}, {"sides": draw.sides(seen.names, SIDES, seen.left, found.title)}, rows)


def _channels_before(c: Count, dense: Row) -> int:
    """Channels of the map that is made flat for a dense layer."""
    return next((row.came[0] for row in c.rows if row.layer is not None and row.layer.kind == "flatten"), dense.came[0])


def _size_row(net: Chain, channels: int, side: int) -> dict[str, object]:
    if why := where_it_breaks(net, channels, side):
        return {"picture": f"{side} × {side}", "last map": "does not fit", "parameters": "", "multiply-adds": "", "why not": why}  # fmt: skip
    c = count(net, (channels, side, side))
    maps = [row.went for row in c.rows if len(row.went) == 3 and row.went[1:] != (1, 1)] or [c.rows[0].came]
    return {"picture": f"{side} × {side}", "last map": size(maps[-1]), "parameters": large(c.parameters), "multiply-adds": large(c.macs), "why not": ""}  # fmt: skip


@lru_cache(maxsize=1)
def everyone() -> Mapping[str, tuple[int, Plan]]:
    """Title -> (year, published network) of every family, and some of their other members."""
    found = {about.published: (about.year, Plan(about.full(), about.input, about.published)) for about in NETS.values()}
    for family, (title, build, shape) in MORE.items():
        found[title] = (NETS[family.partition("-")[0]].year, Plan(build(), shape, title))
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def compare(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """Published networks by parameters, multiply-adds, memory."""
    known = everyone()
    counts = {title: p.count for title, (_, p) in known.items()}
    drawn = NETS[spec.net].published if spec.net != "own" else ""
    figure = draw.bubbles(
        list(counts), [c.parameters for c in counts.values()], [c.macs for c in counts.values()], [4 * c.values / 2**20 for c in counts.values()],
        ("parameters", "multiply-adds", "activations of one picture (MiB)"), drawn=drawn,
    )  # fmt: skip
    rows = [
        {"network": title, "year": year, "input": size(p.shape), "parameters": f"{counts[title].parameters:,}", "multiply-adds": f"{counts[title].macs:,}", "activations": memory(counts[title].values), "layers with weights": _weighted(counts[title]), "receptive field": counts[title].last.field.size}
        for title, (year, p) in known.items()
    ]  # fmt: skip
    vgg, resnet = counts["VGG-16"], counts["ResNet-50"]
    words = [
        "Counted from the descriptions of the networks as they were published, at their own picture sizes. Parameters are what must be stored, multiply-adds what must be computed, activations what training must keep: "
        f"next to ResNet-50, VGG-16 has {vgg.parameters / resnet.parameters:.2g} times the parameters, {vgg.macs / resnet.macs:.2g} times the multiply-adds and {vgg.values / resnet.values:.2g} times the activations."
    ]
    return View(words, (), (), {}, {"published": figure}, rows)


def _weighted(c: Count) -> int:
    return sum(row.layer is not None and row.layer.kind in ("conv", "dense") for row in c.rows)


def race(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """Accuracy against parameters and multiply-adds of the small networks."""
    found, where_from = (shipped(), "that ship") if arrays is None else (arrays, "measured here")
    shape = (1, 28, 28) if spec.pixels == "28" and arrays is not None else SMALL
    counts = [count(about.small(CLASSES), shape) for about in NETS.values()]
    names, accuracy, seconds = (
        [about.title for about in NETS.values()],
        (100 * found["accuracy"]).tolist(),
        found["seconds"].tolist(),
    )
    drawn = NETS[spec.net].title if spec.net != "own" else ""
    about_area = ("test accuracy (%)", "seconds of training")
    figures = {
        "by parameters": draw.bubbles(names, [c.parameters for c in counts], accuracy, seconds, ("parameters", *about_area), log=False, drawn=drawn),
        "by multiply-adds": draw.bubbles(names, [c.macs for c in counts], accuracy, seconds, ("multiply-adds", *about_area), log=False, drawn=drawn),
    }  # fmt: skip
    rows = [
        {"network": name, "year": about.year, "test accuracy": "" if np.isnan(right) else f"{right:.1f} %", "parameters": f"{c.parameters:,}", "multiply-adds": f"{c.macs:,}", "activations": memory(c.values), "training": "" if np.isnan(s) else f"{s:.1f} s", "100 answers": "" if np.isnan(a) else f"{1000 * a:.0f} ms"}
        for name, about, c, right, s, a in zip(names, NETS.values(), counts, accuracy, seconds, found["answer"], strict=True)
    ]  # fmt: skip
    words = [
        f"The small networks on 1,397 enlarged digits, {SHIPPED_SPEC.epochs if arrays is None else spec.epochs} epochs, the same batches for all; tested on 400 others. Results {where_from}"
        + (" (by the project's own script, core/architectures/shipped.py; seconds are of computing, on the computer that ran it)." if arrays is None else ".")
        + " One draw of first weights each and a few seconds of training: a rank may turn with the seed, and small networks that were made for a million photographs are not at their best on digits."
    ]  # fmt: skip
    return View(words, (), ["epochs", "rate", "seed"], {}, figures, rows)


def duel(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """The pair before and after training."""
    both = {name: p.count for name, p in pair(spec).items()}
    runs = before_training(quiet(spec))
    trained = {} if arrays is None else {name: arrays[f"gradient.{k}"] for k, name in enumerate(PAIR) if f"gradient.{k}" in arrays}  # fmt: skip
    figures = {"gradients": draw.gradients(runs, trained)}
    told = metrics is not None and "accuracy.0" in metrics and np.isfinite(metrics["accuracy.0"]).any()
    if told:
        figures["learning"] = draw.learning(metrics, PAIR)
    rows = [
        {"network": name, "parameters": f"{c.parameters:,}", "multiply-adds": f"{c.macs:,}", "gradient of the first layer": short(float(runs[name][0])), "gradient of the last layer": short(float(runs[name][-1])), "first / last": short(float(runs[name][0] / runs[name][-1])), "test accuracy": _accuracy(metrics, k) if told else ""}
        for k, (name, c) in enumerate(both.items())
    ]  # fmt: skip
    settings = ["epochs", "rate", "seed"]
    return View([DUEL[spec.lens]], (), ["blocks", "norm", *settings] if spec.lens == "depth" else settings, {}, figures, rows)  # fmt: skip


DUEL = {
    "depth": "A convolution that halves the side, then blocks of two convolutions with 12 channels, with and without a short cut around each: the same layers, the same first weights, the same batches. Measured in double precision on 32 digits before the first step.",
    "skips": "The small network of the diagram, and the same without the paths that pass their input on: sums keep what is computed, concatenations forget what came in. Without the maps that it would have read, a layer has fewer weights, so the parameters may differ. Press the button to train both on the same batches.",
}


def _accuracy(metrics: Mapping[str, Array], k: int) -> str:
    known = metrics[f"accuracy.{k}"]
    return f"{100 * known[np.isfinite(known)][-1]:.1f} %"


def separable(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """One convolution and its counterpart."""
    both = taken_apart(spec)
    full, apart = count(both.full, both.shape), count(both.apart, both.shape)
    seconds = None if arrays is None else arrays["seconds"]
    ratio = 1 / spec.filters + 1 / spec.kernel**2
    latex = [rf"\frac{{\text{{separable}}}}{{\text{{full}}}} = \frac{{k^2 N + N M}}{{k^2 N M}} = \frac1M + \frac1{{k^2}} = \frac1{{{spec.filters}}} + \frac1{{{spec.kernel**2}}} = {ratio:.4f}"]  # fmt: skip
    words = [
        f"A full convolution looks at {spec.kernel} × {spec.kernel} cells of all {spec.channels} channels for each of {spec.filters} outputs. Taken apart: a window for each channel, then a 1 × 1 convolution that mixes channels. It does {100 * ratio:.3g} % of the multiply-adds."
    ]
    if seconds is not None:
        taken = float(np.nanmedian(seconds[:, 1] / seconds[:, 0]))
        words.append(f"Measured over {int(np.isfinite(seconds[:, 0]).sum())} rounds, forward, 8 maps, one thread: the separable one takes **{100 * taken:.3g} %** of the time ({1e3 * float(np.nanmedian(seconds[:, 1])):.3g} ms against {1e3 * float(np.nanmedian(seconds[:, 0])):.3g} ms). Multiply-adds are not time: a depthwise convolution reads and writes as many numbers for far less work.")  # fmt: skip
    rows = [
        {"layer": name, "parameters": f"{c.parameters:,}", "multiply-adds": f"{c.macs:,}", "numbers given out": f"{c.values:,}", "multiply-adds a number": short(c.macs / c.values)}
        for name, c in (("full", full), ("separable", apart))
    ]  # fmt: skip
    return View(words, latex, ["channels", "filters", "kernel", "side"], {}, {"costs": draw.costs(full, apart, seconds)}, rows)  # fmt: skip


def compound(spec: ArchitecturesSpec, metrics: Metrics, arrays: Arrays) -> View:
    """B0 to B7 and the visitor's own scaling."""
    counts, mine, phi = published(), scaled(spec), range(len(EFFICIENT_SIZES))
    base, growth = counts[0].macs, law(spec, 1)
    figure = draw.scaling(phi, [c.macs for c in counts], [base * law(spec, k) for k in phi], (spec.phi, mine.plan.count.macs))  # fmt: skip
    latex = [rf"d = \alpha^\varphi = {mine.depth:.3f}, \quad w = \beta^\varphi = {mine.width:.3f}, \quad r = \gamma^\varphi = {spec.gamma**spec.phi:.3f}, \qquad (\alpha\beta^2\gamma^2)^\varphi = {growth:.4f}^{{{spec.phi}}} = {law(spec, spec.phi):.4g}"]  # fmt: skip
    words = [
        f"Deeper by α, wider by β, on larger pictures by γ: each step of φ multiplies the work by αβ²γ² = {growth:.3f} (the paper wants about 2). "
        f"At φ = {spec.phi} your network reads {mine.side} × {mine.side} pictures and has {large(mine.plan.count.parameters)} parameters and {large(mine.plan.count.macs)} multiply-adds: {mine.plan.count.macs / base:.3g} times B0, where the law says {law(spec, spec.phi):.3g} times. "
        "Blocks, channels and pixels are whole numbers, and the published factors were rounded too, so no network follows the law exactly; the table shows both."
    ]
    rows = [
        {"network": f"B{k}", "depth": d, "width": w, "picture": f"{side} × {side}", "parameters": f"{c.parameters:,}", "multiply-adds": f"{c.macs:,}", "times B0": short(c.macs / base), "law": short(law(spec, k))}
        for k, ((w, d, side), c) in enumerate(zip(EFFICIENT_SIZES, counts, strict=True))
    ]  # fmt: skip
    return View(words, latex, ["phi", "alpha", "beta", "gamma"], {}, {"scaling": figure}, rows)


LENS: Mapping[str, Callable[[ArchitecturesSpec, Metrics, Arrays], View]] = {
    "where": where, "size": picture_sizes, "compare": compare, "race": race, "depth": duel, "skips": duel, "separable": separable, "scaling": compound,
}  # fmt: skip


def about(spec: ArchitecturesSpec) -> str:
    """One sentence about the network on screen."""
    found = plan(spec)
    c, last = found.count, found.count.last
    idea = f" What it brought: {NETS[spec.net].idea}." if spec.net != "own" else ""
    return f"**{found.title[:1].upper() + found.title[1:]}** reads {size(found.shape)} and gives {size(last.went)}: {c.parameters:,} parameters, {c.macs:,} multiply-adds, {memory(c.values)} of activations.{idea}"


def menus(spec: ArchitecturesSpec) -> dict[str, tuple[Sequence[str], str | list[str]]]:
    """The menus beside the diagram: the layer that is looked at."""
    paths = [row.path for row in plan(spec).count.rows]
    now = chosen(spec)
    return {"layer": (paths if now in paths else [now, *paths], now)}


def detail(spec: ArchitecturesSpec) -> View:
    """The chosen layer or block in words and formulas with numbers."""
    found, path = plan(spec), chosen(spec)
    part = found.count.within(path)
    field = part.last.field
    name = part.rows[0].label if len(part.rows) == 1 else titles(found.net).get(path, "branches")
    whole = found.count
    words = [
        f"**{spoken(path)}  {name}**: {size(part.rows[0].came)} → {size(part.last.went)}. {part.parameters:,} parameters ({100 * part.parameters / (whole.parameters or 1):.3g} %), {part.macs:,} multiply-adds ({100 * part.macs / (whole.macs or 1):.3g} %), "
        f"{memory(part.values)} of activations ({100 * part.values / (whole.values or 1):.3g} %). Each of its outputs sees {field.size} × {field.size} cells of the picture, {field.jump} apart."
    ]
    return View(words, formulas(part.rows[0]) if len(part.rows) == 1 else ())


def titles(net: Chain) -> dict[str, str]:
    """Path -> title of every block with one, at any depth."""
    found: dict[str, str] = {}

    def visit(node: object, path: str) -> None:
        if isinstance(node, Layer):
            return
        if isinstance(node, Chain) and node.title:
            found[path] = node.title
        for k, inner in enumerate(node.parts if isinstance(node, Chain) else node.branches):
            visit(inner, child(path, k))

    visit(net, "")
    return found


def formulas(row: Row) -> list[str]:
    """Size, parameters and multiply-adds of one layer, with its numbers."""
    layer = row.layer
    if layer is None:
        return []
    if layer.kind == "dense":
        N, M = row.came[0], layer.out
        return [rf"\text{{parameters}} = {N} \cdot {M} + {M} = {row.parameters}, \qquad \text{{multiply-adds}} = {N} \cdot {M} = {row.macs}"]  # fmt: skip
    if layer.kind == "norm":
        return [rf"\text{{parameters}} = 2 \cdot {row.came[0]} = {row.parameters}"]
    if layer.kind not in ("conv", "max", "avg"):
        return []
    n, k, s, p = row.came[1], layer.kernel, layer.stride, layer.padding
    left, right = (r"\lceil", r"\rceil") if layer.ceil else (r"\lfloor", r"\rfloor")
    drop = "" if windows(layer, n) == row.went[1] and (not layer.ceil or -(-(n + 2 * p - k) // s) + 1 == row.went[1]) else " - 1"  # fmt: skip
    found = [rf"o = \left{left} \frac{{{n} + 2 \cdot {p} - {k}}}{{{s}}} \right{right} + 1{drop} = {row.went[1]}"]
    if layer.kind == "conv":
        N, M, g = row.came[0], row.went[0], layer.groups or row.came[0]
        bias = f" + {M}" if layer.bias else ""
        found.append(rf"\text{{parameters}} = {M} \cdot {N // g} \cdot {k}^2{bias} = {row.parameters}, \qquad \text{{multiply-adds}} = {row.went[1]}^2 \cdot {M} \cdot {N // g} \cdot {k}^2 = {row.macs}")  # fmt: skip
    return found


def opened_menu(spec: ArchitecturesSpec) -> dict[str, tuple[Sequence[str], list[str]]]:
    """The blocks that can be opened without a mouse."""
    known = blocks(plan(spec).net, opened(spec))
    return {"open": (list(known), [path for path in opened(spec) if path in known])}


def worked(spec: ArchitecturesSpec) -> list[Step]:
    """The heaviest layers with the numbers on screen, and the growth of the receptive field."""
    c = plan(spec).count
    heavy = sorted(c.rows, key=lambda row: row.parameters, reverse=True)[:2]
    busy = max(c.rows, key=lambda row: row.macs)
    steps = [
        Step(f"Layer {spoken(row.path)}, {row.label}", latex=formulas(row)) for row in dict.fromkeys([*heavy, busy])
    ]
    rows = changing(c)[:3]
    steps += [Step(f"Receptive field after layer {spoken(row.path)}, {row.label}", latex=[rf"r = {row.field.size}, \qquad j = {row.field.jump}"]) for row in rows]  # fmt: skip
    return steps
