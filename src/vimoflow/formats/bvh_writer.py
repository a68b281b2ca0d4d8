"""Motions as BVH: the 24 joints by name, centimetres and degrees, end sites at the leaves.

Angles are continuous from frame to frame wherever the rotation is, so curves can be edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.files import output_errors, replacing
from vimoflow.formats.file_space import FileSpace
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
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
_OTHER_AXES = str.maketrans("YZ", "ZY")  # Z up: what turns about Y turns about Z, and the reverse
_CENTIMETRES = FileSpace(unit="cm")
_LOCK = 1e-7  # cosine of the middle angle below which the outer two angles are one


def write_bvh(
    motion: Motion,
    path: str | Path,
    space: FileSpace = _CENTIMETRES,
    order: str | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Write a motion; equal motions give equal bytes.

    The pelvis has six channels and a zero OFFSET, so programs that add the OFFSET to the position
    channels and programs that do not agree; other joints have three. The order of axes is ``ZYX``
    for the legs and ``ZXY`` for the rest. A motion of an uneven clock is resampled evenly at its
    mean rate, so that it stays in step with its video.

    Args:
        motion: what to write.
        path: the file.
        space: unit and axis that is up, of which BVH says nothing: programs ask or assume.
        order: of the rotation channels of all joints, such as "ZXY".
        names: what the joints are called in the file.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = at_even_times(motion)
    target = Path(path)
    orders = [order or rotation_order(name, space.up) for name in JOINT_NAMES]
    angles = joint_angles(space.rotations(motion.local_rotations), orders)
    values = [space.points(motion.trans), *(np.degrees(angles[j]) for j in _depth_first(0))]
    rows = np.concatenate(values, axis=1)
    rows[rows == 0] = 0.0  # no "-0.00000"
    hierarchy = _Hierarchy(motion.skeleton, space, orders, names or {})
    row = " ".join(["%.6f"] * rows.shape[1]) + "\n"
    with (
        output_errors(target),
        replacing(target) as partial,
        partial.open("w", encoding="ascii", newline="\n") as stream,
    ):
        stream.write("HIERARCHY\n" + "\n".join(hierarchy.lines(0, 0)))
        stream.write(f"\nMOTION\nFrames: {len(motion)}\nFrame Time: {1 / motion.fps:.10f}\n")
        stream.writelines(row % tuple(frame.tolist()) for frame in rows)


def rotation_order(joint_name: str, up: str = "y") -> str:
    """Order of the rotation channels that :func:`write_bvh` gives a joint, such as "ZXY"."""
    order = LEG_ORDER if joint_name.rpartition("_")[2] in _LEG_PARTS else BODY_ORDER
    return order if up == "y" else order.translate(_OTHER_AXES)


def joint_angles(
    R: Float[np.ndarray, "frames joints 3 3"], orders: Sequence[str]
) -> Float[np.ndarray, "joints frames 3"]:
    """The angles of :func:`continuous_euler` for joints of an order each, radians."""
    angles = np.empty((R.shape[1], len(R), 3))
    for order in sorted(set(orders)):
        chosen = [j for j, one in enumerate(orders) if one == order]
        angles[chosen] = continuous_euler(R[:, chosen], order).swapaxes(0, 1)
    return angles


def continuous_euler(
    R: Float[np.ndarray, "frames *joints 3 3"], order: str
) -> Float[np.ndarray, "frames *joints 3"]:
    """Angles in radians with ``R = R_first @ R_second @ R_third``, as continuous as they can be.

    Of the two triples that give a rotation, and all their turns by 2 pi, each frame takes the one
    nearest the frame before. Where the middle angle locks, the third keeps its value.

    Args:
        order: three different axes, such as "ZXY".
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    # An arc tangent keeps its precision near 90 degrees, where an arc sine loses it.
    cosine = np.hypot(R[..., i, i], R[..., i, j])
    middle = np.arctan2(sign * R[..., i, k], cosine)
    first = np.arctan2(-sign * R[..., j, k], R[..., k, k])
    third = np.arctan2(-sign * R[..., i, j], R[..., i, i])
    both = np.arctan2(sign * R[..., k, j], R[..., j, j])  # first +- third where the middle locks
    angles = np.stack((first, middle, third), axis=-1)
    others = np.stack((first + np.pi, np.pi - middle, third + np.pi), axis=-1)
    locked, joined = cosine < _LOCK, sign * np.sign(middle)
    previous = np.zeros(angles.shape[1:])
    for frame, angle in enumerate(angles):
        at = locked[frame]
        if at.any():
            held = previous[..., 2]
            alone = both[frame] - joined[frame] * held
            angle = np.where(at[..., None], np.stack((alone, angle[..., 1], held), -1), angle)
            others[frame] = angle * [1, -1, 1] + np.pi
        candidates = np.stack((angle, others[frame]))
        candidates -= 2 * np.pi * np.round((candidates - previous) / (2 * np.pi))
        nearer = np.abs(candidates - previous).sum(axis=-1)
        # The first frame has no neighbour: the middle angle stays within 90 degrees.
        second = (nearer[1] < nearer[0]) & (frame > 0)
        previous = angles[frame] = np.where(second[..., None], candidates[1], candidates[0])
    return angles


def _depth_first(index: int) -> list[int]:
    children = [c for c, parent in enumerate(PARENTS) if parent == index]
    return [index, *(d for c in children for d in _depth_first(c))]


@dataclass(frozen=True)
class _Hierarchy:
    """What stands above the frames."""

    skeleton: Skeleton
    space: FileSpace
    orders: Sequence[str]
    names: Mapping[str, str]

    def lines(self, index: int, depth: int) -> list[str]:
        """Lines of a joint and all below it."""
        own, tab = JOINT_NAMES[index], "\t" * depth
        rotations = " ".join(f"{axis}rotation" for axis in self.orders[index])
        channels = f"CHANNELS 3 {rotations}"
        if index == 0:
            channels = f"CHANNELS 6 Xposition Yposition Zposition {rotations}"
        name = f"{'JOINT' if depth else 'ROOT'} {self.names.get(own, own)}"
        lines = [f"{tab}{name}", f"{tab}{{"]
        lines += [f"{tab}\t{self._offset(self.skeleton.offsets[index])}", f"{tab}\t{channels}"]
        for child, parent in enumerate(PARENTS):
            if parent == index:
                lines += self.lines(child, depth + 1)
        if own in _END_SITES:
            end = self._offset(np.array(_END_SITES[own]) / CM_PER_M)
            lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\t{end}", f"{tab}\t}}"]
        return [*lines, f"{tab}}}"]

    def _offset(self, offset_m: np.ndarray) -> str:
        return "OFFSET " + " ".join(f"{value:.6f}" for value in self.space.points(offset_m) + 0.0)
