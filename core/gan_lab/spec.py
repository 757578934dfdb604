"""What the visitor chooses: data, losses, the two nets, how they learn, single moves, and what is looked at.

Moves after the last round are a text, so that a link repeats them: D is one update of D, G one of G, B both. Four letters code a drawn
point (points.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.gan_lab.data import SOURCES

LOSSES = {
    "nonsat": "Non-saturating", "minimax": "Minimax (saturating)", "least": "Least squares", "hinge": "Hinge",
    "wgan": "WGAN, clipped", "wgan_gp": "WGAN-GP",
}  # fmt: skip
NOISES = {"normal2": ("normal", 2), "uniform2": ("uniform", 2), "normal1": ("normal", 1), "uniform1": ("uniform", 1)}
NOISE_WORDS = {"normal2": "2-D normal", "uniform2": "2-D uniform", "normal1": "1-D normal", "uniform1": "1-D uniform"}
LENSES = {
    "alarm": "What goes wrong?",
    "distance": "How far from the data",
    "places": "Who visits which place",
    "best": "The best D there is",
    "race": "Two losses race",
    "engines": "NumPy against PyTorch",
}
MOST_MOVES = 60


@dataclass(frozen=True)
class GanSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "gan_lab"

    data: str = param("ring", "Data", options={**{name: s.title for name, s in SOURCES.items()}, "own": "Your points"})
    points: str = param("", "Drawn points", max_length=1600, hidden=True)
    loss: str = param("nonsat", "Loss", options=LOSSES)
    rounds: int = param(
        2000, "Rounds", low=0, high=6000, step=100, help="In each round D and then G make their updates"
    )
    d_steps: int = param(1, "Updates of D", low=0, high=5, unit="a round", help="0 keeps D as it is")
    g_steps: int = param(1, "Updates of G", low=0, high=5, unit="a round", help="0 keeps G as it is")
    noise: str = param("normal2", "Noise", options=NOISE_WORDS, help="What G makes points of")
    layers: int = param(2, "Hidden layers", low=1, high=3)
    g_units: int = param(32, "Units of G", low=2, high=40, step=2, unit="a layer")
    d_units: int = param(32, "Units of D", low=2, high=40, step=2, unit="a layer")
    activation: str = param("leaky", "Activation", options={"leaky": "Leaky ReLU", "relu": "ReLU", "tanh": "Tanh"})
    optimizer: str = param("adam", "Optimizer", options={"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD"})
    g_rate: float = param(0.001, "Learning rate of G", low=1e-5, high=0.5, log=True)
    d_rate: float = param(0.003, "Learning rate of D", low=1e-5, high=0.5, log=True)
    beta1: float = param(0.5, "Adam's β₁", low=0.0, high=0.95, step=0.05, help="How long Adam remembers its direction")
    batch: int = param(64, "Batch size", low=4, high=64, step=4)
    target: float = param(
        1.0,
        "Target of real points",
        low=0.7,
        high=1.0,
        step=0.05,
        help="One-sided label smoothing: below 1, D is told to stay unsure about real points",
    )
    penalty: float = param(
        1.0, "Penalty λ", low=0.01, high=20.0, log=True, help="WGAN-GP: how hard D's slope is held at 1"
    )
    clip: float = param(0.1, "Clip c", low=0.005, high=1.0, log=True, help="WGAN: D's parameters stay between −c and c")
    spectral: bool = param(False, "Spectral norm", help="Divide every weight matrix of D by its largest singular value")
    seed: int = param(0, "Seed", low=0, high=9999, help="Of the points, the first weights, the batches and the noise")
    moves: str = param("", "Single moves", max_length=MOST_MOVES, hidden=True)
    frame: int = param(-1, "Frame", low=-1, high=200, hidden=True)  # -1: the end
    lens: str = param("alarm", "Look closer", options=LENSES)
    rival: str = param("wgan_gp", "The other loss", options=LOSSES)


VIEW = ("frame", "lens", "rival")
ANEW = {"moves": "", "frame": -1}  # what other data begin with


def learning(spec: GanSpec) -> GanSpec:
    """The Spec with all that does not change the run at its default."""
    return replace(spec, **{name: spec.params()[name].default for name in VIEW})


def controls_of(spec: GanSpec) -> dict[str, list[str]]:
    """The controls that act in this state, by the place where the page draws them."""
    of_loss = {"wgan": ["clip"], "wgan_gp": ["penalty"], "hinge": []}.get(spec.loss, ["target"])
    return {
        "game": ["rounds", "d_steps", "g_steps"],
        "nets": ["noise", "activation", "layers", "g_units", "d_units", "batch", "seed"],
        "learning": [
            "optimizer",
            *(["beta1"] if spec.optimizer == "adam" else []),
            "g_rate",
            "d_rate",
            *of_loss,
            "spectral",
        ],
    }


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A ring of eight", "Noise becomes points, and the points find all eight clouds.", ("gan", "generator", "discriminator", "generative model", "adversarial", "image synthesis", "synthetic data")),
    _preset("collapse", "Collapse: G moves too often", "Five updates of G for each of D: all points run to the spot that D likes best just now.", ("mode collapse", "failure", "gan training"), g_steps=5, rounds=600, g_rate=0.003, lens="places"),
    _preset("oscillation", "Oscillation: too much momentum", "With a β₁ of 0.9 both players overshoot, and the points wander from cloud to cloud.", ("oscillation", "momentum", "adam", "failure", "gan training"), beta1=0.9, g_rate=0.003, rounds=1500, seed=1),
    _preset("no_pull", "No pull on G: the minimax loss", "D is sure, so the minimax loss is flat where G stands. The same game with the non-saturating loss goes on.", ("vanishing gradient", "saturating loss", "minimax", "failure"), data="disjoint", noise="uniform1", loss="minimax", d_steps=3, optimizer="sgd", d_rate=0.3, g_rate=0.01, rounds=600, seed=1, lens="race", rival="nonsat"),
    _preset("critic", "WGAN-GP: distance in place of odds", "A critic whose slope is held at 1, three updates of it for each of G, and the distances that fall.", ("wasserstein", "wgan", "gradient penalty", "critic"), loss="wgan_gp", d_steps=3, rounds=700, g_rate=0.002, lens="distance"),
    _preset("best", "Only D learns: towards the best D", "G is kept as it is; D comes close to p / (p + q), which is the best answer there is.", ("optimal discriminator", "density ratio", "jensen-shannon"), data="gaussians", g_steps=0, rounds=1500, lens="best"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Two nets, one game", "G turns noise into points (purple). D tells them from real ones (green): orange where it says real, blue where it says generated. Press play: the points follow the dark lines, along which G's loss pulls them.", {}),
    TourStop("The sheet of noise", "On the right is an even grid of noise, drawn where G sends it. It starts as a crumpled blot and is pulled out over the clouds. Between clouds it is stretched, but never torn.", {"lens": "places"}),
    TourStop("Losses say little", "D's loss does not fall to 0, and G's does not either: each player moves the other's target. Places covered and the Jensen-Shannon divergence say how good the points are.", {"lens": "distance"}),
    TourStop("Collapse", "Now G makes five updates for each of D. All its points run to one spot, D catches up, and they run on.", {"g_steps": 5, "rounds": 600, "g_rate": 0.003, "lens": "places"}),
    TourStop("No pull", "D is sure of itself, and the minimax loss is flat there: no dark lines. Below, the non-saturating loss plays the same game with the same draws.", {"data": "disjoint", "noise": "uniform1", "loss": "minimax", "d_steps": 3, "optimizer": "sgd", "d_rate": 0.3, "g_rate": 0.01, "rounds": 600, "seed": 1, "lens": "race", "rival": "nonsat"}),
    TourStop("The best D", "Keep G as it is and let D learn alone: it comes close to p / (p + q), where there are points to learn from.", {"data": "gaussians", "g_steps": 0, "rounds": 1500, "lens": "best"}),
)  # fmt: skip
