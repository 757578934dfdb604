"""The page to take home: its pictures and sentences as a report, and the vocabulary or the word vectors as a table."""

from __future__ import annotations

from core.contracts import View
from core.report import Section, section, settings, to_csv
from core.text_tokens.compute import study_of
from core.text_tokens.lenses import about, look, top
from core.text_tokens.spec import LENSES, TextTokensSpec
from core.text_tokens.vectors import at_once, quick, resolved, whole


def sections(spec: TextTokensSpec) -> list[Section]:
    """The tokens, the closer look that is open, settings."""
    return [
        section("The text to encode", View([about(spec)], figures=top(spec))),
        section(LENSES[spec.lens], look(spec)),
        settings(spec),
    ]


def table(spec: TextTokensSpec) -> str:
    """CSV: every word with its vector where the lens shows vectors; else every token of the chosen vocabulary."""
    if spec.lens == "embeddings":
        spec, _ = resolved(spec)
        space = whole(spec) if at_once(spec) else quick(spec)
        names = ("word", *(f"u{k}" for k in range(1, space.vectors.shape[1] + 1)))
        return to_csv(names, ((word, *map(float, u)) for word, u in zip(space.words, space.vectors, strict=True)))
    tokenizer = study_of(spec).tokenizers[spec.tokenizer]
    ids = range(len(tokenizer.vocabulary))
    return to_csv(("number", "token"), zip(ids, tokenizer.words(ids), strict=True))
