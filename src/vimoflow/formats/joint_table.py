"""CSV: a line a frame, of each joint its place in the world and its rotation in its parent.

Columns: ``time`` in seconds, ``JOINT.x``, ``.y``, ``.z`` in metres (+Y up), ``JOINT.qx`` to ``.qw``
a unit quaternion.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vimoflow.errors import InputError
from vimoflow.files import output_errors, write_text
from vimoflow.formats.takes import MAX_POSES, damaged, even_clock, frame_rate, read_file
from vimoflow.geometry.rotations import (
    matrix_to_axis_angle,
    quaternion_to_matrix,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, load_skeleton

_AXES = ("x", "y", "z", "qx", "qy", "qz", "qw")
COLUMNS = ("time", *(f"{name}.{axis}" for name in JOINT_NAMES for axis in _AXES))
_MAX_M = 1e5


def write_joint_table(motion: Motion, path: str | Path) -> None:
    """Write a motion, with its own times.

    Raises:
        OutputError: the file cannot be written.
    """
    quaternions = motion.local_quaternions()
    values = np.concatenate((motion.joint_positions, quaternions), axis=2) + 0.0
    rows = np.column_stack((motion.timestamps, values.reshape(len(motion), -1))).tolist()
    row = ",".join(["%.17g", *(["%.6f"] * 3 + ["%.8f"] * 4) * len(JOINT_NAMES)])
    with output_errors(Path(path)):
        write_text(Path(path), "\n".join([",".join(COLUMNS), *(row % tuple(r) for r in rows), ""]))


def read_joint_table(path: str | Path) -> Motion:
    """Read what :func:`write_joint_table` writes, its columns in any order, others among them.

    Raises:
        InputError: columns are missing, or the values make no sense.
    """
    path = Path(path)
    with damaged(path, "CSV", ValueError, IndexError, OverflowError):
        head, _, body = read_file(path).decode("utf-8-sig").partition("\n")
        names = [name.strip() for name in head.split(",")]
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise InputError(f"{path}: not a table of our joints, it has no column '{missing[0]}'")
        rows = [line.split(",") for line in body.splitlines() if line.strip()]
        if not rows or len(rows) * len(names) > MAX_POSES:
            raise InputError(f"{path}: {len(rows)} frames make no sense")
        table = np.array(rows, dtype=np.float64)[:, [names.index(name) for name in COLUMNS]]
    if not np.isfinite(table).all() or np.abs(table[:, 1:]).max() > _MAX_M:
        raise InputError(f"{path}: holds values that are not sensible numbers")
    values = table[:, 1:].reshape(len(table), len(JOINT_NAMES), len(_AXES))
    if np.linalg.norm(values[..., 3:], axis=-1).min() < 0.5:
        raise InputError(f"{path}: a rotation is no unit quaternion")
    return _motion(values, table[:, 0], path)


def _motion(values: np.ndarray, times: np.ndarray, path: Path) -> Motion:
    fps = frame_rate(times, path)
    positions = values[..., :3]
    bones = np.linalg.norm(positions[:, 1:] - positions[:, list(PARENTS[1:])], axis=-1)
    skeleton = load_skeleton()
    size = float(bones.mean(axis=0).sum() / np.linalg.norm(skeleton.offsets[1:], axis=-1).sum())
    if not 0.05 < size < 20:
        raise InputError(f"{path}: a figure of {size:.3g} times the usual size")
    size = 1.0 if abs(size - 1) < 1e-5 else size
    R = quaternion_to_matrix(torch.from_numpy(values[..., 3:]))
    contacts = label_contacts(torch.from_numpy(positions / size), fps)
    return Motion(
        poses=matrix_to_axis_angle(R).numpy().astype(np.float32),
        trans=positions[:, 0].astype(np.float32),
        fps=fps,
        contacts=contacts.numpy().astype(np.float32),
        timestamps=even_clock(times, fps) + times[0],
        skeleton=skeleton if size == 1 else skeleton.scaled(size),
    )
