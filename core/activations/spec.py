"""The parameters of the activations page, its presets and its tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError, one_of
from core.training.activations import ACTIVATIONS, Activation

TITLES = {one.title: name for name, one in ACTIVATIONS.items()}
MOST = 8
DATA = {"moons": "Two moons", "circle": "Circle", "xor": "XOR"}
LENSES = {
    "net": "Saturated and dead units",
    "race": "The same net with each",
    "depth": "Gradients through depth",
    "softmax": "Softmax and temperature",
    "cost": "Cost",
}  # fmt: skip
NET = ("data", "depth", "width", "gain", "rate", "steps", "seed")
USED = {"net": NET, "race": NET, "depth": ("data", "depth", "width", "gain", "seed"), "softmax": ("temperature",)}
TUNABLE = {"leaky_relu": "leak", "prelu": "leak", "elu": "alpha"}


@dataclass(frozen=True)
class ActivationsSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "activations"

    shown: str = param(
        "Sigmoid, tanh, ReLU, GELU", "Activations", max_length=200, hidden=True, help=f"Up to {MOST} at once"
    )
    z: float = param(1.0, "Read off at z", low=-8.0, high=8.0, step=0.1)
    leak: float = param(
        0.1,
        "Slope a of leaky ReLU and PReLU",
        low=0.0,
        high=1.0,
        step=0.01,
        help="torch starts leaky ReLU at 0.01 and PReLU at 0.25, where it is learned",
    )
    alpha: float = param(1.0, "Depth a of ELU", low=0.0, high=3.0, step=0.1)
    lens: str = param("net", "Look closer", options=LENSES)
    looked: str = param("", "Activation of the net", max_length=40, hidden=True)
    data: str = param("moons", "Points", options=DATA)
    depth: int = param(2, "Hidden layers", low=1, high=12)
    width: int = param(8, "Units a layer", low=2, high=32)
    gain: float = param(
        1.4, "Gain of the first weights", low=0.1, high=5.0, step=0.1,
        help="First weights have the standard deviation gain / √inputs. √2 is He's choice for ReLU, 1 keeps the variance of a linear net",
    )  # fmt: skip
    rate: float = param(0.1, "Learning rate η", low=1e-3, high=3.0, log=True)
    steps: int = param(300, "Steps", low=10, high=1000, step=10, help="Batches of 20 points each")
    seed: int = param(
        0,
        "Seed",
        low=0,
        high=9999,
        help="Points, first weights and the order of the batches: the same for every activation",
    )
    logits: str = param("2, 1, 0.5, -1", "Logits", max_length=120, hidden=True)
    temperature: float = param(1.0, "Temperature T", low=0.05, high=20.0, log=True)


def chosen(spec: ActivationsSpec) -> list[Activation]:
    """The activations on screen, with the slopes that the visitor set.

    Raises:
        ExplainerError: an unknown name, none, or too many.
    """
    titles = list(dict.fromkeys(part.strip() for part in spec.shown.split(",") if part.strip()))
    for title in titles:
        if title not in TITLES:
            raise ExplainerError(f"activation {title[:40]!r} is unknown; choose {one_of(TITLES)}")
    if not 1 <= len(titles) <= MOST:
        raise ExplainerError(f"{len(titles)} activations were chosen; show 1 to {MOST}; try Sigmoid, ReLU")
    return [tuned(spec, TITLES[title]) for title in titles]


def tuned(spec: ActivationsSpec, name: str) -> Activation:
    """The activation with the visitor's slope, where it has one."""
    one = ACTIVATIONS[name]
    return one.at(getattr(spec, TUNABLE[name])) if name in TUNABLE else one


def looked_at(spec: ActivationsSpec) -> Activation:
    """The activation whose net is opened: the one that the Spec names, else the first on screen."""
    shown = chosen(spec)
    return {one.title: one for one in shown}.get(spec.looked, shown[0])


