"""AMASS npz files and their kin: SMPL, SMPL-H and SMPL-X poses (Mahmood et al. 2019).

Read are ``poses`` (N, 72) of SMPL, (N, 156) of SMPL-H, (N, 165) of SMPL-X, or the separate
``root_orient`` (N, 3) and ``pose_body`` (N, 63) of the SMPL-X release; with them ``trans`` (N, 3)
in metres and the rate as ``mocap_framerate``, ``mocap_frame_rate`` or ``fps``. The first 22 joints
are the same in all three models. Fingers, jaw and eyes are left out.

Frames. AMASS stands with +Z up. SMPL turns the body about the pelvis where the pelvis lies in the
*model's* frame and adds ``trans`` afterwards, so the pelvis is at ``trans + offset``, with the
offset in the file's own axes, whichever of them is up. The offset is our own skeleton's
(``Skeleton.smpl_trans_to_pelvis``).

Sizes. ``betas`` are ignored: what they do to the bones is in SMPL's model files, which are not
shipped. The rotations are exact; ``trans`` stays that of the person recorded, so for a tall or
short one the steps do not quite fit the legs, and the pelvis is off by a constant of centimetres.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.formats.npz_writer import write_npz
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    rotation_about,
)
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.resampling import at_even_times
from vimoflow.motion.skeleton import joint, load_skeleton

_WIDTHS = {72: "SMPL", 156: "SMPL-H", 165: "SMPL-X"}
_BODY = joint("left_hand")  # the joints before the hands are the same in all three models
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
_FIELDS = (
    "poses", "root_orient", "pose_body", "trans", *_RATES, "up_axis", "contacts", "hand_poses",
    "body_scale",
)  # fmt: skip
_MAX_BYTES = 1024 * 2**20
_MAX_METRES = 1e4
_UPRIGHT = 0.8  # cosine of the mean lean from +Y below which a file is taken to be Z up
_R_ZUP_YUP = rotation_about("x", torch.tensor(np.pi / 2, dtype=torch.float64)).numpy().round()


def read_amass(path: str | Path) -> Motion:
    """Read one file at its own rate, turned to +Y up; hands identity unless it is SMPL's 72.

    Files of 156 and 165 numbers a frame are Z up, as AMASS is, unless they state ``up_axis``.
    Those of 72 come with either axis up; where they do not state it, the body's mean direction
    decides. The floor stays where the file has it (AMASS: about y = 0); contacts are the file's
    own where it has them (ours do), else labelled.

    Raises:
        InputError: the file is missing, damaged, too large, of another kind, or holds NaN.
    """
    path = Path(path)
    fields = read_plain_npz(path, _FIELDS, _MAX_BYTES)
    poses = _joint_rotations(fields, path)
    frames = len(poses)
    trans = _numbers(fields, "trans", path)
    if trans.shape != (frames, 3):
        raise InputError(f"{path}: 'trans' has shape {trans.shape}, expected {(frames, 3)}")
    scale = float(_numbers(fields, "body_scale", path)) if "body_scale" in fields else 1.0
    if not 0.05 < scale < 20:
        raise InputError(f"{path}: 'body_scale' is {scale:g}; expected about 1")
    skeleton = load_skeleton() if scale == 1.0 else load_skeleton().scaled(scale)
    pelvis = trans + np.array(skeleton.smpl_trans_to_pelvis)
    R_root = axis_angle_to_matrix(torch.from_numpy(poses[:, 0])).numpy()
    if _up_axis(fields, R_root, path) == "z":
        pelvis, R_root = pelvis @ _R_ZUP_YUP, _R_ZUP_YUP.T @ R_root
        poses[:, 0] = matrix_to_axis_angle(torch.from_numpy(R_root)).numpy()
    motion = Motion(
        poses=poses.astype(np.float32),
        trans=pelvis.astype(np.float32),
        fps=_frame_rate(fields, path),
        contacts=np.zeros((frames, 4), dtype=np.float32),
        skeleton=skeleton,
    )
    return replace(motion, contacts=_contacts(fields, motion, path))


def save_amass(motion: Motion, path: str | Path) -> None:
    """Write a motion as AMASS does: SMPL-H poses, Z up, ``trans`` without the pelvis offset.

    Equal motions give equal bytes, and :func:`read_amass` gives the same poses, root and contacts
    back to the last bit of single precision (but a turn of the root by exactly pi may come back
    with the opposite axis). What AMASS has no field for is under names of our own, which other
    readers ignore: ``contacts`` (S, 4), ``hand_poses`` (S, 6) of SMPL's two hand joints and
    ``body_scale``. Uneven timestamps are resampled to the motion's mean rate, as the format has
    none.

    Raises:
        OutputError: the file cannot be written.
    """
    write_npz(Path(path), _arrays(at_even_times(motion)))


def _arrays(motion: Motion) -> dict[str, np.ndarray]:
    poses = motion.poses.astype(np.float32).astype(np.float64)
    R_root = axis_angle_to_matrix(torch.from_numpy(poses[:, 0])).numpy()
    root = matrix_to_axis_angle(torch.from_numpy(_R_ZUP_YUP @ R_root)).numpy()
    full = np.zeros((len(motion), 156))
    full[:, :3], full[:, 3 : 3 * _BODY] = root, poses[:, 1:_BODY].reshape(len(motion), -1)
    # Doubles, as AMASS has: the way back to single precision is then exact.
    pelvis = motion.trans.astype(np.float32).astype(np.float64) @ _R_ZUP_YUP.T
    return {
        "poses": full,
        "trans": pelvis - np.array(motion.skeleton.smpl_trans_to_pelvis),
        "betas": np.zeros(16),
        "dmpls": np.zeros((len(motion), 8)),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(motion.fps, dtype=np.float64),
        "contacts": motion.contacts.astype(np.float32),
        "hand_poses": poses[:, _BODY:].reshape(len(motion), -1),
        "body_scale": np.array(motion.skeleton.scale, dtype=np.float64),
    }


def _numbers(fields: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    value = fields.get(name)
    if value is None:
        raise InputError(f"{path}: not an AMASS or SMPL motion, it has no '{name}'")
    if value.dtype.kind not in "fiu":
        raise InputError(f"{path}: field '{name}' is not numeric")
    value = value.astype(np.float64)
    if not np.isfinite(value).all() or (value.size and np.abs(value).max() > _MAX_METRES):
        raise InputError(f"{path}: field '{name}' holds NaN, infinite or absurdly large values")
    return value


def _joint_rotations(fields: dict[str, np.ndarray], path: Path) -> Float[np.ndarray, "frames 24 3"]:
    """Axis-angle vectors of our 24 joints, the root still in the file's own axes."""
    if "poses" in fields:
        flat = _numbers(fields, "poses", path)
        if flat.ndim == 3:  # (N, joints, 3) is as common
            flat = flat.reshape(len(flat), -1)
    else:
        parts = [_numbers(fields, name, path) for name in ("root_orient", "pose_body")]
        if [p.shape[1:] for p in parts] != [(3,), (63,)] or len(parts[0]) != len(parts[1]):
            shapes = [p.shape for p in parts]
            raise InputError(f"{path}: 'root_orient' and 'pose_body' do not fit {shapes}")
        flat = np.concatenate([*parts, np.zeros((len(parts[0]), 99))], axis=1)
    if flat.ndim != 2 or flat.shape[1] not in _WIDTHS or not len(flat):
        known = ", ".join(f"{width} ({name})" for width, name in _WIDTHS.items())
        raise InputError(f"{path}: 'poses' has shape {flat.shape}, expected (frames, {known})")
    poses = np.zeros((len(flat), 24, 3))
    if flat.shape[1] == 72:
        poses[:] = flat.reshape(-1, 24, 3)
        return poses
    poses[:, :_BODY] = flat[:, : 3 * _BODY].reshape(-1, _BODY, 3)
    if "hand_poses" in fields:
        hands = _numbers(fields, "hand_poses", path)
        if hands.shape != (len(flat), 6):
            raise InputError(f"{path}: 'hand_poses' has shape {hands.shape}, expected (frames, 6)")
        poses[:, _BODY:] = hands.reshape(-1, 2, 3)
    return poses


