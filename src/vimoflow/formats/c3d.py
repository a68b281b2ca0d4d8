"""C3D: markers at joints and COCO points.

The layout is that of "The C3D File Format User Guide" (Motion Lab Systems, 2008): blocks of 512
bytes, a header, groups of named parameters, and a row of x, y, z and residual a marker and frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import InputError
from vimoflow.files import output_errors, write_bytes
from vimoflow.formats.file_space import METRES, FileSpace
from vimoflow.formats.markers import Markers, markers_of
from vimoflow.formats.takes import damaged, read_file, tidy_rate
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times

_BLOCK, _MAGIC, _INTEL = 512, 0x50, 84
_DATA_START = 9  # block at which the frames begin; blocks are counted from 1
_ORDERS = {84: "<", 86: ">"}  # Intel, MIPS; DEC's floats are of another kind
_KINDS = {-1: "S1", 1: "i1", 2: "i2", 4: "f4"}
_MOST_FRAMES, _MOST_MARKERS = 65535, 2000
_USUAL = FileSpace("z", "mm")  # as laboratories have it
_SCREENS = {"y": "+Y", "z": "+Z"}


def write_c3d(motion: Motion, path: str | Path, space: FileSpace = _USUAL) -> None:
    """Write markers at the motion's joints and COCO points; an uneven clock is resampled evenly.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = at_even_times(motion)
    names, places = markers_of(motion)
    frames, shown = len(motion), min(len(motion), _MOST_FRAMES)
    last = np.array([frames & 0xFFFF, frames >> 16], "<u2")
    parameters = _block(
        _group(1, "POINT"),
        _parameter(1, "USED", np.array(len(names), "<i2")),
        _parameter(1, "FRAMES", np.array(shown, "<u2")),
        _parameter(1, "SCALE", np.array(-1.0, "<f4")),
        _parameter(1, "RATE", np.array(motion.fps, "<f4")),
        _parameter(1, "DATA_START", np.array(_DATA_START, "<i2")),
        _parameter(1, "UNITS", _text([space.unit])),
        _parameter(1, "X_SCREEN", _text(["+X"])),
        _parameter(1, "Y_SCREEN", _text([_SCREENS[space.up]])),
        _parameter(1, "LABELS", _text(list(names))),
        _parameter(1, "DESCRIPTIONS", _text([""] * len(names))),
        _group(2, "ANALOG"),
        _parameter(2, "USED", np.array(0, "<i2")),
        _group(3, "TRIAL"),
        _parameter(3, "ACTUAL_START_FIELD", np.array([1, 0], "<u2")),
        _parameter(3, "ACTUAL_END_FIELD", last),
    )
    head = struct.pack(
        "<BB5HfHHf", 2, _MAGIC, len(names), 0, 1, shown, 0, -1.0, _DATA_START, 0, motion.fps
    )
    rows = np.zeros((frames, len(names), 4), "<f4")
    rows[..., :3] = space.points(places)
    with output_errors(Path(path)):
        write_bytes(Path(path), head.ljust(_BLOCK, b"\0") + parameters + rows.tobytes())


def _block(*records: bytes) -> bytes:
    """The parameters' section, of as many blocks as are kept free for it."""
    data = struct.pack("<4B", 1, _MAGIC, _DATA_START - 2, _INTEL) + b"".join(records) + b"\0\0"
    return data.ljust((_DATA_START - 2) * _BLOCK, b"\0")


def _group(number: int, name: str) -> bytes:
    return struct.pack("<bb", len(name), -number) + name.encode() + struct.pack("<hB", 3, 0)


def _parameter(group: int, name: str, values: np.ndarray) -> bytes:
    kind = {"S": -1, "i": 2, "u": 2, "f": 4}[values.dtype.kind]
    shape = values.shape[::-1]  # the first index runs fastest
    content = struct.pack(f"<bB{len(shape)}B", kind, len(shape), *shape) + values.tobytes() + b"\0"
    head = struct.pack("<bb", len(name), group) + name.encode()
    return head + struct.pack("<h", 2 + len(content)) + content


def _text(words: list[str]) -> np.ndarray:
    width = max(map(len, words)) or 1
    padded = b"".join(word.ljust(width).encode() for word in words)
    letters = np.frombuffer(padded, "S1").reshape(len(words), width)
    return letters if len(words) > 1 else letters[0]


def read_c3d(path: str | Path) -> Markers:
    """The markers of a file; those of a negative residual were not seen.

    Raises:
        InputError: the file is damaged, or of a computer by DEC.
    """
    path = Path(path)
    data = read_file(path)
    with damaged(path, "C3D", ValueError, IndexError, KeyError, struct.error, OverflowError):
        if len(data) < 2 * _BLOCK or data[1] != _MAGIC:
            raise InputError(f"{path}: not a C3D file")
        return _Reader.of(data).markers(path)


