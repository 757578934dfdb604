"""The tuner's parameters, presets and tour.

`TuneSpec` is one training run; `TransferTunerSpec` adds what the page shows: which pictures, which strategies, which closer look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

OWN_BACKBONES = {"tinyvgg-cifar10": "TinyVGG (CIFAR-10, ours)", "resnet20-cifar10": "ResNet-20 (CIFAR-10, ours)"}
BACKBONES = {
    **OWN_BACKBONES, "squeezenet1_1": "SqueezeNet 1.1 (ImageNet)", "mobilenet_v2": "MobileNetV2 (ImageNet)",
    "mobilenet_v3_small": "MobileNetV3-small (ImageNet)", "resnet18": "ResNet-18 (ImageNet)", "vgg11": "VGG-11 (ImageNet)",
    "densenet121": "DenseNet-121 (ImageNet)", "vit_b_16": "ViT-B/16 (ImageNet)",
}  # fmt: skip
STRATEGIES = {"probe": "Linear probe", "partial": "Partial", "full": "Full", "scratch": "From scratch"}
RUNS = {"all": "All four strategies", "one": "The chosen strategy"}
OPTIMIZERS = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD, momentum 0.9"}
SCHEDULES = {
    "constant": "Constant", "cosine": "Cosine", "one_cycle": "One cycle", "step": "Step", "plateau": "Reduce on plateau",
}  # fmt: skip
NORMS = {"frozen": "Frozen", "batch": "Of each batch"}
PRECISIONS = {"auto": "Automatic", "single": "Single", "double": "Double", "mixed": "Mixed on a GPU"}
DATA = {
    "textures": "Generated textures", "shapes": "Generated shapes", "digits": "Handwritten digits", "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", "own": "Your own pictures",
}  # fmt: skip
LENSES = {
    "confusion": "Where it errs", "trust": "Can its certainty be trusted?", "size": "How many pictures does it take?",
    "moved": "What moved?", "space": "Where do pictures lie?", "shift": "Domain shift", "forget": "What was forgotten?", "rate": "Find a learning rate",
    "cost": "Cost", "nets": "Other networks, from scratch", "loop": "The loop itself", "predict": "Try a new picture",
}  # fmt: skip
MAPS = {"pca": "PCA", "tsne": "t-SNE"}
SHIFTS = {"noise": "Noise", "blur": "Blur", "colour": "Colour", "jpeg": "JPEG"}
MOST_BLOCKS = 6


@dataclass(frozen=True)
class TuneSpec(Spec):
    """One run of training: a backbone, what of it may learn, and how."""

    SLUG: ClassVar[str] = "transfer_tuner"

    backbone: str = param(
        "tinyvgg-cifar10", "Backbone", options=BACKBONES, help="The network whose layers are used again"
    )
    strategy: str = param(
        "probe",
        "Strategy",
        options=STRATEGIES,
        help="Probe: only the new head learns. Partial: the last blocks too. Full: all of it. From scratch: all of it, from random weights",
    )
    epochs: int = param(12, "Epochs", low=1, high=100, help="How often every training picture is seen")
    batch: int = param(16, "Batch size", low=1, high=256, unit="pictures", log=True)
    rate: float = param(0.003, "Learning rate of the head η", low=1e-5, high=1.0, log=True)
    body_rate: float = param(
        0.3,
        "Rate of the body / rate of the head",
        low=1e-3,
        high=1.0,
        log=True,
        help="For trained weights; from scratch the whole network learns with η",
    )
    block_decay: float = param(
        1.0,
        "Rate from block to block, backwards",
        low=0.1,
        high=1.0,
        step=0.05,
        help="Below 1, early blocks learn more slowly than late ones (discriminative rates)",
    )
    blocks: int = param(1, "Last blocks that learn", low=1, high=MOST_BLOCKS, help="Of the strategy Partial")
    norms: str = param(
        "frozen",
        "Batch-norm statistics",
        options=NORMS,
        help="Frozen: those of the source task stay. From scratch they are always of each batch",
    )
    depth: int = param(1, "Dense layers of the head", low=1, high=3)
    dropout: float = param(0.0, "Dropout in the head", low=0.0, high=0.9, step=0.05)
    smoothing: float = param(0.0, "Label smoothing ε", low=0.0, high=0.5, step=0.05)
    weighted: bool = param(
        False, "Class weights", help="Each class weighs the same in the loss, however many pictures it has"
    )
    optimizer: str = param("adamw", "Optimizer", options=OPTIMIZERS)
    schedule: str = param("constant", "Schedule", options=SCHEDULES)
    decay: float = param(0.01, "Weight decay λ", low=0.0, high=1.0, step=0.01)
    patience: int = param(
        0,
        "Early stopping: patience",
        low=0,
        high=50,
        unit="epochs",
        help="Stop when the validation loss has not fallen for so many epochs; 0 never stops",
    )
    best: bool = param(
        True,
        "Restore the best epoch",
        help="At the end, go back to the weights with the highest validation accuracy; among equals, with the lowest loss",
    )
    share: float = param(0.25, "Validation share", low=0.1, high=0.5, step=0.05)
    precision: str = param(
        "auto",
        "Precision",
        options=PRECISIONS,
        help="Automatic: double for TinyVGG, so that the script gives the same digits; single for larger networks. Mixed is single without a GPU",
    )
    seed: int = param(
        0, "Seed", low=0, high=9999, help="The split, the first weights of the head and the order of the pictures"
    )


@dataclass(frozen=True)
class TransferTunerSpec(TuneSpec):
    """A run, and what the page shows of it."""

    data: str = param("textures", "Pictures", options=DATA)
    count: int = param(
        240, "Number of pictures", low=40, high=800, step=20, help="Of a bundled set; your own are all taken"
    )
    own: str = param("", "Uploaded pictures", max_length=64, hidden=True)
    run: str = param("all", "Train", options=RUNS)
    lens: str = param("confusion", "Look closer", options=LENSES)
    shift: str = param("noise", "Shift", options=SHIFTS)
    level: int = param(2, "Strength of the shift", low=0, high=4)
    map: str = param("pca", "Map of the features", options=MAPS)
    perplexity: int = param(
        15, "Perplexity of t-SNE", low=5, high=40, help="About how many neighbours each picture should keep near"
    )
    unknown: float = param(
        0.5,
        "Answer “unknown” below",
        low=0.0,
        high=1.0,
        step=0.01,
        help="The probability that the best class must reach",
    )
    cell: str = param("", "Cell of the confusion matrix", max_length=12, hidden=True)


PRECISION_OF_AUTO: Mapping[str, str] = MappingProxyType({"tinyvgg-cifar10": "double"})


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Six textures, a borrowed eye", "A network that knows ten kinds of object meets textures. Only a new head learns; then let the other three strategies try.", ("transfer learning", "feature extraction", "pre-trained models", "linear probe", "fine-tuning"), lens="confusion"),
    _preset("fine_tune", "Feature extraction against fine-tuning", "The last block learns too. Compare its curve with the probe's, and see what moved.", ("fine-tuning", "freeze layers", "unfreeze", "fine-tuning vs feature extraction"), strategy="partial", count=120, epochs=6, lens="moved"),
    _preset("dropout_off", "A deep head without dropout", "Three dense layers and few pictures: the training loss goes to zero, the validation loss does not.", ("overfitting", "dropout", "regularization"), data="digits", count=120, depth=3, epochs=30, best=False, lens="trust"),
    _preset("dropout_on", "The same head with dropout", "Half of the units are silent in each step. Compare the two loss curves.", ("dropout", "regularization", "overfitting"), data="digits", count=120, depth=3, dropout=0.5, epochs=30, best=False, lens="trust"),
    _preset("few", "How many pictures does it take?", "The same task with 2, 4, 8 ... pictures of each class: transfer pays most where pictures are few.", ("small data", "data efficiency", "learning curve", "few labels"), lens="size"),
    _preset("depth", "Fully connected or convolutional, and how deep?", "Handwritten digits with networks from scratch: one, two or three hidden layers, then two, three or four convolutions on the same pictures.", ("mnist", "digit classification", "fully connected network", "multilayer perceptron", "cnn depth", "architecture"), data="digits", count=400, lens="nets"),
    _preset("draw", "Draw a digit", "A head on borrowed features learned ten digits. Draw one, and see its probabilities and the nearest training pictures.", ("handwritten digits", "mnist", "digit recognition", "inference", "drawing"), data="digits", count=800, lens="predict"),
    _preset("early", "Early stopping and the best epoch", "Handwritten digits with a high rate: training stops when the validation loss no longer falls, and the best weights come back.", ("early stopping", "save best weights", "checkpoint", "save and load models", "reduce on plateau"), data="digits", rate=0.03, epochs=60, patience=5, schedule="plateau", lens="cost"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A borrowed eye", "This network was trained on aeroplanes, frogs and ships. Its last layer is cut off, and a new one learns six textures from what is left: a linear probe. The curves show how quickly.", {}),
    TourStop("Four strategies", "Press “Train”. The same split and the same seed for all four: the probe, the last block unfrozen, all of it, and the same network from random weights.", {}),
    TourStop("What moved?", "Fine-tuning changes weights. Late blocks move more than early ones; CKA says whether a layer still sees the same.", {"strategy": "partial", "count": 120, "epochs": 6, "lens": "moved"}),
    TourStop("Where do pictures lie?", "The same pictures as the network sees them, epoch by epoch. Play the film: classes draw together where the body may learn.", {"strategy": "partial", "count": 120, "epochs": 6, "lens": "space"}),
    TourStop("Fewer pictures", "From scratch, a network needs many pictures. A borrowed eye needs few.", {"lens": "size"}),
    TourStop("Another camera", "Noise, blur, other colours: pictures from elsewhere. See which strategy survives.", {"lens": "shift"}),
    TourStop("What was forgotten?", "A network that is tuned to textures may no longer know a frog.", {"lens": "forget"}),
    TourStop("Take it home", "Try a new picture, keep the model, ask it by curl. The tab Code has the script, the weights and the model card.", {"lens": "predict"}),
)  # fmt: skip
