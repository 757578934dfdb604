"""Closer looks at a run, as data: sentences, figures and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.contracts import Figure, Step, View
from core.plots.theme import GREY, VERMILLION, upright_line
from core.plots.words import short
from core.training_loop import compute, listing
from core.training_loop import figures as draw
from core.training_loop.clock import clock, slowest
from core.training_loop.compute import Run, run_of
from core.training_loop.data import fingerprint
from core.training_loop.events import history
from core.training_loop.loop import State, to_bytes
from core.training_loop.spec import SCALES, TrainingLoopSpec

SHOWN = 12  # validation digits whose answers are followed
FILMED = ("predictions",)  # looks whose pictures are a film over the epochs
HEALTHY = 1e-3

WHY = {
    "end": "It ran through all its epochs.", "patience": "Early stopping ended it.", "budget": "Its budget of steps was used up.",
    "nan": "It was stopped because the loss was no finite number.", "paused": "It is paused.",
}  # fmt: skip


def about(run: Run) -> str:
    """One paragraph about the run."""
    steps, kept = run.ends[-1], run.ends[run.kept]
    ended = f"**{steps} of {run.plan.steps} steps.** {WHY[run.why]}"
    if not run.epochs:
        return f"**Before the first step.** {run.plan.net.count:,} weights are drawn, and nothing is learned: validation loss {short(float(run.val_loss[0]))}, where ln 10 = {short(math.log(10))} is what even guesses cost."
    best = f"The lowest validation loss, {short(float(run.val_loss[run.kept]))}, came after step {kept}: those weights are kept. Only they meet the test digits: {run.test[1]:.1%} of {len(run.parts.y_test)} right, loss {short(run.test[0])}."
    return f"{ended} {best}"


def stop_band(run: Run) -> tuple[float, float] | None:
    """From the last new low to the end, where patience ended the run."""
    return (float(run.ends[run.kept]), float(run.ends[-1])) if run.why == "patience" else None


def saved(run: Run) -> list[int]:
    """The states that are kept as checkpoints: the best, the last, and every k-th epoch."""
    last = len(run.epochs)
    return sorted({run.kept, last, *range(run.spec.every, last + 1, run.spec.every)})


def train_accuracy(run: Run) -> np.ndarray:
    """Accuracy on all training digits after each epoch, nothing dropped."""
    thetas = np.concatenate([state.theta for state in run.states[1:]]) if run.epochs else np.empty((0, run.plan.net.count))  # fmt: skip
    if not len(thetas):
        return np.empty(0)
    with np.errstate(over="ignore", invalid="ignore"):
        return compute.evaluate(run.plan.net, thetas, run.plan.X, run.plan.y)[1]


def pictures(run: Run, seconds: Mapping[str, float] | None = None) -> dict[str, Figure]:
    """The lit listing and the course of the run, as one film; `seconds` of the loop's parts, if they were measured."""
    smooth = compute.smoothed(run.series("losses"), run.spec.smooth)
    now = [moment.step + (moment.closed or moment.key in ("step", "log")) for moment in listing.moments(run)]
    return {
        "loop": listing.film(run, seconds or {}),
        "course": draw.course(
            run.series("losses"), smooth, run.ends, run.val_loss, train_accuracy(run), run.val_accuracy, run.kept, stop_band(run), saved(run), run.ends[-1], now, WHY[run.why],
        ),
    }  # fmt: skip


