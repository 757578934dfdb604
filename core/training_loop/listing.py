"""The loop as a film: its lines, what passes through them at every moment, and which of them runs.

The first step is shown line by line, then some steps of the first epoch, its end line by line, then the end of every later epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.contracts import Figure, Step
from core.plots.listing import listing
from core.plots.words import short
from core.training_loop.compute import Run
from core.training_loop.loop import early
from core.training_loop.spec import OPTIMIZERS

STEPS = 8  # steps of the first epoch in the film, after its first

WORDS = {
    "load": "The rows of one batch are taken from the training digits, in this epoch's order.",
    "forward": "The model turns pixels into ten numbers for each digit, layer by layer.",
    "loss": "The numbers become probabilities; the loss is the mean of −log of what the true digit got.",
    "backward": "The old gradient is cleared, and the chain rule gives a new one for every weight.",
    "clip": "A gradient longer than allowed is shortened to that length; its direction stays.",
    "step": "The optimizer moves every weight, at the rate that the schedule gives now.",
    "log": "What happened is written down. These rows are all the charts on this page.",
    "validate": "Once an epoch: digits that are never trained on pass without learning, and without dropout.",
    "plateau": "If the validation loss has not improved for more than two epochs, the rate is halved.",
    "keep": "A new low of the validation loss: these weights are kept as the best so far. Otherwise nothing is done.",
    "stop": "If the last new low is too long ago, the loop ends here.",
}
TITLES = {
    "load": "Load a batch", "forward": "Forward", "loss": "Loss", "backward": "Backward", "clip": "Clip", "step": "Step", "log": "Log",
    "validate": "Validate", "plateau": "Lower the rate?", "keep": "Keep the best", "stop": "Stop early?",
}  # fmt: skip
TIMED = {"load": "load", "forward": "forward", "backward": "backward", "step": "step", "validate": "validate"}


@dataclass(frozen=True)
class Moment:
    """A frame: the line that runs (its key), the step that it belongs to (0: the first), whether the epoch's end has been reached."""

    key: str
    step: int
    closed: bool = False


def code(run: Run) -> dict[str, str]:
    """Key -> line of the loop, in order; callbacks that are off have none."""
    spec = run.spec
    lines = {
        "epoch": f"for epoch in range({spec.epochs}):",
        "batch": f"    for rows in shuffled({spec.points}).split({spec.batch}):",
        "load": "        x, y = X[rows], labels[rows]",
        "forward": f"        logits = model{'.train()' if spec.dropout else ''}(x)",
        "loss": "        loss = cross_entropy(logits, y)",
        "backward": "        optimizer.zero_grad(); loss.backward()",
        "clip": f"        clip_grad_norm_(model.parameters(), {spec.clip:g})" if spec.clip else "",
        "step": "        optimizer.step()" + ("; schedule.step()" if spec.schedule not in ("constant", "plateau") else ""),
        "log": "        history.log(loss, rate, norms)",
        "validate": "    validation = evaluate(model.eval(), X_val)",
        "plateau": "    schedule.step(validation)" if spec.schedule == "plateau" else "",
        "keep": "    if validation < best: keep(model)",
        "stop": f"    if epoch - best_epoch >= {spec.patience}: break" if spec.patience else "",
    }  # fmt: skip
    return {key: text for key, text in lines.items() if text}


def moments(run: Run) -> list[Moment]:
    """The frames of the film."""
    if not run.epochs:
        return [Moment("load", 0)]
    keys = list(code(run))
    inner = keys[keys.index("load") : keys.index("validate")]
    outer = keys[keys.index("validate") :]
    first = run.ends[1]
    more = np.unique(np.linspace(1, first - 1, min(STEPS, first - 1)).astype(int)).tolist() if first > 1 else []
    film = [Moment(key, 0) for key in inner] + [Moment("batch", t) for t in more]
    film += [Moment(key, first - 1, closed=True) for key in outer]
    return film + [Moment(_event(run, k), end - 1, closed=True) for k, end in enumerate(run.ends[2:], 2)]


