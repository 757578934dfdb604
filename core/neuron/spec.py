"""The neuron's parameters, presets and tour, and the points as one text: "0.5 1.2 +; -1 0.3 -" is readable in a link."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError
from core.training.activations import ACTIVATIONS

EDGE, MOST = 3.0, 60  # coordinates lie in -3 to 3; so many points at most
SHOWN = ("step", "sigmoid", "tanh", "relu", "linear")  # what the neuron may answer with
RULES = {
    "hand": "By hand",
    "perceptron": "Perceptron",
    "averaged": "Averaged",
    "delta": "Delta rule",
    "mira": "MIRA",
}  # fmt: skip
DATA = {
    "separable": "Separable",
    "overlapping": "Overlapping",
    "xor": "XOR",
    "and": "AND gate",
    "or": "OR gate",
}  # fmt: skip
SETTINGS = {
    "separable": ("count", "gap", "seed"),
    "overlapping": ("count", "noise", "seed"),
    "xor": ("count", "noise", "seed"),
}
TUNED = {"hand": ("w1", "w2", "b"), "perceptron": ("rate", "passes", "shuffle"), "averaged": ("rate", "passes", "shuffle"),
         "delta": ("rate", "passes", "shuffle"), "mira": ("passes", "shuffle")}  # fmt: skip
LENSES = {
    "sum": "Inside the neuron",
    "bound": "Can it end? The mistake bound",
    "rules": "All rules, same points",
    "biology": "Beside a nerve cell",
}  # fmt: skip
CLICKS = {"move": "Move the selected", "plus": "Add +", "minus": "Add −", "remove": "Remove"}


class Point(NamedTuple):
    """A place and its class, +1 or -1."""

    x1: float
    x2: float
    y: int


@dataclass(frozen=True)
class NeuronSpec(Spec):
    """Everything that the neuron's pictures depend on."""

    SLUG: ClassVar[str] = "neuron"

    data: str = param("separable", "Points", options=DATA)
    count: int = param(10, "Points of each class", low=2, high=20)
    gap: float = param(0.4, "Gap between the classes", low=0.1, high=2.0, step=0.1, help="How wide the empty strip is")
    noise: float = param(0.5, "Noise σ", low=0.0, high=1.5, step=0.1, help="How far the points scatter")
    seed: int = param(5, "Seed", low=0, high=9999, help="Another draw of points, and another order in each pass")
    points: str = param("", "Own points", max_length=1500, hidden=True)
    click: str = param("move", "A click on the picture", options=CLICKS, help="A click on a point always selects it")
    selected: int = param(0, "Selected point", low=0, high=MOST - 1, hidden=True)
    rule: str = param("perceptron", "Learning rule", options=RULES)
    w1: float = param(1.0, "Weight w₁", low=-3.0, high=3.0, step=0.1)
    w2: float = param(1.0, "Weight w₂", low=-3.0, high=3.0, step=0.1)
    b: float = param(0.0, "Bias b", low=-4.0, high=4.0, step=0.1)
    rate: float = param(
        1.0,
        "Learning rate η",
        low=1e-3,
        high=10.0,
        log=True,
        help="From zero weights the perceptron's line does not depend on it",
    )
    passes: int = param(
        20, "Passes at most", low=1, high=100, help="It stops earlier, after a pass that changed nothing"
    )
    shuffle: bool = param(False, "New order in every pass")
    activation: str = param("step", "Activation", options={name: ACTIVATIONS[name].title for name in SHOWN})
    lens: str = param("sum", "Look closer", options=LENSES)
    step: int = param(-1, "Step", low=-1, high=100 * MOST, hidden=True)  # -1: the end


def read_points(text: str) -> tuple[Point, ...]:
    """The points that `points_text` wrote.

    Raises:
        ExplainerError: a part is no point, lies outside the picture, or there are too many.
    """
    parts = [part.split() for part in text.split(";") if part.strip()]
    if len(parts) > MOST:
        raise ExplainerError(f"{len(parts)} points were given; at most {MOST} are allowed; remove some")
    return tuple(_point(part) for part in parts)


def _point(part: Sequence[str]) -> Point:
    try:
        x1, x2, sign = part
        point = Point(float(x1), float(x2), {"+": 1, "-": -1}[sign])
    except (ValueError, KeyError):
        given = " ".join(part)[:40]
        raise ExplainerError(
            f"point {given!r} cannot be used; write x₁, x₂ and the class, such as 0.5 -1.2 +"
        ) from None
    if not all(math.isfinite(x) and abs(x) <= EDGE for x in point[:2]):
        raise ExplainerError(f"point {' '.join(part)[:40]!r} lies outside -{EDGE:g} to {EDGE:g}; move it inside")
    return point


