"""``motion.npz``: a motion with everything needed to understand it, and no pickled objects.

Keys: ``poses`` (S, 72) axis-angle in radians, 24 joints in SMPL order; ``trans`` (S, 3) position of
the pelvis joint, metres; ``joints`` (S, 24, 3) metres; ``contacts`` (S, 4); ``mocap_framerate`` Hz;
``betas`` (10,) zeros; ``gender`` 'neutral'; ``up_axis`` 'y'; ``joints2d`` (S, 17, 3) pixels and
confidence; ``observed`` (S, 17), which of them were seen; ``seen`` (S,), frames in which at least
half of the body's were, the others are filled in; ``timestamps`` (S,) seconds; ``joint_names``,
``parents``, ``offsets`` (24, 3) metres.

``joints2d``, ``observed`` and ``seen`` have no rows where a motion was not made from keypoints.
``seen`` follows from ``observed``: readers need not know it, and older files do not have it.

Where several samples were drawn also ``joint_spread_m``, ``joint_radius_50_m`` and
``joint_radius_90_m`` (S, 24), metres, see ``motion.uncertainty.JointUncertainty``. Readers need not
know them.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Shaped

from vimoflow.errors import InputError
from vimoflow.formats.npz_writer import write_npz
from vimoflow.keypoints.plain_npz import read_plain_npz
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, Skeleton, load_skeleton
from vimoflow.motion.uncertainty import JointUncertainty

_SHAPES: dict[str, tuple[int, ...]] = {
    "poses": (72,), "trans": (3,), "contacts": (4,), "timestamps": (),
    "joints2d": (17, 3), "observed": (17,),
}  # fmt: skip
_MAX_BYTES = 1 << 30
_MAX_VALUE = 1e11  # times may count from 1970; everything else is far smaller
_BODY = 5  # COCO's first points are the face's
_SEEN_SHARE = 0.5
_SAME_SCALE = 1e-6
_OFFSET_TOLERANCE_M = 1e-3


def save_motion_npz(
    motion: Motion, path: str | Path, uncertainty: JointUncertainty | None = None
) -> None:
    """Write a motion; equal motions give equal bytes.

    Args:
        motion: what to write.
        path: the file; an existing one is replaced.
        uncertainty: of the motion's joints on its own frames, if known.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = _arrays(motion)
    if uncertainty is not None:
        for field in fields(uncertainty):
            values = getattr(uncertainty, field.name)
            arrays[f"joint_{field.name}"] = values.astype(np.float32)
    write_npz(Path(path), arrays)


def load_motion_npz(path: str | Path) -> Motion:
    """Read what :func:`save_motion_npz` wrote.

    Raises:
        InputError: no such file, not a ``motion.npz``, damaged, or made for another skeleton.
    """
    source = Path(path)
    arrays = _read(source)
    frames = len(arrays["poses"]) if arrays["poses"].ndim else 0
    if frames == 0:
        raise InputError(f"{source}: holds no frames; generate the motion again")
    for key, rest in _SHAPES.items():
        array = arrays[key]
        empty = key in ("joints2d", "observed") and array.shape == (0, *rest)
        if array.shape != (frames, *rest) and not empty:
            wanted = (frames, *rest)
            raise InputError(f"{source}: '{key}' has shape {array.shape}, expected {wanted}")
        if array.dtype.kind not in "fbiu" or not np.isfinite(array).all():
            raise InputError(f"{source}: '{key}' holds values that are not finite numbers")
        if array.size and max(array.max(), -float(array.min())) > _MAX_VALUE:
            raise InputError(f"{source}: '{key}' holds absurdly large values")
    _check_clock(source, arrays)
    _check_skeleton(source, arrays)
    keypoints = len(arrays["joints2d"]) > 0
    return Motion(
        poses=_floats(arrays["poses"]).reshape(frames, len(JOINT_NAMES), 3),
        trans=_floats(arrays["trans"]),
        fps=float(arrays["mocap_framerate"]),
        contacts=_floats(arrays["contacts"]),
        timestamps=arrays["timestamps"].astype(np.float64),
        joints2d=_floats(arrays["joints2d"]) if keypoints else None,
        observed=arrays["observed"].astype(bool) if keypoints else None,
        skeleton=_skeleton(arrays["offsets"]),
    )