@dataclass(frozen=True)
class _Reader:
    """A file's bytes, their order, and the parameters by name."""

    data: bytes
    order: str
    parameters: dict[str, np.ndarray]

    @classmethod
    def of(cls, data: bytes) -> _Reader:
        at = (data[0] - 1) * _BLOCK
        if data[at + 3] not in _ORDERS:
            raise ValueError(f"numbers of an unknown computer, {data[at + 3]}")
        order = _ORDERS[data[at + 3]]
        return cls(data, order, dict(_parameters(data, at + 4, order)))

    def markers(self, path: Path) -> Markers:
        point = {
            k.partition(":")[2]: v for k, v in self.parameters.items() if k.startswith("POINT:")
        }
        used, analog, first, last = struct.unpack_from(self.order + "4H", self.data, 2)
        scale = struct.unpack_from(self.order + "f", self.data, 12)[0]
        start = struct.unpack_from(self.order + "H", self.data, 16)[0]
        frames = int(last) - int(first) + 1
        if "TRIAL:ACTUAL_END_FIELD" in self.parameters and last == _MOST_FRAMES:
            words = self.parameters["TRIAL:ACTUAL_END_FIELD"].reshape(-1).astype(np.int64) & 0xFFFF
            frames = int(words[0] + 65536 * words[1]) - int(first) + 1
        kind = np.dtype(self.order + ("f4" if scale < 0 else "i2"))
        width, offset = 4 * used + analog, (start - 1) * _BLOCK
        size = frames * width * kind.itemsize
        if (
            not 0 < used <= _MOST_MARKERS
            or frames < 1
            or start < 2
            or offset + size > len(self.data)
        ):
            raise ValueError("it declares more frames or markers than it holds")
        rows = np.frombuffer(self.data, kind, frames * width, offset).reshape(frames, width)
        places = rows[:, : 4 * used].reshape(frames, used, 4).astype(np.float64)
        places[..., :3] *= 1.0 if scale < 0 else scale
        places[places[..., 3] < 0] = np.nan
        names = self._labels(point, used)
        unit = (_words(point["UNITS"]) or ["mm"])[0].lower() if "UNITS" in point else "mm"
        rate = float(struct.unpack_from(self.order + "f", self.data, 20)[0])
        rate = float(point["RATE"].reshape(-1)[0]) if "RATE" in point else rate
        if unit not in METRES or not 1e-3 < rate < 1e4:
            raise ValueError(f"a unit '{unit[:10]}' or a rate that makes no sense")
        screen = (_words(point["Y_SCREEN"]) or [""])[0] if "Y_SCREEN" in point else ""
        up = next((axis for axis, sign in _SCREENS.items() if sign == screen), None)
        times = np.arange(frames) / tidy_rate(rate)
        return Markers(names, places[..., :3] * METRES[unit], times, up)

    def _labels(self, point: dict[str, np.ndarray], used: int) -> tuple[str, ...]:
        more = [f"LABELS{k}" for k in ("", *range(2, 20))]
        words = [word for key in more if key in point for word in _words(point[key])]
        return tuple([*words, *[""] * used][:used])


def _parameters(data: bytes, at: int, order: str) -> list[tuple[str, np.ndarray]]:
    """GROUP:NAME and values; groups may come after their parameters."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, np.ndarray]] = []
    while at + 2 < len(data) and data[at]:
        length, group = (
            abs(struct.unpack_from("b", data, at)[0]),
            struct.unpack_from("b", data, at + 1)[0],
        )
        name = data[at + 2 : at + 2 + length].decode("latin-1").upper()
        at += 2 + length
        step = struct.unpack_from(order + "h", data, at)[0]
        if group < 0:
            groups[-group] = name
        else:
            found.append((group, name, _values(data, at + 2, order)))
        if step <= 0:
            break
        at += step
    return [(f"{groups.get(group, '')}:{name}", values) for group, name, values in found]


def _values(data: bytes, at: int, order: str) -> np.ndarray:
    kind, dimensions = struct.unpack_from("bB", data, at)
    shape = tuple(data[at + 2 : at + 2 + dimensions])
    dtype = np.dtype(_KINDS[kind]).newbyteorder(">" if order == ">" else "<")
    count = int(np.prod(shape, dtype=np.int64)) if len(shape) <= 7 else -1
    if not 0 <= count * dtype.itemsize <= len(data):
        raise ValueError("a parameter is larger than the file")
    return np.frombuffer(data, dtype, count, at + 2 + dimensions).reshape(shape[::-1])


def _words(letters: np.ndarray) -> list[str]:
    if letters.dtype.kind != "S" or not letters.size:
        return []
    rows: Any = letters.reshape(-1, letters.shape[-1])
    return [b"".join(letter or b" " for letter in row).decode("latin-1").strip() for row in rows]