def points_text(points: Sequence[Point]) -> str:
    """The points as text, to two decimals."""
    return "; ".join(f"{x1:.4g} {x2:.4g} {'+' if y > 0 else '-'}" for x1, x2, y in points)


def after_click(
    points: Sequence[Point], mode: str, selected: int, place: tuple[float, float], hit: int | None
) -> tuple[str, int]:
    """The points' text and the selected index after a click at `place`, on the point `hit` or on free ground (None).

    Raises:
        ExplainerError: there is no room for another point.
    """
    points = list(points)
    x1, x2 = (min(max(round(x, 2), -EDGE), EDGE) for x in place)
    if hit is not None and mode == "remove":
        del points[hit]
        return points_text(points), max(0, min(selected, len(points) - 1))
    if hit is not None or mode == "remove":
        return points_text(points), selected if hit is None else hit
    if mode == "move" and selected < len(points):
        points[selected] = Point(x1, x2, points[selected].y)
        return points_text(points), selected
    if len(points) == MOST:
        raise ExplainerError(f"there are {MOST} points already, the most that are allowed; remove one first")
    return points_text([*points, Point(x1, x2, -1 if mode == "minus" else 1)]), len(points)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A perceptron learns", "Two classes with a gap between them: after a few mistakes the line lies in the gap.", ("perceptron", "rosenblatt", "artificial neuron", "linear classifier", "weight update")),
    _preset("by_hand", "Weights by hand: the AND gate", "Three sliders decide where the line lies. Find weights for AND, then try OR.", ("weighted sum", "bias", "logic gate", "decision line", "mcculloch-pitts"), data="and", rule="hand", w1=1.0, w2=1.0, b=-0.5),
    _preset("xor", "XOR: no line will do", "Four points at the corners. The line turns for ever, and the picture shows why no line can separate them.", ("xor", "linear separability", "minsky papert", "limits of the perceptron"), data="xor", count=2, noise=0.0, lens="bound", step=3),
    _preset("narrow", "A narrow gap takes longer", "The mistake bound of Novikoff grows with the square of radius over margin.", ("novikoff", "mistake bound", "convergence theorem", "margin"), gap=0.1, count=15, seed=2, lens="bound", passes=100),
    _preset("averaged", "Overlap: the average settles", "No line is right for all points. The perceptron's line keeps jumping; the average of all its lines hardly moves.", ("averaged perceptron", "voted perceptron", "noise", "overlapping classes"), data="overlapping", count=15, noise=0.8, rule="averaged", lens="rules"),
    _preset("delta", "The delta rule: a little at every point", "Widrow and Hoff correct the weighted sum itself, also where the answer was right already: least squares, step by step.", ("delta rule", "widrow-hoff", "adaline", "least mean squares", "least squares"), data="overlapping", count=12, noise=0.8, rule="delta", rate=0.02, lens="rules"),
    _preset("biology", "Beside a nerve cell", "What the artificial neuron took from the nerve cell, and what it left out.", ("biological neuron", "synapse", "dendrite", "axon", "biological inspiration"), activation="sigmoid", lens="biology"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Two weights and a bias", "Move the three sliders. The weights turn the line, the bias shifts it; the arrow is the weight vector and points to the + side.", {"data": "and", "rule": "hand", "w1": 1.0, "w2": 1.0, "b": -0.5}),
    TourStop("Learning from mistakes", "Press play. Each step shows one point. If the line has it right, nothing happens; if not, the point is added to the weights, or taken from them.", {"step": 0}),
    TourStop("Move a point", "Click a point to select it, then click where it should go. The neuron learns anew from the first step.", {}),
    TourStop("Why it must end", "Every mistake makes the weights longer along the right direction, at least by γ, but their length grows only like a square root. Where the two lines cross it must be over.", {"lens": "bound"}),
    TourStop("XOR", "Now press play again. The star lies between the two + points and also between the two − points: no line can have it on both sides.", {"data": "xor", "count": 2, "noise": 0.0, "lens": "bound", "step": 3}),
    TourStop("Four rules", "The same points in the same order. They agree on easy points; where classes overlap they answer differently.", {"data": "overlapping", "count": 15, "noise": 0.8, "rule": "averaged", "lens": "rules"}),
    TourStop("Is that a brain?", "It is a sketch of one idea. The table says what carries over, and what does not.", {"lens": "biology", "activation": "sigmoid"}),
)  # fmt: skip
