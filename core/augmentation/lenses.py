"""The closer looks, as data: sentences, figures, tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from core.augmentation import figures as draw
from core.augmentation.compute import (
    PLAIN,
    WITH,
    Judged,
    album,
    arms,
    draws,
    judge,
    key_of,
    mix_of,
    mixtures,
    pair,
    source_set,
)
from core.augmentation.learning import NOISES, SHIFTS, TURNS
from core.augmentation.spec import AugmentationSpec, stages
from core.augmentation.transforms import CHANGES
from core.augmentation.words import BACK_TRANSLATION, Draw
from core.augmentation.words import draw as draw_words
from core.contracts import Figure, Step, View
from core.data.image_checks import Report, facts_of, report
from core.data.image_sets import split
from core.data.images import ImageSet
from core.data.pictures import fitted, fractions
from core.plots.tiles import pixels
from core.plots.words import short
from core.rng import numpy_generator

LEVELS = (SHIFTS, TURNS, NOISES)
PARTS = ("training", "validation", "test")
MOST_PAIRS, MOST_ROWS, SENTENCES = 10, 200, 8
ABOVE_CHANCE = 0.15  # by which a network must be right more often than by chance to judge a change


def look(spec: AugmentationSpec) -> View:
    """The open lens of a resolved Spec."""
    return {"effect": effect, "labels": labels, "mix": mix, "data": data, "text": text}[spec.lens](spec)


def about(spec: AugmentationSpec) -> str:
    """What is on screen, in one paragraph."""
    runs, seen = pair(spec), album(spec)
    a, b = runs[PLAIN], runs[WITH]
    return (
        f"**{len(seen.x)} training and {len(seen.x_test)} test pictures** in {len(seen.classes)} classes ({seen.source}). Test accuracy: "
        f"plain **{a.test[-1]:.3f}**, augmented **{b.test[-1]:.3f}**. On harder test pictures (shifted, turned, noisy): plain **{a.held:.3f}**, augmented **{b.held:.3f}**."
    )


def tiles(spec: AugmentationSpec) -> Figure:
    """The chosen picture of a resolved Spec and its draws."""
    seen = album(spec)
    return draw.draws(draws(spec), seen.classes[int(seen.y[spec.picture % len(seen.y)])])


def curves(spec: AugmentationSpec) -> Figure:
    """The test accuracy of both networks of a resolved Spec."""
    return draw.live({name: run.test.tolist() for name, run in pair(spec).items()})


# Does it help?


def effect(spec: AugmentationSpec) -> View:
    """Robustness of both networks, one seed."""
    runs = pair(spec)
    values = {name: run.harder[None] for name, run in runs.items()}
    gap = runs[WITH].held - runs[PLAIN].held
    word = "more" if gap >= 0 else "less"
    return View(
        [
            f"One seed: on the harder pictures the augmented network is right {abs(100 * gap):.1f} percentage points {word} often than the plain one. "
            "A single seed may mislead; the measurement with several seeds repeats both, and leaves out one change at a time."
        ],
        params=("per_class", "epochs", "seeds"),
        figures={"robust": draw.robustness(values, LEVELS)},
        rows=_effect_rows(values),
    )


def _effect_rows(values: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    return [
        {
            "trained": arm, "seeds": len(seen), "unchanged": f"{seen[:, 0, 0].mean():.3f}", "shifted": f"{seen[:, 0, 1:].mean():.3f}",
            "turned": f"{seen[:, 1, 1:].mean():.3f}", "noisy": f"{seen[:, 2, 1:].mean():.3f}",
            "all harder": f"{seen[:, :, 1:].mean():.3f}", "± over seeds": f"{seen[:, :, 1:].mean(axis=(1, 2)).std():.3f}",
        }
        for arm, seen in values.items()
    ]  # fmt: skip


def belongs(arrays: Mapping[str, np.ndarray], spec: AugmentationSpec) -> bool:
    """Whether a job's arrays are those of these settings."""
    return np.array_equal(arrays["key"], key_of(spec))


