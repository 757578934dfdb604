"""The closer looks below the curves, as data: sentences, figures and tables about one strategy or all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from core.attribution import attribute
from core.contracts import Figure, Step, View
from core.data.squares import square
from core.plots.listing import listing
from core.plots.theme import upright_line
from core.plots.words import short
from core.transfer_tuner import figures as draw
from core.transfer_tuner import loop, metrics
from core.transfer_tuner.cost import Cost, costs, timed
from core.transfer_tuner.course import Outcome, bare, data_of, examined, outcomes, probe_curve, quick, rate_search
from core.transfer_tuner.evaluation import LEVELS, TESTED, answers, block_outputs, nearest, shifted
from core.transfer_tuner.nets import NETS, names, plain, quick_nets
from core.transfer_tuner.space import perplexity_of, plane
from core.transfer_tuner.spec import OWN_BACKBONES, SHIFTS, STRATEGIES, TransferTunerSpec
from core.transfer_tuner.tuning import Task, best_epoch, rebuilt, tensor
from core.transfer_tuner.watch import PHASES, sample
from models.surgery import separate_activations

Runs = Mapping[str, Outcome]
SHOWN, TOP, THUMBS = 24, 8, 64  # pictures in the gallery, top losses, pixels of a shown picture
THRESHOLDS = np.linspace(0, 1, 101)
NOTHING = "Press “Train” first: this look needs a run that has come to its end."


def chosen(spec: TransferTunerSpec, runs: Runs) -> Outcome | None:
    """The finished run of the strategy on screen; another one's where there is none."""
    done = {name: run for name, run in runs.items() if run.done}
    return done.get(spec.strategy) or next(iter(done.values()), None)


def thumbs(pictures: np.ndarray) -> np.ndarray:
    """Small pictures as they are, larger ones at THUMBS pixels."""
    return pictures if pictures.shape[1] <= THUMBS else np.stack([square(p, THUMBS) for p in pictures])


def told(outcome: Outcome, data: Task, rows: np.ndarray) -> list[str]:
    """What validation pictures (places in data.val) are, and what was answered with which probability."""
    P = metrics.probabilities(outcome.arrays["logits_val"])
    return [
        f"{data.classes[data.labels[data.val[k]]]}, answered {data.classes[int(P[k].argmax())]} ({P[k].max():.0%})"
        for k in rows
    ]


