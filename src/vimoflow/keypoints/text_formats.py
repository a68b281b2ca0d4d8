"""Keypoints as text tables: DeepLabCut's CSV, Sports2D's TRC of pixels, and plain CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.keypoints.joint_sets import coco_index
from vimoflow.keypoints.sightings import Recording, Sighting, checked
from vimoflow.notes import note

_AXES = {"x": 0, "y": 1, "likelihood": 2, "confidence": 2, "c": 2, "score": 2}
_METRES = 20.0  # no picture is so small, no person so tall
_PIXELS = ("px", "pixel", "pixels", "", "m")  # Sports2D writes "m" over its pixels, too
_FLAT = 1e-6  # of the third coordinate
_MAX_FRAME = 1e9


def read_text(text: str, path: Path) -> Recording | None:
    """What a table holds; None where it is of no known kind.

    Raises:
        InputError: a kind is recognised, but the values make no sense.
    """
    if text.startswith("PathFileType"):
        return _read_trc([line.split("\t") for line in text.splitlines()], path)
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error:
        return None
    if rows and rows[0][0] == "scorer":
        return _read_deeplabcut(rows, path)
    if rows and "frame" in rows[0]:
        return _read_plain(rows, path)
    return None


def _read_deeplabcut(rows: Sequence[Sequence[str]], path: Path) -> Recording:
    header = {row[0]: row[1:] for row in rows[:4]}
    if "bodyparts" not in header or "coords" not in header:
        raise InputError(f"{path}: has no header rows 'bodyparts' and 'coords'")
    body = rows[4 if "individuals" in header else 3 :]
    width = len(header["coords"])
    individuals = header.get("individuals", [""] * width)
    body = _whole_rows(body, width + 1, path)
    columns: dict[str, list[tuple[int, int, int]]] = {}
    for place, (name, part, axis) in enumerate(
        zip(individuals, header["bodyparts"], header["coords"], strict=False)
    ):
        index = coco_index(part)
        if index is not None and axis in _AXES:
            columns.setdefault(name, []).append((place + 1, index, _AXES[axis]))
    return _table("deeplabcut", body, columns, list(range(len(body))), path)


def _read_trc(rows: Sequence[Sequence[str]], path: Path) -> Recording:
    if len(rows) < 6 or len(rows[2]) < 4 or "Frame#" not in rows[3]:
        raise InputError(f"{path}: is a TRC file with a damaged header")
    _check_flat_pixels(rows, path)
    markers = rows[3][2::3]
    columns = [
        (2 + 3 * place + axis, index, axis)
        for place, marker in enumerate(markers)
        for axis in (0, 1)
        if (index := coco_index(marker)) is not None
    ]
    body = [row for row in rows[5:] if any(cell.strip() for cell in row)]
    recording = _table("trc", body, {"": columns}, list(range(len(body))), path)
    points = np.stack([one.points for one in recording.sightings] or [np.zeros((17, 3))])
    if 0 < np.abs(points[..., :2]).max() < _METRES:
        raise InputError(f"{path}: holds metres; give the TRC file of pixels (..._px_...)")
    times = tuple(_number(row[1] if len(row) > 1 else "", "Time", path) for row in body)
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise InputError(f"{path}: 'Time' does not increase")
    fps = _number(rows[2][0], "DataRate", path)
    return Recording("trc", recording.sightings, recording.frames, fps, times)


def _check_flat_pixels(rows: Sequence[Sequence[str]], path: Path) -> None:
    """Refuse markers in space: by the header's unit, or by a third coordinate that is not zero."""
    titles = [title.strip().lower() for title in rows[1]]
    unit = ""
    if "units" in titles and titles.index("units") < len(rows[2]):
        unit = rows[2][titles.index("units")].strip().lower()
    if unit not in _PIXELS:
        raise InputError(
            f"{path}: 'Units' are {unit[:10]!r}: it holds markers in space, not in the picture; "
            "give the TRC file of pixels (..._px_...)"
        )
    depths = [cell for row in rows[5:] for cell in row[4::3] if cell.strip()]
    if any(abs(_number(cell, "Z", path)) > _FLAT for cell in depths):
        raise InputError(
            f"{path}: its markers have a third coordinate: they are in space, not in the picture; "
            "give the TRC file of pixels (..._px_...)"
        )