def _arrays(motion: Motion) -> dict[str, np.ndarray]:
    no_points = motion.joints2d is None
    joints2d = np.zeros((0, 17, 3)) if motion.joints2d is None else motion.joints2d
    if motion.observed is not None and not no_points:
        observed = motion.observed
    else:
        observed = joints2d[..., 2] > 0
    single = np.float32
    # The joints are those of the rounded poses, so that a loaded file saves to the same bytes.
    kept = replace(motion, poses=motion.poses.astype(single), trans=motion.trans.astype(single))
    return {
        "poses": kept.poses.reshape(len(motion), -1),
        "trans": kept.trans,
        "joints": kept.joint_positions.astype(single),
        "contacts": motion.contacts.astype(single),
        "mocap_framerate": np.array(motion.fps, dtype=np.float64),
        "betas": np.zeros(10, dtype=single),
        "gender": np.array("neutral"),
        "up_axis": np.array("y"),
        "joints2d": joints2d.astype(single),
        "observed": observed.astype(bool),
        "seen": frames_seen(observed.astype(bool)),
        "timestamps": motion.timestamps.astype(np.float64),
        "joint_names": np.array(JOINT_NAMES),
        "parents": np.array(PARENTS, dtype=np.int32),
        "offsets": motion.skeleton.offsets.astype(np.float64),
    }


def frames_seen(observed: Bool[np.ndarray, "frames 17"]) -> Bool[np.ndarray, " frames"]:
    """Frames that show at least half of the body's points; the face's do not count."""
    return observed[:, _BODY:].mean(axis=1) >= _SEEN_SHARE


def _read(source: Path) -> dict[str, np.ndarray]:
    wanted = (*_SHAPES, "mocap_framerate", "up_axis", "joint_names", "parents", "offsets")
    arrays = read_plain_npz(source, wanted, _MAX_BYTES)
    missing = [key for key in wanted if key not in arrays]
    if missing:
        raise InputError(f"{source}: not a motion.npz of vimoflow, it has no '{missing[0]}'")
    return arrays


def _check_clock(source: Path, arrays: dict[str, np.ndarray]) -> None:
    fps, times = arrays["mocap_framerate"], arrays["timestamps"]
    if fps.shape != () or fps.dtype.kind not in "fiu" or not 1e-3 <= float(fps) <= 1e4:
        raise InputError(f"{source}: 'mocap_framerate' is not a positive number")
    if (np.diff(times) <= 0).any():
        raise InputError(f"{source}: 'timestamps' do not increase")


def _check_skeleton(source: Path, arrays: dict[str, np.ndarray]) -> None:
    offsets, ours = arrays["offsets"], load_skeleton().offsets
    same = (
        str(arrays["up_axis"]) == "y"
        and arrays["joint_names"].tolist() == list(JOINT_NAMES)
        and arrays["parents"].tolist() == list(PARENTS)
        and offsets.shape == ours.shape
        and offsets.dtype.kind == "f"
        and bool((np.abs(offsets / _scale(offsets) - ours) < _OFFSET_TOLERANCE_M).all())
    )
    if not same:
        raise InputError(
            f"{source}: made for another skeleton than this version's; generate the motion again"
        )


def _skeleton(offsets: Float[np.ndarray, "24 3"]) -> Skeleton:
    scale = _scale(offsets)
    canonical = abs(scale - 1) < _SAME_SCALE
    return load_skeleton() if canonical else load_skeleton().scaled(scale)


def _scale(offsets: Shaped[np.ndarray, "..."]) -> float:
    """Size of the file's figure relative to the canonical one; 1 where that makes no sense."""
    if offsets.dtype.kind != "f" or not np.isfinite(offsets).all():
        return 1.0
    scale = float(np.linalg.norm(offsets) / np.linalg.norm(load_skeleton().offsets))
    return scale if scale > 0.01 else 1.0


def _floats(array: Shaped[np.ndarray, "..."]) -> np.ndarray:
    return array.astype(np.float64)
