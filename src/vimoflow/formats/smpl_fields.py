"""SMPL parameters under the names that people save them by, brought to one set of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import matrix_to_axis_angle
from vimoflow.motion.skeleton import joint
from vimoflow.notes import note

WIDTHS = {72: "SMPL", 156: "SMPL-H", 165: "SMPL-X"}
BODY = joint("left_hand")  # the joints before the hands are the same in all three models
WHOLE = ("poses", "pose", "thetas", "theta", "smpl_poses", "fullpose", "full_pose", "smpl_thetas")
ROOTS = ("root_orient", "global_orient", "root_orientation")
BODIES = ("pose_body", "body_pose")
PATHS = ("trans", "transl", "translation", "smpl_trans", "root_translation", "Th")
RATES = ("mocap_framerate", "mocap_frame_rate", "mocap_frame_rates", "fps", "framerate")
NAMES = (*WHOLE, *ROOTS, *BODIES, *PATHS, *RATES)
_MAX_METRES = 1e4


@dataclass(frozen=True)
class SmplFields:
    """What a file says of a body.

    Attributes:
        poses: axis-angle of our 24 joints; the root in the file's own axes, hands zero unless the
            file is SMPL's.
        trans: SMPL's translation, metres.
        usual_up: the axis that is up in files of this kind, "z" or "y"; None where both occur.
    """

    poses: Float[np.ndarray, "frames 24 3"]
    trans: Float[np.ndarray, "frames 3"]
    usual_up: str | None


def smpl_fields(fields: Mapping[str, np.ndarray], path: Path) -> SmplFields:
    """Poses and translation out of named arrays.

    Known are axis-angles (frames, 72 | 156 | 165) or (frames, joints, 3), a root (frames, 3) and a
    body of 21 or 23 joints, and rotation matrices (frames, joints, 3, 3) in place of any of them.
    Without a translation the figure stays on one spot, with a note.

    Raises:
        InputError: fields are missing, do not fit each other, or hold NaN.
    """
    whole, root = _first(fields, WHOLE), _first(fields, ROOTS)
    body = _first(fields, BODIES)
    if whole is not None:
        name, flat = whole, _flat(fields, whole, path)
        usual = None if flat.shape[1:] == (72,) else "z"
    elif root is not None and body is not None:
        name, flat = body, _of_parts(fields, root, body, path)
        usual = "z" if root == ROOTS[0] else "y"
    else:
        raise InputError(
            f"{path}: not an AMASS or SMPL motion, it has no {'/'.join(WHOLE[:3])}, nor "
            f"{'/'.join(ROOTS[:2])} with {'/'.join(BODIES)}"
        )
    if flat.ndim != 2 or flat.shape[1] not in WIDTHS or not len(flat):
        known = ", ".join(f"{width} ({name})" for width, name in WIDTHS.items())
        raise InputError(
            f"{path}: '{name}' has shape {fields[name].shape}, expected (frames, {known})"
        )
    poses = np.zeros((len(flat), 24, 3))
    joints = 24 if flat.shape[1] == 72 else BODY
    poses[:, :joints] = flat[:, : 3 * joints].reshape(-1, joints, 3)
    return SmplFields(poses, _translation(fields, len(flat), path), usual)


def _of_parts(fields: Mapping[str, np.ndarray], root: str, body: str, path: Path) -> np.ndarray:
    parts = [_flat(fields, name, path) for name in (root, body)]
    if (
        parts[0].shape[1:] != (3,)
        or parts[1].shape[1:] not in ((63,), (69,))
        or (len(parts[0]) != len(parts[1]))
    ):
        raise InputError(
            f"{path}: '{root}' and '{body}' do not fit {[fields[n].shape for n in (root, body)]}"
        )
    hands = np.zeros((len(parts[0]), 99 if parts[1].shape[1] == 63 else 0))
    return np.concatenate([*parts, hands], axis=1)


def _translation(fields: Mapping[str, np.ndarray], frames: int, path: Path) -> np.ndarray:
    name = _first(fields, PATHS)
    if name is None:
        note(f"{path}: has no path ({'/'.join(PATHS[:2])}); the figure stays on one spot")
        return np.zeros((frames, 3))
    trans = numbers(fields, name, path)
    if trans.shape == (1, frames, 3) or trans.shape == (frames, 1, 3):
        trans = trans.reshape(frames, 3)
    if trans.shape != (frames, 3):
        raise InputError(f"{path}: '{name}' has shape {trans.shape}, expected {(frames, 3)}")
    return trans


def _flat(fields: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    """A row of axis-angles a frame."""
    values = numbers(fields, name, path)
    if values.ndim >= 3 and values.shape[0] == 1 and values.shape[1] > 24 and values.shape[-1] > 3:
        values = values[0]  # a batch of one clip
    if values.ndim == 4 and values.shape[2:] == (3, 3):
        _check_rotations(values, name, path)
        values = matrix_to_axis_angle(torch.from_numpy(values)).numpy()
    if values.ndim == 3:
        values = values.reshape(len(values), values.shape[1] * values.shape[2])
    return values


def _check_rotations(matrices: np.ndarray, name: str, path: Path) -> None:
    products = matrices @ np.swapaxes(matrices, -1, -2)
    off = np.abs(products - np.eye(3)).max(initial=0)
    if off > 0.01 or (np.linalg.det(matrices) < 0).any():
        raise InputError(f"{path}: '{name}' is no array of rotation matrices")


def _first(fields: Mapping[str, np.ndarray], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in fields), None)


def numbers(fields: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    """A field as float64; ``InputError`` unless it is finite numbers of sensible size."""
    value = fields.get(name)
    if value is None:
        raise InputError(f"{path}: not an AMASS or SMPL motion, it has no '{name}'")
    if value.dtype.kind not in "fiu":
        raise InputError(f"{path}: field '{name}' is not numeric")
    value = value.astype(np.float64)
    if not np.isfinite(value).all() or (value.size and np.abs(value).max() > _MAX_METRES):
        raise InputError(f"{path}: field '{name}' holds NaN, infinite or absurdly large values")
    return value


def frame_rate(fields: Mapping[str, np.ndarray], path: Path, given: float | None) -> float:
    """The rate that is given, or the file's own, Hz.

    Raises:
        InputError: neither, or one that makes no sense.
    """
    name = _first(fields, RATES)
    if given is not None:
        return given
    if name is None:
        raise InputError(
            f"{path}: states no frame rate ({', '.join(RATES[:2])}, fps); give it with --fps"
        )
    fps = numbers(fields, name, path).reshape(-1)
    if fps.size != 1 or not 1 <= fps[0] <= 1000:
        raise InputError(f"{path}: '{name}' must be one frame rate between 1 and 1000 Hz")
    return float(fps[0])
