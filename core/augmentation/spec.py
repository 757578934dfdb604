"""The augmentation lab's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.augmentation.transforms import CHANGES, Stage
from core.augmentation.words import KINDS
from core.contracts import Example, Spec, TourStop, param

DATA = {
    "digits": "Handwritten digits", "textures": "Generated textures", "shapes": "Generated shapes", "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", "own": "Your own pictures",
}  # fmt: skip
MIXES = {"none": "None", "mixup": "MixUp", "cutmix": "CutMix"}
LENSES = {
    "effect": "Does it help?", "labels": "Does the label survive?", "mix": "Mixed labels", "data": "Look at your data first",
    "text": "Sentences",
}  # fmt: skip
MOST_DRAWS = 47
SENTENCE = "The film was not boring: a great story, funny scenes and a surprising ending."


def _amount(change: str, default: float, high: float, step: float, unit: str = "", help: str = "") -> Any:
    return param(default, CHANGES[change].title, low=0.0, high=high, step=step, unit=unit, help=help, group="Strength")


def _chance(change: str, default: float) -> Any:
    return param(default, f"p of {CHANGES[change].title.lower()}", low=0.0, high=1.0, step=0.05, group="Probability")


@dataclass(frozen=True)
class AugmentationSpec(Spec):
    """Everything that the pictures depend on, but for a visitor's own pictures, which are found by their digest."""

    SLUG: ClassVar[str] = "augmentation"

    data: str = param("digits", "Pictures", options=DATA)
    own: str = param("", "Uploaded pictures", max_length=64, hidden=True)
    picture: int = param(
        0, "Picture", low=0, high=99, help="Which of the training pictures is drawn again and again above"
    )
    draws: int = param(23, "Draws", low=5, high=MOST_DRAWS, help="Changed versions beside the picture itself")
    mirror_p: float = _chance("mirror", 0.0)
    upside_p: float = _chance("upside", 0.0)
    turn: float = _amount("turn", 15.0, 180.0, 5.0, "°", "Up to this angle to either side")
    turn_p: float = _chance("turn", 1.0)
    shift: float = _amount("shift", 0.125, 0.3, 0.0125, "of a side", "Up to this share of a side in either direction")
    shift_p: float = _chance("shift", 1.0)
    zoom: float = _amount("zoom", 0.0, 0.8, 0.05, "of the area", "Up to this share of the picture is cut away")
    zoom_p: float = _chance("zoom", 1.0)
    brightness: float = _amount("brightness", 0.0, 1.0, 0.05, "", "Factor 1 ± this")
    brightness_p: float = _chance("brightness", 1.0)
    colour: float = _amount("colour", 0.0, 1.0, 0.05, "", "Saturation times 1 ± this; a grey picture stays what it is")
    colour_p: float = _chance("colour", 1.0)
    erase: float = _amount("erase", 0.0, 0.5, 0.05, "of the area", "A rectangle of up to this share becomes black")
    erase_p: float = _chance("erase", 0.5)
    mix: str = param("none", "Mix two pictures", options=MIXES, help="Within a batch, after all other changes")
    alpha: float = param(
        0.4,
        "α of the mixture",
        low=0.05,
        high=4.0,
        log=True,
        help="λ ~ Beta(α, α): small α mixes few, 1 all shares alike",
    )
    per_class: int = param(10, "Training pictures a class", low=4, high=100, log=True)
    epochs: int = param(40, "Epochs", low=5, high=100, step=5)
    seed: int = param(0, "Seed", low=0, high=9999, help="Of the pictures drawn, the first weights and every change")
    seeds: int = param(
        3, "Repetitions", low=1, high=8, help="For the long measurement: so many seeds, from this one on"
    )
    lens: str = param("effect", "Look closer", options=LENSES)
    change: str = param(
        "turn", "Change to judge", options={name: about.title for name, about in CHANGES.items()},
        help="Alone, for every picture, as strongly as it is set; a mirror needs no strength",
    )  # fmt: skip
    near: int = param(4, "Bits that may differ", low=0, high=12, help="Between the hashes of two near copies")
    faults: bool = param(
        True,
        "Plant faults",
        help="Copies, a wrong label, a blank picture and a rare class, to see what the checks find",
    )
    sentence: str = param(SENTENCE, "Sentence", max_length=300)
    kind: str = param("synonym", "Change of words", options={name: title for name, (title, _) in KINDS.items()})
    word_p: float = param(0.3, "p of a word", low=0.0, high=1.0, step=0.05)


def stages(spec: AugmentationSpec) -> tuple[Stage, ...]:
    """The pipeline: every change that has a strength and a chance, in the order of CHANGES."""
    found = [Stage(name, float(getattr(spec, name, 1.0)), float(getattr(spec, f"{name}_p"))) for name in CHANGES]
    return tuple(stage for stage in found if stage.amount > 0 and stage.p > 0)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A hundred digits, turned and shifted", "Ten pictures a class. Trained with and without changed copies: which network survives a shift?", ("data augmentation", "rotation", "cropping", "generalization", "robustness", "train with and without")),
    _preset("six_nine", "A six upside down", "Turned by up to 180°, a six becomes a nine: which changes break the label?", ("label-preserving", "rotation", "label noise"), turn=180.0, lens="labels"),
    _preset("mirror", "Stripes in a mirror", "Rising stripes become falling ones: half of the mirrored pictures carry a wrong label.", ("flipping", "horizontal flip", "texture", "label-preserving"), data="textures", mirror_p=0.5, turn=0.0, shift=0.0, per_class=30, epochs=30, lens="labels", change="mirror"),
    _preset("photometric", "Brightness, colour, erasing", "Colours and light change, the pattern stays: the photometric half of a pipeline.", ("brightness", "colour jitter", "random erasing", "cutout", "color augmentation"), data="textures", turn=0.0, shift=0.0, brightness=0.2, colour=0.5, erase=0.1, per_class=20, epochs=30),
    _preset("mixup", "MixUp and CutMix", "Two pictures in one, and a label that says how much of each.", ("mixup", "cutmix", "soft labels", "regularization"), turn=0.0, shift=0.0, mix="cutmix", alpha=1.0, lens="mix"),
    _preset("data", "Look at your data first", "Counts, copies across the split, wrong labels, blank pictures: found before anything is trained.", ("data cleaning", "duplicates", "data leakage", "class imbalance", "exploratory data analysis", "stratified split"), lens="data"),
    _preset("text", "Words instead of pixels", "Synonyms, deletion, swap, insertion, and the one small word that must not go.", ("text augmentation", "synonym replacement", "back-translation", "nlp"), lens="text", kind="delete", word_p=0.2),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("New pictures from old ones", "The first tile is a training picture; all others are the same digit, turned and shifted by new random draws. In every epoch the network sees draws that it has not seen before.", {}),
    TourStop("Does it help?", "Both networks start from the same weights and see the same pictures in the same order; only one sees them changed. On test pictures as they are there is little between them. Now shift those pictures.", {"lens": "effect"}),
    TourStop("A change too far", "Turned by up to 180°, sixes become nines. A network that was trained on unchanged pictures says where each class goes.", {"turn": 180.0, "lens": "labels"}),
    TourStop("Two labels at once", "MixUp and CutMix make pictures that belong to two classes, and say so: the bars are the labels that the network learns from.", {"turn": 0.0, "shift": 0.0, "mix": "cutmix", "alpha": 1.0, "lens": "mix"}),
    TourStop("First look at the data", "A copy of a training picture in the test part makes the accuracy a lie. The checks find it, and the split can keep copies together.", {"lens": "data"}),
)  # fmt: skip
