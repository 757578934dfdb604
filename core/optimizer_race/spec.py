"""The race's parameters, presets and tour.

Who races is one text ("SGD, Adam, Lion"), for a link should say it readably; "SGD@0.05" gives one racer a learning rate of its
own. The start is one text too ("-1.5, 2"), empty for the surface's own start.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError
from core.optimizer_race.surfaces import SURFACES, Surface
from core.optimizer_race.typed import typed_surface
from core.training.entries import Entry, entries
from core.training.optimizers import OPTIMIZERS
from core.training.schedules import SCHEDULES

MOST_RACERS = 24
TITLES = {about.title: name for name, about in OPTIMIZERS.items()}
ALL = ", ".join(TITLES)
TYPED = "typed"
FAMOUS = "SGD, Momentum, Nesterov, Adagrad, RMSprop, Adam, AdamW, Lion"
PLAYED = {
    "quadratic_bowl": ("condition", "angle"),
    "ravine": ("steepness",),
    "noisy_bowl": ("sigma",),
    "typed": ("formula", "extent"),
}
LENSES = {
    "leaderboard": "Leaderboard", "anatomy": "Anatomy of a step", "sensitivity": "Learning-rate sensitivity", "basins": "Basins of attraction",
    "seeds": "Noise seeds", "theory": "Theory of the bowl", "schedule": "Schedule",
}  # fmt: skip


@dataclass(frozen=True)
class OptimizerRaceSpec(Spec):
    """Everything that the race's pictures depend on."""

    SLUG: ClassVar[str] = "optimizer_race"

    surface: str = param(
        "beale", "Surface", options={**{name: s.title for name, s in SURFACES.items()}, TYPED: "Your own formula"}
    )
    formula: str = param(
        "(x**2 + y**2)/10 + sin(2*x)*cos(2*y)",
        "f(x, y) =",
        max_length=500,
        help="Numbers, x, y, + - * / **, brackets, exp log sqrt sin cos tanh sigmoid relu abs max min and more; name a part as in r = x**2 + y**2; log(1 + r)",
    )
    extent: float = param(
        5.0, "The map reaches to", low=0.1, high=50.0, log=True, help="Both x and y run from minus this to this"
    )
    condition: float = param(
        25.0,
        "Condition number κ",
        low=1.0,
        high=1e4,
        log=True,
        help="Largest over smallest curvature: how narrow the valley is",
    )
    angle: float = param(
        0.0,
        "Rotation",
        low=-90.0,
        high=90.0,
        step=5.0,
        unit="°",
        help="Turns the valley away from the axes: optimizers that scale each coordinate lose their advantage",
    )
    steepness: float = param(20.0, "Steepness of the walls", low=1.0, high=1e3, log=True)
    sigma: float = param(
        0.5, "Noise of the bowl σ", low=0.0, high=10.0, step=0.1, help="Standard deviation of the gradient's noise"
    )
    start: str = param("", "Start", max_length=80, hidden=True)
    racers: str = param(
        FAMOUS,
        "Racers",
        max_length=600,
        hidden=True,
        help=f"Up to {MOST_RACERS}. In a link, SGD@0.05 gives a racer its own learning rate",
    )
    rates: str = param(
        "tuned",
        "Learning rates",
        options={"same": "Same", "torch": "torch's", "tuned": "Tuned"},
        help="One for all, torch's defaults, or for each racer the best of the same 21 rates from 0.0001 to 10",
    )
    rate: float = param(0.02, "Learning rate η", low=1e-5, high=10.0, log=True)
    steps: int = param(200, "Steps", low=10, high=1000, step=10)
    momentum: float = param(0.9, "Momentum μ", low=0.01, high=0.99, step=0.01, help="Of Momentum and Nesterov")
    beta1: float = param(
        0.9, "β₁", low=0.0, high=0.99, step=0.01, help="How much of the mean gradient is kept: the Adam family and Lion"
    )
    beta2: float = param(
        0.999,
        "β₂",
        low=0.5,
        high=0.9999,
        step=0.0001,
        help="How much of the mean squared gradient is kept: the Adam family; Lion keeps its own 0.99",
    )
    weight_decay: float = param(
        0.0,
        "Weight decay λ",
        low=0.0,
        high=1.0,
        step=0.01,
        help="0: torch's own, which is 0.01 for AdamW and none for the others",
    )
    decoupled: bool = param(
        False,
        "Decoupled where torch lets you choose",
        help="Adam, AMSGrad, NAdam and RAdam have the switch; AdamW and Lion are always decoupled, the others always L2",
    )
    schedule: str = param("constant", "Schedule", options={name: s.title for name, s in SCHEDULES.items()})
    period: int = param(
        50,
        "Length of the schedule",
        low=1,
        high=1000,
        unit="steps",
        help="Between two drops or restarts, of the warm-up, or of the patience; cosine and one-cycle span the race",
    )
    gamma: float = param(
        0.3,
        "Factor γ",
        low=0.01,
        high=0.99,
        step=0.01,
        help="What a drop multiplies the rate by; exponential reaches it after one length",
    )
    clip: str = param("none", "Gradient clipping", options={"none": "None", "value": "By value", "norm": "By norm"})
    threshold: float = param(1.0, "Clipping limit", low=1e-3, high=1e3, log=True)
    noise: float = param(
        0.0, "Gradient noise σ", low=0.0, high=10.0, step=0.1, help="Added to every gradient, the same for all racers"
    )
    seed: int = param(0, "Seed", low=0, high=9999, help="The draw of the noise; the same seed gives the same race")
    goal: float = param(
        1e-3,
        "Finish line",
        low=1e-9,
        high=1.0,
        log=True,
        help="A racer has arrived when f is this close to its lowest value",
    )
    lens: str = param("leaderboard", "Look closer", options=LENSES)
    racer: str = param("", "Racer", max_length=60, hidden=True)
    step: int = param(-1, "Step", low=-1, high=1000, hidden=True)  # -1: the end
    draws: int = param(20, "Seeds", low=2, high=100, help="So many draws of the noise; the band holds the middle 80 %")


