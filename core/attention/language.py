"""A text as a task: at every character, say the next one. Where a model ought to look for that is not known, so no head is marked.

    tokens   c_1 .. c_T, a window drawn at a random place of the text         targets   c_2 .. c_T+1

The last tenth of the text is kept aside: examples come from before it, tests from within. A model is judged by its bits per character,
the mean of -log2 p(c_t+1 | c_1 .. c_t), on the same characters as the n-grams of core/data/ngrams.py.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from core.attention.tasks import IGNORED, Draw, Sample, Task
from core.data.corpora import Corpus, own, python
from core.data.ngrams import judged, warm
from models.transformer import Transformer

NAME = "text"
WINDOW = 128  # characters
EXAMPLE = "If the object is a class, the "


@lru_cache(maxsize=8)
def corpus_of(text: str) -> Corpus:
    """A visitor's text; for an empty one Python's help pages.

    Raises:
        ExplainerError: the text cannot be learned from.
    """
    return own(text.encode()) if text else python()


@lru_cache(maxsize=8)
def language(text: str = "") -> Task:
    """The task of going on with a text."""
    corpus = corpus_of(text)
    codes = torch.from_numpy(corpus.codes)
    known, kept = codes[: corpus.border], codes[corpus.border :]
    shown = "".join(c for c in EXAMPLE if c in corpus.signs) if text else EXAMPLE
    return Task(
        NAME, "Go on with a text", tuple(corpus.signs), WINDOW, 2, WINDOW, _windows(known), continued, "Say the character that comes next",
        leftward=True, example=shown if len(shown) > 1 else corpus.text[:20], scored=False, unseen=_windows(kept),
    )  # fmt: skip


def _windows(codes: Int[Tensor, " N"]) -> Draw:
    """Draws windows of a text; where it is shorter than a window, windows as long as there are."""

    def draw(batch: int, length: int, g: torch.Generator) -> Sample:
        length = min(length, len(codes) - 1)
        starts = torch.randint(len(codes) - length, (batch,), generator=g)
        rows = codes[starts[:, None] + torch.arange(length + 1)]
        return _sample(rows[:, :-1], rows[:, 1:])

    return draw


def continued(x: Int[Tensor, "batch token"]) -> Sample:
    """At each token the next one; what follows the last is not known."""
    return _sample(x, torch.cat([x[:, 1:], torch.full_like(x[:, :1], IGNORED)], 1))


def _sample(x: Tensor, y: Tensor) -> Sample:
    return Sample(x, y, torch.zeros(*x.shape, x.shape[1], dtype=torch.bool))


@torch.no_grad()
def bits(model: Transformer, corpus: Corpus) -> float:
    """Bits per character on the kept part of a text: chunks from an empty start, whose first characters are only read."""
    chunks, first = torch.from_numpy(judged(corpus)), warm(judged(corpus))
    logits = model(chunks[:, :-1])[:, first - 1 :]
    return float(F.cross_entropy(logits.flatten(0, 1), chunks[:, first:].flatten())) / math.log(2)


def text_of(task: Task, tokens: Int[Tensor, " token"] | Int[np.ndarray, " token"]) -> str:
    """Codes as a text."""
    return "".join(task.vocabulary[t] for t in tokens.tolist())
