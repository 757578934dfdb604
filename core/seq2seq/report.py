"""The page to take home: its pictures and sentences as a report, and the alignment as a table."""

from __future__ import annotations

from core.contracts import View
from core.report import Section, section, settings, to_csv
from core.seq2seq.compute import run_of
from core.seq2seq.lenses import about, look, top
from core.seq2seq.spec import LENSES, Seq2SeqSpec


def sections(spec: Seq2SeqSpec) -> list[Section]:
    """The answer, the closer look that is open, settings."""
    run = run_of(spec)
    return [
        section("The answer", View([about(spec, run)], figures=top(run))),
        section(LENSES[spec.lens], look(spec, run)),
        settings(spec),
    ]


def table(spec: Seq2SeqSpec) -> str:
    """CSV: a row for each token of the answer: what was said, what is right, its probability, and alpha by source token."""
    run = run_of(spec)
    names = ("place", "said", "right", "probability", *(f"alpha {j + 1} {w}" for j, w in enumerate(run.source_words())))
    said, right = run.words(run.said), run.words(run.y)
    return to_csv(names, ((i + 1, said[i], right[i], float(run.p[i, t]), *map(float, run.alpha[i])) for i, t in enumerate(run.said)))  # fmt: skip
