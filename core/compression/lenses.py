"""The closer looks below the front, as data; what the front says; and the formulas with the numbers on screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.compression import cost
from core.compression import figures as draw
from core.compression.distil import high_temperature, soft_gradient
from core.compression.factorise import smaller, tail, truncated
from core.compression.nets import EPOCHS, TEST, Array, forward, logits, softmax
from core.compression.prune import units
from core.compression.quantize import Quantized, fake_logits, integer_logits, integer_product, signal_to_noise
from core.compression.runtimes import CARDS, CYCLES, DEVICES
from core.compression.spec import (
    DISTILLING,
    METHODS,
    MODES,
    MOST_BITS,
    PRUNING,
    QUANTIZING,
    SERVING,
    CompressionSpec,
)
from core.compression.study import (
    DRAWS,
    SWEEP,
    TICKETS,
    Variant,
    accuracy,
    base_of,
    belongs,
    bit_sweep,
    both_variant,
    chosen,
    front,
    pruned_of,
    pruned_variant,
    quantized_of,
    rank_variant,
    rounded_variant,
    sparsity_sweep,
    standard_error,
    students_of,
    tickets,
    variants,
)
from core.contracts import Figure, Step, View
from core.plots.words import short

BIT_RANGE = range(2, MOST_BITS + 1)
TEMPERATURES = np.geomspace(1.0, 50.0, 25)
PERCENT = 100.0


def layer_names(count: int) -> list[str]:
    """"layer 1", "layer 2", ..."""  # fmt: skip
    return [f"layer {k + 1}" for k in range(count)]


def on_front(spec: CompressionSpec, found: Sequence[Variant]) -> Array:
    """Which variants nothing beats at the cost that the Spec names."""
    costs = np.array([float(getattr(one, spec.against)) for one in found])
    return front(costs, np.array([float(one.right) for one in found]))


def top(spec: CompressionSpec) -> Figure:
    """The front."""
    found = variants(spec)
    own = [one.name for one in chosen(spec).values()]
    return draw.pareto(found, on_front(spec, found), own, spec.against, standard_error(found[0].accuracy))


def about(spec: CompressionSpec) -> str:
    """What the front says, in a paragraph."""
    found = variants(spec)
    base, error = found[0], standard_error(found[0].accuracy)
    near = [one for one in found if one.accuracy >= base.accuracy - error]
    small = min(near, key=lambda one: one.bytes)
    return (
        f"**{PERCENT * base.accuracy:.1f} %** of {TEST} test digits with {base.bytes:,} bytes and {base.macs:,} multiply-adds each. One standard error of this accuracy is {PERCENT * error:.1f} points. "
        f"The smallest variant within it is **{small.name}** ({small.family}): {PERCENT * small.accuracy:.1f} % with {small.bytes:,} bytes, {base.bytes / small.bytes:.1f} times smaller."
    )


def rows_of(spec: CompressionSpec) -> list[dict[str, Any]]:
    """Every variant as a line of the table."""
    found = variants(spec)
    return [
        {
            "variant": one.name, "family": one.family, "accuracy": f"{PERCENT * one.accuracy:.1f} %", "loss [nat]": short(one.loss), "bytes": one.bytes,
            "times smaller": f"{found[0].bytes / one.bytes:.1f}", "multiply-adds": one.macs, "working memory [byte]": one.memory, "on the front": "yes" if best else "",
        }
        for one, best in zip(found, on_front(spec, found), strict=True)
    ]  # fmt: skip


def layer_of(spec: CompressionSpec) -> int:
    """The chosen layer, from 0."""
    return min(spec.layer, len(base_of(spec)[2])) - 1


# Quantise


def quantizing(spec: CompressionSpec) -> View:
    """Grids, errors, and how few bits are enough."""
    data, _, net = base_of(spec)
    q, at, own = quantized_of(spec), layer_of(spec), rounded_variant(spec)
    names = layer_names(len(net))
    rounded = [g.rounded(layer.W) for g, layer in zip(q.weights, net, strict=True)]
    sweep = {name: (list(BIT_RANGE), [PERCENT * a for a in found]) for name, found in bit_sweep(spec).items()}
    best = max(sweep, key=lambda name: sweep[name][1][1])
    figures = {
        "stairs": _stairs(q, rounded, at),
        "errors": draw.errors({name: (r - layer.W).ravel() for name, r, layer in zip(names, rounded, net, strict=True)}),
        "bits": draw.lines(
            sweep, "bits of a weight", "test accuracy  [%]",
            "Accuracy of the rounded net for 2 to 8 bits, by kind of grid, with one scale for a layer or one for each channel; everything else as in your settings. The ring is your setting.",
            f"At 3 bits {best} does best with {sweep[best][1][1]:.1f} %; at 8 bits all lie between {min(v[1][-1] for v in sweep.values()):.1f} and {max(v[1][-1] for v in sweep.values()):.1f} %.",
            [(spec.bits, PERCENT * own.accuracy)],
        ),
    }  # fmt: skip
    words = [
        f"**{MODES[spec.mode]}, {spec.bits} bits:** {PERCENT * own.accuracy:.1f} % with {own.bytes:,} bytes; float32 has {PERCENT * accuracy(logits(net, data.X_test), data):.1f} % with {cost.FLOAT * cost.parameters(net):,}. {_proof(q, data.X_test)}"
    ]
    return View(words, params=[*QUANTIZING, "layer"], figures=figures, rows=_grid_rows(q, rounded, spec))


def _stairs(q: Quantized, rounded: Sequence[Array], at: int) -> Figure:
    g, W = q.weights[at], q.net[at].W
    each = g.scale.size > 1
    part = slice(0, 1) if each else slice(None)
    levels = float(g.scale.flat[0]) * (np.arange(g.low, g.high + 1) - int(g.zero.flat[0]))
    name = f"channel 1 of layer {at + 1}" if each else f"layer {at + 1}"
    return draw.stairs(W[part].ravel(), rounded[at][part].ravel(), levels, name)


def _proof(q: Quantized, X: Array) -> str:
    if q.rules.mode == "weights":
        return "The codes are turned back into numbers before every product: it saves memory, not arithmetic."
    apart = float(np.abs(integer_logits(q, X) - fake_logits(q, X)).max())
    return f"The same net computed with 32-bit sums of whole numbers gives the same logits for all {len(X)} test digits: the largest difference is {apart:.1e}."


def _grid_rows(q: Quantized, rounded: Sequence[Array], spec: CompressionSpec) -> list[dict[str, Any]]:
    read = forward(q.net, base_of(spec)[0].X_test).columns
    rows = []
    for at, (g, layer, r, x) in enumerate(zip(q.weights, q.net, rounded, read, strict=True)):
        line: dict[str, Any] = {
            "layer": at + 1,
            "scale S": short(float(g.scale.mean())) + (" (mean)" if g.scale.size > 1 else ""),
            "zero point Z": short(float(g.zero.mean())) + (" (mean)" if g.zero.size > 1 else ""),
            "weights: signal to noise [dB]": f"{signal_to_noise(layer.W, r):.1f}",
            "largest error": short(float(np.abs(r - layer.W).max())),
        }
        if q.rules.mode != "weights":
            line["inputs: signal to noise [dB]"] = f"{signal_to_noise(x, q.grid_in(at, x).rounded(x)):.1f}"
        rows.append(line)
    return rows


# Prune


def pruning(spec: CompressionSpec) -> View:
    """Holes, what they cost, and what fine-tuning brings back."""
    found, own, both = pruned_of(spec), pruned_variant(spec), both_variant(spec)
    net = base_of(spec)[2]
    sweep = {draw.method_titles()[name]: ([PERCENT * s for s in SWEEP], [PERCENT * a for a in values]) for name, values in sparsity_sweep(spec).items()}  # fmt: skip
    epochs = {"after fine-tuning": (list(range(len(found.curve))), [PERCENT * a for a in found.curve])}
    figures = {
        "mask": _mask(spec),
        "sparsity": draw.lines(
            sweep, "share removed  [%]", "test accuracy, not fine-tuned  [%]",
            "What each method costs before any fine-tuning. Magnitude does far better than chance; whole units are dearer, for they cannot be picked weight by weight. The ring is your setting.",
            f"Without fine-tuning, at 80 % removed: {'; '.join(f'{name} {values[1][8]:.1f} %' for name, values in sweep.items())}.",
            [(PERCENT * spec.sparsity, PERCENT * found.curve[0])],
        ),
        "recovery": draw.lines(
            epochs, "epoch of fine-tuning", "test accuracy  [%]",
            "The pruned net trains on; what was removed stays at 0. Epoch 0 is the net right after pruning.",
            f"Accuracy from {PERCENT * found.curve[0]:.1f} % right after pruning to {PERCENT * found.curve[-1]:.1f} % after {len(found.curve) - 1} epochs.",
        ),
    }  # fmt: skip
    words = [
        f"**{METHODS[spec.method]}, {PERCENT * spec.sparsity:.0f} %:** {PERCENT * found.curve[0]:.1f} % at once after pruning, **{PERCENT * own.accuracy:.1f} %** after {spec.tune} epochs of fine-tuning. "
        + _pruned_cost(spec, own)
        + f" Rounded to {spec.bits} bits as well it takes {both.bytes:,} bytes and reads {PERCENT * both.accuracy:.1f} % rightly."
    ]
    rows = [
        {"layer": k + 1, "weights": before.W.size, "kept": int(np.count_nonzero(after.W)), "removed": f"{PERCENT * (1 - np.count_nonzero(after.W) / before.W.size):.1f} %", "units": f"{len(after.b)} of {len(before.b)}"}
        for k, (before, after) in enumerate(zip(net, found.tuned, strict=True))
    ]  # fmt: skip
    return View(words, params=PRUNING, figures=figures, rows=rows)


def _pruned_cost(spec: CompressionSpec, own: Variant) -> str:
    base = variants(spec)[0]
    if spec.method == "structured":
        return f"The net is really smaller: {own.bytes:,} in place of {base.bytes:,} bytes, {own.macs:,} in place of {base.macs:,} multiply-adds."
    return f"Stored with one bit a weight for its place it takes {own.bytes:,} in place of {base.bytes:,} bytes. An ordinary matrix product multiplies the zeros too, so the {own.macs:,} multiply-adds stay."


def _mask(spec: CompressionSpec) -> Figure:
    """The first layer's weights; whole units that are gone are empty tiles."""
    first, found = base_of(spec)[2][0], pruned_of(spec)
    W = np.full(first.W.shape, np.nan)
    if found.masks is not None:
        W = np.where(found.masks[0], found.tuned[0].W, np.nan)
    else:
        W[units(base_of(spec)[2], spec.sparsity)[0]] = found.tuned[0].W
    side = 3 if first.size else 8
    kind = "kernels" if first.size else "units"
    return draw.mask_picture(W.reshape(-1, side, side), kind, float(np.isnan(W).mean()))


