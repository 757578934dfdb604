"""Drawn settings of a convolution, possible or not, and torch's own answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

Drawn = tuple[np.ndarray, np.ndarray, dict[str, Any]]


def pairs(low: int, high: int) -> st.SearchStrategy:
    """A whole number or a pair."""
    one = st.integers(low, high)
    return one | st.tuples(one, one)


@st.composite
def settings(draw: st.DrawFn) -> Drawn:
    """(image, kernel, settings); about half of them do not fit."""
    transposed = draw(st.booleans())
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    first, second = (channels, filters) if transposed else (filters, channels)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.normal(size=(channels, draw(st.integers(1, 7)), draw(st.integers(1, 7))))
    kernel = rng.normal(size=(first, second // groups, draw(st.integers(1, 4)), draw(st.integers(1, 4))))
    about: dict[str, Any] = {
        "stride": draw(pairs(1, 3)),
        "padding": draw(pairs(0, 3)),
        "dilation": draw(pairs(1, 3)),
        "groups": groups,
    }
    if transposed:
        about |= {"transposed": True, "output_padding": draw(pairs(0, 2))}
    else:
        about["mode"] = draw(st.sampled_from(["zeros", "reflect", "circular", "replicate"]))
    return image, kernel, about


def both(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def by_torch(x: torch.Tensor, w: torch.Tensor, about: dict[str, Any]) -> torch.Tensor:
    """The same convolution by torch.nn.functional; RuntimeError where torch refuses it."""
    stride, padding, dilation = (both(about[name]) for name in ("stride", "padding", "dilation"))
    if about.get("transposed"):
        out = both(about["output_padding"])
        return torch.nn.functional.conv_transpose2d(x[None], w, None, stride, padding, out, about["groups"], dilation)[
            0
        ]
    mode = {"zeros": "constant"}.get(about["mode"], about["mode"])
    (top, left) = padding
    seen = torch.nn.functional.pad(x[None], (left, left, top, top), mode=mode)
    return torch.nn.functional.conv2d(seen, w, None, stride, 0, dilation, about["groups"])[0]
