"""Motions as BVH: the 24 joints by name, centimetres and degrees, end sites at the leaves.

Angles are continuous from frame to frame wherever the rotation is, so curves can be edited.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.errors import OutputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.resampling import at_even_times
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, Skeleton

CM_PER_M = 100.0
# The middle angle of an order locks at 90 degrees. Knees and hips bend that far about X, elbows
# about Y, so legs take Y for the middle and everything else takes X.
LEG_ORDER, BODY_ORDER = "ZYX", "ZXY"
_LEG_PARTS = ("hip", "knee", "ankle", "foot")
# Where the leaf bones end, centimetres: the tips of toes and fingers, the crown.
_END_SITES = {
    "head": (0.0, 18.0, 2.0),
    "left_foot": (0.0, 0.0, 7.0), "right_foot": (0.0, 0.0, 7.0),
    "left_hand": (9.0, 0.0, 0.0), "right_hand": (-9.0, 0.0, 0.0),
}  # fmt: skip
_LOCK = 1e-7  # cosine of the middle angle below which the outer two angles are one


def write_bvh(motion: Motion, path: str | Path) -> None:
    """Write a motion; equal motions give equal bytes.

    The pelvis has six channels and a zero OFFSET, so programs that add the OFFSET to the position
    channels and programs that do not agree; other joints have three. The order of axes is ``ZYX``
    for the legs and ``ZXY`` for the rest. A motion of an uneven clock is resampled evenly at its
    mean rate, so that it stays in step with its video.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = at_even_times(motion)
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial")
    skeleton = motion.skeleton
    values = [motion.trans.astype(np.float64) * CM_PER_M]
    order_of = [rotation_order(name) for name in JOINT_NAMES]
    depth_first = _depth_first(0)
    for j in depth_first:
        values.append(np.degrees(continuous_euler(motion.local_rotations[:, j], order_of[j])))
    rows = np.concatenate(values, axis=1)
    rows[rows == 0] = 0.0  # no "-0.00000"
    try:
        with partial.open("w", encoding="ascii", newline="\n") as stream:
            stream.write("HIERARCHY\n" + "\n".join(_hierarchy(0, 0, skeleton)))
            stream.write(f"\nMOTION\nFrames: {len(motion)}\nFrame Time: {1 / motion.fps:.10f}\n")
            np.savetxt(stream, rows, fmt="%.6f")
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(f"{target}: cannot write the BVH file ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def rotation_order(joint_name: str) -> str:
    """Order of the rotation channels that :func:`write_bvh` gives a joint, such as "ZXY"."""
    return LEG_ORDER if joint_name.rpartition("_")[2] in _LEG_PARTS else BODY_ORDER


def continuous_euler(
    R: Float[np.ndarray, "frames 3 3"], order: str
) -> Float[np.ndarray, "frames 3"]:
    """Angles in radians with ``R = R_first @ R_second @ R_third``, as continuous as they can be.

    Of the two triples that give a rotation, and all their turns by 2 pi, each frame takes the one
    nearest the frame before. Where the middle angle locks, the third keeps its value.

    Args:
        order: three different axes, such as "ZXY".
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    # An arc tangent keeps its precision near 90 degrees, where an arc sine loses it.
    cosine = np.hypot(R[:, i, i], R[:, i, j])
    middle = np.arctan2(sign * R[:, i, k], cosine)
    first = np.arctan2(-sign * R[:, j, k], R[:, k, k])
    third = np.arctan2(-sign * R[:, i, j], R[:, i, i])
    both = np.arctan2(sign * R[:, k, j], R[:, j, j])  # first +- third where the middle locks
    angles = np.stack((first, middle, third), axis=1)
    previous = np.zeros(3)
    for frame, (angle, locked) in enumerate(zip(angles, cosine < _LOCK, strict=True)):
        if locked:
            joined = sign * np.sign(angle[1])
            angle = np.array([both[frame] - joined * previous[2], angle[1], previous[2]])
        other = np.array([angle[0] + np.pi, np.pi - angle[1], angle[2] + np.pi])
        candidates = np.stack((angle, other))
        candidates -= 2 * np.pi * np.round((candidates - previous) / (2 * np.pi))
        nearest = np.abs(candidates - previous).sum(axis=1).argmin()
        # The first frame has no neighbour: the middle angle stays within 90 degrees.
        previous = angles[frame] = candidates[0 if frame == 0 else nearest]
    return angles


def _depth_first(index: int) -> list[int]:
    children = [c for c, parent in enumerate(PARENTS) if parent == index]
    return [index, *(d for c in children for d in _depth_first(c))]


def _hierarchy(index: int, depth: int, skeleton: Skeleton) -> list[str]:
    """Lines of a joint and all below it."""
    name, tab = JOINT_NAMES[index], "\t" * depth
    rotations = " ".join(f"{axis}rotation" for axis in rotation_order(name))
    channels = f"CHANNELS 3 {rotations}"
    if index == 0:
        channels = f"CHANNELS 6 Xposition Yposition Zposition {rotations}"
    lines = [f"{tab}{'JOINT' if depth else 'ROOT'} {name}", f"{tab}{{"]
    lines += [f"{tab}\t{_offset(skeleton.offsets[index] * CM_PER_M)}", f"{tab}\t{channels}"]
    for child, parent in enumerate(PARENTS):
        if parent == index:
            lines += _hierarchy(child, depth + 1, skeleton)
    if name in _END_SITES:
        end = _offset(np.array(_END_SITES[name]))
        lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\t{end}", f"{tab}\t}}"]
    return [*lines, f"{tab}}}"]


def _offset(offset_cm: np.ndarray) -> str:
    return "OFFSET " + " ".join(f"{value:.6f}" for value in offset_cm + 0.0)