# Tickets


def ticketing(spec: CompressionSpec, arrays: Mapping[str, Any] | None = None) -> View:
    """A masked net trained from the start: rewound, with new first weights, with a random mask. `arrays` are a job's."""
    data, _, net = base_of(spec)
    whole = accuracy(logits(net, data.X_test), data)
    words = [f"The whole net reaches {PERCENT * whole:.1f} %. Each pruned net is trained from the start for {EPOCHS} epochs, as long as the whole net was."]  # fmt: skip
    if arrays is not None and belongs(arrays, spec):
        return View(words, params=["sparsity"], figures={"tickets": _ticket_lines(arrays, whole)})
    own = tickets(spec.architecture, spec.width, spec.seed, spec.sparsity)
    values = [PERCENT * own[kind] for kind in TICKETS]
    figure = draw.bars(
        [*TICKETS.values(), "Whole net"], [*values, PERCENT * whole], "test accuracy  [%]",
        f"With {PERCENT * spec.sparsity:.0f} % of the weights removed: {'; '.join(f'{t.lower()} {v:.1f} %' for t, v in zip(TICKETS.values(), values, strict=True))}; whole net {PERCENT * whole:.1f} %.",
        "One bar for each way to start. The ticket keeps its mask and goes back to its own first weights; the second has the same mask and other first weights; the third removes weights by lot. Where the first two differ, the start mattered; where the last two differ, the mask did.",
        [draw.GREEN, draw.ORANGE, draw.PURPLE, draw.GREY],
    )  # fmt: skip
    words.append(
        f"With {PERCENT * spec.sparsity:.0f} % removed, one run each: the rewound ticket {values[0]:.1f} %, the same mask with new first weights {values[1]:.1f} %, a random mask {values[2]:.1f} %. "
        "One run says little: start the measurement for all sparsities and three draws."
    )
    return View(words, params=["sparsity"], figures={"tickets": figure})