def first_look(spec: TransferTunerSpec, runs: Runs) -> dict[str, Any]:
    """The curves of all runs, and some validation pictures with their answers."""
    data = data_of(spec)
    rows = np.arange(len(data.val))[:: max(1, len(data.val) // SHOWN)][:SHOWN]
    shown, run = thumbs(data.pictures[data.val[rows]]), chosen(spec, runs)
    if run is None:
        words = [data.classes[k] for k in data.labels[data.val[rows]]]
        return {"pictures": draw.gallery(shown, words, None, "Validation pictures")}
    right = (run.arrays["logits_val"].argmax(axis=1) == data.labels[data.val])[rows]
    title = f"Validation pictures and the answers of “{STRATEGIES[run.spec.strategy]}”"
    return {
        "curves": draw.curves({name: _curve(r) for name, r in runs.items()}),
        "pictures": draw.gallery(shown, told(run, data, rows), [bool(r) for r in right], title),
    }


def _curve(run: Outcome) -> dict[str, np.ndarray]:
    return {name: run.curve(name) for name in ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")}


def summary(runs: Runs) -> list[dict[str, Any]]:
    """One row a strategy: what it reached, and with how many weights."""
    rows = []
    for name, run in runs.items():
        accuracy, loss = run.curve("val_accuracy"), run.curve("val_loss")
        best = best_epoch(accuracy, loss)
        rows.append({
            "strategy": STRATEGIES[name], "epochs": int(run.curve("epoch")[-1]), "best epoch": best,
            "validation accuracy there": short(float(accuracy[best])), "validation loss there": short(float(loss[best])),
            "training accuracy": short(float(run.curve("train_accuracy")[-1])), "state": "done" if run.done else "running",
        })  # fmt: skip
    return rows


# One function a lens


def errs(spec: TransferTunerSpec, runs: Runs) -> View:
    """Confusion matrix, the pictures of a cell, top losses."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return View([NOTHING])
    y, Z = data.labels[data.val], run.arrays["logits_val"]
    answer = Z.argmax(axis=1)
    C = metrics.confusion(answer, y, len(data.classes))
    cell = cell_of(spec, len(data.classes)) or _worst(C)
    figures = {"confusion": draw.confusion(C, data.classes, cell)}
    here = np.flatnonzero((y == cell[0]) & (answer == cell[1]))[:SHOWN]
    words = f"Pictures of {data.classes[cell[0]]!r} that were answered {data.classes[cell[1]]!r}"
    if len(here):
        shown = thumbs(data.pictures[data.val[here]])
        figures["cell"] = draw.gallery(shown, told(run, data, here), None, words, columns=6)
    loss = metrics.losses(Z, y)
    top = np.argsort(-loss, kind="stable")[:TOP]
    figures["top"] = draw.gallery(
        thumbs(data.pictures[data.val[top]]), told(run, data, top), [bool(b) for b in answer[top] == y[top]], "The largest losses", columns=4
    )  # fmt: skip
    rows = [
        {"class": name, "pictures": int(C[k].sum()), "found": short(C[k, k] / max(C[k].sum(), 1)), "right when named": short(C[k, k] / max(C[:, k].sum(), 1))}
        for k, name in enumerate(data.classes)
    ]  # fmt: skip
    return View(
        [
            f"**{STRATEGIES[run.spec.strategy]}** answers {int(np.trace(C))} of {len(y)} validation pictures rightly ({short(np.trace(C) / len(y))}). "
            f"{words}: {len(np.flatnonzero((y == cell[0]) & (answer == cell[1])))}. The largest loss is {short(float(loss.max()))} nat: the true class had the probability {short(float(np.exp(-loss.max())))}."
        ],
        figures=figures,
        rows=rows,
    )


def _worst(C: np.ndarray) -> tuple[int, int]:
    """The fullest cell off the diagonal; the first one where there is none."""
    off = C - np.diag(np.diag(C))
    row, column = np.unravel_index(int(off.argmax()), C.shape)
    return int(row), int(column)


def cell_of(spec: TransferTunerSpec, K: int) -> tuple[int, int] | None:
    """The cell that the link names ("2,0"), if it is one of K x K."""
    parts = spec.cell.split(",")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and int(p) < K for p in parts):
        return None
    return int(parts[0]), int(parts[1])


def trust(spec: TransferTunerSpec, runs: Runs) -> View:
    """Calibration, temperature, unknown, ROC and precision-recall."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return View([NOTHING])
    y, Z = data.labels[data.val], run.arrays["logits_val"].astype(np.float64)
    fit, rest = np.arange(len(y)) % 2 == 0, np.arange(len(y)) % 2 == 1
    T = metrics.temperature(Z[fit], y[fit])
    before, after = metrics.calibration(Z[rest], y[rest]), metrics.calibration(Z[rest] / T, y[rest])
    answered, accuracy = metrics.rejecting(Z, y, THRESHOLDS)
    at = round(spec.unknown * 100)
    P = metrics.probabilities(Z)
    rocs = {name: metrics.roc(P[:, k], y == k) for k, name in enumerate(data.classes)}
    prs = {name: metrics.precision_recall(P[:, k], y == k) for k, name in enumerate(data.classes)}
    line = upright_line(spec.unknown, dash="dash", color=draw.VERMILLION)
    figures = {
        "reliability": draw.reliability(before.confidence, before.accuracy, before.count, (after.confidence, after.accuracy)),
        "unknown": draw.lines(
            {"answered": (THRESHOLDS, answered), "right among them": (THRESHOLDS, accuracy)}, "threshold  [probability]", "share",
            "Below the threshold the answer is “unknown”. One line is the share of validation pictures that still get an answer, the other the accuracy on those. The dashed line is the threshold chosen.",
            y={"range": [-0.02, 1.04]}, shapes=[line],
        ),
        "roc": draw.lines(
            {f"{n} ({c.area:.3f})": (c.x, c.y) for n, c in rocs.items()}, "false positives  [share]", "true positives  [share]",
            "Each class against the rest: how many of its pictures are found, and how many others are taken for it, as the threshold falls. In brackets the area under the curve; 0.5 is guessing.",
            diagonal=True,
        ),
        "pr": draw.lines(
            {f"{n} ({c.area:.3f})": (c.x, c.y) for n, c in prs.items()}, "recall  [share]", "precision  [share]",
            "Each class against the rest: of its pictures the share that is found, and of those named the share that is right. In brackets the average precision.",
            y={"range": [-0.02, 1.04]},
        ),
    }  # fmt: skip
    sure = "surer than it is right" if T > 1 else "less sure than it is right"
    reached = (
        f"the answers are right in {short(float(accuracy[at]))}"
        if np.isfinite(accuracy[at])
        else "no picture gets an answer"
    )
    return View(
        [
            f"**{STRATEGIES[run.spec.strategy]}.** Half of the validation pictures say how to soften the logits: $T$ = {short(T)}, so the model is {sure}. "
            f"On the other half the expected calibration error is {short(before.error)} before and {short(after.error)} after. The answers themselves do not change.",
            f"With the threshold {spec.unknown:g}, {short(float(answered[at]))} of the pictures get an answer; {reached}.",
        ],
        latex=[r"p = \mathrm{softmax}(z / T)", r"\mathrm{ECE} = \sum_b \tfrac{n_b}{N}\,\lvert \mathrm{acc}_b - \mathrm{conf}_b \rvert"],
        params=["unknown"],
        figures=figures,
        rows=[{"class": n, "area under ROC": short(rocs[n].area), "average precision": short(prs[n].area)} for n in data.classes],
    )  # fmt: skip


def size(spec: TransferTunerSpec, measured: tuple[np.ndarray, np.ndarray] | None) -> View:
    """Accuracy against pictures a class; `measured` is (sizes, accuracy (strategies, sizes)) of the job."""
    if measured is None and spec.backbone not in OWN_BACKBONES:
        return View(["Press “Measure” to train each strategy on more and more pictures."])
    if measured is None:
        found = {"probe": probe_curve(bare(spec))}
    else:
        sizes, accuracy = measured
        found = {name: (sizes[~np.isnan(a)], a[~np.isnan(a)]) for name, a in zip(("probe", "partial", "full", "scratch"), accuracy, strict=True) if not np.isnan(a).all()}  # fmt: skip
    x = next(iter(found.values()))[0]
    figure = draw.lines(
        found, "training pictures of a class", "validation accuracy  [share]",
        "Each point is one training from the start, with so many pictures of each class and, as far as 100 epochs allow, the same number of steps; the validation pictures are always the same.",
        markers=True, x={"type": "log", "tickvals": [int(v) for v in x], "ticktext": [str(int(v)) for v in x]}, y={"range": [-0.02, 1.04]},
    )  # fmt: skip
    rows = [
        {"strategy": STRATEGIES[n], **{f"{int(s)} a class": short(float(v)) for s, v in zip(xs, ys, strict=True)}}
        for n, (xs, ys) in found.items()
    ]
    return View(
        [
            "How many pictures does a strategy need? One seed, so a step of one or two validation pictures is luck; change the seed before you believe in an order."
        ],
        figures={"size": figure},
        rows=rows,
    )


def moved(spec: TransferTunerSpec, runs: Runs) -> View:
    """Weight drift, CKA, embedding, gradient norms."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return View([NOTHING])
    found = {name: examined(r, data, "moved") for name, r in runs.items() if r.done}
    blocks = len(run.arrays["gradients"][0]) - 1
    names = [*(f"block {k + 1}" for k in range(blocks)), "head"]
    drift = {name: [float(v) for v in a["drift"]] for name, a in found.items()}
    alike = {name: [float(v) for v in a["cka"]] for name, a in found.items()}
    own = found[run.spec.strategy]
    grads = np.asarray(run.arrays["gradients"])[1:]
    epochs = np.arange(1, len(grads) + 1)
    figures = {
        "drift": draw.bars(drift, names[:-1], "part of the network", "drift  [share of its length]", "How far the weights of each block moved, as a share of their length at the start; 0 is a block that did not learn. The head is left out, for it starts at 0."),
        "cka": draw.bars(alike, [*names[:-1], "features"], "part of the network", "CKA, before against after", "How alike a block's output on the validation pictures is before and after training: 1 is the same up to rotation and scale.", range=[0, 1.05]),
        "embedding": draw.embedding(own["embed_before"], own["embed_after"], data.labels[data.val], data.classes),
        "gradients": draw.lines({n: (epochs, grads[:, k]) for k, n in enumerate(names) if grads[:, k].any()}, "epoch", "gradient norm  [nat per unit]", "The mean length of the gradient of each block over the steps of an epoch. Blocks that do not learn are left out."),
    }  # fmt: skip
    d, c = drift[run.spec.strategy], alike[run.spec.strategy]
    words = (
        f"Under **{STRATEGIES[run.spec.strategy]}** block 1 moved by {short(d[0])} of its length, block {blocks} by {short(d[-1])}. "
        f"The features keep a CKA of {short(c[-1])} with those before training."
    )
    return View([words], figures=figures)


def shift(spec: TransferTunerSpec, runs: Runs) -> View:
    """Accuracy as the pictures change."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return View([NOTHING])
    found = {name: examined(r, data, "shift")[f"shift/{spec.shift}"] for name, r in runs.items() if r.done}
    levels = np.arange(LEVELS)
    rows = np.arange(min(8, len(data.val)))
    example = shifted(data.pictures[data.val[rows]], spec.shift, spec.level, spec.seed)
    net = rebuilt(run.spec, len(data.classes), run.arrays)
    P = metrics.probabilities(answers(net, example, run.spec))
    words = [f"{data.classes[data.labels[data.val[k]]]}, answered {data.classes[int(P[k].argmax())]} ({P[k].max():.0%})" for k in rows]  # fmt: skip
    right = [bool(P[k].argmax() == data.labels[data.val[k]]) for k in rows]
    mark = upright_line(spec.level, dash="dash", color=draw.VERMILLION)
    figures = {
        "shift": draw.lines({n: (levels, a) for n, a in found.items()}, "strength of the shift  [steps]", "validation accuracy  [share]", "The same validation pictures, changed more and more; 0 is unchanged. One line for each strategy that was trained. The dashed line is the strength shown beside.", markers=True, y={"range": [-0.02, 1.04]}, shapes=[mark]),
        "shifted": draw.gallery(thumbs(example), words, right, f"{SHIFTS[spec.shift]} at strength {spec.level}", columns=4),
    }  # fmt: skip
    falls = {n: float(a[0] - a[-1]) for n, a in found.items()}
    worst = max(falls, key=falls.get)
    return View(
        [
            f"From strength 0 to {LEVELS - 1} of **{SHIFTS[spec.shift].lower()}**, {'; '.join(f'{STRATEGIES[n]} falls by {short(v)}' for n, v in falls.items())}."
            + (f" It hurts {STRATEGIES[worst]} most." if len(falls) > 1 else "")
        ],
        params=["shift", "level"],
        figures=figures,
    )


def forget(spec: TransferTunerSpec, runs: Runs) -> View:
    """What the body still knows of its first task."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return View([NOTHING])
    same, sure, kept = {}, {}, {}
    for name, r in runs.items():
        if not r.done:
            continue
        a = examined(r, data, "forget")
        before, end = a["source_before"], a["source_end"]
        same[name] = [float((end.argmax(1) == before.argmax(1)).mean())]
        P, Q = metrics.log_softmax(before), metrics.log_softmax(end)
        sure[name] = [float((np.exp(P) * (P - Q)).sum(axis=1).mean())]
        if "source_accuracy" in a:
            kept[name] = [float(v) for v in a["source_accuracy"]]
    count = len(examined(run, data, "forget")["source_before"])
    own_source = run.spec.backbone in OWN_BACKBONES
    source, K = ("CIFAR-10", 10) if own_source else ("ImageNet", 1000)
    how = f"The old last layer is put on the new body and looks at {count} parts of photographs. "
    figures = {
        "agreement": draw.bars(dict(same.items()), ["photographs"], "pictures of the source task", "same answer as before  [share]", how + "The share of them on which its answer is still that of the network before training.", range=[0, 1.05]),
        "divergence": draw.bars(dict(sure.items()), ["photographs"], "pictures of the source task", "divergence from before  [nat]", how + "The mean Kullback-Leibler divergence of the new probabilities from the old ones; 0 is no change."),
    }  # fmt: skip
    if kept:
        figures["accuracy"] = draw.bars(kept, ["before", "after"], "the body", "right answers  [share]", f"The old last layer on the old and on the new body: the share of {TESTED} of {source}'s own test pictures that are answered rightly. With {K} classes, guessing is right in {1 / K:.1%}.", range=[0, 1.05])  # fmt: skip
    own = same[run.spec.strategy][0]
    if run.spec.strategy in kept:
        test = f"On {TESTED} of {source}'s own test pictures it is right in {kept[run.spec.strategy][1]:.1%}, before in {kept[run.spec.strategy][0]:.1%}."
    elif own_source:
        test = "CIFAR-10's own test pictures are not on this computer (the folder named in GLASSNET_DATA may hold them), so this asks only whether its answers stay, not whether they are right."
    else:
        test = "Glassnet has no labelled ImageNet pictures, so this asks only whether its answers stay, not whether they are right."
    return View(
        [
            f"After **{STRATEGIES[run.spec.strategy]}** the body with its old last layer ({K:,} classes of {source}) gives the old answer on {short(own)} of {count} parts of photographs. {test}",
            "A probe leaves the body as it was, so it forgets nothing. A network from scratch never knew.",
        ],
        figures=figures,
    )


def rate(spec: TransferTunerSpec) -> View:
    """The learning-rate finder."""
    if spec.backbone not in OWN_BACKBONES:
        return View(
            [
                "The search is made on the page for Glassnet's own backbones; for a large one start with 0.001, and a share of 0.1 for the body."
            ]
        )
    own = spec if quick(spec) or spec.strategy == "probe" else replace(spec, strategy="probe")
    rates, losses, proposal = rate_search(bare(own))
    words = f"**{STRATEGIES[own.strategy]}**, {len(rates)} steps, each with a larger rate: the loss falls most steeply at η = {short(proposal)}. Now it is {short(spec.rate)}."
    return View(
        [words, "A common choice is a rate a little below the steepest point."],
        figures={"rate": draw.rates(rates, losses, proposal)},
    )


@lru_cache(maxsize=16)
def counted(spec: TransferTunerSpec) -> list[Cost]:
    """The costs of all strategies, and the seconds where a step is quick enough to be tried."""
    data, found = data_of(spec), []
    for cost in costs(spec, data):
        own = replace(spec, strategy=cost.strategy)
        found.append(replace(cost, seconds=timed(own, data)) if spec.backbone in OWN_BACKBONES else cost)
    return found


def cost(spec: TransferTunerSpec, runs: Runs, *, clock: bool = True) -> View:
    """What each strategy costs before it starts."""
    data = data_of(spec)
    found = counted(bare(spec)) if clock else costs(bare(spec), data)
    groups = {c.strategy: [c.flops / 1e9] for c in found}
    memory = {c.strategy: [c.bytes / 1e6] for c in found}
    rows = []
    for c in found:
        run = runs.get(c.strategy)
        rows.append({
            "strategy": STRATEGIES[c.strategy], "weights that learn": f"{c.trainable:,} of {c.parameters:,}", "GFLOP": short(c.flops / 1e9),
            "MB at the peak": short(c.bytes / 1e6), **({"about, s": short(c.seconds)} if clock and np.isfinite(c.seconds) else {}),
            "validation accuracy": short(float(run.arrays["logits_val"].argmax(1).__eq__(data.labels[data.val]).mean())) if run is not None and run.done else "not trained yet",
        })  # fmt: skip
    probe, full = (next(c for c in found if c.strategy == s) for s in ("probe", "full"))
    return View(
        [
            f"The probe computes each picture's features once and then trains {probe.trainable:,} weights on them: {short(full.flops / probe.flops)} times fewer operations than full fine-tuning for {spec.epochs} epochs. "
            "Operations are counted on one picture; memory is weights, gradients, moments and what the backward pass keeps of one batch."
        ],
        figures={
            "flops": draw.bars(groups, ["whole run"], "counted over", "operations  [GFLOP]", "Additions and multiplications of the whole run, counted by torch on one picture and multiplied by the number of passes."),
            "memory": draw.bars(memory, ["peak of a step"], "counted at", "memory  [MB]", "Bytes that a training step holds at its peak, without torch itself."),
        },
        rows=rows,
    )  # fmt: skip


def looped(spec: TransferTunerSpec, runs: Runs, *, clock: bool = True) -> tuple[list[loop.Line], dict[str, float]]:
    """The lines of the chosen run's loop, and the seconds of its phases (none without `clock`: they differ from run to run)."""
    run = chosen(spec, runs)
    own, arrays = (spec, {}) if run is None else (run.spec, run.arrays)
    return loop.listing(own, data_of(spec), arrays), loop.seconds(arrays) if clock else {}


def loop_figure(lines: Sequence[loop.Line], taken: Mapping[str, float], phase: str = "") -> Figure:
    """The listing as a film of the phases; or, with a `phase`, standing at that one."""
    lit = [k for k, line in enumerate(lines) if line.phase and phase in ("", line.phase)]
    times = [1000 * taken.get(line.phase, math.nan) for line in lines]
    return listing([line.code for line in lines], [line.passes for line in lines], times, lit)


def live_loop(
    spec: TransferTunerSpec, arrays: Mapping[str, np.ndarray], metrics: Mapping[str, np.ndarray]
) -> tuple[str, Figure]:
    """Where a running job was last heard of: a sentence, and the listing with that line lit.

    `arrays` are the newest of the job ({} before the first epoch), `metrics` all it has said, NaN where a snapshot had none.
    """
    running = [run for run in outcomes(arrays).values() if not run.done] if "spec" in arrays else []
    own, found = (running[-1].spec, running[-1].arrays) if running else (spec, {})
    heard = metrics.get("phase", np.empty(0))
    heard = heard[np.isfinite(heard)]
    phase = PHASES[int(heard[-1])] if len(heard) else PHASES[0]
    epoch = f", epoch {int(found['curve/epoch'][-1]) + 1} of {own.epochs}" if running else ""
    words = f"**{STRATEGIES[own.strategy]}**{epoch}. Last heard of at: **{loop.TITLES[phase]}**. The loop runs on faster than it can be shown: each look at it, about three in a second, lights the line that ran at that moment."
    return words, loop_figure(loop.listing(own, data_of(own), found), loop.seconds(found), phase)


def loop_look(spec: TransferTunerSpec, runs: Runs, *, clock: bool = True) -> View:
    """The lines of the loop with the shapes of what passes through them, and the time that they take."""
    data, run = data_of(spec), chosen(spec, runs)
    lines, taken = looped(spec, runs, clock=clock)
    words = f"{len(data.train)} training and {len(data.val)} validation pictures of {len(data.classes)} classes; the split keeps the classes' shares and belongs to the seed. {loop.slowest(taken)}"
    figures = {"loop": loop_figure(lines, taken)}
    if run is None:
        return View([words, NOTHING], figures=figures)
    watched = {"loss of training": (run.curve("epoch"), run.curve("train_loss")), "loss of validation": (run.curve("epoch"), run.curve("val_loss"))}  # fmt: skip
    best = best_epoch(run.curve("val_accuracy"), run.curve("val_loss"))
    mark = upright_line(best, dash="dash", color=draw.VERMILLION)
    if taken:
        parts = run.arrays["seconds"]
        last = int(run.curve("epoch")[-1])
        epochs = np.arange(last - len(parts) + 1, last + 1)
        groups = {loop.TITLES[phase]: 1000 * parts[:, k] for k, phase in enumerate(PHASES)}
        figures["seconds"] = draw.stacked(groups, epochs, "epoch", "time [ms]", "One bar for each epoch of this run, divided among the lines of the loop. Measured on the computer that runs Glassnet, so it differs from run to run.")  # fmt: skip
    figures |= {
        "watched": draw.lines(watched, "epoch", "loss  [nat]", "The loss on training and validation pictures. The dashed line is the best epoch: the one whose weights are restored.", markers=True, y={"rangemode": "tozero"}, shapes=[mark]),
        "rate": draw.lines({"rate of the head": (run.curve("epoch"), run.curve("rate"))}, "epoch", "learning rate η  [1]", "The head's learning rate at the end of each epoch, as the schedule made it.", markers=True, y={"rangemode": "tozero"}),
    }  # fmt: skip
    return View(
        [
            words,
            f"**{STRATEGIES[run.spec.strategy]}:** the best validation accuracy, {short(float(run.curve('val_accuracy')[best]))}, was reached after epoch {best} of {int(run.curve('epoch')[-1])}.",
        ],
        figures=figures,
    )


def space_look(spec: TransferTunerSpec, runs: Runs) -> View:
    """The features of the validation pictures, epoch by epoch, on one plane."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None or "film/points" not in run.arrays:
        return View([NOTHING])
    points, epochs = plane(run, spec.map, spec.perplexity), run.arrays["film/epochs"]
    places = sample(len(data.val))
    labels = data.labels[data.val[places]]
    words = [f"picture {int(data.val[k])}: {told(run, data, np.array([k]))[0]}" for k in places]
    share = run.arrays["film/share"]
    film = draw.space(points, epochs.tolist(), labels, data.classes, words, spec.map)
    measured = {"between the classes' means": (epochs, run.arrays["film/apart"]), "nearest other picture is of the same class": (epochs, run.arrays["film/neighbour"])}  # fmt: skip
    figures = {"space": film}
    if len(epochs) > 1:
        figures["apart"] = draw.lines(measured, "epoch", "share", "Both are measured in all dimensions of the features, not on the plane. One line is the variance between the classes' means as a share of the whole, the other the share of pictures whose nearest neighbour has their class.", markers=True, y={"range": [-0.02, 1.04]})  # fmt: skip
    if len(epochs) == 1:
        moves = f"Under **{STRATEGIES[run.spec.strategy]}** the body does not learn, so no point moves: one picture stands for all epochs. Of the variance, {short(float(run.arrays['film/apart'][0]))} lies between the classes' means, and {run.arrays['film/neighbour'][0]:.0%} of the pictures have a nearest neighbour of their own class."
    else:
        moves = f"Under **{STRATEGIES[run.spec.strategy]}** the share of the variance that lies between the classes' means goes from {short(float(run.arrays['film/apart'][0]))} at epoch {epochs[0]} to {short(float(run.arrays['film/apart'][-1]))} at epoch {epochs[-1]}."
    how = (
        f"The two directions hold {short(float(share[:2].sum()))} of the variance of all epochs together."
        if spec.map == "pca"
        else f"t-SNE with perplexity {short(perplexity_of(spec.perplexity, len(places)))} keeps near pictures near. How far apart two groups lie, how large they are and how dense means nothing; with another perplexity it looks different."
    )
    return View(
        [f"{len(places)} validation pictures, as the head gets them. {moves} {how}"],
        params=["map", *(["perplexity"] if spec.map == "tsne" else [])],
        figures=figures,
    )


def film(spec: TransferTunerSpec, runs: Runs) -> list[Step]:
    """What to say at each frame of the open look's film; none where there is no film."""
    run = chosen(spec, runs)
    if spec.lens == "loop":
        return loop.captions(spec if run is None else run.spec, *looped(spec, runs))
    if spec.lens != "space" or run is None or len(run.arrays.get("film/epochs", ())) < 2:
        return []
    a = run.arrays
    return [
        Step(f"Epoch {epoch}", f"Between the classes' means lies {short(float(between))} of the variance; {near:.0%} of the pictures have a nearest neighbour of their own class.")
        for epoch, between, near in zip(a["film/epochs"], a["film/apart"], a["film/neighbour"], strict=True)
    ]  # fmt: skip


def nets_look(spec: TransferTunerSpec, measured: Mapping[str, np.ndarray] | None = None) -> View:
    """Fully connected and convolutional networks of several depths; `measured` is what their job has said."""
    found = quick_nets(plain(spec)) if measured is None else measured
    curves, rows, points = {}, [], {"fully connected": ([], []), "convolutional": ([], [])}
    for name in names(found):
        accuracy, loss = found[f"{name}/val_accuracy"], found[f"{name}/val_loss"]
        at, depth = best_epoch(accuracy, loss), int(name[-1]) + 1
        kind = "fully connected" if name.startswith("dense") else "convolutional"
        curves[NETS[name]] = (np.arange(len(accuracy)), accuracy)
        points[kind][0].append(depth)
        points[kind][1].append(float(accuracy[at]))
        rows.append({
            "network": NETS[name], "layers with weights": depth, "weights": f"{int(found[f'{name}/parameters']):,}", "best epoch": at,
            "validation accuracy there": short(float(accuracy[at])), "validation loss there": short(float(loss[at])), "training accuracy at last": short(float(found[f"{name}/train_accuracy"][-1])),
        })  # fmt: skip
    best = max(rows, key=lambda row: float(row["validation accuracy there"]))
    known = {kind: (np.array(xs), np.array(ys)) for kind, (xs, ys) in points.items() if xs}
    figures = {
        "nets": draw.lines(curves, "epoch", "validation accuracy  [share]", "One line for each network, all from random weights, on the same pictures with the same settings.", y={"range": [-0.02, 1.04]}),
        "depth": draw.lines(known, "layers with weights", "best validation accuracy  [share]", "Each point is one network: how many layers with weights it has, and what it reached at its best epoch. One line joins the fully connected ones, the other the convolutional ones.", markers=True, x={"dtick": 1}, y={"range": [-0.02, 1.04]}),
    }  # fmt: skip
    few = len(data_of(plain(spec)).val)
    words = f"A fully connected network sees a list of numbers, a convolutional one a picture in which a stroke may lie anywhere. Best so far: **{best['network']}** with {best['validation accuracy there']}, from {best['weights']} weights. One of the {few} validation pictures is worth {short(1 / few)}, so small differences are luck: change the seed."
    return View([words], figures=figures, rows=rows)


def predict(spec: TransferTunerSpec, runs: Runs, picture: np.ndarray | None = None) -> View:
    """A new picture (height, width, 3): probabilities, evidence, the nearest training pictures. Without one, a validation picture."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return View([NOTHING])
    side = data.pictures.shape[1]
    x = data.pictures[data.val[:1]] if picture is None else square(picture, side)[None]
    net = rebuilt(run.spec, len(data.classes), run.arrays)
    P = metrics.probabilities(answers(net, x, run.spec))[0]
    top = int(P.argmax())
    evidence = np.abs(attribute(separate_activations(net), tensor(x, run.spec).cpu().numpy(), top, "saliency")[0]).max(0)  # fmt: skip
    near, cosine = neighbours(run, data, x)
    whose = (
        "No picture was brought, so this is the first validation picture"
        if picture is None
        else "The picture's middle square"
    )
    answer = (
        f"**{data.classes[top]}**"
        if P[top] >= spec.unknown
        else f"**unknown** ({data.classes[top]} has the largest probability)"
    )
    words = [f"{data.classes[data.labels[k]]}, cosine {c:.3f}" for k, c in zip(near, cosine, strict=True)]
    figures = {
        "given": draw.gallery(thumbs(x), [f"answered {data.classes[top]}"], None, "The picture as the network gets it", columns=1),
        "probabilities": draw.probabilities(data.classes, P, spec.unknown),
        "evidence": draw.heat(x[0], evidence, f"Size of the gradient of the logit of “{data.classes[top]}”"),
        "nearest": draw.gallery(thumbs(data.pictures[near]), words, None, "The nearest training pictures in feature space", columns=3),
    }  # fmt: skip
    return View(
        [f"{whose}, {side} by {side} pixels. **{STRATEGIES[run.spec.strategy]}** answers {answer}, {P[top]:.1%}. Its nearest training picture is a {words[0]}."],
        params=["unknown"],
        figures=figures,
    )  # fmt: skip


def neighbours(run: Outcome, data: Task, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training pictures whose features point most nearly the same way, and the cosines."""
    net = rebuilt(run.spec, len(data.classes), run.arrays)
    rows, cosine = nearest(_features(run, data), block_outputs(net, x, run.spec)[-1][0])
    return data.train[rows], cosine


@lru_cache(maxsize=8)
def _features(run: Outcome, data: Task) -> np.ndarray:
    net = rebuilt(run.spec, len(data.classes), run.arrays)
    return block_outputs(net, data.pictures[data.train], run.spec)[-1]


def look(
    spec: TransferTunerSpec,
    runs: Runs,
    measured: tuple[np.ndarray, np.ndarray] | None = None,
    picture: np.ndarray | None = None,
    *,
    clock: bool = True,
) -> View:
    """The open lens."""
    match spec.lens:
        case "size":
            return size(spec, measured)
        case "rate":
            return rate(spec)
        case "nets":
            return nets_look(spec)
        case "cost":
            return cost(spec, runs, clock=clock)
        case "loop":
            return loop_look(spec, runs, clock=clock)
        case "predict":
            return predict(spec, runs, picture)
    return {"confusion": errs, "trust": trust, "moved": moved, "shift": shift, "forget": forget, "space": space_look}[spec.lens](spec, runs)  # fmt: skip


def worked(spec: TransferTunerSpec, runs: Runs) -> list[Step]:
    """The formulas with the numbers of the run on screen."""
    run, data = chosen(spec, runs), data_of(spec)
    if run is None:
        return []
    y, Z = data.labels[data.val], run.arrays["logits_val"]
    p = metrics.probabilities(Z)[0]
    loss = metrics.losses(Z, y)
    right = int((Z.argmax(1) == y).sum())
    return [
        Step(f"The first validation picture is {data.classes[y[0]]!r}.", latex=[rf"-\log p[y] = -\log {p[y[0]]:.4g} = {loss[0]:.4g}\ \text{{nat}}"]),
        Step("The validation loss is the mean over all validation pictures.", latex=[rf"\tfrac1{{{len(y)}}} \sum_n -\log p_n[y_n] = {loss.mean():.4g}\ \text{{nat}}"]),
        Step("The validation accuracy is a share of these pictures.", latex=[rf"\frac{{{right}}}{{{len(y)}}} = {right / len(y):.4g}"]),
    ]  # fmt: skip
