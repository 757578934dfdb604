"""Text becomes numbers: three tokenizers, padding and its mask, and word vectors trained live."""

from __future__ import annotations

from core.contracts import Figure
from core.data.tokenizers import BPE
from core.text_tokens import figures as draw
from core.text_tokens.code import script
from core.text_tokens.compute import numbers
from core.text_tokens.lenses import View, about, look, top, worked
from core.text_tokens.questions import questions
from core.text_tokens.report import sections, table
from core.text_tokens.spec import EXAMPLES, MOST_OWN, TOUR
from core.text_tokens.spec import TextTokensSpec as SPEC
from core.text_tokens.texts import TALE
from core.text_tokens.vectors import at_once, belongs, keep, resolved, space_of, train, training_part

__all__ = [
    "EXAMPLES",
    "MOST_OWN",
    "SPEC",
    "TOUR",
    "View",
    "about",
    "at_once",
    "belongs",
    "draw",
    "figures",
    "keep",
    "look",
    "numbers",
    "questions",
    "resolved",
    "script",
    "sections",
    "space_of",
    "table",
    "thumbnail",
    "top",
    "train",
    "training_part",
    "worked",
]


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**top(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The page's first sentence as tokens, for the card on the home page."""
    bpe = BPE.train(TALE, SPEC().vocabulary)
    ids = bpe.encode(SPEC().probe)
    return draw.thumbnail(ids, bpe.words(ids))
