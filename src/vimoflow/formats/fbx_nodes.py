"""FBX 7 as bytes: a tree of named records with typed values.

The layout is that of "FBX binary file format specification" (Blender Foundation, 2013): offsets are
absolute, arrays are zlib streams, and a record with children ends in an empty one. What was read is
written again as it was: scalars keep their types, arrays and text their bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

VERSION = 7400
_WIDE = 7500  # from this version on offsets have 64 bits
_HEAD = b"Kaydara FBX Binary  \x00\x1a\x00"
_FOOT_ID = bytes.fromhex("fabcab09d0c8d466b1767b8105b5d18c".replace(" ", ""))
_FOOT_MAGIC = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
_ARRAYS = {"i4": b"i", "i8": b"l", "f4": b"f", "f8": b"d"}

_KINDS = {"i": "i4", "l": "i8", "f": "f4", "d": "f8", "b": "u1", "c": "u1"}
_SCALARS: dict[str, tuple[str, type[Any]]] = {
    "Y": ("h", np.int16), "C": ("B", np.uint8), "I": ("i", int),
    "F": ("f", np.float32), "D": ("d", float), "L": ("q", np.int64),
}  # fmt: skip
_MOST_RECORDS = 2_000_000
_DEEPEST = 64

Value: TypeAlias = Any  # bool, int, float, str, bytes, a number of numpy's, or an array


@dataclass(frozen=True)
class Record:
    """A record: ``np.int64`` for 64 bits, ``int`` for 32, ``bytes`` for raw ones.

    Attributes:
        block: it may hold children, even if it has none.
    """

    name: str
    values: tuple[Any, ...] = ()
    children: tuple[Record, ...] = ()
    block: bool = False

    def all(self, name: str) -> list[Record]:
        """The children of a name."""
        return [child for child in self.children if child.name == name]

    def numbers(self, name: str) -> np.ndarray | None:
        """The array that a child of that name holds; None without one."""
        values = next((c.values for c in self.children if c.name == name and c.values), ())
        return values[0].numbers() if values and isinstance(values[0], PackedArray) else None

    def properties(self) -> dict[str, tuple[Any, ...]]:
        """The values in ``Properties70``, by name."""
        rows = (row.values for block in self.all("Properties70") for row in block.all("P"))
        return {str(row[0]): row[4:] for row in rows if len(row) > 4}


def record(name: str, *parts: Value | Record) -> Record:
    """A record of values and children."""
    values = tuple(part for part in parts if not isinstance(part, Record))
    return Record(name, values, tuple(part for part in parts if isinstance(part, Record)))


def properties(*rows: tuple[Value, ...]) -> Record:
    """``Properties70``: rows of name, type, label, flags and values."""
    return record("Properties70", *(record("P", *row) for row in rows))


def to_bytes(roots: tuple[Record, ...], version: int = VERSION, foot_id: bytes = _FOOT_ID) -> bytes:
    """The whole file; ``version`` and ``foot_id`` are those of a file that was read."""
    data = bytearray(_HEAD + struct.pack("<I", version))
    for root in roots:
        _append(data, root, version >= _WIDE)
    data += bytes(_head_size(version >= _WIDE)) + foot_id
    data += b"\0" * (16 - len(data) % 16) + b"\0" * 4
    return bytes(data + struct.pack("<I", version) + b"\0" * 120 + _FOOT_MAGIC)


def _head_size(wide: bool) -> int:
    return 25 if wide else 13


def _append(data: bytearray, node: Record, wide: bool) -> None:
    start, name = len(data), _raw(node.name)
    values = b"".join(map(_value, node.values))
    data += bytes(_head_size(wide) - 1) + bytes([len(name)]) + name + values
    for child in node.children:
        _append(data, child, wide)
    if node.children or node.block or not node.values:
        data += bytes(_head_size(wide))
    numbers = (len(data), len(node.values), len(values))
    struct.pack_into("<QQQ" if wide else "<III", data, start, *numbers)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _value(value: Value) -> bytes:
    if isinstance(value, PackedArray):
        return struct.pack("<c3I", value.kind.encode(), value.count, value.packed,
                           len(value.data)) + value.data  # fmt: skip
    if isinstance(value, np.ndarray):
        packed = zlib.compress(np.ascontiguousarray(value).tobytes(), 1)
        return (
            _ARRAYS[value.dtype.str[1:]] + struct.pack("<3I", value.size, 1, len(packed)) + packed
        )
    if isinstance(value, bool):
        return struct.pack("<c?", b"C", value)
    for kind, (layout, type_) in _SCALARS.items():
        if isinstance(value, type_):
            return kind.encode() + struct.pack("<" + layout, value)
    kind, content = ("S", _raw(value)) if isinstance(value, str) else ("R", value)
    return kind.encode() + struct.pack("<I", len(content)) + content


@dataclass(frozen=True)
class PackedArray:
    """An array as it stands in a file; most of them, the meshes', are never looked at."""

    kind: str
    count: int
    packed: int
    data: bytes

    def numbers(self) -> np.ndarray:
        """The values, float64 or int64; ``ValueError`` where the data are too few or too many."""
        kind = np.dtype(f"<{_KINDS[self.kind]}")
        size, data = self.count * kind.itemsize, self.data
        if self.packed == 1:
            # A stream is of no more than a thousandth of what it holds.
            if size > 1100 * len(data) + 1100:
                raise ValueError("an array is longer than its data")
            data = zlib.decompressobj().decompress(data, size + 1)
        if len(data) != size:
            raise ValueError("an array is cut")
        return np.frombuffer(data, kind).astype("<f8" if self.kind in "fd" else "<i8")