def logits_of(spec: ActivationsSpec) -> list[float]:
    """The logits.

    Raises:
        ExplainerError: no two to six numbers between -1000 and 1000.
    """
    try:
        numbers = [float(part) for part in spec.logits.split(",")]
    except ValueError:
        raise ExplainerError(
            f"logits {spec.logits[:40]!r} cannot be read; write numbers, such as 2, 1, 0.5, -1"
        ) from None
    if not 2 <= len(numbers) <= 6 or not all(abs(z) <= 1000 for z in numbers):
        raise ExplainerError(f"logits {spec.logits[:40]!r} cannot be used; give 2 to 6 numbers from -1000 to 1000")
    return numbers


def logits_text(numbers: Sequence[float]) -> str:
    """The text that `logits_of` reads back, to four digits."""
    return ", ".join(f"{z:.4g}" for z in numbers)


def menus(spec: ActivationsSpec) -> tuple[list[str], str]:
    """Titles on screen and the one looked at; none for a text that cannot be read."""
    try:
        return [one.title for one in chosen(spec)], looked_at(spec).title
    except ExplainerError:
        return [], ""


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Four well-known activations", "Sigmoid and tanh flatten on both sides; ReLU and GELU only on one.", ("activation function", "sigmoid", "tanh", "relu", "gelu", "derivative")),
    _preset("relu_family", "The ReLU family", "What each of them does left of 0: nothing, a little, or a smooth bend.", ("leaky relu", "prelu", "elu", "selu", "dying relu"), shown="ReLU, Leaky ReLU, PReLU, ELU, SELU", z=-1.0),
    _preset("smooth", "Smooth relatives of ReLU", "GELU, SiLU and Mish dip below 0 before they come to rest there; hard-swish copies SiLU with straight pieces.", ("gelu", "swish", "silu", "mish", "softplus", "hard-swish"), shown="ReLU, GELU, SiLU (Swish), Mish, Softplus, Hard-swish", z=-1.5),
    _preset("dead", "Dying ReLUs", "Large steps throw units to where ReLU is 0 for every point: no gradient comes back, they stay there.", ("dying relu", "dead units", "learning rate"), shown="ReLU, Leaky ReLU, ELU", looked="ReLU", rate=1.0, depth=3, seed=1),
    _preset("race", "One net, seven activations", "The same points, first weights and batches; only the activation differs.", ("comparing activations", "choosing an activation", "training curve", "linear activation"), shown="Step, Linear, Sigmoid, tanh, ReLU, GELU, SELU", lens="race", steps=200),
    _preset("deep", "Eight layers deep", "A sigmoid's slope is at most 1/4: after eight layers hardly any gradient is left, and the net does not learn.", ("vanishing gradient", "deep network", "saturation"), shown="Sigmoid, tanh, ReLU, SELU", lens="depth", depth=8),
    _preset("softmax", "Softmax with temperature", "From logits to probabilities: a low temperature picks the largest, a high one makes all equal.", ("softmax", "temperature", "logits", "probabilities", "jacobian"), shown="Sigmoid", lens="softmax", temperature=0.5),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Function and slope", "Solid: what the unit passes on. Dashed: its slope, which is what a gradient is multiplied by on the way back. Move z and read both off.", {}),
    TourStop("Flat means deaf", "Where the slope is near 0 a unit hardly learns. The histogram shows where a trained net's units really stand; tinted is the flat part.", {"shown": "Sigmoid, tanh, ReLU", "looked": "Sigmoid", "gain": 3.0}),
    TourStop("Dead units", "A ReLU that is 0 for every point gets no gradient from any of them. Large steps make such units; leaky ReLU has none.", {"shown": "ReLU, Leaky ReLU, ELU", "looked": "ReLU", "rate": 1.0, "depth": 3, "seed": 1}),
    TourStop("A fair race", "Same points, same first weights, same batches. A linear net can only draw a line, however many layers it has; a step net learns in its last layer alone.", {"shown": "Step, Linear, Sigmoid, tanh, ReLU, GELU, SELU", "lens": "race"}),
    TourStop("Through eight layers", "Each layer multiplies the gradient by weights and slopes. On a log scale that is a straight line, down or up.", {"shown": "Sigmoid, tanh, ReLU, SELU", "lens": "depth", "depth": 8}),
    TourStop("Softmax", "The output layer's activation for several classes. Move the logits and the temperature.", {"shown": "Sigmoid", "lens": "softmax", "temperature": 0.5}),
)  # fmt: skip
