"""Keypoint files in and out: the project's own JSON, and plain npz."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError, OutputError
from vimoflow.keypoints.coco import COCO_NAMES
from vimoflow.keypoints.sequence import Keypoints2D

_FORMAT, _VERSION = "vimoflow-keypoints", 1
# Two hours of video at 60 fps; more is no keypoint file.
_MAX_BYTES = 1 << 29


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
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


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
    if fps is not None and not 0 < fps <= 10_000:
        raise InputError(f"{path}: a frame rate of {fps:g} Hz makes no sense")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a keypoint file")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: is too large to be a keypoint file")
        with path.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
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
            f"{path}: 'version' is {document.get('version')!r}, this program reads {_VERSION}; "
            "update one or the other"
        )
    if document.get("joint_names", list(COCO_NAMES)) != list(COCO_NAMES):
        raise InputError(f"{path}: 'joint_names' are not the 17 COCO keypoints in their order")
    return _keypoints(document, path, fps)


# A reader of another detector's JSON joins here: a test on the parsed document, and a reader.
JSON_READERS: list[
    tuple[Callable[[Any], bool], Callable[[Any, Path, float | None], Keypoints2D]]
] = [(_is_own, _read_own)]


def _read_npz(path: Path, fps: float | None) -> Keypoints2D:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
                raise InputError(f"{path}: is too large to be a keypoint file")
        with np.load(path, allow_pickle=False) as arrays:
            known = ("points", "timestamps", "fps", "image_size", "source", "estimator")
            fields = {name: arrays[name].tolist() for name in known if name in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: is a damaged npz file, or holds pickled objects") from error
    return _keypoints(fields, path, fps)


def _keypoints(fields: Mapping[str, Any], path: Path, fps: float | None) -> Keypoints2D:
    """Check the fields that all formats share; `fps` wins over the file's own clock."""
    points = _numbers(fields, "points", path)
    if points.ndim != 3 or points.shape[1:] != (17, 3) or len(points) == 0:
        raise InputError(f"{path}: 'points' has the shape {points.shape}, not (frames, 17, 3)")
    confidence = points[..., 2]
    if confidence.min() < 0 or confidence.max() > 1:
        raise InputError(f"{path}: 'points' has confidences outside 0 to 1")
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
        if rate.size != 1 or not 0 < rate.item() <= 10_000:
            raise InputError(f"{path}: 'fps' is not one frame rate above 0")
        fps = rate.item()
    if fps is not None:
        return np.arange(count) / fps
    timestamps = _numbers(fields, "timestamps", path)
    if timestamps.shape != (count,):
        raise InputError(f"{path}: 'timestamps' does not hold one time for each of {count} frames")
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
