"""Predict, then reveal: questions about the pictures on screen, answered by the two networks and the checks."""

from __future__ import annotations

from core.augmentation.compute import PLAIN, WITH, judge, key_of, pair
from core.augmentation.learning import SHIFTS
from core.augmentation.lenses import checked, text_draws
from core.augmentation.spec import AugmentationSpec
from core.augmentation.transforms import CHANGES
from core.contracts import Question


def questions(spec: AugmentationSpec) -> list[Question]:
    """At most three for a resolved Spec; one that the run does not decide is left out."""
    own = {"labels": _exchange, "data": _crossing, "text": _risky}.get(spec.lens)
    asked = [_shift(spec), _clean(spec), own(spec) if own else None]
    return [question for question in asked if question is not None]


def _name(spec: AugmentationSpec) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return key_of(spec).tobytes().hex()


def _shift(spec: AugmentationSpec) -> Question:
    runs = pair(spec)
    plain, other = (float(runs[name].harder[0, 2]) for name in (PLAIN, WITH))
    return Question(
        f"shift.{_name(spec)}",
        f"The test pictures are moved by {100 * SHIFTS[2]:g} % of a side along both sides. What share does the **plain** network still get right? Within 0.1 counts.",
        plain,
        f"{plain:.3f}, after {runs[PLAIN].test[-1]:.3f} on unmoved ones. The augmented network reaches {other:.3f}.",
        tolerance=0.1,
    )


def _clean(spec: AugmentationSpec) -> Question | None:
    runs = pair(spec)
    plain, other = (float(runs[name].test[-1]) for name in (PLAIN, WITH))
    if plain == other:
        return None
    return Question(
        f"clean.{_name(spec)}",
        "Which network is better on **unchanged** test pictures?",
        "augmented" if other > plain else "plain",
        f"Plain {plain:.3f}, augmented {other:.3f}. Changes help there only if they show what the test pictures show too; and the augmented network needs more epochs.",
        ("plain", "augmented"),
    )


def _exchange(spec: AugmentationSpec) -> Question:
    found = judge(spec)
    pairs = len(found.exchanges)
    return Question(
        f"exchange.{_name(spec)}.{spec.change}",
        f"Does “{CHANGES[spec.change].title.lower()}”, as strong as it is set, make any two classes into each other?",
        "yes" if pairs else "no",
        f"{pairs} pairs of classes change places, measured by the plain network's answers; they are framed in the table of answers.",
        ("yes", "no"),
    )


def _crossing(spec: AugmentationSpec) -> Question:
    d = AugmentationSpec()
    key = AugmentationSpec(
        **{**d.as_dict(), **{n: getattr(spec, n) for n in ("data", "own", "per_class", "seed", "near", "faults")}}
    )
    seen = checked(key)[2]
    return Question(
        f"crossing.{_name(spec)}.{spec.near}.{spec.faults}",
        "How many pictures have a copy in **another** part of the split? Within 2 counts.",
        float(len(seen.crossing)),
        f"{len(seen.crossing)} of {len(seen.groups)}. A test picture that was trained on says nothing about new pictures.",
        tolerance=2.0,
    )


def _risky(spec: AugmentationSpec) -> Question:
    found = text_draws(spec)
    risky = sum(bool(one.risk) for one in found)
    return Question(
        f"risky.{spec.sentence}.{spec.kind}.{spec.word_p}.{spec.seed}",
        f"In how many of the {len(found)} draws is a word touched that may turn the label round?",
        float(risky),
        f"In {risky}: a negation went or moved, or a word of feeling was lost.",
        tolerance=0.0,
    )
