"""A `Figure` as JSON that the browser draws: arrays as base64 of their bytes, films in one byte a value.

An array becomes Plotly's typed-array form {"dtype": "f4", "bdata": <base64>, "shape": "rows, columns"} (plotly.js,
lib/array.js, `decodeTypedArraySpec`), little-endian. Pictures need no float64, so float64 becomes float32, except where
a value lies outside float32's range of normal numbers (1.2e-38 to 3.4e38): gradients that vanish must not turn into 0.

A film needs no float32 either. `quantise(x, low, high)` keeps x in 255 levels, code 255 standing for NaN,

    code = round(254 (x - low) / (high - low)),    x ~ low + code (high - low) / 254,    |error| <= (high - low) / 508,

and the browser turns the codes back into values before it draws. So colour bar, hover and clicks show x itself, and no
axis or colour bar has to be labelled by hand.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from core.contracts import Figure

LEVELS = 254
NAN_CODE = 255


class Quantised(NamedTuple):
    """Values in `low` to `high` as one-byte codes; `numpy.asarray` gives the values back."""

    codes: np.ndarray
    low: float
    high: float

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self.low + self.codes * np.float32((self.high - self.low) / LEVELS)
        values = np.where(self.codes == NAN_CODE, np.nan, values)
        return values.astype(np.float32 if dtype is None else dtype)


def quantise(array: np.ndarray, low: float, high: float) -> Quantised:
    """`array` in one byte a value, between `low` and `high`; what lies outside is drawn at the nearer end."""
    width = float(high - low) or 1.0  # a constant film has one level
    codes = np.rint(np.clip((np.asarray(array, np.float64) - low) / width, 0.0, 1.0) * LEVELS)
    return Quantised(np.where(np.isnan(codes), NAN_CODE, codes).astype(np.uint8), float(low), float(low) + width)


def figure_json(figure: Figure) -> str:
    """The figure, its frames included, as strict JSON (no NaN)."""
    return json.dumps(encode(figure), allow_nan=False, separators=(",", ":"))


def encode(figure: Figure) -> dict[str, Any]:
    """The figure as plain dicts and lists that `json.dumps` takes."""
    return {
        "data": _plain(figure.data),
        "layout": _plain(figure.layout),
        "frames": [
            {"data": _plain(f.data), "traces": list(f.traces), "layout": _plain(f.layout)} for f in figure.frames
        ],
    }


def _plain(value: Any) -> Any:
    match value:
        case str() | bool() | int() | None:
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case Quantised():
            return {**_typed(value.codes), "scale": [value.low, value.high]}
        case dict() | Mapping():  # a dict is known at once, other mappings only after a search
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple() | range():
            return [_plain(v) for v in value]
        case np.ndarray():
            return _array(value)
        case np.generic():
            return _plain(value.item())
    raise TypeError(f"a figure cannot hold {type(value).__name__}; use numbers, text, lists, dicts and numpy arrays")


def _array(array: np.ndarray) -> Any:
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2, 3):
        return _plain(array.astype(str).tolist() if array.dtype.kind == "M" else array.tolist())
    return _typed(_narrow(array))


def _narrow(array: np.ndarray) -> np.ndarray:
    """`array` in the smallest type that the browser knows and a picture needs."""
    if array.dtype.kind in "iu":
        return array if array.dtype.itemsize < 4 else _narrow_integer(array)
    if array.dtype == np.float64 and not _fits_float32(array):
        return array
    return array.astype(np.float32)


def _narrow_integer(array: np.ndarray) -> np.ndarray:
    """The browser has no 64-bit integers: 32 bits where they suffice, else float64 (exact up to 2^53)."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low >= -(2**31) and high < 2**31:
        return array.astype(np.int32)
    return array.astype(np.uint32 if low >= 0 and high < 2**32 else np.float64)


def _fits_float32(array: np.ndarray) -> bool:
    size = np.abs(array[np.isfinite(array) & (array != 0)])
    limits = np.finfo(np.float32)
    return size.size == 0 or bool(size.min() >= limits.tiny and size.max() <= limits.max)


def _typed(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.itemsize > 1:
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    array = np.ascontiguousarray(array)
    spec = {"dtype": array.dtype.str[1:], "bdata": base64.b64encode(array).decode("ascii")}
    return spec if array.ndim == 1 else {**spec, "shape": ", ".join(map(str, array.shape))}