def measured(spec: AugmentationSpec, arrays: Mapping[str, np.ndarray]) -> View:
    """The job's results so far: arms that have at least one finished seed."""
    done = {arm: seen[~np.isnan(seen).any(axis=(1, 2))] for arm, seen in zip(arms(spec), arrays["harder"], strict=True)}
    done = {arm: seen for arm, seen in done.items() if len(seen)}
    figures, sentences = {}, []
    if done:
        figures["robust"] = draw.robustness(done, LEVELS)
    if {PLAIN, WITH} <= done.keys():
        k = min(len(done[PLAIN]), len(done[WITH]))
        gap = (done[WITH][:k] - done[PLAIN][:k])[:, :, 1:].mean(axis=(1, 2))
        sentences.append(
            f"Augmented less plain on harder pictures: {100 * gap.mean():+.1f} percentage points, over {k} seeds from {100 * gap.min():+.1f} to {100 * gap.max():+.1f}."
        )
        full = {arm: seen for arm, seen in done.items() if len(seen) == len(done[WITH])}
        if any(arm.startswith("without") for arm in full):
            figures["gains"] = draw.gains(full)
    return View(sentences, figures=figures, rows=_effect_rows(done))


def live(arrays: Mapping[str, np.ndarray], spec: AugmentationSpec) -> dict[str, list[float]]:
    """Arm -> mean test accuracy over the seeds so far, after each epoch that all of them have."""
    found = {}
    for arm, seen in zip(arms(spec), arrays["test"], strict=True):
        begun = seen[~np.isnan(seen[:, 0])]
        if len(begun):
            found[arm] = begun[:, ~np.isnan(begun).any(axis=0)].mean(axis=0).tolist()
    return found


# Does the label survive?


def labels(spec: AugmentationSpec) -> View:
    """Where the plain network puts each class after the chosen change."""
    found, seen = judge(spec), album(spec)
    title = CHANGES[spec.change].title
    return View(
        [warning(spec, found)],
        params=("change",),
        figures={
            "flow": draw.flow(found.moved, seen.classes, title, found.exchanges),
            "pairs": draw.pairs(found.pictures, title),
        },
        rows=[
            {
                "true class": seen.classes[label],
                "unchanged, taken for": seen.classes[a],
                "changed, taken for": seen.classes[b],
            }
            for label, (a, b) in zip(found.labels, found.answers, strict=True)
        ],
    )


def warning(spec: AugmentationSpec, found: Judged) -> str:
    """What the measurement says about the chosen change."""
    classes, title = album(spec).classes, CHANGES[spec.change].title
    kept, was = (float(np.trace(table) / len(table)) for table in (found.moved, found.before))
    words = f"**{title}**: the plain network names {100 * was:.0f} % of a class rightly on average before the change, {100 * kept:.0f} % after it. "
    if was < 1 / len(classes) + ABOVE_CHANCE:
        return words + f"By chance it would be {100 / len(classes):.0f} %, so this network knows too little to judge a change. Give it more pictures a class or more epochs."  # fmt: skip
    if found.exchanges:
        told = "; ".join(
            f"{classes[c]} → {classes[d]} {100 * found.moved[c, d]:.0f} %, {classes[d]} → {classes[c]} {100 * found.moved[d, c]:.0f} %"
            for c, d in found.exchanges
        )
        return words + f":warning: **This change breaks labels.** It makes classes into each other: {told}. Trained on it, a network learns wrong labels."  # fmt: skip
    if kept < was - 0.2:
        return words + "No two classes change places, so the labels may hold and the network may merely be unused to the change. Look at the pictures: would you still give them their label?"  # fmt: skip
    return words + "Hardly anything moves: this change keeps the labels, as far as this network can tell."


# Mixed labels