def _whole_rows(rows: Sequence[Sequence[str]], width: int, path: Path) -> Sequence[Sequence[str]]:
    """The rows but a last one that was cut; an error where others are not of this width."""
    wrong = [place for place, row in enumerate(rows) if len(row) != width]
    if not wrong:
        return rows
    if wrong == [len(rows) - 1] and len(rows) > 1 and len(rows[-1]) < width:
        note(
            f"{path}: the last row holds {len(rows[-1])} of {width} values, the file was cut: "
            f"{len(rows) - 1} rows were read"
        )
        return rows[:-1]
    row = rows[wrong[0]]
    raise InputError(
        f"{path}: row {wrong[0] + 1} holds {len(row)} values, the header {width}; rows are "
        "not as long as the header"
    )


def _read_plain(rows: Sequence[Sequence[str]], path: Path) -> Recording:
    header = list(rows[0])
    columns = []
    for place, title in enumerate(header):
        part, _, axis = title.rpartition("_")
        index = coco_index(part)
        if index is not None and axis in _AXES:
            columns.append((place, index, _AXES[axis]))
    at = header.index("frame")
    body = _whole_rows(rows[1:], len(header), path)
    frames = []
    for row in body:
        number = _number(row[at] if at < len(row) else "", "frame", path)
        if not (0 <= number <= _MAX_FRAME and number == int(number)):
            raise InputError(f"{path}: 'frame' is not a whole number from 0 to {_MAX_FRAME:g}")
        frames.append(int(number))
    people = None
    if "person" in header:
        people = [row[header.index("person")] for row in body]
    found = _table("csv", body, {"": columns}, frames, path, people)
    if "time" not in header:
        return found
    place = header.index("time")
    clock = {
        frame: _number(row[place] if place < len(row) else "", "time", path)
        for frame, row in zip(frames, body, strict=True)
    }
    return Recording("csv", found.sightings, tuple(clock), times=tuple(clock.values()))


def _table(
    kind: str,
    rows: Sequence[Sequence[str]],
    columns: dict[str, list[tuple[int, int, int]]],
    frames: Sequence[int],
    path: Path,
    people: Sequence[str] | None = None,
) -> Recording:
    """Sightings of rows; ``columns`` are (column, keypoint, axis) of each person."""
    columns = {name: places for name, places in columns.items() if places}
    if not columns:
        raise InputError(f"{path}: none of its points has the name of a COCO keypoint")
    found = []
    for position, (row, frame) in enumerate(zip(rows, frames, strict=True)):
        for name, places in columns.items():
            points = _row_points(row, places, path)
            who = name if people is None else people[position]
            if points[:, 2].any():
                found.append(Sighting(frame, checked(points, path, f"row {position + 1}"), who))
    return Recording(kind, tuple(found), tuple(frames))


def _row_points(
    row: Sequence[str], places: Sequence[tuple[int, int, int]], path: Path
) -> Float[np.ndarray, "17 3"]:
    points = np.full((17, 3), np.nan)
    points[list({index for _, index, _ in places}), 2] = 1.0
    for place, index, axis in places:
        points[index, axis] = _number(row[place] if place < len(row) else "", "row", path)
    # An empty cell is how these tables say that a point was not found.
    return np.where(np.isnan(points).any(axis=1, keepdims=True), 0.0, points)


def _number(cell: str, name: str, path: Path) -> float:
    if not cell.strip():
        return float("nan")
    try:
        return float(cell)
    except ValueError as error:
        raise InputError(f"{path}: '{name}' holds {cell[:30]!r}, not a number") from error