def chosen(text: str) -> tuple[Entry, ...]:
    """Who races, from "SGD, Adam@0.1". Raises ExplainerError as `entries` does."""
    return entries(text, OPTIMIZERS, MOST_RACERS)


def surface_of(spec: OptimizerRaceSpec) -> Surface:
    """The hill, a typed one included; the others with their parameters at default. Raises ExplainerError for a bad formula."""
    return typed_surface(spec.formula, spec.extent) if spec.surface == TYPED else SURFACES[spec.surface]


def start_of(spec: OptimizerRaceSpec) -> tuple[float, float]:
    """The start (x, y). Raises ExplainerError if the text holds no two numbers."""
    if not spec.start.strip():
        return surface_of(spec).start
    try:
        x, y = (float(part) for part in spec.start.split(","))
    except ValueError:
        raise ExplainerError(f"start {spec.start[:40]!r} cannot be used; write two numbers, such as -1.5, 2") from None
    return x, y


def start_text(x: float, y: float) -> str:
    """The text that `start_of` reads back, to four digits."""
    return f"{x:.4g}, {y:.4g}"


def menus(spec: OptimizerRaceSpec) -> tuple[list[str], tuple[float, float]]:
    """The racers' labels and the start for the page's menus: none, the surface's own, the origin, for what cannot be read."""
    labels: list[str] = []
    start = (0.0, 0.0)
    with suppress(ExplainerError):
        labels = [entry.label for entry in chosen(spec.racers)]
    with suppress(ExplainerError):
        start = surface_of(spec).start
        start = start_of(spec)
    return labels, start