def _event(run: Run, k: int) -> str:
    """The line at which the film stands at the end of an epoch: where something happened."""
    if run.why == "patience" and k == len(run.epochs):
        return "stop"
    if early(run.val_loss[: k + 1].tolist(), 0).best == k:
        return "keep"
    if k >= 2 and run.epochs[k - 1].rates[0, 0] != run.epochs[k - 2].rates[0, 0] and run.spec.schedule == "plateau":
        return "plateau"
    return "validate"


def passes(run: Run, moment: Moment) -> dict[str, str]:
    """Key -> what passes through that line, with the shapes and values of this moment."""
    spec, plan, t = run.spec, run.plan, moment.step
    sizes, per = plan.net.sizes, plan.per_epoch
    begun = t // per
    rows = min(spec.batch, spec.points - t % per * spec.batch)
    shapes = " → ".join(f"({rows}, {units})" for units in sizes)
    told = {
        "epoch": f"epoch {begun + 1}", "batch": f"batch {t % per + 1} of {per}; step {t + 1}",
        "load": f"x ({rows}, 64), y ({rows},)", "forward": shapes, "loss": "one number", "backward": f"{plan.net.count:,} numbers",
        "clip": "", "step": f"{plan.net.count:,} weights, by {OPTIMIZERS[spec.optimizer].split()[0]}", "log": f"row {t + 1}",
        "validate": f"logits ({len(plan.X_val[0])}, 10)", "plateau": "", "keep": "", "stop": "",
    }  # fmt: skip
    if not run.epochs:
        return told
    loss, norm, rate = (float(run.series(name)[t]) for name in ("losses", "gradient_norm", "rates"))
    moved, length = (float(np.linalg.norm(run.series(name)[t])) for name in ("update_norm", "weight_norm"))
    told["loss"] = f"one number: {short(loss)}"
    told["backward"] += f", |g| = {short(norm)}"
    told["clip"] = f"|g| = {short(min(norm, spec.clip) if np.isfinite(norm) else norm)}"
    told["step"] = f"η = {short(rate)}, |ΔW| / |W| = {short(moved / length)}"
    known = begun + 1 if moment.closed else begun
    losses = run.val_loss[: known + 1].tolist()
    best = early(losses, 0).best
    if known:
        told["validate"] += f": loss {short(losses[-1])}, {float(run.val_accuracy[known]):.1%} right"
    told["keep"] = f"best: {short(losses[best])}, after {best} epochs"
    told["stop"] = f"{known - best} of {spec.patience} epochs without a new low"
    told["plateau"] = f"η = {short(float(run.series('rates')[min(t + 1, run.ends[-1] - 1)]))}"
    return told


def film(run: Run, seconds: Mapping[str, float]) -> Figure:
    """The listing with its frames; `seconds` of the parts in an epoch, if they were measured."""
    lines, shown = code(run), moments(run)
    keys = list(lines)
    told = [[passes(run, moment)[key] for key in keys] for moment in shown]
    times = [1000 * seconds.get(TIMED.get(key, ""), np.nan) for key in keys]
    return listing(list(lines.values()), told[0], times, [keys.index(m.key) for m in shown], 0, told)


def captions(run: Run) -> list[Step]:
    """What the transport bar says at each frame."""
    return [_caption(run, moment) for moment in moments(run)]


def _caption(run: Run, moment: Moment) -> Step:
    told = passes(run, moment)
    epoch = moment.step // run.plan.per_epoch + 1
    if moment.key == "batch":
        return Step(
            f"Step {moment.step + 1}",
            f"The same lines again, with the next batch. Loss: {told['loss'].removeprefix('one number: ')}.",
        )
    if not moment.closed:
        return Step(f"Step {moment.step + 1}: {TITLES[moment.key]}", f"{WORDS[moment.key]} Here: {told[moment.key]}.")
    return Step(f"End of epoch {epoch}: {TITLES[moment.key]}", f"{WORDS[moment.key]} Here: {told[moment.key]}.")
