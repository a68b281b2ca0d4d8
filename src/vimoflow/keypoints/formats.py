"""Keypoint files in and out: the project's own JSON, and plain npz."""

from __future__ import annotations

import contextlib
import json
import os
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError, OutputError
from vimoflow.keypoints.coco import COCO_NAMES
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.keypoints.sequence import Keypoints2D

_FORMAT, _VERSION = "vimoflow-keypoints", 1
# An hour of video at 30 fps. Parsed JSON can take twenty times the memory of its text.
_MAX_JSON_BYTES = 1 << 27
_MAX_NPZ_BYTES = 1 << 29
_MIN_FPS, _MAX_FPS = 1e-3, 10_000
_MAX_PX = 1e7
_MAX_SECONDS = 1e11  # clocks may count from 1970


def write_keypoints_json(keypoints: Keypoints2D, path: str | Path) -> None:
    """Write keypoints so that `read_keypoints` gives the same numbers back.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "source": keypoints.source,
        "estimator": keypoints.estimator,
        "image_size": list(keypoints.image_size),
        "joint_names": list(COCO_NAMES),
        "timestamps": keypoints.timestamps.tolist(),
        "points": keypoints.points.tolist(),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):  # it must not hide what went wrong first
            temporary.unlink()


def read_keypoints(path: str | Path, fps: float | None = None) -> Keypoints2D:
    """Read a keypoint file of any known format, told apart by what is in it.

    Known are the project's JSON and npz files with `points` (frames, 17, 3) in pixels and
    confidence, optionally `timestamps` (frames,) or `fps`, and `image_size` (width, height), which
    is otherwise taken from the points' extent.

    Args:
        path: the file.
        fps: frame rate in Hz; replaces the file's own times.

    Raises:
        InputError: the file is missing, damaged, of no known format, or its values make no sense.
    """
    path = Path(path)
    if fps is not None and not _MIN_FPS <= fps <= _MAX_FPS:
        raise InputError(f"{path}: a frame rate of {fps:g} Hz makes no sense")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a keypoint file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        limit = _MAX_NPZ_BYTES if is_zip else _MAX_JSON_BYTES
        if path.stat().st_size > limit:
            raise InputError(f"{path}: larger than {limit >> 20} MiB; split it, or use npz")
        return _read_npz(path, fps) if is_zip else _read_json(path, fps)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _read_json(path: Path, fps: float | None) -> Keypoints2D:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is neither JSON nor npz, or is damaged") from error
    for recognises, read in JSON_READERS:
        if recognises(document):
            return read(document, path, fps)
    raise InputError(f"{path}: is JSON, but of no known keypoint format")


def _is_own(document: Any) -> bool:
    return isinstance(document, dict) and document.get("format") == _FORMAT


def _read_own(document: Any, path: Path, fps: float | None) -> Keypoints2D:
    if document.get("version") != _VERSION:
        raise InputError(
            f"{path}: 'version' is {reprlib.repr(document.get('version'))}, "
            f"this program reads {_VERSION}; update one or the other"
        )
    if document.get("joint_names", list(COCO_NAMES)) != list(COCO_NAMES):
        raise InputError(f"{path}: 'joint_names' are not the 17 COCO keypoints in their order")
    return _keypoints(document, path, fps)


# A reader of another detector's JSON joins here: a test on the parsed document, and a reader.
JSON_READERS: list[
    tuple[Callable[[Any], bool], Callable[[Any, Path, float | None], Keypoints2D]]
] = [(_is_own, _read_own)]


def _read_npz(path: Path, fps: float | None) -> Keypoints2D:
    known = ("points", "timestamps", "fps", "image_size", "source", "estimator")
    arrays = read_plain_npz(path, known, _MAX_NPZ_BYTES)
    fields = {name: array if array.ndim else array.item() for name, array in arrays.items()}
    return _keypoints(fields, path, fps)


def _keypoints(fields: Mapping[str, Any], path: Path, fps: float | None) -> Keypoints2D:
    """Check the fields that all formats share; `fps` wins over the file's own clock."""
    points = _numbers(fields, "points", path)
    if points.ndim != 3 or points.shape[1:] != (17, 3) or len(points) == 0:
        raise InputError(f"{path}: 'points' has the shape {points.shape}, not (frames, 17, 3)")
    confidence = points[..., 2]
    if confidence.min() < 0 or confidence.max() > 1:
        raise InputError(f"{path}: 'points' has confidences outside 0 to 1")
    if np.abs(points[..., :2]).max() > _MAX_PX:
        raise InputError(f"{path}: 'points' has places beyond {_MAX_PX:g} pixels")
    return Keypoints2D(
        points=points,
        timestamps=_timestamps(fields, len(points), path, fps),
        image_size=_image_size(fields, points, path),
        source=str(fields.get("source", "")) or path.name,
        estimator=str(fields.get("estimator", "")),
    )


def _timestamps(
    fields: Mapping[str, Any], count: int, path: Path, fps: float | None
) -> Float[np.ndarray, "frames"]:
    if fps is None and "timestamps" not in fields:
        if "fps" not in fields:
            raise InputError(f"{path}: holds neither 'timestamps' nor 'fps'; give the frame rate")
        rate = _numbers(fields, "fps", path)
        if rate.size != 1 or not _MIN_FPS <= rate.item() <= _MAX_FPS:
            raise InputError(f"{path}: 'fps' is not one frame rate above 0")
        fps = rate.item()
    if fps is not None:
        return np.arange(count) / fps
    timestamps = _numbers(fields, "timestamps", path)
    if timestamps.shape != (count,):
        raise InputError(f"{path}: 'timestamps' does not hold one time for each of {count} frames")
    if np.abs(timestamps).max() > _MAX_SECONDS:
        raise InputError(f"{path}: 'timestamps' holds times beyond {_MAX_SECONDS:g} s")
    late = np.flatnonzero(np.diff(timestamps) <= 0)
    if len(late):
        raise InputError(f"{path}: 'timestamps' does not increase at frame {late[0] + 1}")
    return timestamps - timestamps[0]


def _image_size(
    fields: Mapping[str, Any], points: Float[np.ndarray, "frames 17 3"], path: Path
) -> tuple[int, int]:
    if "image_size" not in fields:
        seen = points[points[..., 2] > 0][:, :2]
        width, height = np.ceil(seen.max(axis=0)).clip(1) if len(seen) else (1.0, 1.0)
        return int(width), int(height)
    size = _numbers(fields, "image_size", path)
    if size.shape != (2,) or size.min() < 1 or size.max() > 1e6:
        raise InputError(f"{path}: 'image_size' is not a width and a height in pixels")
    return int(size[0]), int(size[1])


def _numbers(fields: Mapping[str, Any], name: str, path: Path) -> Float[np.ndarray, "..."]:
    if name not in fields:
        raise InputError(f"{path}: has no field '{name}'")
    try:
        values = np.asarray(fields[name], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: '{name}' is not a full array of numbers") from error
    if not np.isfinite(values).all():
        where = list(map(int, np.argwhere(~np.isfinite(values))[0]))
        raise InputError(f"{path}: '{name}' holds a NaN or infinity at {where}")
    return values