def surface_parameters(spec: OptimizerRaceSpec) -> dict[str, float]:
    """What the chosen surface lets one set, by the surface's own names. (A typed one is made by its formula.)"""
    if spec.surface == TYPED:
        return {}
    return {"noise" if name == "sigma" else name: getattr(spec, name) for name in PLAYED.get(spec.surface, ())}


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Eight racers on Beale's function", "Plain, with memory, and adaptive: each with the best of the same 21 rates, from one start.", ("optimizer", "sgd", "momentum", "adam", "gradient descent")),
    _preset("ravine_momentum", "A ravine: why momentum", "SGD zigzags between the walls and crawls along the floor; momentum keeps what the steps have in common.", ("momentum", "nesterov", "ravine", "ill-conditioning", "sgd"), surface="ravine", racers="SGD, Momentum, Nesterov", rates="same", rate=0.035, steps=250),
    _preset("rosenbrock_all", "Everyone on Rosenbrock's banana, tuned", "All sixteen, each with the best of the same 21 rates.", ("rosenbrock", "optimizer comparison", "tuning", "fair comparison", "l-bfgs"), surface="rosenbrock", racers=ALL, start="-0.5, 2.5", steps=100),
    _preset("torch_defaults", "torch's default rates", "What comes out of the box was chosen for networks, not for hills: half of the racers hardly leave the start.", ("default hyperparameters", "pytorch", "learning rate"), surface="himmelblau", racers=ALL, rates="torch", steps=300),
    _preset("saddle_escape", "Leaving a saddle", "From almost on the ridge: the gradient along the way out is tiny, and scaling each coordinate helps.", ("saddle point", "adaptive learning rate", "rmsprop", "non-convex"), surface="saddle", racers="SGD, Momentum, Adagrad, RMSprop, Adadelta, Adam, Rprop", rates="same", rate=0.02),
    _preset("monkey_saddle", "A saddle with three ways down", "At the monkey saddle even the curvature vanishes.", ("saddle point", "plateau", "curvature"), surface="monkey_saddle", racers="SGD, Momentum, RMSprop, Adam", rates="same", rate=0.01, start="0.3, 0.02"),
    _preset("himmelblau_basins", "Four minima: where does each start end?", "4096 starts under momentum: the borders between the basins are frayed.", ("local minima", "basin of attraction", "starting point", "fractal"), surface="himmelblau", racers="SGD, Momentum, Adam", rates="same", rate=0.01, lens="basins", racer="Momentum", steps=150),
    _preset("rastrigin_basins", "Rastrigin's egg-box", "121 minima, and the nearest one is nearly always where a racer stays.", ("local minima", "global minimum", "rastrigin"), surface="rastrigin", racers="SGD, Momentum, Adagrad, Adam", lens="basins", racer="Momentum", steps=150),
    _preset("noisy_bowl_seeds", "Noise: how much was luck?", "The same race under twenty draws of the gradient's noise.", ("stochastic gradient", "mini-batch noise", "variance", "confidence band"), surface="noisy_bowl", sigma=1.0, racers="SGD, Momentum, RMSprop, Adam", rates="same", rate=0.05, lens="seeds"),
    _preset("adam_vs_adamw_decay", "Two kinds of weight decay", "The same λ: as L2 it goes through Adam's scaling and hardly shows; decoupled it does not, and AdamW rests far from the minimum.", ("weight decay", "l2 regularization", "adamw", "regularization"), surface="himmelblau", start="0.5, 0.5", racers="SGD, Adam, AdamW, Lion", rates="same", rate=0.01, weight_decay=0.5, steps=600),
    _preset("lr_too_high", "Learning rates: too low, good, too high", "Plain SGD on a bowl with κ = 25: above 2/25 = 0.08 it diverges.", ("learning rate", "divergence", "edge of stability", "hyperparameter"), surface="quadratic_bowl", racers="SGD@0.005, SGD@0.04, SGD@0.075, SGD@0.079, SGD@0.09", rates="same", lens="sensitivity", steps=150),
    _preset("warmup_schedule", "A rate that warms up", "At 0.003 Momentum is thrown out of Rosenbrock's valley at once; with a warm-up of 100 steps it follows the valley to its end.", ("learning rate schedule", "warm-up", "one-cycle", "cosine annealing"), surface="rosenbrock", racers="Momentum, Adam, RMSprop", rates="same", rate=0.003, schedule="warm_up", period=100, lens="schedule", steps=400),
    _preset("clipping", "Clipping an exploding gradient", "Beale's walls throw SGD and Momentum out; cut to length 1, the same gradient only points the way.", ("gradient clipping", "exploding gradients", "norm"), start="-2, 3", racers="SGD, Momentum, Adagrad, Adam", rates="same", rate=0.01, clip="norm", steps=400),
    _preset("theory_critical", "Theory: the best momentum", "The bowl's rate and momentum at their optimum: measured and predicted errors lie on one another.", ("momentum", "convergence rate", "condition number", "eigenvalues", "convex optimization"), surface="quadratic_bowl", racers="SGD@0.0769, Momentum", rates="same", rate=1 / 9, momentum=0.44, lens="theory", steps=60),
    _preset("rotated_bowl", "Turn the valley", "Scaling x and y is all it takes on a valley along the axes; at 45 degrees the same racers are slow.", ("condition number", "adaptive learning rate", "preconditioning", "rotation"), surface="quadratic_bowl", condition=100.0, angle=45.0, racers="Adagrad, RMSprop, Adam, Rprop", rates="same", rate=0.1, steps=100),
    _preset("plateau", "A plateau", "Where the ground is nearly flat, a step proportional to the gradient is nearly none.", ("plateau", "flat ground", "adam", "sign descent"), surface="plateau", racers="SGD, Momentum, Adagrad, RMSprop, Adam, Lion, Rprop", rates="same", rate=0.05, steps=300),
    _preset("typed_waves", "Your own formula: waves in a bowl", "Type any f(x, y): its graph gives the gradient. Three racers settle in the hollow next to the start; one rolls on to the lowest.", ("custom function", "own formula", "automatic differentiation", "local minima"), surface="typed", racers="SGD, Momentum, Nesterov, Adam", rates="same", rate=0.1, steps=150),
    _preset("typed_barrier", "A formula with an edge", "The logarithm ends at x = 0: the map has a gap, and a step over the edge ends the race.", ("domain", "logarithmic barrier", "own formula", "step size"), surface="typed", formula="x - log(x) + (y - sin(3*x))**2", extent=3.0, racers="SGD@0.05, SGD@1, Momentum@0.05, Adam@0.1, Lion@0.05", rates="same", start="2.5, 1.5", steps=150),
    _preset("anatomy_adam", "Inside one step of Adam", "m, v, their bias correction, and the step they make, for each coordinate.", ("adam", "bias correction", "first moment", "second moment"), racers="SGD, RMSprop, Adam", rates="same", rate=0.1, lens="anatomy", racer="Adam", step=5, steps=150),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One start, many rules", "Press play. All racers see the same hill and the same gradient; only what they make of it differs. Click anywhere on the map to start them there.", {"step": 0}),
    TourStop("The zigzag and the heavy ball", "The walls of the ravine are steep, its floor is nearly flat. SGD bounces from wall to wall; momentum remembers the way along.", {"surface": "ravine", "racers": "SGD, Momentum, Nesterov", "rates": "same", "rate": 0.035, "steps": 250}),
    TourStop("One rate for all is not fair", "The rate suits some and throws others out: a racer that leaves for infinity is marked DNF. Then choose 'Tuned' above and look again.", {"surface": "rosenbrock", "rates": "same", "rate": 0.005, "steps": 300}),
    TourStop("How much the rate decides", "Every racer at 21 rates. A wide valley forgives a careless choice, a narrow one does not. The ring is what tuning would take.", {"surface": "rosenbrock", "steps": 300, "lens": "sensitivity"}),
    TourStop("Open the hood", "The same step from inside: the gradient, its running means, the correction for their start at zero, and the rate that each coordinate really gets. Move the film and it follows.", {"racers": "SGD, RMSprop, Adam", "rates": "same", "rate": 0.1, "lens": "anatomy", "racer": "Adam", "step": 5, "steps": 150}),
    TourStop("Where a start ends", "4096 starts, one colour for each minimum. Move the start across a border and the end jumps.", {"surface": "himmelblau", "racers": "SGD, Momentum, Adam", "rates": "same", "rate": 0.01, "lens": "basins", "racer": "Momentum", "steps": 150}),
    TourStop("A case that can be solved", "On a bowl each direction of the error shrinks by a factor that theory names beforehand. Dots: the race. Lines: the closed form.", {"surface": "quadratic_bowl", "racers": "SGD@0.0769, Momentum", "rates": "same", "rate": 1 / 9, "momentum": 0.44, "lens": "theory", "steps": 60}),
    TourStop("A hill of your own", "Any formula of x and y will do: type over this one. Its graph gives the gradient, and the page says what it measures against.", {"surface": "typed", "racers": "SGD, Momentum, Nesterov, Adam", "rates": "same", "rate": 0.1, "steps": 150}),
)  # fmt: skip
