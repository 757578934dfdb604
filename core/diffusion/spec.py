"""What the visitor chooses: the target, the field, the way back from noise, how the nets learn, and what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

DATA = {
    "moons": "Two moons",
    "ring": "Ring of 8",
    "spiral": "Spiral",
    "checkerboard": "Checkerboard",
    "smiley": "Smiley",
}
FIELDS = {"exact": "Exact, by formula", "learned": "Learned by a net"}
METHODS = {
    "ddpm": "DDPM", "ddim": "DDIM", "sde": "Score SDE", "ode": "Probability-flow ODE", "flow": "Flow matching", "coupling": "RealNVP",
}  # fmt: skip
SCHEDULES = {"linear": "Linear", "cosine": "Cosine"}
SOLVERS = {"euler": "Euler", "heun": "Heun"}
ARROWS = {"velocity": "Way back (−v)", "score": "Score", "denoise": "To the best guess of x₀"}
LENSES = {
    "schedule": "Noise schedule",
    "steps": "Quality and number of steps",
    "paths": "Ways of the points",
    "denoise": "Best guess of x₀",
    "error": "Learned against exact",
    "guidance": "Guidance by labels",
    "likelihood": "Likelihood map",
    "race": "All methods, same target",
    "engines": "NumPy against PyTorch",
}

DRAWER = ["spread", "updates", "width", "rate", "seed"]


@dataclass(frozen=True)
class DiffusionSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "diffusion"

    data: str = param("moons", "Target", options=DATA)
    spread: float = param(
        0.1,
        "Width of a cloud s",
        low=0.0,
        high=0.5,
        step=0.02,
        help="The target is made of round clouds of this standard deviation; 0 makes it a finite set of points",
    )
    field: str = param(
        "exact",
        "Field",
        options=FIELDS,
        help="The target is known, so the best possible field is too. RealNVP is always learned",
    )
    method: str = param("ddim", "Way back", options=METHODS)
    schedule: str = param(
        "linear", "Noise schedule", options=SCHEDULES, help="Flow matching has a schedule of its own, the straight path"
    )
    solver: str = param("euler", "Solver of the ODE", options=SOLVERS)
    steps: int = param(40, "Steps n", low=1, high=200, help="From noise (t = 1) to data (t = 0)")
    arrows: str = param("velocity", "Arrows", options=ARROWS)
    updates: int = param(1000, "Updates", low=50, high=20000, log=True, help="Of each net; the same batches for all")
    width: int = param(64, "Units in a hidden layer", low=8, high=128, log=True)
    rate: float = param(
        0.01, "Learning rate", low=1e-4, high=0.05, log=True, help="Of Adam, falling in a straight line towards 0"
    )
    seed: int = param(0, "Seed", low=0, high=9999, help="Of first weights, batches and noise")
    frame: int = param(-1, "Frame", low=-1, high=200, hidden=True)  # -1: the end
    lens: str = param("schedule", "Look closer", options=LENSES)
    label: int = param(0, "Class wanted", low=0, high=1)
    weight: float = param(1.0, "Guidance w", low=0.0, high=8.0, step=0.5, help="0: the class's own field; more: away from what all classes share")  # fmt: skip


def controls_of(spec: DiffusionSpec) -> dict[str, list[str]]:
    """The controls that act in this state, by the place where the page draws them."""
    whole = spec.lens in ("paths", "guidance", "race")  # looks that run other methods too
    solved = ["solver"] if spec.method in ("ode", "flow") else []
    scheduled = ["schedule"] if spec.method not in ("flow", "coupling") or whole or spec.lens == "steps" else []
    if spec.method == "coupling":
        beside = (["field"] if spec.lens in ("steps", "paths", "guidance") else []) + (["steps"] if whole else [])
        return {"first": ["data", "method", *beside], "second": scheduled, "drawer": DRAWER}
    return {"first": ["data", "method", "field", "steps"], "second": [*scheduled, *solved, "arrows"], "drawer": DRAWER}


def without_film(spec: DiffusionSpec) -> DiffusionSpec:
    """The Spec with the place of the film left out: every picture holds the whole film."""
    return replace(spec, frame=-1)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Noise becomes two moons", "The exact field of two moons turns a round cloud of noise into data, and the schedule says how fast data turn into noise.", ("diffusion", "generative model", "noise schedule", "score", "ddim", "signal-to-noise ratio")),
    _preset("few_steps", "How few steps are enough?", "Seven samplers on the same field: distance to the data against how often the field was asked.", ("ddpm", "ddim", "euler", "heun", "sampling steps", "fast sampling"), lens="steps", data="ring"),
    _preset("straight", "Flow matching: how straight are the ways?", "Every pair of data and noise is joined by a straight line, yet the points themselves travel on bent ways.", ("flow matching", "probability flow", "ode", "trajectories"), method="flow", lens="paths", data="spiral", steps=20),
    _preset("learned", "A net learns the field", "A thousand updates of a small net, held beside the exact field at every time.", ("train a diffusion model", "noise prediction", "denoising loss", "epsilon prediction"), field="learned", lens="error"),
    _preset("guided", "Guidance by labels", "Ask for one moon, and push harder: more of the right class, less variety.", ("classifier-free guidance", "conditional generation", "class label", "text to image"), lens="guidance", steps=20, weight=3.0, spread=0.3),
    _preset("likelihood", "RealNVP: a density one can read", "An invertible net maps data to noise and back, and gives every point a likelihood.", ("normalizing flow", "realnvp", "coupling layer", "likelihood", "flow-based model"), method="coupling", lens="likelihood", updates=600),
    _preset("race", "Five methods, one target", "Equal updates, equal batches: DDPM, DDIM, SDE, ODE, flow matching and RealNVP side by side.", ("compare generative models", "diffusion vs flow"), field="learned", method="ddpm", lens="race", updates=600, data="smiley", schedule="cosine"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Data become noise", "Left, data are mixed with noise, a little more at each time. Right, a round cloud of noise goes the other way along the arrows. At every time the two clouds have the same distribution. Play the film.", {}),
    TourStop("What the field knows", "The arrows come from one thing: the best guess of the clean point x₀, given the noisy one. Far out in the noise the guess is the mean of all data; near the data it is sharp.", {"lens": "denoise"}),
    TourStop("Fewer steps", "Every step asks the field once. See how few steps each sampler needs before its points are as close to the data as other real points are.", {"lens": "steps", "data": "ring"}),
    TourStop("A net in place of the formula", "For pictures nobody knows the formula, so a net learns the field from noisy examples. Here both are known: see where the net errs.", {"field": "learned", "lens": "error"}),
    TourStop("Ask for a class", "Guidance pushes away from what all classes share. The right class comes more often, and variety is lost.", {"lens": "guidance", "steps": 20, "weight": 3.0, "spread": 0.3}),
)  # fmt: skip