def from_bytes(data: bytes) -> Record:
    """The tree of a binary file of version 7.0 or later; of its top the version and the foot's ID.

    Raises:
        ValueError, IndexError, struct.error: it is something else, cut or damaged.
    """
    if not data.startswith(_HEAD):
        raise ValueError("text FBX or no FBX at all; save it as binary FBX of 2011 or later")
    version = struct.unpack_from("<I", data, 23)[0]
    if not 7000 <= version < 8000:
        raise ValueError(f"version {version}; save it as binary FBX of 2011 or later")
    parser = _Parser(data, version >= _WIDE)
    roots = parser.records(27, len(data), 0)
    foot_id = data[parser.end : parser.end + 16]
    return Record("", (version, foot_id if len(foot_id) == 16 else _FOOT_ID), roots)


@dataclass
class _Parser:
    """Records of a file; each must end where it says and within the one that holds it."""

    data: bytes
    wide: bool
    left: int = _MOST_RECORDS
    end: int = 0  # of the records that were read last

    def records(self, at: int, end: int, depth: int) -> tuple[Record, ...]:
        if depth > _DEEPEST:
            raise ValueError("records lie too deep in each other")
        found, head = [], _head_size(self.wide)
        while at + head <= end:
            stop, count, size = struct.unpack_from("<QQQ" if self.wide else "<III", self.data, at)
            if stop == 0:
                break
            self.left -= 1
            first = at + head + self.data[at + head - 1]
            if self.left < 0 or not first + size <= stop <= end or count > size:
                raise ValueError("a record is longer than what holds it")
            values = self._values(first, first + size, count)
            children = self.records(first + size, stop, depth + 1)
            name = _text(self.data[at + head : first])
            found.append(Record(name, values, children, stop > first + size))
            at = stop
        self.end = at + head
        return tuple(found)

    def _values(self, at: int, end: int, count: int) -> tuple[Any, ...]:
        values: list[Any] = []
        for _ in range(count):
            kind, at = chr(self.data[at]), at + 1
            if kind in _SCALARS:
                layout, type_ = _SCALARS[kind]
                values.append(type_(struct.unpack_from("<" + layout, self.data, at)[0]))
                at += struct.calcsize("<" + layout)
            elif kind in "SR":
                at, start = at + 4 + struct.unpack_from("<I", self.data, at)[0], at + 4
                raw = self.data[start:at]
                values.append(_text(raw) if kind == "S" else raw)
            elif kind in _KINDS:
                length, packed, size = struct.unpack_from("<III", self.data, at)
                at, start = at + 12 + size, at + 12
                values.append(PackedArray(kind, length, packed, self.data[start:at]))
            else:
                raise ValueError("a value is of no known kind")
            if at > end:
                raise ValueError("a value is longer than its record")
        return tuple(values)
