"""Points of a posed body, and how they move when its joints turn, its root moves, its parts grow.

A joint's turn is a rotation vector on top of its sampled rotation. What hangs on the joint moves
along the cross product of the joint's axes with the arm (the geometric Jacobian; Murray, Li and
Sastry 1994, section 3.4), the axes being those that the right Jacobian of SO(3) makes of the
vector's three numbers (Sola et al. 2018, equation 143).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from vimoflow.geometry.vectors import cross_matrix
from vimoflow.motion.proportions import PARTS, proportion_maps
from vimoflow.motion.skeleton import (
    COCO_NAMES,
    CONTACT_JOINTS,
    PARENTS,
    Skeleton,
    joint,
    load_skeleton,
)

COCO = slice(0, len(COCO_NAMES))
FEET = slice(len(COCO_NAMES), len(COCO_NAMES) + len(CONTACT_JOINTS))
# Joints that no COCO point shows (wrists, hands, ankles, feet) keep their sampled rotation.
_TRUNK_AND_ARMS = ("spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar",
                   "left_shoulder", "right_shoulder", "left_elbow", "right_elbow")  # fmt: skip
_LEGS = ("pelvis", "left_hip", "right_hip", "left_knee", "right_knee")
TURNING = tuple(joint(name) for name in (*_TRUNK_AND_ARMS, *_LEGS))
SHIFT = slice(3 * len(TURNING), 3 * len(TURNING) + 3)
UNKNOWNS = SHIFT.stop
"""Unknowns a frame: three for each joint of ``TURNING``, then the root's shift in metres."""
LEGS = slice(3 * len(_TRUNK_AND_ARMS), UNKNOWNS)
"""The unknowns that move feet."""


@dataclass(frozen=True)
class Body:
    """A sampled motion whose joints may turn.

    Attributes:
        R_parent_joint, root_world: the motion.
        skeleton: whose bones it has.
    """

    R_parent_joint: Float[np.ndarray, "f 24 3 3"]
    root_world: Float[np.ndarray, "f 3"]
    skeleton: Skeleton = field(default_factory=load_skeleton)

    def posed(
        self, unknowns: Float[np.ndarray, "f n"], log_lengths: Float[np.ndarray, "8"]
    ) -> PosedBody:
        """The body with its joints turned and its root moved.

        Args:
            unknowns: see ``UNKNOWNS``.
            log_lengths: of ``PARTS``, for the COCO points only; see ``motion.proportions``.
        """
        turns = unknowns[:, : SHIFT.start].reshape(len(unknowns), -1, 3)
        R = self.R_parent_joint.copy()
        R[:, TURNING] = R[:, TURNING] @ rotations(turns)
        R_world, joints = _forward_kinematics(
            R, self.root_world + unknowns[:, SHIFT], self.skeleton
        )
        index, offsets = _riding(self.skeleton)
        plain = joints[:, index] + (R_world[:, index] @ offsets[..., None])[..., 0]
        return PosedBody(turns, R_world, joints, plain, log_lengths)


@dataclass(frozen=True)
class PosedBody:
    """Points of a body in the world, and their derivatives.

    Attributes:
        turns: rotation vectors of ``TURNING``.
        R_world, joints: of all joints.
        plain: COCO points and feet on the skeleton's own proportions.
        log_lengths: of ``PARTS``.
    """

    turns: Float[np.ndarray, "f j 3"]
    R_world: Float[np.ndarray, "f 24 3 3"]
    joints: Float[np.ndarray, "f 24 3"]
    plain: Float[np.ndarray, "f 21 3"]
    log_lengths: Float[np.ndarray, "8"]

    def part(self, frames: slice) -> PosedBody:
        """Some of the frames."""
        return PosedBody(
            self.turns[frames], self.R_world[frames], self.joints[frames], self.plain[frames],
            self.log_lengths,
        )  # fmt: skip

    @functools.cached_property
    def points(self) -> Float[np.ndarray, "f 21 3"]:
        """``COCO`` points of the proportioned body, and the ``FEET`` of the skeleton's own."""
        out = self.plain.copy()
        out[:, COCO] = self._map @ self.plain[:, COCO]
        return out

    @functools.cached_property
    def by_unknowns(self) -> Float[np.ndarray, "f 63 n"]:
        """Derivatives of the points' coordinates, point by point, by the frame's unknowns."""
        frames, count = self.plain.shape[:2]
        pairs = _pairs()
        axes = self.R_world[:, TURNING] @ right_jacobians(self.turns)  # columns: axes in the world
        axes = axes[:, pairs.turning].swapaxes(-1, -2)
        arms = self.plain[:, pairs.points] - self.joints[:, pairs.joints]
        out = np.zeros((frames, 3 * count, UNKNOWNS))
        out.reshape(frames, -1)[:, pairs.places] = _cross(axes, arms[:, :, None]).reshape(
            frames, -1
        )
        out[..., SHIFT] = np.tile(np.eye(3), (count, 1))
        seen = out[:, : 3 * COCO.stop].reshape(frames, COCO.stop, -1)
        seen[:] = self._map @ seen
        return out

    @functools.cached_property
    def by_lengths(self) -> Float[np.ndarray, "f 51 8"]:
        """Derivatives of the COCO points' coordinates by the logarithms of the parts' lengths."""
        maps = np.exp(self.log_lengths)[:, None, None] * proportion_maps()[1:]
        moved = maps @ self.plain[:, None, COCO]
        return moved.reshape(len(moved), len(PARTS), -1).swapaxes(1, 2)

    @functools.cached_property
    def _map(self) -> Float[np.ndarray, "17 17"]:
        fixed, *parts = proportion_maps()
        return fixed + np.tensordot(np.exp(self.log_lengths), parts, axes=1)