def _ticket_lines(arrays: Mapping[str, Any], whole: float) -> Figure:
    values, at = np.asarray(arrays["tickets"]), PERCENT * np.asarray(arrays["levels"])
    known = ~np.isnan(values).all(axis=2)
    means = np.where(known, np.nansum(values, axis=2) / np.maximum(1, (~np.isnan(values)).sum(axis=2)), np.nan)
    series = {title: (at[known[:, k]], PERCENT * means[known[:, k], k]) for k, title in enumerate(TICKETS.values())}
    last = "; ".join(f"{name} {y[-1]:.1f} %" for name, (_, y) in series.items() if len(y))
    return draw.lines(
        {**series, "Whole net": (at, np.full(len(at), PERCENT * whole))}, "share removed  [%]", "test accuracy, mean of the draws  [%]",
        f"Means over the draws that are finished, at most {DRAWS}. Where the ticket lies above the same mask with new weights, the first weights mattered; where both lie above the random mask, the mask did.",
        f"Accuracy against the share removed; at the highest measured: {last or 'nothing yet'}.",
    )  # fmt: skip


# Distil


def distilling(spec: CompressionSpec) -> View:
    """The teacher's soft answers, and what they are worth to a student."""
    data, _, teacher = base_of(spec)
    found = students_of(spec).accuracies
    own = accuracy(logits(teacher, data.X_test), data)
    v = logits(teacher, data.X_test)
    z = logits(students_of(spec).nets["alone"][0], data.X_test)
    sizes = {T: np.abs(soft_gradient(z, v, T)).mean() for T in TEMPERATURES}
    plain = np.array(list(sizes.values()))
    limit = np.array([np.abs(high_temperature(z, v, T)).mean() for T in TEMPERATURES])
    at = slice(spec.digit, spec.digit + 1)
    gain = PERCENT * (found["taught"] - found["alone"])
    figures = {
        "students": draw.students(found, own),
        "knowledge": draw.knowledge(softmax(v[at])[0], softmax(v[at], spec.temperature)[0], spec.temperature, int(data.y_test[spec.digit])),
        "gradients": draw.gradients(TEMPERATURES, plain, plain * TEMPERATURES**2, limit),
    }  # fmt: skip
    words = [
        f"{DRAWS} students of {spec.student} units see {spec.rows} digits. With labels alone they reach {PERCENT * found['alone'].mean():.1f} % on average, with the teacher **{PERCENT * found['taught'].mean():.1f} %**: "
        f"{gain.mean():+.1f} points, from {gain.min():+.1f} to {gain.max():+.1f}. The teacher itself has {PERCENT * own:.1f} % and was trained on all {len(data.X):,}. "
        + ("It gives what it learned from them to students that never see them." if gain.mean() > 0 else "Here its answers do not help: the labels say enough, or it pulls too hard.")
    ]  # fmt: skip
    return View([words[0].replace("-", "−")], params=DISTILLING, figures=figures)


