"""Motions of poselib's kind as plain npz: local quaternions on a tree of joints, Z up.

The convention is that of NVIDIA's poselib and of the humanoid of AMP (Peng et al. 2021), which
UniHSI and others use: joint frames aligned with the world in the rest pose, x forward, y to the
left, z up, metres, quaternions in (x, y, z, w) order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lab.corpora.joint_tree import JointTree
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import quaternion_to_matrix
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.motion.source import SourceMotion

_MAX_BYTES = 256 * 2**20
_MAX_JOINTS = 512
_MAX_METRES = 1e4
_FIELDS = ("local_rotations_xyzw", "root_translation", "parents", "offsets", "joint_names", "fps")
# x forward, y left, z up -> z forward, x left, y up, which is also how our own skeleton stands.
_YUP_FROM_ZUP = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
# The AMP humanoid ends at the ankles, wrists and the base of the skull. These points, +Y up and
# +Z forward, follow its collision shapes: the foot's front edge on the sole, the hand's and head's
# far side.
AMP_POINTS = {
    "right_toe": ("right_foot", (0.0, -0.05, 0.1335)),
    "left_toe": ("left_foot", (0.0, -0.05, 0.1335)),
    "right_hand_tip": ("right_hand", (0.0, -0.08, 0.0)),
    "left_hand_tip": ("left_hand", (0.0, -0.08, 0.0)),
    "head_top": ("head", (0.0, 0.28, 0.0)),
}


def read_poselib(path: str | Path) -> SourceMotion:
    """Read one motion; the AMP humanoid gets toes, hand tips and a head top (``AMP_POINTS``).

    Fields: ``local_rotations_xyzw`` (N, J, 4), ``root_translation`` (N, 3) metres, ``parents``
    (J,), ``offsets`` (J, 3) metres, ``joint_names`` (J,), ``fps``; Z up.

    Raises:
        InputError: the file is missing, damaged, too large, holds pickled objects, has fields of
            another shape, or values that are no motion.
    """
    path = Path(path)
    fields = read_plain_npz(path, _FIELDS, _MAX_BYTES)
    missing = [name for name in _FIELDS if name not in fields]
    if missing:
        raise InputError(f"{path}: not a poselib motion, field '{missing[0]}' is missing")
    tree = _joint_tree(fields, path)
    quaternions = _numbers(fields, "local_rotations_xyzw", path)
    root = _numbers(fields, "root_translation", path)
    frames, joints = root.size // 3, len(tree.names)
    if frames < 1 or quaternions.shape != (frames, joints, 4) or root.shape != (frames, 3):
        raise InputError(
            f"{path}: rotations {quaternions.shape} and root {root.shape} do not fit {joints} "
            "joints, expected (frames, joints, 4) and (frames, 3)"
        )
    if (np.linalg.norm(quaternions, axis=-1) < 1e-3).any():
        raise InputError(f"{path}: 'local_rotations_xyzw' holds quaternions of length zero")
    fps = _numbers(fields, "fps", path).reshape(-1)
    if fps.size != 1 or not 1 <= fps[0] <= 1000:
        raise InputError(f"{path}: 'fps' must be one frame rate between 1 and 1000 Hz")
    R_zup = quaternion_to_matrix(torch.from_numpy(quaternions)).numpy()
    R_yup = _YUP_FROM_ZUP @ R_zup @ _YUP_FROM_ZUP.T
    if set(tree.names) >= {joint for joint, _ in AMP_POINTS.values()}:
        tree = tree.with_points(AMP_POINTS)
    return tree.pose(R_yup, root @ _YUP_FROM_ZUP.T, float(fps[0]))


def _numbers(fields: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    value = fields[name]
    if value.dtype.kind not in "fiu":
        raise InputError(f"{path}: field '{name}' is not numeric")
    value = value.astype(np.float64)
    if not np.isfinite(value).all() or (value.size and np.abs(value).max() > _MAX_METRES):
        raise InputError(f"{path}: field '{name}' holds NaN, infinite or absurdly large values")
    return value


def _joint_tree(fields: dict[str, np.ndarray], path: Path) -> JointTree:
    names, parents = fields["joint_names"], fields["parents"]
    offsets = _numbers(fields, "offsets", path)
    joints = names.size
    if not 1 <= joints <= _MAX_JOINTS or names.dtype.kind != "U" or offsets.shape != (joints, 3):
        raise InputError(f"{path}: 'joint_names' and 'offsets' do not describe one skeleton")
    ordered = parents.shape == (joints,) and parents.dtype.kind in "iu"
    if not ordered or parents[0] != -1 or any(not 0 <= parents[j] < j for j in range(1, joints)):
        raise InputError(f"{path}: 'parents' must hold -1 for the root, then earlier joints only")
    if len(set(names.tolist())) != joints:
        raise InputError(f"{path}: 'joint_names' repeats a name")
    offsets[0] = 0  # the root's offset is a rest height; the motion says where the root is
    return JointTree(tuple(names.tolist()), tuple(parents.tolist()), offsets @ _YUP_FROM_ZUP.T)
