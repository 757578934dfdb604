"""The training loop's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

SCALES = {"raw": "Raw, 0 to 16", "unit": "0 to 1", "standard": "Standardised"}
LABELS = {"true": "True", "shuffled": "Shuffled"}
OPTIMIZERS = {"sgd": "SGD", "momentum": "Momentum 0.9", "rmsprop": "RMSprop", "adam": "Adam"}
SCHEDULES = {
    "constant": "Constant",
    "step": "Step",
    "cosine": "Cosine",
    "warm_up": "Warm-up",
    "plateau": "On a plateau",
}
LENSES = {
    "signals": "Signals of the run", "histograms": "Histograms", "predictions": "Predictions", "callbacks": "Callbacks",
    "branch": "Rewind and branch", "sanity": "Sanity tests", "sweep": "Many runs", "scale": "Preprocessing",
    "track": "Log and track",
}  # fmt: skip
MOST_DEPTH = 3


@dataclass(frozen=True)
class TrainingLoopSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "training_loop"

    points: int = param(300, "Training digits", low=100, high=1000, step=50)
    scale: str = param("standard", "Preprocessing", options=SCALES, help="Computed from the training digits alone")
    labels: str = param(
        "true", "Training labels", options=LABELS, help="Shuffled: nothing is left to learn but the rows themselves"
    )
    hole: bool = param(False, "A missing number", help="One pixel of one training digit is NaN, as an empty cell of a table would be")  # fmt: skip
    depth: int = param(2, "Hidden layers", low=1, high=MOST_DEPTH)
    width: int = param(32, "Units in a hidden layer", low=4, high=64, log=True)
    dropout: float = param(0.0, "Dropout p", low=0.0, high=0.8, step=0.1, help="Share of the hidden units that a training step leaves out")  # fmt: skip
    optimizer: str = param("adam", "Optimizer", options=OPTIMIZERS)
    rate: float = param(0.003, "Learning rate η", low=1e-5, high=10.0, log=True)
    schedule: str = param("constant", "Schedule", options=SCHEDULES, help="On a plateau: a callback halves the rate when the validation loss has not improved for more than two epochs")  # fmt: skip
    clip: float = param(0.0, "Longest gradient", low=0.0, high=10.0, step=0.1, help="A longer gradient is shortened to this norm; 0: none is")  # fmt: skip
    batch: int = param(32, "Batch size", low=8, high=256, log=True, unit="digits")
    epochs: int = param(40, "Epochs at most", low=1, high=60)
    patience: int = param(6, "Patience", low=0, high=20, unit="epochs", help="Stop when the validation loss has not reached a new low for so many epochs; 0: never")  # fmt: skip
    every: int = param(5, "Keep every k-th epoch", low=1, high=20, help="Checkpoints beside the best and the last")
    budget: int = param(0, "Budget", low=0, high=8000, step=10, unit="steps", help="Stop after so many steps; 0: no limit")  # fmt: skip
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights, order of the digits, dropout, shuffled labels")
    smooth: float = param(0.8, "Smoothing β", low=0.0, high=0.98, step=0.02, help="Of the loss of single steps")
    stand: int = param(-1, "Steps done", low=-1, high=8000, hidden=True, help="Where the run is paused; −1: it goes on to its end")  # fmt: skip
    lens: str = param("signals", "Look closer", options=LENSES)
    layer: int = param(1, "Layer", low=1, high=MOST_DEPTH + 1, help="1 is next to the pixels, the last gives the answer")  # fmt: skip
    fork: int = param(5, "Rewind to epoch", low=0, high=60)
    fork_rate: float = param(0.0005, "Learning rate after that", low=1e-5, high=10.0, log=True)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A loop, line by line", "Load, forward, loss, backward, step; validate, log, keep, stop: with the shapes and values of this run.", ("training loop", "gradient descent loop", "epoch", "batch", "live loss", "learning curve", "gradient norm", "update to data ratio", "early stopping", "patience")),
    _preset("callbacks", "Stop early, keep the best", "Patience, checkpoints, a rate that falls on a plateau: what each callback did in this run, and what another patience would have done.", ("early stopping", "callbacks", "checkpoint", "model checkpointing", "best weights", "reduce learning rate on plateau", "patience"), lens="callbacks", schedule="plateau", points=200),
    _preset("resume", "Save, load, branch", "Rewind to a checkpoint: on from there exactly, with another rate, or with the optimizer's state forgotten.", ("saving and loading models", "checkpoint", "resume training", "state dict", "optimizer state", "random state", "reproducibility"), lens="branch", epochs=16, patience=0, dropout=0.2),
    _preset("sanity", "Test the loop before you trust it", "First loss ln 10, one batch by heart, shuffled labels at chance, gradients by difference quotients.", ("sanity check", "debugging", "overfit one batch", "gradient check", "shuffled labels", "leakage test", "initial loss"), lens="sanity", epochs=20, patience=0),
    _preset("sweep", "Sixteen runs at once", "Rates, dropout and seeds side by side: a table and parallel lines, as trackers of experiments draw them.", ("hyperparameter search", "sweep", "parallel coordinates", "weights and biases", "experiment tracking", "run table"), lens="sweep", epochs=10, patience=0),
    _preset("preprocess", "Raw numbers or standardised ones", "The same net on pixel counts, on numbers from 0 to 1, and on standardised pixels.", ("preprocessing", "standardization", "normalization", "data loading", "feature scaling"), lens="scale", epochs=15, patience=0, optimizer="momentum", rate=0.01),
    _preset("track", "Logging, TensorBoard, versions", "What to write down so that a run can be found and repeated: history, fingerprints, an event file for TensorBoard.", ("tensorboard", "weights and biases", "wandb", "logging", "monitoring", "experiment tracking", "version control", "data versioning", "pipeline"), lens="track", epochs=12, patience=0),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One step, line by line", "Press play. The lit line is the one that runs; beside it stand the shapes and values of this very run. After the first step the film goes on step by step, then epoch by epoch.", {}),
    TourStop("When to stop", "The star is the lowest validation loss. The band after it is patience: so long the run waited for a new low. What is kept is the star, not the end.", {"lens": "callbacks", "points": 200}),
    TourStop("Signals", "Gradient norm, weight norm, and how far a step moves a weight compared with its size: about a thousandth is a healthy pace.", {"lens": "signals"}),
    TourStop("Rewind", "A checkpoint holds more than weights. Resume with all of it, and the run is the same to the last bit; forget the optimizer's state, and it is another run.", {"lens": "branch", "epochs": 16, "patience": 0, "dropout": 0.2}),
    TourStop("Do you trust it?", "Four tests that a correct loop passes and a broken one fails. They take seconds, and save days.", {"lens": "sanity", "epochs": 20, "patience": 0}),
    TourStop("One missing number", "A single pixel of a single digit is NaN. The step that meets it makes the loss NaN and with it every weight; the loop stops there by itself.", {"hole": True, "lens": "callbacks"}),
)  # fmt: skip
