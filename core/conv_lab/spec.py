"""What the visitor asks of a trained network: which unit, and what to do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.conv_lab.concepts import CONCEPTS
from core.convolution.trained import TITLES

LENSES = {
    "wants": "What a unit wants", "patches": "What excites it most", "dream": "Dream on a photograph", "kernel": "Edit a kernel",
    "ablation": "Remove a map", "equivariance": "Move the picture", "attack": "Adversarial nudge", "concept": "Concept direction",
}  # fmt: skip
EDITS = {"none": "As learned", "zero": "All zeros", "negative": "Negative", "mean": "Its mean", "own": "My numbers"}
PARAMS = {
    "wants": ("objective", "frequencies", "jitter", "blur", "variation", "diversity", "steps", "seed"),
    "dream": ("dream_steps", "jitter"),
    "kernel": ("source", "edit"),
    "equivariance": ("shift", "quarters", "noise", "seed"),
    "attack": ("eps", "attack_steps"),
    "concept": ("concept", "target", "seed"),
}


@dataclass(frozen=True)
class ConvLabSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "conv_lab"

    network: str = param("smallcnn-shapes", "Network", options=TITLES)
    picture: int = param(0, "Picture", low=0, high=31, help="Which of the example pictures; some looks use all of them")
    layer: str = param("", "Layer", max_length=60, hidden=True, help="Empty: the second layer after an activation")
    own: str = param("", "Your own picture", max_length=22, hidden=True)  # a key of core.data.own
    unit: int = param(0, "Map", low=0, high=127, help="Number of the unit's map; the last one where there are fewer")
    lens: str = param("wants", "What to do", options=LENSES)

    objective: str = param(
        "channel",
        "Maximise",
        options={"neuron": "One cell", "channel": "The whole map", "layer": "All maps", "logit": "A class"},
        help="A class: the logit with the number chosen as map",
    )
    frequencies: bool = param(
        True,
        "Change frequencies, not pixels",
        help="A step then moves coarse forms further than fine ones, which holds fine noise back",
    )
    jitter: int = param(
        2, "Jitter", low=0, high=8, unit="pixels", help="The picture is moved at random before each step"
    )
    blur: float = param(0.4, "Blur after each step σ", low=0.0, high=2.0, step=0.1, unit="pixels")
    variation: float = param(4.0, "Weight of total variation", low=0.0, high=20.0, step=0.5)
    diversity: float = param(
        0.0, "Weight of diversity", low=0.0, high=5.0, step=0.5, help="Above 0: four pictures at once that must differ"
    )
    steps: int = param(200, "Steps", low=10, high=500, step=10)
    dream_steps: int = param(20, "Steps", low=1, high=40)
    seed: int = param(0, "Seed", low=0, high=9999)

    source: int = param(
        0, "Input map", low=0, high=127, help="Which of the filter's kernels; the last where there are fewer"
    )
    edit: str = param("negative", "The kernel becomes", options=EDITS)
    kernel: str = param("", "Numbers", max_length=600, hidden=True)

    shift: int = param(1, "Shift to the right", low=0, high=16, unit="pixels")
    quarters: int = param(0, "Quarter turns", low=0, high=3)
    noise: float = param(0.0, "Noise σ", low=0.0, high=0.3, step=0.01)

    eps: float = param(0.03, "Largest change of a pixel ε", low=0.0, high=0.3, step=0.01, help="Pixels are 0 to 1")
    attack_steps: int = param(
        10, "Steps", low=1, high=30, help="1: the fast gradient sign method; more: projected gradient"
    )

    concept: str = param("stripes", "Planted concept", options={name: name.capitalize() for name in CONCEPTS})
    target: int = param(0, "Class", low=0, high=9, help="Number of the class; the last one where there are fewer")


EXAMPLES: tuple[Example, ...] = (
    Example("start", "What does this unit want?", "From noise to the pattern that excites one map most.", {}, ("feature visualization", "activation maximization", "gradient ascent", "interpretability")),
    Example("pixels", "The same without frequencies", "Plain pixels fall into fine noise that excites the unit and shows nothing.", {"frequencies": False, "jitter": 0, "blur": 0.0, "variation": 0.0}, ("adversarial noise", "regularization", "feature visualization")),
    Example("negate_kernel", "Turn one kernel into its negative", "One of thousands of weights' worth of change: map, logits and accuracy before and after.", {"lens": "kernel", "layer": "features.relu1"}, ("kernel", "filter", "intervention")),
    Example("ablate", "Remove a map", "Which classes need it? Accuracy of each class with and without.", {"lens": "ablation", "network": "lenet5-mnist", "layer": "act2", "unit": 3}, ("ablation", "pruning", "feature importance", "accuracy per class")),
    Example("shift_one", "One pixel to the right", "A convolution follows a shift exactly; pooling only by whole windows.", {"lens": "equivariance", "network": "tinyvgg-cifar10", "layer": "relu2_1"}, ("translation equivariance", "translation invariance", "pooling", "aliasing", "shift")),
    Example("nudge", "A nudge that the eye hardly sees", "Every pixel by at most 0.03, and the answer changes.", {"lens": "attack", "network": "tinyvgg-cifar10", "layer": "relu1_2"}, ("adversarial example", "fgsm", "pgd", "robustness")),
    Example("stripes", "Does it care about stripes?", "A direction for a planted concept, and how the class's logit changes along it.", {"lens": "concept"}, ("tcav", "concept activation vector", "interpretability", "model interpretation")),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("From noise to a wish", "Twenty-four steps uphill from noise: the pattern that this map answers to. Press start for the long climb, with a film. A wish is a caricature, not a memory of a picture.", {}),
    TourStop("Why it needs help", "Now plain pixels, without jitter: the answer is as strong, the picture is noise. What the unit 'wants' depends on what the method allows.", {"frequencies": False, "jitter": 0, "blur": 0.0, "variation": 0.0}),
    TourStop("What it met", "The nine patches of real pictures that excite the unit most. Compare them with the wish: they rarely all show one thing.", {"lens": "patches"}),
    TourStop("Change one kernel", "One kernel becomes its negative. Its map changes at once; the class often does not, for many maps vote.", {"lens": "kernel", "layer": "features.relu1"}),
    TourStop("Move the picture", "One pixel to the right: the error at each layer. It jumps at each pooling. Try a shift of 4.", {"lens": "equivariance", "network": "tinyvgg-cifar10", "layer": "relu2_1"}),
    TourStop("Nudge it", "A change that follows the gradient's sign, at most ε a pixel. Look at how it grows from layer to layer.", {"lens": "attack", "network": "tinyvgg-cifar10", "layer": "relu1_2"}),
)  # fmt: skip