# Factorise


def ranking(spec: CompressionSpec) -> View:
    """Singular values, what is left out, and what it costs."""
    data, _, net = base_of(spec)
    names = layer_names(len(net))
    ranks = list(range(1, max(min(layer.W.shape) for layer in net) + 1))
    curve = [PERCENT * accuracy(logits(truncated(net, r), data.X_test), data) for r in ranks]
    own = rank_variant(spec)
    figures = {
        "singular": draw.singular({n: np.linalg.svd(layer.W, compute_uv=False) for n, layer in zip(names, net, strict=True)}, spec.rank),
        "rank": draw.lines(
            {"not trained again": (ranks, curve)}, "rank r", "test accuracy  [%]",
            "Accuracy with every layer cut to this rank, wherever that saves weights. Once no layer is saved, the net is whole again. The ring is your setting.",
            f"Accuracy from {curve[0]:.1f} % at rank 1 to {curve[-1]:.1f} % at rank {ranks[-1]}.",
            [(spec.rank, PERCENT * own.accuracy)],
        ),
    }  # fmt: skip
    saved = [k + 1 for k, layer in enumerate(net) if smaller(layer, spec.rank)]
    words = [
        f"**Rank {spec.rank}:** {PERCENT * own.accuracy:.1f} % with {own.bytes:,} bytes and {own.macs:,} multiply-adds. "
        + (f"Two thin factors take the place of layer {', '.join(map(str, saved))}." if saved else "No layer becomes smaller at this rank, so nothing is changed.")
        + " Unlike scattered zeros, thin factors are ordinary products, so they need fewer multiply-adds everywhere. The factors are not trained again here."
    ]  # fmt: skip
    rows = [
        {
            "layer": k + 1, "shape": f"{layer.W.shape[0]} × {layer.W.shape[1]}", "weights": layer.W.size, "as two factors": spec.rank * sum(layer.W.shape), "used": "yes" if smaller(layer, spec.rank) else "no",
            "‖W − Wᵣ‖ / ‖W‖": f"{PERCENT * tail(layer.W, spec.rank) / np.linalg.norm(layer.W):.1f} %",
        }
        for k, layer in enumerate(net)
    ]  # fmt: skip
    return View(words, params=["rank"], figures=figures, rows=rows)


