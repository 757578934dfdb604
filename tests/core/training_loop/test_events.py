"""The event file, read back by its own rules, and the table."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from core.training_loop import SPEC, events, run_of, table
from core.training_loop.events import crc32c, event_file, history, masked, varint

FAST = SPEC(points=100, epochs=3, width=8, depth=1)


def records(data: bytes) -> list[bytes]:
    """The data of each record; every checksum is tried, bit by bit."""
    out, at = [], 0
    while at < len(data):
        (n,), (check,) = struct.unpack_from("<Q", data, at), struct.unpack_from("<I", data, at + 8)
        body = data[at + 12 : at + 12 + n]
        assert check == masked(bitwise(data[at : at + 8]))
        assert struct.unpack_from("<I", data, at + 12 + n)[0] == masked(bitwise(body))
        out.append(body)
        at += 16 + n
    return out


def bitwise(data: bytes) -> int:
    """CRC-32C by polynomial division, one bit after the other."""
    crc = 0xFFFFFFFF
    for byte in data:
        for k in range(8):
            bit = (crc ^ byte >> k) & 1
            crc = crc >> 1 ^ (0x82F63B78 if bit else 0)
    return crc ^ 0xFFFFFFFF


def fields(data: bytes) -> dict[int, object]:
    """A protocol buffer's fields by number (the last of each)."""
    found, at = {}, 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        kind = key & 7
        if kind == 0:
            found[key >> 3] = number()
        elif kind == 1:
            found[key >> 3], at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == 5:
            found[key >> 3], at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            length = number()
            found[key >> 3], at = data[at : at + length], at + length
    return found


def test_the_checksum_is_crc32c():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    assert crc32c(bytes(range(256))) == bitwise(bytes(range(256)))


@pytest.mark.parametrize(("value", "expected"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_numbers_of_any_length(value, expected):
    assert varint(value) == expected


def test_the_event_file_holds_the_history():
    logged = history(run_of(FAST))
    head, *rest = records(events(FAST, 1000.0))
    assert fields(head)[3] == b"brain.Event:2"
    assert len(rest) == len(logged)
    for (tag, step, value), body in zip(logged, rest, strict=True):
        event = fields(body)
        inner = fields(fields(event[5])[1])
        assert (inner[1].decode(), event.get(2)) == (tag, step)
        assert inner[2] == np.float32(value)
        assert event[1] == pytest.approx(1000.0 + step / 1000)


def test_an_empty_history_is_a_file_too():
    assert len(records(event_file([]))) == 1
    assert history(run_of(SPEC(points=100, epochs=3, stand=0)))[0][0] == "loss/validation"


def test_the_table_keeps_every_digit():
    run = run_of(FAST)
    lines = table(FAST).splitlines()
    assert lines[0] == "tag,step,value"
    assert len(lines) == 1 + len(history(run))
    assert float(lines[1].split(",")[2]) == run.series("losses")[0]
