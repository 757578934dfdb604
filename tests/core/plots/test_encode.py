"""What the browser will decode is what Python held: every type, the corners of the number ranges, and the promised error."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pytest

from core.contracts import Figure, Frame
from core.plots.encode import encode, figure_json, quantise


def decode(spec: dict) -> np.ndarray:
    """The browser's side of the typed-array form, without `scale`."""
    flat = np.frombuffer(base64.b64decode(spec["bdata"]), np.dtype("<" + spec["dtype"]))
    return flat.reshape([int(n) for n in spec["shape"].split(",")]) if "shape" in spec else flat


def sent(value: object) -> object:
    """`value` as the browser receives it inside a trace."""
    return json.loads(figure_json(Figure([{"z": value}], {}, "", "")))["data"][0]["z"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("float64", "f4"), ("float32", "f4"), ("float16", "f4"), ("int64", "i4"), ("int32", "i4"), ("int16", "i2"),
        ("int8", "i1"), ("uint8", "u1"), ("uint16", "u2"), ("uint32", "i4"), ("uint64", "i4"), (">f8", "f4"), (">i2", "i2"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3), (0,), (0, 3)])
def test_numbers_arrive_as_they_were(given, kept, shape):
    array = np.arange(math.prod(shape)).reshape(shape).astype(given)
    spec = sent(array)
    assert spec["dtype"] == kept
    np.testing.assert_array_equal(decode(spec), array)


def test_rows_arrive_in_order_when_memory_is_not():
    array = np.arange(12.0).reshape(3, 4).T[::-1]
    np.testing.assert_array_equal(decode(sent(array)), array)


@pytest.mark.parametrize("extreme", [1e-60, 1e39, -1e300, 1e-39])
def test_values_that_float32_would_lose_stay_float64(extreme):
    array = np.array([0.0, 1.0, np.nan, np.inf, extreme])
    assert sent(array)["dtype"] == "f8"
    np.testing.assert_array_equal(decode(sent(array)), array)


@pytest.mark.parametrize("edge", [np.finfo(np.float32).tiny, np.finfo(np.float32).max, 0.0, np.nan, -np.inf])
def test_values_that_float32_holds_become_float32(edge):
    array = np.array([1.0, edge], np.float64)
    assert sent(array)["dtype"] == "f4"
    np.testing.assert_array_equal(decode(sent(array)), array)


@pytest.mark.parametrize(
    ("value", "kept"), [(2**31 - 1, "i4"), (2**31, "u4"), (-(2**31), "i4"), (2**32, "f8"), (-(2**31) - 1, "f8")]
)
def test_integers_beyond_32_bits_stay_exact(value, kept):
    array = np.array([0, value], np.int64)
    assert sent(array)["dtype"] == kept
    assert decode(sent(array))[1] == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([True, False]), [True, False]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["a", 1, None, math.nan], object), ["a", 1, None, None]),
        (np.array(["2024-02-29", "2024-03-01"], "datetime64[D]"), ["2024-02-29", "2024-03-01"]),
        (np.float64(0.5), 0.5),
        (np.float32("nan"), None),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(3.0), 3.0),
        ((1, 2.5, math.inf, -math.inf, math.nan), [1, 2.5, None, None, None]),
        ({"deep": [{"a": math.nan}]}, {"deep": [{"a": None}]}),
        (range(3), [0, 1, 2]),
    ],
)
def test_everything_else_becomes_plain_json(value, expected):
    assert sent(value) == expected


def test_a_stranger_is_refused_by_name():
    with pytest.raises(TypeError, match="cannot hold complex"):
        sent(1j)


def test_frames_and_layout_are_encoded_too():
    frame = Frame([{"y": np.array([1.0, 2.0])}], [1], {"shapes": [{"x0": np.float64(3)}]})
    content = encode(Figure([{}, {}], {"xaxis": {"range": np.array([0, 1], np.uint8)}}, "", "", [frame]))
    assert content["frames"][0]["traces"] == [1]
    assert content["frames"][0]["layout"] == {"shapes": [{"x0": 3.0}]}
    np.testing.assert_array_equal(decode(content["frames"][0]["data"][0]["y"]), [1, 2])
    np.testing.assert_array_equal(decode(content["layout"]["xaxis"]["range"]), [0, 1])


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1e-6), (-5.0, 1000.0)])
def test_quantised_values_are_within_half_a_level(low, high):
    x = np.random.default_rng(0).uniform(low, high, (40, 50))
    error = np.abs(np.asarray(quantise(x, low, high), np.float64) - x).max()
    half = (high - low) / 508
    assert 0.9 * half < error <= half * (1 + 1e-3)


def test_quantised_ends_are_exact_and_outside_is_clipped():
    q = quantise(np.array([-9.0, -1.0, 0.0, 1.0, 9.0, np.nan, np.inf]), -1.0, 1.0)
    np.testing.assert_array_equal(q.codes, [0, 0, 127, 254, 254, 255, 254])
    np.testing.assert_allclose(np.asarray(q), [-1, -1, 0, 1, 1, np.nan, 1], atol=1e-7)


def test_a_constant_film_keeps_its_value():
    np.testing.assert_array_equal(np.asarray(quantise(np.full((2, 2), 3.0), 3.0, 3.0)), np.full((2, 2), 3.0))


def test_a_quantised_array_is_sent_as_bytes_with_its_scale():
    spec = sent(quantise(np.array([[0.0, 0.5], [1.0, np.nan]]), 0.0, 1.0))
    assert (spec["dtype"], spec["shape"], spec["scale"]) == ("u1", "2, 2", [0.0, 1.0])
    np.testing.assert_array_equal(decode(spec), [[0, 127], [254, 255]])
