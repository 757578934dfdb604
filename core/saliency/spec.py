"""The page's parameters, presets and tour.

Target and layer are texts, for their choices depend on the network.
The parameters of the methods stand side by side; they belong to the method that is looked at closer, the others keep their defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.attribution import METHODS
from core.contracts import Example, Spec, TourStop, param
from core.convolution import trained
from models import PRETRAINED

PICTURES = 96
PREDICTED, LAST = "predicted", "last"
SMALL = {
    "smallcnn-shapes": "Planted shapes", "lenet5-mnist": "LeNet-5, digits", "smallcnn-fashion": "Small network, clothes",
    "tinyvgg-cifar10": "TinyVGG, ten objects", "resnet20-cifar10": "ResNet-20, ten objects",
}  # fmt: skip
LARGE = (*trained.LARGE, "vit_b_16")
NETWORKS = {**SMALL, **{name: f"{PRETRAINED[name].title}, ImageNet" for name in LARGE}}
SIGNS = {"signed": "Signed", "positive": "For the class", "absolute": "Size alone"}
BASELINES = {"mean": "Its mean colour", "grey": "Grey", "black": "Black", "white": "White", "blur": "Blurred"}
LENSES = {
    "method": "One method", "layers": "Every layer", "trust": "Can I trust it?", "cascade": "Forgetting network",
    "score": "All methods, known answer",
}  # fmt: skip
OF_METHOD = {
    "integrated_gradients": {"steps": "steps", "rule": "rule"},
    "gradient_shap": {"samples": "samples", "noise": "noise", "seed": "seed"},
    "smooth_grad": {"samples": "samples", "noise": "noise", "average": "average", "seed": "seed"},
    "lrp": {"rule": "lrp_rule", "epsilon": "epsilon", "gamma": "gamma"},
    "grad_cam": {"evidence": "evidence"},
    "occlusion": {"window": "window", "stride": "stride"},
    "feature_ablation": {"pieces": "pieces", "cut": "cut"},
    "kernel_shap": {"pieces": "pieces", "cut": "cut", "samples": "trials", "seed": "seed"},
    "lime": {
        "pieces": "pieces", "cut": "cut", "samples": "trials", "width": "width", "ridge": "ridge", "seed": "seed",
    },
}  # fmt: skip  # method -> its parameter -> the Spec's field


def _of(method: str, name: str, **more: Any) -> Any:
    """A field for a method's parameter, with that parameter's own words and bounds."""
    about = METHODS[method].params[name]
    words = {k: getattr(about, k) for k in ("help", "low", "high", "step", "unit", "log", "options")}
    return param(about.default, about.label, **{**words, **more})


@dataclass(frozen=True)
class SaliencySpec(Spec):
    """Everything that the pictures depend on, but for a visitor's own picture."""

    SLUG: ClassVar[str] = "saliency"

    network: str = param("smallcnn-shapes", "Network", options=NETWORKS)
    picture: int = param(0, "Picture", low=0, high=PICTURES - 1, help="One of the pictures that come with the network")
    target: str = param(PREDICTED, "Class to explain", max_length=40, hidden=True)
    layer: str = param(LAST, "Layer of Grad-CAM", max_length=80, hidden=True)
    baseline: str = param(
        "mean", "Baseline", options=BASELINES, help="What stands for “nothing there” when a pixel is taken away"
    )
    sign: str = param(
        "signed",
        "Show",
        options=SIGNS,
        help="Signed: orange speaks for the class, blue against it. Some methods give sizes alone",
    )
    clip: float = param(
        99.0,
        "Clip at percentile",
        low=80.0,
        high=100.0,
        step=0.5,
        unit="%",
        help="This share of a map's pixels keeps its own colour; what lies above has the last colour of the scale",
    )
    overlay: float = param(
        0.65, "Overlay", low=0.0, high=1.0, step=0.05, help="0: the grey picture alone; 1: the map alone"
    )
    lens: str = param("method", "Look closer", options=LENSES)
    method: str = param("grad_cam", "Method", options={name: m.title for name, m in METHODS.items()})
    steps: int = _of("integrated_gradients", "steps")
    rule: str = _of("integrated_gradients", "rule")
    samples: int = _of("smooth_grad", "samples", high=200)
    noise: float = _of("smooth_grad", "noise")
    average: str = _of("smooth_grad", "average")
    lrp_rule: str = _of("lrp", "rule")
    epsilon: float = _of("lrp", "epsilon")
    gamma: float = _of("lrp", "gamma")
    evidence: str = _of("grad_cam", "evidence")
    window: int = _of("occlusion", "window", high=24)
    stride: int = _of("occlusion", "stride", low=2, high=24)
    pieces: int = _of("lime", "pieces", high=200)
    cut: str = _of("lime", "cut")
    trials: int = _of("lime", "samples", low=20, high=600)
    width: float = _of("lime", "width")
    ridge: float = _of("lime", "ridge")
    seed: int = _of("lime", "seed")
    count: int = param(8, "Pictures to score", low=2, high=48, help="Each of them is explained by all methods")