def mix(spec: AugmentationSpec) -> View:
    """A few mixed pictures with their labels."""
    x, t = mixtures(spec)
    name = {"mixup": "MixUp", "cutmix": "CutMix"}[mix_of(spec)]
    entropy = -np.sum(np.where(t > 0, t * np.log2(np.where(t > 0, t, 1)), 0), axis=1)
    said = "" if spec.mix != "none" else " (the pipeline mixes nothing at present)"
    return View(
        [
            f"**{name}**{said}, α = {spec.alpha:g}: each picture keeps λ of its own label, {short(float(t.max(axis=1).mean()))} of one class on average; "
            f"a label holds {short(float(entropy.mean()))} bit of doubt (1 bit: half and half)."
        ],
        figures={"mixtures": draw.mixtures(x, t, album(spec).classes)},
    )


# Look at your data first


def faulty(found: ImageSet, seed: int) -> ImageSet:
    """The set with known faults: three exact copies, three brighter ones of which one has a wrong label, a blank, a rare class."""
    g = numpy_generator(seed, "faults")
    rare = np.flatnonzero(found.labels == 0)
    keep = np.setdiff1d(np.arange(len(found.labels)), rare[max(2, len(rare) // 4) :])
    copied = g.permutation(keep[found.labels[keep] != 0])[:6]
    images = [found.images[n] for n in keep]
    y = [int(found.labels[n]) for n in keep]
    for k, n in enumerate(copied):
        image = found.images[n]
        images.append(image.copy() if k < 3 else np.clip(image * 1.04 + 3, 0, 255).astype(np.uint8))
        y.append(int(found.labels[n]) if k < 5 else (int(found.labels[n]) + 1) % len(found.classes))
    images.append(np.full_like(images[0], 128))
    y.append(1 % len(found.classes))
    names = (*(found.names[n] for n in keep), *(f"planted copy of {found.names[n]}" for n in copied), "planted blank")
    return ImageSet(tuple(images), np.array(y, np.int64), found.classes, names, found.rejected, found.source)


@lru_cache(maxsize=8)
def checked(spec: AugmentationSpec) -> tuple[ImageSet, tuple[np.ndarray, ...], Report]:
    """The set, its split and what the checks say."""
    found = source_set(spec)
    found = faulty(found, spec.seed) if spec.faults else found
    parts = split(found.labels, (0.7, 0.15, 0.15), spec.seed)
    return found, parts, report(found, parts, spec.near)


def data(spec: AugmentationSpec) -> View:
    """Counts, copies, sizes and brightness of the whole set, before any training."""
    d = AugmentationSpec()
    found, parts, seen = checked(
        replace(d, data=spec.data, own=spec.own, per_class=spec.per_class, seed=spec.seed, near=spec.near, faults=spec.faults)
    )  # fmt: skip
    place = np.zeros(len(found.labels), np.int64)
    for k, rows in enumerate(parts):
        place[rows] = k
    split_counts = {
        name: np.bincount(found.labels[rows], minlength=len(found.classes))
        for name, rows in zip(PARTS, parts, strict=True)
    }
    odd = np.union1d(seen.blank, seen.unusual)
    facts = facts_of(found.images)
    shown = {
        "counts": draw.counts(found.classes, split_counts),
        "brightness": draw.brightness(facts.brightness, facts.contrast, found.labels, found.classes, odd),
    }
    if seen.pairs:
        tiles = [
            tuple(pixels(fitted(fractions(found.images[n]), (3, 48, 48))) for n in one[:2])
            for one in seen.pairs[:MOST_PAIRS]
        ]
        shown["copies"] = draw.copies(tiles)
    rows = [
        {"finding": "copy" if p.exact else f"near copy, {p.bits} bits", "picture": found.names[p.second], "of": found.names[p.first], "where": f"{PARTS[place[p.first]]} and {PARTS[place[p.second]]}", "labels": " and ".join(dict.fromkeys(found.classes[found.labels[n]] for n in p[:2]))}
        for p in seen.pairs[:MOST_ROWS]
    ] + [
        {"finding": "blank" if n in seen.blank else "unusual brightness", "picture": found.names[n], "of": "", "where": PARTS[place[n]], "labels": found.classes[found.labels[n]]}
        for n in odd[:MOST_ROWS]
    ]  # fmt: skip
    return View(findings(found, seen), params=("faults", "near"), figures=shown, rows=rows)


def findings(found: ImageSet, seen: Report) -> list[str]:
    """The report in sentences."""
    low, high = seen.facts.size.min(axis=0), seen.facts.size.max(axis=0)
    sizes = f"{low[1]} x {low[0]}" if (low == high).all() else f"{low[1]} x {low[0]} to {high[1]} x {high[0]}"
    rare = found.classes[int(seen.counts.argmin())]
    balance = (
        f"the largest class has {seen.imbalance:.1f} times as many as the smallest ({rare})"
        if seen.imbalance
        else f"class {rare} has none"
    )
    exact = sum(p.exact for p in seen.pairs)
    return [
        f"**{len(found.images)} pictures** of {sizes} pixels in {len(found.classes)} classes; {balance}.",
        f"**{exact} exact and {len(seen.pairs) - exact} near copies.** {len(seen.crossing)} pictures have a copy in another part of the split: they leak from training into the test. "
        f"{len(seen.conflicts)} belong to copies with different labels: one of those is wrong. Blank: {len(seen.blank)}; unusually dark or light: {len(seen.unusual)}.",
    ]


# Sentences


def text_draws(spec: AugmentationSpec) -> list[Draw]:
    """A few draws of the sentence."""
    g = numpy_generator(spec.seed, "sentences", spec.kind)
    return [draw_words(spec.sentence, spec.kind, spec.word_p, g) for _ in range(SENTENCES)]


def text(spec: AugmentationSpec) -> View:
    """Draws of a sentence with what went and what came, and the way there and back through another language."""
    found = text_draws(spec)
    risky = sum(bool(one.risk) for one in found)
    return View(
        [
            *(difference(one) for one in found),
            f"**{risky} of {len(found)} draws** touch a word that may turn the label round.",
            "**Back-translation** sends a sentence through another language and back; a translation model does it, so here is one example worked out beforehand:",
            *(f"*{way}:* {sentence}" for way, sentence in BACK_TRANSLATION),
        ],
        params=("sentence", "kind", "word_p"),
        rows=[{"draw": k + 1, "sentence": one.text, "may mislead, for": one.risk} for k, one in enumerate(found)],
    )


def difference(one: Draw) -> str:
    """A draw in Markdown: gone words struck out, new ones bold, a warning where the meaning may turn."""
    styled = {"same": "{}", "gone": "~~{}~~", "new": "**{}**"}
    parts = [styled[kind].format(escaped(words)) for kind, words in one.marks]
    return "- " + " ".join(parts) + (f"  :orange[:material/warning: {one.risk}]" if one.risk else "")


def escaped(words: str) -> str:
    """A visitor's words in Markdown, as they are."""
    return "".join("\\" + c if c in "\\`*_{}[]()#+-!|<>$~:" else c for c in words)


# Formula tab


def worked(spec: AugmentationSpec) -> list[Step]:
    """The formulas with the numbers on screen."""
    runs = pair(spec)
    first = stages(spec)
    told = ", ".join(rf"\text{{{CHANGES[s.name].title.lower()}}}\ ({s.amount:g},\ p={s.p:g})" for s in first) or r"\text{nothing}"  # fmt: skip
    a, b = runs[PLAIN], runs[WITH]
    return [
        Step("The pipeline", latex=(told,)),
        Step("Accuracy on unchanged test pictures", latex=(rf"\text{{plain}}\ {a.test[-1]:.4f}\qquad \text{{augmented}}\ {b.test[-1]:.4f}",)),
        Step("Mean over shifted, turned and noisy test pictures", latex=(rf"\text{{plain}}\ {a.held:.4f}\qquad \text{{augmented}}\ {b.held:.4f}",)),
    ]  # fmt: skip