# Export, serve, edge: the only looks that need torch


def exporting(spec: CompressionSpec) -> View:
    """Every file, its size, and whether it gives the same answers."""
    from core.compression import deploy

    found = deploy.files(spec)
    there = [one for one in found if one.logits is not None]
    rows = [
        {"file": one.name, "format": one.kind, "bytes": len(one.content) or "", **_parity(deploy.apart(one, spec) if one.logits is not None else None), "about": one.note}
        for one in found
    ]  # fmt: skip
    figure = draw.bars(
        [one.kind for one in there], [len(one.content) for one in there], "size of the file  [byte]",
        "Size of each file in bytes: " + "; ".join(f"{one.kind} {len(one.content):,}" for one in there) + ".",
        "One bar for each format. The weights are the same in all but int8; what a file has on top describes the program or the container. In a large net these few kilobytes vanish.",
    )  # fmt: skip
    words = [
        f"Each file is written, read back and asked about all {TEST} test digits. The page computes in float64, the files in float32: differences near 10⁻⁶ are rounding. "
        "The files are in the tab **Code**."
    ]
    return View(words, figures={"files": figure}, rows=rows)


def _parity(found: tuple[float, int] | None) -> dict[str, str]:
    if found is None:
        return {"largest difference of a logit": "not tried", "same answers": ""}
    return {"largest difference of a logit": f"{found[0]:.1e}", "same answers": f"{found[1]} of {TEST}"}


def serving_view(spec: CompressionSpec) -> View:
    """The service tried, and a queue in front of it."""
    from core.compression import serving

    trial, times = serving.trial(spec), serving.service_times(spec)
    s = serving.between(times)
    single, batched = serving.loads(s, 1, 0.0, spec.seed), serving.loads(s, spec.most, spec.wait, spec.seed)
    sizes = list(times)
    queue = {
        f"{name}, {words}": ([one.rate for one in found], [1e3 * one.percentiles[k] for one in found])
        for name, found in (("one at a time", single), (f"up to {spec.most} at once", batched))
        for k, words in ((0, "p50"), (2, "p99"))
    }
    ends = serving.steady(single), serving.steady(batched)
    figures = {
        "latency": draw.latencies(trial.milliseconds),
        "queue": draw.lines(
            queue, "requests a second, logarithmic", "time to the answer  [ms], logarithmic",
            "Simulated: requests come at random, one server, its times as measured beside. p50 is the middle request, p99 the one in a hundred that waits longest. Where a curve turns upward, the queue grows without end.",
            f"One at a time keeps up to {ends[0]:,.0f} requests a second, up to {spec.most} at once to {ends[1]:,.0f}, of the simulated rates.",
            x={"type": "log"}, y={"type": "log"},
        ),
        "throughput": draw.lines(
            {"measured": (sizes, [n / times[n] for n in sizes])}, "digits in a batch, logarithmic", "digits a second, logarithmic",
            "Measured on this machine: how many digits a second the net reads in torch, by the size of the batch. It rises as long as starting a call costs more than the arithmetic.",
            f"From {sizes[0] / times[sizes[0]]:,.0f} digits a second one at a time to {sizes[-1] / times[sizes[-1]]:,.0f} in batches of {sizes[-1]}.",
            x={"type": "log", "tickvals": sizes}, y={"type": "log"},
        ),
    }  # fmt: skip
    p50, p95, p99 = (float(np.percentile(trial.milliseconds, p)) for p in (50, 95, 99))
    words = [
        f"**The service, tried in this process:** {trial.same} of {len(trial.milliseconds)} answers are the page's, the largest difference of a probability is {trial.apart:.1e}, and a row of 63 numbers is refused with status {trial.refused}. "
        f"Measured here without a network: p50 {short(p50)} ms, p95 {short(p95)} ms, p99 {short(p99)} ms. The net itself takes {short(1e3 * times[1])} ms of that; the rest is HTTP and JSON.",
        f"**The queue** is simulated from the net's measured times, {serving.REQUESTS:,} requests at each rate. One at a time it keeps up to about {ends[0]:,.0f} requests a second; with up to {spec.most} at once to {ends[1]:,.0f}. "
        "Waiting for more fills the batches and delays everybody: try it.",
    ]
    rows = [
        {
            "requests a second": f"{a.rate:,.0f}", "p50, one at a time [ms]": short(1e3 * a.percentiles[0]), "p99, one at a time [ms]": short(1e3 * a.percentiles[2]),
            f"p50, up to {spec.most} [ms]": short(1e3 * b.percentiles[0]), f"p99, up to {spec.most} [ms]": short(1e3 * b.percentiles[2]), "mean batch": f"{b.batch:.1f}",
        }
        for a, b in zip(single, batched, strict=True)
    ]  # fmt: skip
    return View(words, params=SERVING, figures=figures, rows=rows)


