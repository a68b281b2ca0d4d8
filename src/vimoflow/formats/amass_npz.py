"""AMASS npz files and the like: SMPL, SMPL-H and SMPL-X poses (Mahmood et al. 2019).

Read are ``poses`` (N, 72) of SMPL, (N, 156) of SMPL-H, (N, 165) of SMPL-X, or the separate
``root_orient`` (N, 3) and ``pose_body`` (N, 63) of the SMPL-X release; with them ``trans`` (N, 3)
in metres and the rate; all of them under the other names that are in use, too (`smpl_fields`). The
first 22 joints are the same in all three models. Fingers, jaw and eyes are left out.

Frames. AMASS stands with +Z up. SMPL turns the body about the pelvis where the pelvis lies in the
*model's* frame and adds ``trans`` afterwards, so the pelvis is at ``trans + offset``, with the
offset in the file's own axes, whichever of them is up. The offset is our own skeleton's
(``Skeleton.smpl_trans_to_pelvis``).

Sizes. ``betas`` are ignored: what they do to the bones is in SMPL's model files, which are not
shipped. The rotations are exact; ``trans`` stays that of the person recorded, so for a tall or
short one the steps do not quite fit the legs, and the pelvis is off by a constant of centimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.formats.motion_units import Up
from vimoflow.formats.npz_writer import write_npz
from vimoflow.formats.smpl_fields import BODY, NAMES, frame_rate, numbers, smpl_fields
from vimoflow.formats.up_axis import UP, up_axis
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
)
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import fit_floor
from vimoflow.motion.skeleton import load_skeleton
from vimoflow.notes import note

_FIELDS = (*NAMES, "up_axis", "contacts", "hand_poses", "body_scale")
_MAX_BYTES = 1024 * 2**20
_R_ZUP_YUP = UP["z"].T


def read_amass(
    path: str | Path, fps: float | None = None, up: Up | None = None, unit: float | None = None
) -> Motion:
    """Read one file at its own rate, turned to +Y up; hands identity unless it is SMPL's 72.

    Files that do not state ``up_axis`` are read by the body they show (`up_axis.up_axis`), with a
    note where that is not what such files usually are: those of 156 and 165 numbers a frame Z up,
    as AMASS is, those of ``global_orient`` and ``body_pose`` Y up. The floor stays where the file
    has it (AMASS: about y = 0), but for what is Y down, which has none; contacts are the file's own
    where it has them (ours do), else labelled.

    Args:
        path: the file.
        fps: its true rate in Hz; replaces what the file says.
        up: the axis that is up; replaces what the file says or the body in it.
        unit: metres in a unit of its path, where those are not metres.

    Raises:
        InputError: the file is missing, damaged, too large, of another kind, or holds NaN.
    """
    path = Path(path)
    fields = read_plain_npz(path, _FIELDS, _MAX_BYTES)
    return smpl_motion(fields, path, fps, up, unit)


def smpl_motion(
    fields: Mapping[str, np.ndarray],
    path: Path,
    fps: float | None = None,
    up: Up | None = None,
    unit: float | None = None,
) -> Motion:
    """The motion that SMPL's parameters are, see `read_amass`; ``path`` is for messages.

    Raises:
        InputError: as `read_amass`.
    """
    found = smpl_fields(fields, path)
    poses, trans, frames = found.poses, found.trans * (unit or 1.0), len(found.poses)
    _hands(fields, poses, path)
    scale = float(numbers(fields, "body_scale", path)) if "body_scale" in fields else 1.0
    if not 0.05 < scale < 20:
        raise InputError(f"{path}: 'body_scale' is {scale:g}; expected about 1")
    skeleton = load_skeleton() if scale == 1.0 else load_skeleton().scaled(scale)
    motion = Motion(
        poses=poses.astype(np.float32),
        trans=(trans + np.array(skeleton.smpl_trans_to_pelvis)).astype(np.float32),
        fps=frame_rate(fields, path, fps),
        contacts=np.zeros((frames, 4), dtype=np.float32),
        skeleton=skeleton,
    )
    axis = up or _up_axis(fields, motion.joint_positions / scale, found.usual_up, path)
    if axis != "y":
        motion = _turned(motion, poses, trans, axis)
    return replace(motion, contacts=_contacts(fields, motion, path))


def _turned(motion: Motion, poses: np.ndarray, trans: np.ndarray, up: str) -> Motion:
    """The motion with +Y up; what a camera saw hanging from its axis comes down to the floor."""
    R = UP[up]
    pelvis = (trans + np.array(motion.skeleton.smpl_trans_to_pelvis)) @ R.T
    R_root = axis_angle_to_matrix(torch.from_numpy(poses[:, 0])).numpy()
    poses[:, 0] = matrix_to_axis_angle(torch.from_numpy(R @ R_root)).numpy()
    turned = replace(motion, poses=poses.astype(np.float32), trans=pelvis.astype(np.float32))
    if up == "-y":
        floor = fit_floor(torch.from_numpy(turned.joint_positions), turned.fps)
        turned = replace(turned, trans=turned.trans - np.array([0, float(floor), 0], np.float32))
    return turned


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


def save_smpl(motion: Motion, path: str | Path) -> None:
    """As :func:`save_amass`, of SMPL's 24 joints: ``poses`` (S, 72), ``betas`` (10,).

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = _arrays(at_even_times(motion))
    arrays["poses"] = np.concatenate((arrays["poses"][:, : 3 * BODY], arrays["hand_poses"]), axis=1)
    arrays |= {"betas": np.zeros(10), "up_axis": np.array("z")}
    write_npz(Path(path), {k: v for k, v in arrays.items() if k not in ("dmpls", "hand_poses")})


