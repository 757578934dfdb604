"""What a visitor should know about a run's end, its data and its batches, as sentences."""

from __future__ import annotations

from core.playground import typed
from core.playground.compute import Run
from core.playground.spec import TYPED, PlaygroundSpec
from core.plots.words import short

STOPPED = {
    "diverged": "The loss passed a million or became no number: each step overshot farther than the one before. The run was stopped there; try a lower learning rate.",
    "solved": "Stopped early: the training loss fell below 0.005.",
    "stuck": "Stopped early: the test loss had not reached a new low for 30 epochs.",
}
ONE_ROW = (
    "**Batch normalisation with one point a batch.** The mean of one number is the number itself: Ẑ = 0, and a normalised layer answers f(β) for "
    "every point, so nothing before it gets a gradient. The running variance stays at 1, for one number has no unbiased variance. Take at least 2 points a batch, better 10."
)
LAST_ROW = (
    "The last batch of every epoch holds a single point, which is its own mean: a normalised layer answers f(β) there, and nothing before it "
    "learns from that batch. Another batch size avoids it."
)


def notes(spec: PlaygroundSpec, run: Run) -> list[str]:
    """Why the run ended before its time, how a typed formula gave the points, and what batches of one point do."""
    return [note for note in (STOPPED.get(run.reason, ""), _typed(spec, run), _batches(run)) if note]


def _typed(spec: PlaygroundSpec, run: Run) -> str:
    if spec.data not in TYPED:
        return ""
    count, scale = len(run.about.y), typed.size(spec.formula)
    words = "Class 1 where the formula is above 0." if spec.data == "border" else "The target is f(x, y)."
    if spec.data == "formula" and scale > 1:
        words = f"The target is f(x, y) / {short(scale)}: the largest value on a grid over the square becomes 1."
    if count < spec.count:
        words += f" The formula has a value at {count} of the {spec.count} points; the others were left out."
    return words


def _batches(run: Run) -> str:
    about = run.about
    if not about.net.norms.any():
        return ""
    if about.batch == 1:
        return ONE_ROW
    return LAST_ROW if about.train % about.batch == 1 else ""