def signals(run: Run) -> View:
    """Rate, norms, ratio, and how they are to be read."""
    if not run.epochs:
        return View(["The run has not taken a step."])
    steps = np.arange(1, run.ends[-1] + 1)
    ratio = run.series("update_norm") / run.series("weight_norm")
    layers = range(ratio.shape[1])
    norm = run.series("gradient_norm")
    clipped = int((norm > run.spec.clip).sum()) if run.spec.clip else 0
    middle = np.median(ratio, axis=0)
    verdict = ", ".join(f"layer {k + 1}: {short(float(m))}" for k, m in enumerate(middle))
    rate = {"learning rate η": (steps, run.series("rates"))}
    figures = {
        "ratio": draw.curves({f"layer {k + 1}": (steps, ratio[:, k]) for k in layers}, "step", "|ΔW| / |W|  [1]", "How far one step moves a layer's weights, compared with their size. The dotted line is a thousandth: far above it the weights are thrown about, far below it nearly nothing is learned.", log=True, shapes=[draw.level(HEALTHY)]),
        "norms": draw.curves({"|g| before clipping": (steps, norm), "mean of the steps so far": (steps, compute.smoothed(norm, run.spec.smooth))}, "step", "norm of the gradient  [nat]", "The length of the whole gradient at every step, and its running mean." + (" The dotted line is the longest that is let through." if run.spec.clip else ""), shapes=[draw.level(run.spec.clip)] if run.spec.clip else ()),
        "weights": draw.curves({f"layer {k + 1}": (steps, run.series("weight_norm")[:, k]) for k in layers}, "step", "norm of the weights  [1]", "The length of each layer's weights. Without weight decay they mostly grow: the net becomes surer of what it says."),
        "rate": draw.curves(rate, "step", "learning rate η  [1]", "The rate of each step, as the schedule or the plateau callback made it.", y={"range": [0, 1.1 * float(run.series("rates").max())]}),
    }  # fmt: skip
    words = [
        f"Median update : data ratio: {verdict}. A rule of thumb calls about {HEALTHY:g} healthy.",
        f"The gradient's norm was {short(float(norm[0]))} at the first step and {short(float(norm[-1]))} at the last."
        + (f" {clipped} of {len(norm)} gradients were longer than {run.spec.clip:g} and were shortened." if run.spec.clip else ""),
    ]  # fmt: skip
    return View(words, figures=figures)


def layer_of(run: Run) -> int:
    """The layer that is looked at, counted from 0."""
    return min(run.spec.layer, len(run.plan.net.places)) - 1


def histograms(run: Run) -> View:
    """Weights and gradients of one layer over the epochs."""
    if not run.epochs:
        return View(["The run has not taken a step."], params=["layer"])
    k = layer_of(run)
    place, _ = run.plan.net.places[k]
    weights = np.concatenate([state.theta[:, place] for state in run.states])
    gradients = np.concatenate([epoch.gradient[:, place] for epoch in run.epochs])
    zero = float((gradients[-1] == 0).mean())
    words = [
        f"Layer {k + 1} of {len(run.plan.net.places)}: {weights.shape[1]:,} weights. Their deviation was {short(float(weights[0].std()))} before the first step and is {short(float(weights[-1].std()))} now. "
        f"In the last batch {zero:.0%} of their gradients were exactly 0: inputs that are constant, or units that are silent for every digit of the batch."
    ]  # fmt: skip
    return View(
        words,
        params=["layer"],
        figures={
            "weights": draw.histogram(weights, run.ends, f"weights of layer {k + 1}", "1"),
            "gradients": draw.histogram(gradients, run.ends[1:], f"gradients of layer {k + 1}, last batch of an epoch", "nat"),
        },
    )  # fmt: skip


def followed(run: Run) -> np.ndarray:
    """The validation digits that are followed: those that change their answer most often, then those that are hardest at the end."""
    p = compute.answers(run)
    said = p.argmax(axis=2)
    changes = (said[1:] != said[:-1]).sum(axis=0)
    truth = p[-1, np.arange(p.shape[1]), run.parts.y_val]
    return np.sort(np.lexsort((np.where(np.isfinite(truth), truth, -1.0), -changes))[:SHOWN])


def predictions(run: Run) -> View:
    """The confusion matrix and some answers over the epochs."""
    p, rows = compute.answers(run), followed(run)
    counts = np.stack([compute.confusion(run, one) for one in p])
    labels = run.parts.y_val[rows]
    true = p[:, rows, labels]
    said = np.where(np.isfinite(true), p[:, rows].argmax(axis=2), -1)
    words = [f"{label} → {answer if answer >= 0 else 'none'}, {share:.0%}" if np.isfinite(share) else f"{label} → none" for label, answer, share in zip(labels.tolist(), said[-1].tolist(), true[-1].tolist(), strict=True)]  # fmt: skip
    wrong = counts[-1] * (1 - np.eye(10, dtype=int))
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    most = f"Most often, {wrong[i, j]} times, {i} is read as {j}." if wrong.any() else "There is no mistake."
    return View(
        [f"{int(np.trace(counts[-1]))} of {int(counts[-1].sum())} validation digits are read right at the end. {most} The film runs over the epochs. The digits on the right are those whose answer changed most often."],
        figures={
            "confusion": draw.confusion_film(counts, len(counts) - 1),
            "samples": draw.samples(run.parts.pictures[rows], labels, true, said, len(counts) - 1),
            "digits": draw.gallery(run.parts.pictures[rows], words),
        },
    )  # fmt: skip


