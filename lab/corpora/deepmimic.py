"""DeepMimic's motion clips (Peng et al. 2018): JSON for one fixed humanoid.

A frame holds 44 numbers: its duration in seconds; the root's position (metres); quaternions in
(w, x, y, z) order for ball joints; one angle (radians, about the joint's z axis) for knees and
elbows. In the file the figure stands along +Y, faces +X and has its right hand on the side of +Z;
here it is turned to face +Z.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from lab.corpora.joint_tree import JointTree
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import quaternion_to_matrix, rotation_about, slerp_resample
from vimoflow.motion.source import SourceMotion

_MAX_BYTES = 64 * 2**20
_MAX_VALUE = 1e4
_COLUMNS = 44
# x forward, y up, z right -> z forward, y up, x left, which is how our own skeleton stands.
_ZFORWARD_FROM_XFORWARD = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
# Name, parent, position in the parent's frame (metres), first column and count of its numbers.
_JOINTS = (
    ("root", "", (0.0, 0.0, 0.0), 4, 4),
    ("chest", "root", (0.0, 0.236151, 0.0), 8, 4),
    ("neck", "chest", (0.0, 0.223894, 0.0), 12, 4),
    ("right_hip", "root", (0.0, 0.0, 0.084887), 16, 4),
    ("right_knee", "right_hip", (0.0, -0.421546, 0.0), 20, 1),
    ("right_ankle", "right_knee", (0.0, -0.409870, 0.0), 21, 4),
    ("right_shoulder", "chest", (-0.02405, 0.24350, 0.18311), 25, 4),
    ("right_elbow", "right_shoulder", (0.0, -0.274788, 0.0), 29, 1),
    ("left_hip", "root", (0.0, 0.0, -0.084887), 30, 4),
    ("left_knee", "left_hip", (0.0, -0.421546, 0.0), 34, 1),
    ("left_ankle", "left_knee", (0.0, -0.409870, 0.0), 35, 4),
    ("left_shoulder", "chest", (-0.02405, 0.24350, -0.18311), 39, 4),
    ("left_elbow", "left_shoulder", (0.0, -0.274788, 0.0), 43, 1),
)
# Wrists are fixed to the forearm; toes, hand tips and the head's top follow the collision shapes.
# Already +Z forward.
_POINTS = {
    "right_wrist": ("right_elbow", (0.0, -0.258947, 0.0)),
    "left_wrist": ("left_elbow", (0.0, -0.258947, 0.0)),
    "right_hand_tip": ("right_elbow", (0.0, -0.338947, 0.0)),
    "left_hand_tip": ("left_elbow", (0.0, -0.338947, 0.0)),
    "right_toe": ("right_ankle", (0.0, -0.05, 0.1335)),
    "left_toe": ("left_ankle", (0.0, -0.05, 0.1335)),
    "head_top": ("neck", (0.0, 0.28, 0.0)),
}


def read_deepmimic(path: str | Path) -> SourceMotion:
    """Read one clip, as it was recorded: looping clips are not unrolled.

    The rate is the one most frames last; frames of other lengths are interpolated to it. The last
    frame's own duration is not used (it is the loop's seam, and often 0).

    Raises:
        InputError: the file is missing, too large, not JSON of this kind, cut, or holds NaN.
    """
    path = Path(path)
    frames = _read_frames(path)
    quaternions_ok = all(
        (np.linalg.norm(frames[:, c : c + 4], axis=-1) > 1e-3).all()
        for _, _, _, c, count in _JOINTS
        if count == 4
    )
    if not quaternions_ok:
        raise InputError(f"{path}: holds quaternions of length zero; the clip is damaged")
    R_local, root, fps = _on_even_clock(frames, path)
    names = [joint[0] for joint in _JOINTS]
    parents = tuple(names.index(joint[1]) if joint[1] else -1 for joint in _JOINTS)
    offsets = np.array([joint[2] for joint in _JOINTS])
    turn = _ZFORWARD_FROM_XFORWARD
    tree = JointTree(tuple(names), parents, offsets @ turn.T).with_points(_POINTS)
    return tree.pose(turn @ R_local @ turn.T, root @ turn.T, fps)


def _read_frames(path: Path) -> Float[np.ndarray, "frames 44"]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, not a DeepMimic clip")
        data: Any = json.loads(path.read_bytes().decode("utf-8-sig"))
        rows = data["Frames"]
        if not isinstance(rows, list) or not rows:
            raise InputError(f"{path}: 'Frames' is not a list of frames")
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, list) or len(row) != _COLUMNS:
                raise InputError(f"{path}: frame {number} does not hold {_COLUMNS} numbers")
            if not all(type(value) in (int, float) for value in row):
                raise InputError(f"{path}: frame {number} holds something that is no number")
        frames = np.array(rows, dtype=np.float64)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise InputError(f"{path}: not a DeepMimic clip (JSON with a 'Frames' list)") from None
    if not np.isfinite(frames).all() or np.abs(frames).max() > _MAX_VALUE:
        raise InputError(f"{path}: holds NaN, infinite or absurdly large values")
    return frames


def _on_even_clock(frames: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray, float]:
    """Local rotations (frames, joints, 3, 3) and root positions at one frame rate, and the rate."""
    durations = frames[:-1, 0] if len(frames) > 1 else frames[:, 0]
    step = float(np.median(durations))
    if durations.min() <= 0 or not 1e-3 <= step <= 1:
        raise InputError(f"{path}: frame durations must be positive seconds")
    R_local = _local_rotations(frames)
    times = np.concatenate(([0.0], np.cumsum(frames[:-1, 0])))
    even = np.arange(round(times[-1] / step) + 1) * step
    # Rounded durations (0.016666) are even; a few clips have one longer frame.
    if len(even) > 100 * len(frames):
        raise InputError(f"{path}: frame durations are too uneven to be one clip")
    if len(even) == len(frames) and np.abs(even - times).max() < 0.1 * step:
        return R_local, frames[:, 1:4], 1 / step
    clock, new_clock = torch.from_numpy(times), torch.from_numpy(even)
    R_even = slerp_resample(torch.from_numpy(R_local), clock, new_clock).numpy()
    root = np.stack([np.interp(even, times, frames[:, 1 + k]) for k in range(3)], axis=-1)
    return R_even, root, 1 / step


def _local_rotations(frames: np.ndarray) -> np.ndarray:
    columns = torch.from_numpy(frames)
    rotations = []
    for _, _, _, first, count in _JOINTS:
        if count == 1:
            rotations.append(rotation_about("z", columns[:, first]))
        else:
            wxyz = columns[:, first : first + 4]
            rotations.append(quaternion_to_matrix(torch.roll(wxyz, -1, dims=-1)))
    return torch.stack(rotations, dim=1).numpy()