def settings_of(spec: SaliencySpec, method: str) -> tuple[tuple[str, Any], ...]:
    """The parameters of `method`: the page's where it is the one looked at, else only its defaults; sorted, to be a key."""
    if method != spec.method:
        return () if spec.network in SMALL else COARSE.get(method, ())
    return tuple(sorted((name, getattr(spec, field)) for name, field in OF_METHOD.get(method, {}).items()))


COARSE = {"occlusion": (("stride", 16), ("window", 32))}  # what suits pictures of 160 pixels and more


def fields_of(method: str) -> Sequence[str]:
    """The Spec's fields that `method` listens to."""
    return tuple(OF_METHOD.get(method, {}).values())


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Fifteen answers to one question", "One network, one planted shape, fifteen maps that claim to show where it looked.", ("saliency map", "model interpretation", "explainable AI", "grad-cam", "attribution")),
    _preset("integrated", "Integrated gradients, with its number check", "From its mean colour to the picture in 50 steps: the map adds up to the change of the logit.", ("integrated gradients", "axioms", "completeness", "baseline"), method="integrated_gradients", picture=3),
    _preset("layers", "Which layer shall I take?", "Grad-CAM from the first layer to the last: from edges to places.", ("grad-cam", "class activation map", "layer choice", "feature hierarchy"), lens="layers", picture=5),
    _preset("trust", "Is the map faithful?", "Infidelity, sensitivity, completeness, deletion and insertion for one map.", ("faithfulness", "infidelity", "deletion curve", "insertion curve", "trustworthy AI"), lens="trust", method="integrated_gradients", picture=9, baseline="blur"),
    _preset("cascade", "The network forgets, does the map notice?", "Weights turn random from the top down. Guided backprop holds on to its edges longer than the plain slope does.", ("sanity check", "model randomization", "guided backprop"), lens="cascade", method="guided_backprop", picture=11),
    _preset("score", "Scored against the known answer", "The shape's own pixels are known, so every method gets a mark.", ("ground truth", "intersection over union", "pointing game", "localization"), lens="score", picture=9, sign="absolute"),
    _preset("digit", "Why this digit?", "LeNet-5 on a handwritten digit that it never saw the like of.", ("mnist", "lenet", "handwritten digits", "pixel attribution"), network="lenet5-mnist", baseline="black", method="lrp"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("One question, fifteen answers", "The network names the shape. Each tile claims to show which pixels its answer hangs on. Some agree, some do not; the thin line is the true outline of the shape.", {}),
    TourStop("From slope to amount", "Saliency shows where a small change would matter. Integrated gradients shows how much each pixel brought on the way from a plain field of the picture's mean colour to the picture: its sum is the change of the logit.", {"method": "integrated_gradients", "picture": 3}),
    TourStop("What is “nothing there”?", "Taking a pixel away needs something to put in its place. With black in place of the picture's mean colour, the same network and picture get another map.", {"method": "integrated_gradients", "picture": 3, "baseline": "black"}),
    TourStop("Which layer?", "Grad-CAM reads one layer. Early ones are sharp and show edges, late ones are coarse and show what the class hangs on.", {"lens": "layers", "picture": 5}),
    TourStop("Does the map tell the truth?", "Pixels are taken away in the order that the map names. If it is right, the probability falls sooner than in a random order.", {"lens": "trust", "method": "integrated_gradients", "picture": 9, "baseline": "blur"}),
    TourStop("Does the map notice?", "The network forgets layer by layer, from the top. A map that stays the same shows the picture, not the network: guided backprop holds on to its edges longer than the plain slope.", {"lens": "cascade", "method": "guided_backprop", "picture": 11}),
    TourStop("Marks", "Here the right answer is known. Start the measurement: all methods, many pictures, one table.", {"lens": "score", "picture": 9, "sign": "absolute"}),
)  # fmt: skip