def callbacks(run: Run) -> View:
    """What each callback did, and what another patience would have done."""
    found = compute.waits(run)
    last = len(run.epochs)
    rows = [
        {"patience [epochs]": patience, "stops after epoch": last if stop.at is None else stop.at, "stopped by patience": "no" if stop.at is None else "yes", "keeps epoch": stop.best, "validation loss there": short(float(run.val_loss[stop.best])), "epochs saved": run.spec.epochs - (last if stop.at is None else stop.at) if stop.at is not None else 0}
        for patience, stop in found.items()
    ]  # fmt: skip
    waiting = [k - compute.early(run.val_loss[: k + 1].tolist(), 0).best for k in range(last + 1)]
    kept = compute.run_of(run.spec).kept
    gap = float(run.val_loss[-1] - run.val_loss[kept])
    words = [
        f"**Early stopping.** {WHY[run.why]} Epoch {kept} had the lowest validation loss, {short(float(run.val_loss[kept]))}; " + (f"the last weights are {short(gap)} worse." if gap > 0 else "these are the last weights."),
        f"**Checkpoints.** Kept are epochs {', '.join(map(str, saved(run)))}: the best, the last, and every {run.spec.every}. One file has {len(to_bytes(run.states[-1])):,} bytes: the weights, the optimizer's memory, the random generator and the order of the epoch.",
        "**Rate.** " + _rates(run),
        "**No number.** A loss that is NaN or infinite ends the loop at that very step, for no later step can mend it." + (f" Here this happened at step {run.ends[-1]}." if run.why == "nan" else " Here every loss was finite."),
    ]  # fmt: skip
    if last < run.plan.epochs:
        words.append(f"The table knows only the {last} epochs that were run; set patience to 0 to see what a longer patience would have met.")  # fmt: skip
    mark = [draw.level(float(run.spec.patience), VERMILLION)] if run.spec.patience else []
    return View(
        words,
        params=["every"],
        figures={
            "waiting": draw.curves({"epochs since the last new low": (np.arange(last + 1), waiting)}, "epoch", "epochs without a new low  [count]", "A sawtooth: every new low of the validation loss sets the count back to 0. Where it reaches the dotted line, patience runs out and the loop ends.", shapes=mark),
            "what if": draw.curves(
                {"validation loss of what is kept": (list(found), [float(run.val_loss[stop.best]) for stop in found.values()])}, "patience  [epochs]", "validation loss  [nat]",
                "What each patience would have kept from this run. A curve that falls to the right: too little patience would have stopped before a later, lower low.",
            ),
        },
        rows=rows,
    )  # fmt: skip


def _rates(run: Run) -> str:
    rates = run.series("rates")
    if run.spec.schedule != "plateau" or not len(rates):
        return "No plateau callback is set: choose it among the schedules."
    falls = (np.flatnonzero(np.diff(rates) < 0) + 1).tolist()
    if not falls:
        return "The validation loss never rested for more than two epochs, so the rate stayed as it was."
    return f"The plateau callback halved the rate {len(falls)} times, after the steps {', '.join(map(str, falls))}: from {short(float(rates[0]))} to {short(float(rates[-1]))}."


def branch(run: Run) -> View:
    """On from a checkpoint: exactly, with another rate, with something forgotten."""
    params = ["fork", "fork_rate"]
    if not run.epochs or run.why == "nan":
        return View(
            ["There is no finite run to rewind. Let it take some steps, or fill the missing number."], params=params
        )
    found, fork = compute.branches(run), compute.fork_of(run)
    x = [*run.ends[fork:]]
    named: dict[str, tuple[Any, Any]] = {"uninterrupted": (run.ends, run.val_loss)}
    named |= {name: (x, one.losses) for name, one in found.items()}
    exact = found["resumed with everything"]
    rows = [
        {"on from epoch " + str(fork): name, "largest |Δθ| after one step": short(one.after_step), "largest |Δθ| at the end": short(one.at_end), "last validation loss": short(float(one.losses[-1])), "validation accuracy": f"{one.accuracy:.1%}"}
        for name, one in found.items()
    ]  # fmt: skip
    lost = found["optimizer's state forgotten"]
    same = (
        "**the same to the last bit**"
        if exact.at_end == 0
        else f"not the same: weights differ by {short(exact.at_end)}"
    )
    words = [
        f"All four begin with the file of epoch {fork} and end at step {run.ends[-1]}. Resumed with everything, the run is {same}. A checkpoint must hold the weights, the optimizer's memory ({', '.join(run.states[fork].memory) or 'none for this optimizer'}) and its step count, the schedule's state, the random generator, and the place in the epoch.",
        f"Without the optimizer's memory the first step already differs by {short(lost.after_step)} in some weight" + (": nothing is lost, for this optimizer remembers nothing." if lost.after_step == 0 else ". With Adam the cause is that its means begin at 0 again, and the correction of their bias makes the first step nearly a full rate in every weight.") + " Without the random generator's state the batches and the dropped units are others.",
        f"The branch with another learning rate goes on at {run.spec.fork_rate:g} in place of {run.spec.rate:g}. A schedule keeps its shape and moves with it.",
    ]  # fmt: skip
    figure = draw.curves(named, "step", "validation loss  [nat]", "The uninterrupted run and four that branch off at the upright line. The one that resumes with everything lies exactly on the first.", shapes=[upright_line(run.ends[fork], color=GREY, dash="dash", width=1.5)])  # fmt: skip
    return View(words, params=params, figures={"branches": figure}, rows=rows)