def edge(spec: CompressionSpec) -> View:
    """Does it fit a small device, what does torch take here, and who else can run it."""
    from core.compression import deploy

    own = both_variant(spec)
    times, layers = deploy.timed(spec), deploy.layer_times()
    ratio = [f / i for f, i in zip(layers["float32"], layers["int8"], strict=True)]
    figures = {
        "times": draw.lines(
            {"one digit": (range(len(times)), [t[0] for t in times.values()]), f"{deploy.MANY} digits": (range(len(times)), [t[1] for t in times.values()])},
            "variant", "time of a call in torch  [µs], logarithmic",
            "Measured on this machine with one thread: the median time of one call, for one digit and for a large batch. In a net this small most of it is the cost of calling, so that fewer multiply-adds need not be faster; zeros save nothing.",
            "Measured microseconds for one digit: " + "; ".join(f"{name} {t[0]:.0f}" for name, t in times.items()) + ".",
            x={"tickvals": list(range(len(times))), "ticktext": [_folded(name) for name in times]}, y={"type": "log"}, mode="markers",
        ),
        "layers": draw.lines(
            {name: (deploy.WIDTHS, values) for name, values in layers.items()}, "inputs and outputs of one dense layer, logarithmic", "time of a call in torch  [µs], logarithmic",
            "Measured on this machine: one square dense layer for one input, in float32 and in torch's dynamic int8. Rounding the inputs costs a fixed amount; only where reading the weights takes longer do four times smaller weights pay.",
            f"int8 against float32: {short(ratio[0])} times as fast at width {deploy.WIDTHS[0]}, {short(ratio[-1])} times at {deploy.WIDTHS[-1]}.",
            x={"type": "log", "tickvals": list(deploy.WIDTHS)}, y={"type": "log"},
        ),
    }  # fmt: skip
    words = [
        f"**{own.name}** ({own.family}) takes {own.bytes:,} bytes of storage, {own.memory:,} bytes of working memory and {own.macs:,} multiply-adds for a digit. "
        f"The table counts {CYCLES} clock cycles for each, a round figure for plain C, and leaves out the program itself.",
        f"Measured here, one layer of {deploy.WIDTHS[0]} inputs is {_speed(ratio[0])} in int8, one of {deploy.WIDTHS[-1]} is {_speed(ratio[-1])}.",
    ]
    rows = [
        {
            "device": d.name, "storage [byte]": f"{d.storage:,}", "used": f"{PERCENT * own.bytes / d.storage:.2f} %", "memory [byte]": f"{d.memory:,}", "used for numbers": f"{PERCENT * own.memory / d.memory:.2f} %",
            "fits": "yes" if own.bytes <= d.storage and own.memory <= d.memory else "no", "estimated time [ms]": short(1e3 * own.macs * CYCLES / d.clock),
        }
        for d in DEVICES
    ]  # fmt: skip
    return View(words, params=["bits", "sparsity", "method"], figures=figures, rows=rows)


def other_runtimes() -> str:
    """Runtimes that cannot be tried here, as a list in Markdown."""
    return "**Other runtimes.** None of these is run here.\n\n" + "\n".join(f"- **{name}.** {text}" for name, text in CARDS.items())  # fmt: skip


def _folded(name: str) -> str:
    return name.replace(", ", ",<br>").replace(" (", "<br>(").replace(" of ", "<br>of ")


