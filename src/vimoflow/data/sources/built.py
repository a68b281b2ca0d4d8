"""Data sets made by ``vimoflow data build``: its own motions with the keypoints they came from."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.recording import Recording
from vimoflow.errors import InputError
from vimoflow.formats.amass_npz import read_amass
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.motion.canonical import canonical_motion

NAME = "built"
_MAX_BYTES = 1 << 28


def list_built(folder: Path) -> list[Path]:
    """The clips of a data set, sorted.

    Raises:
        InputError: the folder is none.
    """
    files = sorted((Path(folder) / "amass").glob("*.npz"))
    if not files or not _manifest_of(files[0]).is_file():
        raise InputError(f"{folder}: no data set made by `vimoflow data build`, or an empty one")
    return files


def files_beside(path: Path) -> list[Path]:
    """What a clip's recording depends on besides its own file: the data set's manifest."""
    return [_manifest_of(path)]


def _manifest_of(path: Path) -> Path:
    return path.parents[1] / "manifest.json"


def read_built_file(path: Path) -> Recording:
    """One clip, with its split by source video and its real keypoints.

    The motion is in its camera's frame, so the view's heading is zero.

    Raises:
        InputError: the clip or the manifest is damaged.
    """
    splits = _splits(_manifest_of(path))
    if path.stem not in splits:
        raise InputError(f"{path}: is not in the data set's manifest")
    motion = read_amass(path)
    levelled = canonical_motion(
        torch.from_numpy(motion.local_rotations),
        torch.from_numpy(motion.trans).double(),
        fps=MODEL_FPS,
    )
    points = read_plain_npz(path, ("joints2d",), _MAX_BYTES).get("joints2d")
    if points is None or points.shape != (len(motion), 17, 3) or not np.isfinite(points).all():
        raise InputError(f"{path}: 'joints2d' are not the 17 keypoints of each frame")
    split = splits[path.stem]
    return Recording(
        path.stem,
        NAME,
        "validation" if split == "validation" else "train",
        levelled,
        keypoints_px=points[None].astype(np.float32),
        heading_of_view=np.zeros(1, dtype=np.float32),
    )


@lru_cache(maxsize=4)
def _splits(manifest: Path) -> dict[str, str]:
    try:
        return {
            str(k): str(v) for k, v in json.loads(manifest.read_text("utf-8"))["splits"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{manifest}: damaged, or not the manifest of a data set") from error