def sanity(run: Run) -> View:
    """Tests that a correct loop passes."""
    s = compute.sanity(run.spec)
    low, high = s.chance
    memorised = s.one_batch[-1] < 0.05 and s.memorised == 1.0
    guessed = float(s.guesses.mean())
    guessing = low <= guessed <= high
    verdicts = {
        "First loss near ln 10": (f"{short(s.first_loss)} (ln 10 = {short(math.log(10))}, predicted {short(s.predicted)})", abs(s.first_loss - s.predicted) < 0.1, "Labels and outputs that do not fit, a forgotten mean over the batch, first weights that are too large"),
        "One batch by heart": (f"loss {short(float(s.one_batch[-1]))} after {len(s.one_batch)} steps, {s.memorised:.0%} right", memorised, "A gradient that does not reach all layers, zero_grad forgotten, labels shuffled against the inputs, a rate far off"),
        "Shuffled labels: no better than chance": (f"validation accuracy {guessed:.1%}, the mean over {len(s.guesses)} shuffles; guesses lie in {low:.1%} to {high:.1%} in 95 of 100 cases", guessing, "Leakage: something of the validation labels is known in training"),
        "Gradient against difference quotients": (f"relative difference {short(s.difference)}, largest {short(s.worst)}", s.difference < 1e-6, "An error in a derivative written by hand"),
    }  # fmt: skip
    rows = [{"test": name, "found": found, "passed": "yes" if ok else "no", "if not, look for": cause} for name, (found, ok, cause) in verdicts.items()]  # fmt: skip
    words = [
        f"**{sum(ok for _, ok, _ in verdicts.values())} of {len(verdicts)} passed.** All four are computed with the settings above (true labels, no missing number, no early stopping).",
        f"After learning shuffled labels the net is right on {s.shuffled:.0%} of its training digits and on {guessed:.0%} of the validation digits; with true labels on {s.honest[0]:.0%} and {s.honest[1]:.0%}. What it knows of shuffled labels is memory: training accuracy alone proves nothing.",
    ]  # fmt: skip
    steps = np.arange(1, len(s.one_batch) + 1)
    figures = {
        "one batch": draw.curves({"loss on one batch": (steps, s.one_batch)}, "step", "loss  [nat]", f"The same {run.spec.batch} digits at every step, without dropout, clipping and schedule. A loop that works learns them by heart. The dotted line is ln 10.", log=True, shapes=[draw.level(math.log(10))]),
        "labels": draw.bars({"true, training": 100 * s.honest[0], "true, validation": 100 * s.honest[1], "shuffled, training": 100 * s.shuffled, "shuffled, validation": 100 * guessed}, "labels that were learned, and part", "accuracy  [%]", "Left: the true labels. Right: the same labels, shuffled among the training digits. Validation labels are always true; after shuffled training they can only be guessed, 10 in 100."),
    }  # fmt: skip
    return View(words, figures=figures, rows=rows)


