"""The page to take home: the open operation as a report, and its numbers, every digit, as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.attention.layout import words
from core.attention_lab.caching import timed
from core.attention_lab.compute import Subject, ablation, forcing, named, patching, subject
from core.attention_lab.language import NAME, grams_of, shipped_run, written_texts
from core.attention_lab.lenses import look
from core.attention_lab.spec import LENSES, AttentionLabSpec
from core.attention_lab.writing import guesses
from core.report import Section, section, settings, to_csv

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]


def sections(spec: AttentionLabSpec) -> list[Section]:
    """The operation with its pictures, settings."""
    seen = look(subject(spec))
    lines = [line.removeprefix("- ") for sentence in seen.sentences for line in sentence.split("\n")]
    return [section(LENSES[spec.lens], replace(seen, sentences=lines)), settings(spec)]


def table(spec: AttentionLabSpec) -> str:
    """CSV of what the open operation measured."""
    return to_csv(*TABLES[spec.lens](subject(spec)))


def _ablated(who: Subject) -> Table:
    found = ablation(who)
    rows = zip(map(named, who.places), found.loss.ravel().tolist(), found.accuracy.ravel().tolist(), strict=True)
    return ("head off", "loss (nats)", "right answers"), [(", ".join(map(named, who.off)), *found.before), *rows]


def _forced(who: Subject) -> Table:
    f = forcing(who)
    right = words(who.task, who.arranged.targets[0][who.asked])
    rows = zip(right, f.said_before, f.said_after, f.before.tolist(), f.after.tolist(), strict=True)
    return ("right", "said", "said with forced weights", "p of the right token", "p with forced weights"), rows


def _patched(who: Subject) -> Table:
    p = patching(who)
    states = [
        (f"{stack}, {names[k]}", t, float(effect[k, t]))
        for stack, (names, effect) in p.stacks.items()
        for k, t in np.ndindex(effect.shape)
    ]
    heads = [(f"head {named(place)}", "all", effect) for place, effect in zip(who.places, p.heads.ravel().tolist(), strict=True)]  # fmt: skip
    return ("state that is patched", "token", "effect"), states + heads


def _written(who: Subject) -> Table:
    if who.task.name == NAME:
        return ("rule", "text", "bits per character"), [(w.rule, w.text, w.bits) for w in written_texts(who.spec)]
    plain, kept = guesses(who)
    names = words(who.task, np.arange(len(who.task.vocabulary)))
    return ("token", "probability", "after the filters"), zip(names, plain.tolist(), kept.tolist(), strict=False)


def _cached(who: Subject) -> Table:
    t = timed(who.spec)
    columns = (*t.seconds, *t.counts, t.formula, t.weighed)
    rows = zip(range(1, t.seconds.shape[1] + 1), *(column.tolist() for column in columns), strict=True)
    names = ("token", "seconds anew", "seconds cached", "multiply-adds anew", "multiply-adds cached", "bytes by formula", "bytes measured")  # fmt: skip
    return names, rows


def _learned(who: Subject) -> Table:
    run = shipped_run()
    counted = [(f"{n}-gram", "", bits) for n, bits in grams_of("").items()]
    return ("model", "step", "bits per character"), [*zip(["transformer"] * len(run.steps), run.steps.tolist(), run.bits.tolist(), strict=True), *counted]  # fmt: skip


TABLES: Mapping[str, Callable[[Subject], Table]] = {
    "ablate": _ablated,
    "force": _forced,
    "patch": _patched,
    "write": _written,
    "cache": _cached,
    "learn": _learned,
}
