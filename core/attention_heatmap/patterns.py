"""What the heads of a language model do, where nobody knows what they should look at: four patterns, measured.

    previous   mean over the rows i of a_i,i-1         first   mean of a_i0        itself   mean of a_ii
    induction  the same model reads tokens that were drawn at random, twice in a row; the mean weight that the second time gives to
               what followed the token the first time

A head that looks ahead of everything at the first token is often one that has nothing to say: the weights have to add up to 1.

Source: C. Olsson et al., "In-context learning and induction heads", arXiv:2209.11895, 2022, section "definition of induction heads".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.attention.tracing import trace
from core.attention_heatmap.compute import Reading
from core.attention_heatmap.subjects import Subject
from core.rng import generator

REPEATED = 24  # tokens that are said twice
DRAWS = 4
NAMES = {
    "previous": "the token before",
    "first": "the first token",
    "itself": "itself",
    "induction": "what followed the last time",
}


@dataclass(frozen=True, eq=False)
class Patterns:
    """Each pattern as (layer, head): a mean weight, 0 to 1."""

    shares: dict[str, Float[np.ndarray, "layer head"]]


def patterns(found: Reading) -> Patterns:
    """The four of them: three for the text on screen, the last for random tokens."""
    return Patterns(
        {name: values.double().numpy() for name, values in on_screen(found.seen.weights[0]).items()}
        | {"induction": induction(found.subject)}
    )


def on_screen(weights: Float[Tensor, "layer head token key"]) -> dict[str, Float[Tensor, "layer head"]]:
    """The patterns of one map; a single token has none before it."""
    n = weights.shape[-1]
    before = weights.diagonal(-1, -2, -1)
    return {
        "previous": before.mean(-1) if n > 1 else torch.zeros(weights.shape[:2]).to(weights),
        "first": weights[..., 0].mean(-1),
        "itself": weights.diagonal(0, -2, -1).mean(-1),
    }


@lru_cache(maxsize=4)
def induction(shown: Subject) -> Float[np.ndarray, "layer head"]:
    """The induction score of every head, on DRAWS sequences behind the model's first token."""
    count = min(REPEATED, (shown.model.shape.length - 1) // 2)
    drawn = torch.randint(len(shown.task.vocabulary), (DRAWS, count), generator=generator(0, "repeated"))
    begin = torch.full((DRAWS, 1), shown.read("")[0] if shown.read("") else 0)
    with torch.no_grad():
        weights = trace(shown.model, torch.cat([begin, drawn, drawn], 1)).weights
    rows = torch.arange(1 + count, 1 + 2 * count)  # the second time
    return weights[..., rows, rows - count + 1].mean((0, -1)).double().numpy()