def sweep(run: Run) -> View:
    """Runs side by side."""
    s = compute.sweep(run.spec)
    best = int(np.nanargmin(s.lowest))
    columns = {
        "learning rate": (s.rate, True), "dropout p": (s.dropout, False), "seed": (s.seed.astype(float), False), "last training loss": (s.train_loss, True),
        "best epoch": (s.best.astype(float), False), "lowest validation loss": (s.lowest, True),
    }  # fmt: skip
    order = np.argsort(s.lowest, kind="stable")
    rows = [
        {"run": int(k) + 1, "learning rate": f"{s.rate[k]:.3g}", "dropout p": float(s.dropout[k]), "seed": int(s.seed[k]), "best epoch": int(s.best[k]), "lowest validation loss": short(float(s.lowest[k])), "validation accuracy there": f"{s.accuracy[k]:.1%}", "last training loss": short(float(s.train_loss[k]))}
        for k in order
    ]  # fmt: skip
    pairs = np.abs(s.lowest[0::2] - s.lowest[1::2])
    words = [
        f"{len(s.rate)} nets were trained as one batch of nets for {run.spec.epochs} epochs: four rates around η = {run.spec.rate:g}, dropout {' and '.join(map(str, compute.DROPOUTS))}, two seeds. The best is **run {best + 1}** (rate {s.rate[best]:.3g}, dropout {s.dropout[best]:g}) with {short(float(s.lowest[best]))}.",
        f"Two runs that differ in their seed alone are {short(float(np.median(pairs)))} apart (the median of {len(pairs)} pairs): a smaller lead than that means nothing.",
    ]  # fmt: skip
    shown = {f"run {k + 1}: rate {s.rate[k]:.3g}, p = {s.dropout[k]:g}": (np.arange(s.val_loss.shape[1]), s.val_loss[k]) for k in order[:6]}  # fmt: skip
    return View(
        words,
        figures={
            "parallel": draw.parallel(columns, s.lowest, "lowest validation loss"),
            "runs": draw.curves(shown, "epoch", "validation loss  [nat]", "The six best runs, the best first."),
        },
        rows=rows,
    )


def scale(run: Run) -> View:
    """The same net on three preparations of the same digits."""
    found = compute.scaled(run.spec)
    rows = [
        {"inputs": SCALES[how], "largest eigenvalue of XᵀX / n": short(one.stretch), "first gradient's norm": short(one.first_gradient), "last validation loss": short(float(one.val_loss[-1])), "validation accuracy": f"{one.accuracy:.1%}"}
        for how, one in found.items()
    ]  # fmt: skip
    raw, unit = found["raw"], found["unit"]
    words = [
        f"Same first weights, same order of the digits, same {run.spec.optimizer} with η = {run.spec.rate:g}; only the inputs differ. On raw counts the first gradient is {short(raw.first_gradient / unit.first_gradient)} times as long as on numbers from 0 to 1, and the steepest direction of the inputs {short(raw.stretch / unit.stretch)} times as steep: the rate that suits the one breaks the other.",
        "Mean and deviation are taken from the training digits alone, kept with the model, and used unchanged on every later digit. Pixels that are constant in training become 0.",
    ]  # fmt: skip
    named = {SCALES[how]: (np.arange(len(one.val_loss)), one.val_loss) for how, one in found.items()}
    sample = run.parts.pictures[0].ravel()
    spread = {SCALES[how]: (np.arange(64), _prepared(run, how, sample)) for how in SCALES}
    return View(
        words,
        figures={
            "losses": draw.curves(named, "epoch", "validation loss  [nat]", "One curve for each preparation. The dotted line is ln 10, what even guesses cost.", shapes=[draw.level(math.log(10))]),
            "inputs": draw.curves(spread, "pixel, row by row", "input  [1]", "The 64 numbers of the first validation digit under each preparation."),
        },
        rows=rows,
    )  # fmt: skip


def _prepared(run: Run, how: str, sample: np.ndarray) -> np.ndarray:
    found = compute.parts(run.spec.points, how, run.spec.labels, run.spec.seed)
    return np.where(np.isfinite(found.X_val[0]), found.X_val[0], sample)


TENSORBOARD = """from torch.utils.tensorboard import SummaryWriter

writer = SummaryWriter("runs/{name}")
writer.add_scalar("loss/step", loss.item(), step)
writer.add_histogram("weights/layer1", model.layers[0].weight, step)
writer.add_hparams(settings, {{"lowest validation loss": best}})
writer.close()                       # then, in a terminal: tensorboard --logdir runs"""
WANDB = """import wandb

run = wandb.init(project="digits", config=settings)
wandb.log({{"loss/step": loss.item(), "rate": rate}}, step=step)
wandb.log_artifact("checkpoint.npz", type="model")
run.finish()"""