def save_smplx(motion: Motion, path: str | Path) -> None:
    """As :func:`save_amass`, in the layout of AMASS' SMPL-X release: ``root_orient``,
    ``pose_body``, ``pose_hand``, ``pose_jaw`` and ``pose_eye``, and all in ``poses`` (S, 165).

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = _arrays(at_even_times(motion))
    body, frames = arrays["poses"][:, : 3 * BODY], len(arrays["poses"])
    hands, jaw, eyes = (np.zeros((frames, width)) for width in (90, 3, 6))
    arrays |= {
        "poses": np.concatenate((body, jaw, eyes, hands), axis=1),
        "root_orient": body[:, :3], "pose_body": body[:, 3:], "pose_hand": hands,
        "pose_jaw": jaw, "pose_eye": eyes, "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": arrays["mocap_framerate"],
    }  # fmt: skip
    write_npz(
        Path(path), {k: v for k, v in arrays.items() if k not in ("dmpls", "mocap_framerate")}
    )


def _arrays(motion: Motion) -> dict[str, np.ndarray]:
    poses = motion.poses.astype(np.float32).astype(np.float64)
    R_root = axis_angle_to_matrix(torch.from_numpy(poses[:, 0])).numpy()
    root = matrix_to_axis_angle(torch.from_numpy(_R_ZUP_YUP @ R_root)).numpy()
    full = np.zeros((len(motion), 156))
    full[:, :3], full[:, 3 : 3 * BODY] = root, poses[:, 1:BODY].reshape(len(motion), -1)
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
        "hand_poses": poses[:, BODY:].reshape(len(motion), -1),
        "body_scale": np.array(motion.skeleton.scale, dtype=np.float64),
    }


def _hands(fields: Mapping[str, np.ndarray], poses: np.ndarray, path: Path) -> None:
    """Put SMPL's two hand joints where a file of ours has them."""
    if "hand_poses" not in fields:
        return
    hands = numbers(fields, "hand_poses", path)
    if hands.shape != (len(poses), 6):
        raise InputError(f"{path}: 'hand_poses' has shape {hands.shape}, expected (frames, 6)")
    poses[:, BODY:] = hands.reshape(-1, 2, 3)


def _up_axis(
    fields: Mapping[str, np.ndarray], positions_file: np.ndarray, usual: str | None, path: Path
) -> str:
    if "up_axis" in fields:
        stated = " ".join(str(fields["up_axis"]).lower().split())
        if stated not in UP:
            raise InputError(f"{path}: 'up_axis' is '{stated[:20]}'; known are y, z and -y")
        return stated
    found = up_axis(positions_file, usual)
    if found != usual and (usual is not None or found == "-y"):
        note(
            f"{path}: states no axis that is up; by the body in it that is {found}, not "
            f"{usual or 'y or z'}. If that is wrong, give --up y, z or -y (convert: --input-up)"
        )
    return found


def _contacts(
    fields: Mapping[str, np.ndarray], motion: Motion, path: Path
) -> Float[np.ndarray, "frames 4"]:
    if "contacts" not in fields:
        positions = torch.from_numpy(motion.joint_positions / motion.skeleton.scale)
        return label_contacts(positions, motion.fps).numpy().astype(np.float32)
    contacts = numbers(fields, "contacts", path)
    if contacts.shape != (len(motion), 4):
        raise InputError(f"{path}: 'contacts' has shape {contacts.shape}, expected (frames, 4)")
    return contacts.astype(np.float32)