def _speed(ratio: float) -> str:
    return f"{ratio:.1f} times faster" if ratio >= 1 else f"{1 / ratio:.1f} times slower"


LOOKS = {
    "quantize": quantizing, "prune": pruning, "ticket": ticketing, "distil": distilling, "rank": ranking,
    "export": exporting, "serve": serving_view, "edge": edge,
}  # fmt: skip


def look(spec: CompressionSpec) -> View:
    """The view through the lens that the Spec names."""
    return LOOKS[spec.lens](spec)


def worked(spec: CompressionSpec) -> list[Step]:
    """The page's formulas with the numbers on screen."""
    return [*_worked_grid(spec), _worked_pruning(spec), _worked_teacher(spec), _worked_error(spec)]


def _worked_grid(spec: CompressionSpec) -> list[Step]:
    data, _, net = base_of(spec)
    q, at = quantized_of(spec), layer_of(spec)
    g, w = q.weights[at], net[at].W
    S, Z, first = float(g.scale.flat[0]), int(g.zero.flat[0]), float(w[0, 0])
    code = int(g.codes(w)[0, 0])
    steps = [Step(f"Layer {at + 1}, first weight", latex=[
        rf"S = {S:.6g},\quad Z = {Z},\quad q = \operatorname{{clamp}}(\operatorname{{round}}({first:.6g} / {S:.6g}) + {Z},\ {g.low},\ {g.high}) = {code},\quad S(q - Z) = {S * (code - Z):.6g}"
    ])]  # fmt: skip
    if spec.mode == "weights":
        return steps
    x = forward(net, data.X_test[:1]).columns[at][:, :1]
    own = q.grid_in(at, x)
    a, p = own.codes(x), g.codes(w)[:1]
    total = int(integer_product(a, own.zero, p, g.zero[:1])[0, 0, 0])
    Sr, Zr, k = float(own.scale.flat[0]), int(own.zero.flat[0]), w.shape[1]
    sums = int((a[0, 0] * p[0]).sum()), int(a.sum()), int(p.sum())
    return [*steps, Step(f"Layer {at + 1}, first unit, first test digit: whole numbers alone", latex=[
        rf"{sums[0]} - ({Z})({sums[1]}) - ({Zr})({sums[2]}) + {k}\,({Zr})({Z}) = {total},\qquad S_r S_w \cdot {total} = {Sr:.5g} \cdot {S:.5g} \cdot {total} = {Sr * S * total:.6g}"
    ])]  # fmt: skip


def _worked_pruning(spec: CompressionSpec) -> Step:
    net, own = base_of(spec)[2], pruned_variant(spec)
    n = sum(layer.W.size for layer in net)
    b = sum(layer.b.size for layer in net)
    if spec.method == "structured":
        return Step("Size without the units", latex=[rf"4 \cdot {own.bytes // 4} = {own.bytes}\ \text{{bytes, of }} 4 \cdot {n + b} = {4 * (n + b)}"])  # fmt: skip
    kept = sum(int(mask.sum()) for mask in pruned_of(spec).masks or [])
    return Step("Size with a bit for each place", latex=[rf"\sum_l \lceil n_l / 8 \rceil + 4 \cdot {kept} + 4 \cdot {b} = {own.bytes}\ \text{{bytes, of }} 4 \cdot {n + b} = {4 * (n + b)}"])  # fmt: skip


def _worked_teacher(spec: CompressionSpec) -> Step:
    data, _, teacher = base_of(spec)
    v = logits(teacher, data.X_test[spec.digit : spec.digit + 1])
    best = int(v.argmax())
    hard, soft = float(softmax(v)[0, best]), float(softmax(v, spec.temperature)[0, best])
    return Step("The teacher's answer, softened", latex=[rf"v_{{{best}}} = {v[0, best]:.4f},\quad p_1 = {hard:.5f},\quad p_{{{spec.temperature:g}}} = \frac{{e^{{v_{{{best}}}/{spec.temperature:g}}}}}{{\sum_j e^{{v_j/{spec.temperature:g}}}}} = {soft:.5f}"])  # fmt: skip


def _worked_error(spec: CompressionSpec) -> Step:
    p = variants(spec)[0].accuracy
    return Step("Standard error of the test", latex=[rf"\sqrt{{{p:.4f} \cdot {1 - p:.4f} / {TEST}}} = {standard_error(p):.5f}"])  # fmt: skip
