"""The regularisation explainer's parameters, presets and tour.

Which kinds take part is one text of their names ("L2 penalty, Dropout"); each has its strength in a field of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from core.errors import ExplainerError, one_of

KINDS: Mapping[str, str] = {
    "l1": "L1 penalty", "l2": "L2 penalty", "decay": "Decoupled decay", "dropout": "Dropout", "batch": "Batch norm", "layer": "Layer norm",
    "early": "Early stopping", "smoothing": "Label smoothing", "max_norm": "Max norm", "noise": "Input noise", "mixup": "Mixup",
}  # fmt: skip
"""Kind -> its name on screen; but for the two norms, the kind is also the field that holds its strength."""
GRADED: Mapping[str, str] = {kind: title for kind, title in KINDS.items() if kind not in ("batch", "layer")}
FACTORS = 3  # kinds that may be crossed
LENSES: Mapping[str, str] = {
    "gap": "Gap between training and validation", "sweep": "How strong?", "factorial": "All combinations", "maps": "Decision maps",
    "weights": "Weights: histogram and sparsity", "one_weight": "One weight under L1 and L2", "decay": "L2 penalty or decoupled decay",
    "masks": "Dropout: masks and ensemble", "norm": "Batch norm: two modes", "tiny": "Batch norm: tiny batches", "curve": "Dropout as doubt", "descent": "Double descent",
}  # fmt: skip


@dataclass(frozen=True)
class RegularisationSpec(Spec):
    """Everything that the pictures depend on."""

    SLUG: ClassVar[str] = "regularisation"

    data: str = param(
        "moons",
        "Data",
        options={"moons": "Two moons", "rings": "Disc in a ring", "digits": "Handwritten digits, 8 x 8"},
    )
    kinds: str = param(
        "L2 penalty, Dropout, Early stopping",
        "Kinds",
        hidden=True,
        max_length=200,
        help="Each is compared with the same net without any",
    )
    design: str = param(
        "one",
        "Design",
        options={"one": "One at a time", "all": "All combinations"},
        help="All combinations: at most three kinds, each on and off",
    )
    metric: str = param("loss", "Measure", options={"loss": "Loss", "accuracy": "Accuracy"})
    points: int = param(60, "Training points", low=20, high=300, step=10, help="Each seed draws its own")
    flips: float = param(
        0.1,
        "Wrong labels",
        low=0.0,
        high=0.4,
        step=0.05,
        help="Share of the training points whose label is changed; validation and test labels are right",
    )
    width: int = param(32, "Units in a hidden layer", low=4, high=64, step=4)
    depth: int = param(2, "Hidden layers", low=1, high=3)
    optimizer: str = param("adam", "Optimizer", options={"sgd": "SGD", "momentum": "Momentum 0.9", "adam": "Adam"})
    rate: float = param(0.01, "Learning rate η", low=1e-4, high=1.0, log=True)
    steps: int = param(300, "Training steps", low=50, high=1500, step=50)
    batch: int = param(20, "Batch", low=2, high=60, unit="points", help="At most all training points")
    seeds: int = param(
        8, "Seeds", low=3, high=24, help="Each draws its own points, first weights and batches, shared by all kinds"
    )
    seed: int = param(0, "First seed", low=0, high=9999)
    l1: float = param(0.003, "L1: λ", low=1e-5, high=0.3, log=True)
    l2: float = param(0.01, "L2: λ", low=1e-5, high=1.0, log=True)
    decay: float = param(
        0.3, "Decoupled decay: λ", low=1e-4, high=10.0, log=True, help="A step shrinks each weight by the factor 1 - ηλ"
    )
    dropout: float = param(
        0.3, "Dropout: share p", low=0.05, high=0.9, step=0.05, help="Of hidden units that are switched off at a step"
    )
    early: int = param(
        5,
        "Early stopping: patience",
        low=1,
        high=40,
        unit="looks",
        help="The validation loss is looked at 40 times a run",
    )
    smoothing: float = param(0.1, "Label smoothing: ε", low=0.01, high=0.6, step=0.01)
    max_norm: float = param(
        1.5, "Max norm: c", low=0.1, high=10.0, log=True, help="Longest vector of weights into a hidden unit"
    )
    noise: float = param(0.3, "Input noise: σ", low=0.01, high=2.0, step=0.01)
    mixup: float = param(0.4, "Mixup: α", low=0.05, high=8.0, log=True, help="Shares are drawn from Beta(α, α)")
    lens: str = param("gap", "Look closer", options=LENSES)
    swept: str = param("l2", "Kind", options=GRADED, group="strength")
    curvature: float = param(
        1.0, "Curvature h", low=0.1, high=10.0, log=True, help="Of the loss ½ h (w - w*)² of one weight"
    )
    strength: float = param(0.5, "Penalty λ", low=0.01, high=10.0, log=True)
    ridge: float = param(0.01, "Ridge λ", low=1e-6, high=10.0, log=True, help="Of the second line")
    label_noise: float = param(0.3, "Noise of the targets σ", low=0.0, high=1.0, step=0.05)


def chosen(spec: RegularisationSpec) -> tuple[str, ...]:
    """The kinds of the Spec, in the order of KINDS.

    Raises:
        ExplainerError: a name is unknown, none is given, or kinds cannot be combined as asked.
    """
    names = [part for part in (part.strip() for part in spec.kinds.split(",")) if part]
    if unknown := [name for name in names if name not in KINDS.values()]:
        raise ExplainerError(f"kind {unknown[0][:40]!r} is unknown; choose {one_of(KINDS.values())}")
    kinds = tuple(kind for kind, title in KINDS.items() if title in names)
    if not kinds:
        raise ExplainerError("no kind of regularisation is chosen; choose at least one, for example Dropout")
    if spec.design == "all" and len(kinds) > FACTORS:
        raise ExplainerError(
            f"{len(kinds)} kinds have {2 ** len(kinds)} combinations; choose at most {FACTORS}, or one at a time"
        )
    if spec.design == "all" and {"batch", "layer"} <= set(kinds):
        raise ExplainerError("batch norm and layer norm cannot be combined in one net; leave one of them out")
    return kinds


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Does it generalise?", "60 points with a tenth of wrong labels, and a net that can learn them by heart: plain, with L2, with dropout, and stopped early.", ("overfitting", "regularization", "dropout", "early stopping", "validation set")),
    _preset("penalties", "L1, L2 and decay", "Three ways to keep weights small, under Adam: what they do to the weights and to the test loss.", ("l1", "l2", "weight decay", "sparsity"), kinds="L1 penalty, L2 penalty, Decoupled decay", lens="weights"),
    _preset("norms", "Batch norm and layer norm", "Normalised nets beside a plain one: they train faster, but do they generalise? And what happens when batches are tiny?", ("batch normalization", "layer normalization", "running statistics"), kinds="Batch norm, Layer norm", lens="norm"),
    _preset("factorial", "Dropout and decay together", "Four nets: neither, one, the other, both. Do their benefits add up?", ("factorial design", "interaction", "ablation"), kinds="Decoupled decay, Dropout", design="all", lens="factorial"),
    _preset("labels", "Softer labels, more points", "Label smoothing, input noise and mixup change the data instead of the weights.", ("label smoothing", "mixup", "noise"), kinds="Label smoothing, Input noise, Mixup", lens="maps", flips=0.2),
    _preset("digits", "Digits from 100 pictures", "Handwritten digits, ten pictures of each or so, a tenth of them mislabelled: the same comparison in 64 dimensions.", ("digits", "small data", "max norm"), data="digits", points=100, kinds="L2 penalty, Dropout, Max norm", lens="masks", metric="accuracy", depth=1),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Learned by heart", "The dashed lines are training losses: without help the net reaches almost 0. Its validation loss, the solid line, falls and then rises: from there on it learns the wrong labels too.", {}),
    TourStop("More than luck?", "The chart on the right compares each kind with the plain net, seed by seed, on the same points, first weights and batches. Only an interval that does not touch 0 says more than luck.", {"lens": "gap"}),
    TourStop("How strong?", "Too weak changes nothing, too strong leaves nothing to learn. The best strength lies between.", {"lens": "sweep", "swept": "l2"}),
    TourStop("L1 makes zeros", "The L1 penalty pulls every weight with the same force, so small ones end at 0; L2 pulls in proportion, so none does.", {"kinds": "L1 penalty, L2 penalty, Decoupled decay", "lens": "one_weight"}),
    TourStop("Dropout is many nets", "Every step trains another net. At test time the whole net stands for the average of them all: measured here.", {"lens": "masks"}),
    TourStop("Two modes", "Batch norm uses the batch's mean while it trains and a running mean afterwards. Where the two differ, the net answers differently.", {"kinds": "Batch norm, Layer norm", "lens": "norm"}),
    TourStop("Larger, and better again", "Widen a model past the number of points: the error peaks where it can just fit them all, and then falls again.", {"lens": "descent"}),
)  # fmt: skip
