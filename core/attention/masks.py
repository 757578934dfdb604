"""Where a query may look: boolean masks (query, key), True for allowed. The causal one is models.attention.causal."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from core.errors import ExplainerError


def local(queries: int, window: int, keys: int | None = None) -> Bool[Tensor, "queries keys"]:
    """True where query and key stand at most `window` tokens apart."""
    i, j = torch.arange(queries)[:, None], torch.arange(queries if keys is None else keys)
    return (i - j).abs() <= window


def padding(tokens: Int[Tensor, "... keys"], pad: int) -> Bool[Tensor, "... 1 keys"]:
    """False for the keys that are padding: no query may look there."""
    return (tokens != pad).unsqueeze(-2)


def drawn(queries: int, keys: int, crossed: str) -> Bool[Tensor, "queries keys"]:
    """Everything but the cells that a visitor crossed out, written "query-key" and parted by commas: "0-1,3-2".

    Raises:
        ExplainerError: a part is no such pair. Cells outside the picture are left out.
    """
    mask = torch.ones(queries, keys, dtype=torch.bool)
    for cell in filter(None, crossed.split(",")):
        row, _, column = cell.partition("-")
        if not (row.isdecimal() and column.isdecimal() and row.isascii() and column.isascii() and len(cell) < 9):
            raise ExplainerError(f"{cell[:20]!r} is no cell of a mask; write query-key, as in 0-1,3-2")
        if int(row) < queries and int(column) < keys:
            mask[int(row), int(column)] = False
    return mask
