"""The run's history as files for other tools: a table, and an event file that TensorBoard reads, written without TensorBoard.

An event file is a row of records (TensorFlow's TFRecord format):

    length (uint64)   mask(crc(length)) (uint32)   data   mask(crc(data)) (uint32)          all little-endian

crc is CRC-32C (G. Castagnoli, S. Bräuer, M. Herrmann, IEEE Trans. Communications 41, 1993; polynomial 0x82f63b78, reflected) and
mask(c) = ((c >> 15) | (c << 17)) + 0xa282ead8 mod 2³². data is a protocol buffer `Event`: wall_time = 1 (double), step = 2 (varint),
file_version = 3 (string), summary = 5, which holds `Value`s (1) of tag = 1 (string) and simple_value = 2 (float).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from core.report import to_csv
from core.training_loop.compute import Run

Scalar = tuple[str, int, float]  # tag, step, value


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x82F63B78 if byte & 1 else byte >> 1
        found.append(byte)
    return tuple(found)


TABLE = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C of the bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """The checksum as a record holds it."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """One record of the file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(crc32c(length))) + data + struct.pack("<I", masked(crc32c(data)))


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field of a protocol buffer."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def scalar_event(tag: str, step: int, value: float, when: float) -> bytes:
    """An `Event` with one number."""
    summary = _field(1, _field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
    return b"\x09" + struct.pack("<d", when) + b"\x10" + varint(step) + _field(5, summary)


def history(run: Run) -> list[Scalar]:
    """Every number that the loop logged: those of single steps at their step, those of an epoch at its last."""
    out: list[Scalar] = []
    for name, tag in (("losses", "loss/step"), ("rates", "rate"), ("gradient_norm", "gradient_norm")):
        out += [(tag, step, value) for step, value in enumerate(run.series(name).tolist(), 1)]
    ratios = run.series("update_norm") / np.maximum(run.series("weight_norm"), 1e-300) if run.epochs else np.empty((0, 0))  # fmt: skip
    for k, column in enumerate(ratios.T, 1):
        out += [(f"update_ratio/layer{k}", step, value) for step, value in enumerate(column.tolist(), 1)]
    out += [("loss/train", end, value) for end, value in zip(run.ends[1:], run.means, strict=True)]
    out += [("loss/validation", end, value) for end, value in zip(run.ends, run.val_loss.tolist(), strict=True)]
    return out + [("accuracy/validation", end, v) for end, v in zip(run.ends, run.val_accuracy.tolist(), strict=True)]


def event_file(scalars: Iterable[Scalar], when: float = 0.0) -> bytes:
    """The event file; all numbers carry the time `when` (seconds since 1970) plus a millisecond a step."""
    head = b"\x09" + struct.pack("<d", when) + _field(3, b"brain.Event:2")
    return record(head) + b"".join(
        record(scalar_event(tag, step, value, when + step / 1000)) for tag, step, value in scalars
    )


def table(run: Run) -> str:
    """CSV in long form: tag, step, value."""
    return to_csv(("tag", "step", "value"), history(run))