def rotations(turns: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation vectors as matrices (Rodrigues' formula)."""
    a, b, _, skew = _exponential(turns)
    return np.eye(3) + a * skew + b * (skew @ skew)


def right_jacobians(turns: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """J with exp(v + d) = exp(v) exp(J d) for small d (Sola et al. 2018, equation 143)."""
    _, b, c, skew = _exponential(turns)
    return np.eye(3) - b * skew + c * (skew @ skew)


def _exponential(turns: np.ndarray) -> tuple[np.ndarray, ...]:
    """sin x / x, (1 - cos x) / x^2, (x - sin x) / x^3 of the angles x, and v's cross products."""
    squared = np.square(turns).sum(-1)[..., None, None]
    angle = np.sqrt(squared)
    small = angle < 1e-3
    x = np.where(small, 1.0, angle)
    a = np.where(small, 1 - squared / 6, np.sin(x) / x)
    b = np.where(small, 0.5 - squared / 24, (1 - np.cos(x)) / x**2)
    c = np.where(small, 1 / 6 - squared / 120, (x - np.sin(x)) / x**3)
    return a, b, c, cross_matrix(turns)


def _forward_kinematics(
    R: np.ndarray, root: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    R_world, joints = np.empty_like(R), np.empty(R.shape[:3])
    R_world[:, 0], joints[:, 0] = R[:, 0], root
    for level, parents in _levels():
        above = R_world[:, parents]
        R_world[:, level] = above @ R[:, level]
        offsets = skeleton.offsets[level][..., None]
        joints[:, level] = joints[:, parents] + (above @ offsets)[..., 0]
    return R_world, joints


@functools.cache
def _levels() -> tuple[tuple[list[int], list[int]], ...]:
    """Joints of each depth below the root, and their parents."""
    depth = [0] * len(PARENTS)
    for j, p in enumerate(PARENTS):
        depth[j] = 0 if p < 0 else depth[p] + 1
    levels = [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]
    return tuple((level, [PARENTS[j] for j in level]) for level in levels)


def _riding(skeleton: Skeleton) -> tuple[list[int], np.ndarray]:
    """The joint that each point rides on, and its place there."""
    feet = [joint(name) for name in CONTACT_JOINTS]
    offsets = np.concatenate((skeleton.coco_offsets, np.zeros((len(feet), 3))))
    return [*skeleton.coco_joints, *feet], offsets


@dataclass(frozen=True)
class _Pairs:
    """Points and the joints above them that turn; where their nine derivatives are kept."""

    points: Int[np.ndarray, " pairs"]
    turning: Int[np.ndarray, " pairs"]
    joints: Int[np.ndarray, " pairs"]
    places: Int[np.ndarray, " numbers"]


@functools.cache
def _pairs() -> _Pairs:
    index, _ = _riding(load_skeleton())
    pairs = [
        (point, TURNING.index(j)) for point, end in enumerate(index) for j in _above(end)
        if j in TURNING
    ]  # fmt: skip
    points, turning = (np.array(part) for part in zip(*pairs, strict=True))
    axis, xyz = np.arange(3)[:, None], np.arange(3)
    row, column = 3 * points[:, None, None] + xyz, 3 * turning[:, None, None] + axis
    places = (row * UNKNOWNS + column).ravel()
    return _Pairs(points, turning, np.array(TURNING)[turning], places)


def _above(j: int) -> list[int]:
    chain = []
    while j >= 0:
        chain.append(j)
        j = PARENTS[j]
    return chain


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products along the last axis; numpy's own is several times as slow."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        out[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return out
