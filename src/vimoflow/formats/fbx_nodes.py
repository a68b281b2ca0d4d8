"""FBX 7.4 as bytes: a tree of named records with typed values.

The layout is that of "FBX binary file format specification" (Blender Foundation, 2013): offsets are
absolute, arrays are zlib streams, and a record with children ends in an empty one.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Union

import numpy as np

VERSION = 7400
_HEAD = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", VERSION)
_NULL_RECORD = b"\0" * 13
_FOOT_ID = bytes.fromhex("fabcab09d0c8d466b1767b8105b5d18c".replace(" ", ""))
_FOOT_MAGIC = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
_ARRAYS = {"i4": b"i", "i8": b"l", "f4": b"f", "f8": b"d"}

Value = Union[bool, int, float, str, bytes, np.integer, np.ndarray]


@dataclass(frozen=True)
class Record:
    """A record: ``np.int64`` for 64 bits, ``int`` for 32, ``bytes`` for raw ones."""

    name: str
    values: tuple[Value, ...] = ()
    children: tuple[Record, ...] = ()


def record(name: str, *parts: Value | Record) -> Record:
    """A record of values and children."""
    values = tuple(part for part in parts if not isinstance(part, Record))
    return Record(name, values, tuple(part for part in parts if isinstance(part, Record)))


def properties(*rows: tuple[Value, ...]) -> Record:
    """``Properties70``: rows of name, type, label, flags and values."""
    return record("Properties70", *(record("P", *row) for row in rows))


def to_bytes(roots: tuple[Record, ...]) -> bytes:
    """The whole file."""
    data = bytearray(_HEAD)
    for root in roots:
        _append(data, root)
    data += _NULL_RECORD + _FOOT_ID
    data += b"\0" * (16 - len(data) % 16) + b"\0" * 4
    return bytes(data + struct.pack("<I", VERSION) + b"\0" * 120 + _FOOT_MAGIC)


def _append(data: bytearray, node: Record) -> None:
    start, name = len(data), node.name.encode()
    values = b"".join(map(_value, node.values))
    data += b"\0" * 12 + bytes([len(name)]) + name + values
    for child in node.children:
        _append(data, child)
    if node.children or not node.values:
        data += _NULL_RECORD
    struct.pack_into("<III", data, start, len(data), len(node.values), len(values))


def _value(value: Value) -> bytes:
    if isinstance(value, np.ndarray):
        packed = zlib.compress(np.ascontiguousarray(value).tobytes(), 1)
        return _ARRAYS[value.dtype.str[1:]] + struct.pack("<3I", value.size, 1, len(packed)) + packed
    if isinstance(value, bool):
        return struct.pack("<c?", b"C", value)
    if isinstance(value, np.integer):
        return struct.pack("<cq", b"L", int(value))
    if isinstance(value, int):
        return struct.pack("<ci", b"I", value)
    if isinstance(value, float):
        return struct.pack("<cd", b"D", value)
    kind, content = (b"S", value.encode()) if isinstance(value, str) else (b"R", value)
    return kind + struct.pack("<I", len(content)) + content