def _up_axis(fields: dict[str, np.ndarray], R_root: np.ndarray, path: Path) -> str:
    if "up_axis" in fields:
        stated = str(fields["up_axis"]).lower()
        if stated not in ("y", "z"):
            raise InputError(f"{path}: 'up_axis' is '{stated[:20]}'; only y and z are known")
        return stated
    if "poses" in fields and fields["poses"][0].size == 72 and R_root[:, 1, 1].mean() > _UPRIGHT:
        return "y"
    return "z"


def _frame_rate(fields: dict[str, np.ndarray], path: Path) -> float:
    name = next((name for name in _RATES if name in fields), None)
    if name is None:
        raise InputError(f"{path}: states no frame rate ({', '.join(_RATES)})")
    fps = _numbers(fields, name, path).reshape(-1)
    if fps.size != 1 or not 1 <= fps[0] <= 1000:
        raise InputError(f"{path}: '{name}' must be one frame rate between 1 and 1000 Hz")
    return float(fps[0])


def _contacts(
    fields: dict[str, np.ndarray], motion: Motion, path: Path
) -> Float[np.ndarray, "frames 4"]:
    if "contacts" not in fields:
        positions = torch.from_numpy(motion.joint_positions / motion.skeleton.scale)
        return label_contacts(positions, motion.fps).numpy().astype(np.float32)
    contacts = _numbers(fields, "contacts", path)
    if contacts.shape != (len(motion), 4):
        raise InputError(f"{path}: 'contacts' has shape {contacts.shape}, expected (frames, 4)")
    return contacts.astype(np.float32)
