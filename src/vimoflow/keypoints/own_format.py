"""The project's own keypoint files: JSON, written and read, and plain npz."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import InputError
from vimoflow.files import output_errors, write_text
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.keypoints.sequence import Keypoints2D

FORMAT, _VERSION = "vimoflow-keypoints", 1
MAX_NPZ_BYTES = 1 << 29
MIN_FPS, MAX_FPS = 1e-3, 10_000
_MAX_PX = 1e7
_MAX_SECONDS = 1e11  # clocks may count from 1970


class NoFrameRateError(InputError):
    """Keypoints are without times, and nobody gave the frame rate."""


def write_keypoints_json(keypoints: Keypoints2D, path: str | Path) -> None:
    """Write keypoints so that `read_keypoints` gives the same numbers back.

    Raises:
        OutputError: the file cannot be written.
    """
    document = {
        "format": FORMAT,
        "version": _VERSION,
        "source": keypoints.source,
        "estimator": keypoints.estimator,
        "image_size": list(keypoints.image_size),
        "joint_names": list(COCO_NAMES),
        "timestamps": keypoints.timestamps.tolist(),
        "points": keypoints.points.tolist(),
    }
    if keypoints.person:
        document["person"] = keypoints.person
    with output_errors(Path(path)):
        write_text(Path(path), json.dumps(document, allow_nan=False))


def is_own(document: Any) -> bool:
    """Whether parsed JSON says that it is the project's own."""
    return isinstance(document, dict) and document.get("format") == FORMAT


def read_own(document: Any, path: Path, fps: float | None) -> Keypoints2D:
    """Keypoints of the project's own JSON; ``InputError`` where a field makes no sense."""
    if document.get("version") != _VERSION:
        raise InputError(
            f"{path}: 'version' is {reprlib.repr(document.get('version'))}, "
            f"this program reads {_VERSION}; update one or the other"
        )
    if document.get("joint_names", list(COCO_NAMES)) != list(COCO_NAMES):
        raise InputError(f"{path}: 'joint_names' are not the 17 COCO keypoints in their order")
    return _keypoints(document, path, fps)


def read_npz(path: Path, fps: float | None) -> Keypoints2D:
    """Keypoints of a plain npz file; ``InputError`` where an array makes no sense."""
    known = ("points", "timestamps", "fps", "image_size", "source", "estimator", "person")
    arrays = read_plain_npz(path, known, MAX_NPZ_BYTES)
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
        timestamps=timestamps_of(fields, len(points), path, fps),
        image_size=image_size_of(fields, points, path),
        source=str(fields.get("source", "")) or path.name,
        estimator=str(fields.get("estimator", "")),
        person=str(fields.get("person", ""))[:60],
    )


def timestamps_of(
    fields: Mapping[str, Any], count: int, path: Path, fps: float | None
) -> Float[np.ndarray, " frames"]:
    """Seconds from the first frame: of ``fps``, else of the file's own times or rate."""
    if fps is None and "timestamps" not in fields:
        if "fps" not in fields:
            raise NoFrameRateError(
                f"{path}: holds neither 'timestamps' nor 'fps'; give the frame rate"
            )
        rate = _numbers(fields, "fps", path)
        if rate.size != 1 or not MIN_FPS <= rate.item() <= MAX_FPS:
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


def image_size_of(
    fields: Mapping[str, Any], points: Float[np.ndarray, "frames 17 3"], path: Path
) -> tuple[int, int]:
    """Width and height in pixels as the file states them, else the extent of what was seen."""
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