def identity(run: Run) -> dict[str, str]:
    """What names a run: fingerprints of settings, of each part of the data, of the kept weights."""
    p = run.parts
    return {
        "settings": fingerprint(np.frombuffer(compute.core_of(run.spec).to_json().encode(), np.uint8)),
        "training digits and labels": fingerprint(p.X, p.y),
        "validation digits and labels": fingerprint(p.X_val, p.y_val),
        "test digits and labels": fingerprint(p.X_test, p.y_test),
        "first weights": fingerprint(run.states[0].theta),
    }


def track(run: Run) -> View:
    """What is written down, so that a run can be found, compared and repeated."""
    logged = history(run)
    tags = dict.fromkeys(tag for tag, _, _ in logged)
    values = {tag: [value for name, _, value in logged if name == tag] for tag in tags}
    rows = [{"logged": tag, "rows": len(found), "first": short(found[0]), "last": short(found[-1])} for tag, found in values.items()]  # fmt: skip
    names = identity(run)
    name = names["settings"]
    listed = "; ".join(f"{what} `{digest}`" for what, digest in names.items())
    words = [
        f"**Log.** {len(logged):,} numbers under {len(values)} tags; a tag with a slash becomes a group in TensorBoard. The Code tab gives them as CSV and as an event file that TensorBoard opens (it is written without TensorBoard).",
        f"**Version.** Fingerprints (the first 12 digits of the SHA-256): {listed}. Change one pixel and its part has another fingerprint. Keep them with the commit of the code, the versions of the libraries and the seed: then a number in a report leads back to the run that it came from. Tools such as DVC or Git LFS keep the data itself under its fingerprint.",
        "**The same from your own loop**, with TensorBoard:",
        f"```python\n{TENSORBOARD.format(name=name)}\n```",
        "and with Weights & Biases, which sends it to a server:",
        f"```python\n{WANDB.format()}\n```",
    ]  # fmt: skip
    steps = np.arange(1, run.ends[-1] + 1)
    losses = run.series("losses")
    smooth = {f"β = {beta:g}": (steps, compute.smoothed(losses, beta)) for beta in (0.0, 0.6, 0.9, 0.97)}
    return View(
        words,
        figures={"smoothing": draw.curves(smooth, "step", "training loss  [nat]", "One log, four smoothings as a dashboard offers them. More smoothing hides noise, and comes later than what it shows.")} if run.epochs else {},
        rows=rows,
    )  # fmt: skip


LOOKS = {
    "signals": signals, "histograms": histograms, "predictions": predictions, "callbacks": callbacks, "branch": branch, "sanity": sanity, "sweep": sweep,
    "scale": scale, "track": track,
}  # fmt: skip


def look(run: Run) -> View:
    """The view through the lens that the Spec names."""
    return LOOKS[run.spec.lens](run)


def film_steps(run: Run) -> list[Step]:
    """What the transport bar of a filmed look says: one stop for each state."""
    return [
        Step(f"After step {end}", f"Validation loss {short(float(loss))}, {float(right):.1%} right.")
        for end, loss, right in zip(run.ends, run.val_loss, run.val_accuracy, strict=True)
    ]


def timed(run: Run) -> tuple[dict[str, float], str]:
    """Seconds of each part of the loop, measured now, and a sentence about them."""
    seconds = clock(run)
    return seconds, slowest(seconds, run.spec.points)


def checkpoint(run: Run, which: str) -> State:
    """The best or the last state."""
    return run.states[run.kept if which == "best" else -1]


def worked(spec: TrainingLoopSpec) -> list[Step]:
    """The first step with the numbers of this run."""
    run = run_of(spec)
    if not run.epochs:
        return []
    loss, norm, rate = (float(run.series(name)[0]) for name in ("losses", "gradient_norm", "rates"))
    W, moved = run.series("weight_norm")[0], run.series("update_norm")[0]
    best = float(run.val_loss[run.kept])
    return [
        Step("The first loss", latex=[rf"L_1 = {loss:.4f}, \qquad \ln 10 = {math.log(10):.4f}"]),
        Step("The first step", latex=[rf"|g_1| = {norm:.4g}, \qquad \eta_1 = {rate:.4g}, \qquad \frac{{|\Delta W_1|}}{{|W_1|}} = \frac{{{moved[0]:.4g}}}{{{W[0]:.4g}}} = {moved[0] / W[0]:.4g}"]),
        Step("What is kept", latex=[rf"\min_k L_{{\text{{val}}}}(\theta_k) = {best:.4f} \text{{ at step }} {run.ends[run.kept]}, \qquad L_{{\text{{test}}}} = {run.test[0]:.4f}"]),
    ]  # fmt: skip
