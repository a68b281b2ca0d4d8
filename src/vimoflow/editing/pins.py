"""Points of the body brought to places in the world by damped least-squares inverse kinematics.

The joints between the root and the point turn as little as they can (Buss 2004, damped least
squares); what is still missing then is made up for by moving the root. Frames beside pinned ones
follow along the curve of least jerk.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.conventions import COCO_NAMES
from vimoflow.editing.joins import OffsetSpline
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import (
    JOINT_NAMES,
    PARENTS,
    Skeleton,
    coco,
    joint,
    load_skeleton,
)  # fmt: skip

ROOT_REACH_M = 0.3  # the root is moved by so much at most
_ITERATIONS = 60
_DAMPING = 1e-4
_LONGEST_STEP = 0.4  # radians a joint turns in an iteration
_STIFF = {"spine1": 0.3, "spine2": 0.3, "spine3": 0.3, "neck": 0.3, "left_collar": 0.3,
          "right_collar": 0.3, "pelvis": 0.0}  # fmt: skip  # turn less than limbs do


@dataclass(frozen=True)
class Pins:
    """Pinned points over the frames of a motion, in the frame of the motion.

    Attributes:
        joints: the joint each point rides on.
        offsets: the point in that joint's frame, metres.
        places: where it is to be.
        active: whether it is pinned.
        skeleton: whose size counts; the canonical one by default.
    """

    joints: tuple[int, ...]
    offsets: Float[Tensor, "pins 3"]
    places: Float[Tensor, "frames pins 3"]
    active: Bool[Tensor, "frames pins"]
    skeleton: Skeleton = field(default_factory=load_skeleton)

    @property
    def frames(self) -> Bool[Tensor, "frames"]:
        """Frames in which anything is pinned."""
        return self.active.any(-1)

    def misses(
        self, R: Float[Tensor, "frames 24 3 3"], root: Float[Tensor, "frames 3"]
    ) -> Float[Tensor, "frames pins"]:
        """Distance of each pinned point to its place, metres; 0 where it is not pinned."""
        points, _, _ = _posed(self, R, root)
        return (points - self.places).norm(dim=-1) * self.active


def point_on_body(name: str, skeleton: Skeleton | None = None) -> tuple[int, Tensor]:
    """The joint that a named joint or COCO point rides on, and its place there, metres."""
    skeleton = skeleton or load_skeleton()
    if name in JOINT_NAMES:
        return joint(name), torch.zeros(3, dtype=torch.float64)
    assert name in COCO_NAMES
    index = coco(name)
    return skeleton.coco_joints[index], torch.from_numpy(skeleton.coco_offsets[index]).double()


def meet_pins(
    R: Float[Tensor, "frames 24 3 3"],
    root: Float[Tensor, "frames 3"],
    pins: Pins,
    free_rotations: Bool[Tensor, "frames 24"],
    free_root: Bool[Tensor, "frames 3"],
    reach: float,
    iterations: int = _ITERATIONS,
) -> tuple[Float[Tensor, "frames 24 3 3"], Float[Tensor, "frames 3"]]:
    """A motion whose pinned points are in their places, as near to the given one as can be.

    Only what is free moves. Between pinned and held frames the change fades with least jerk.
    """
    rows = torch.nonzero(pins.frames).flatten()
    if not len(rows):
        return R, root
    part = dataclasses.replace(pins, places=pins.places[rows], active=pins.active[rows])
    solved, moved = _solve(
        R[rows].double(), root[rows].double(), part, free_rotations[rows], free_root[rows],
        iterations,
    )  # fmt: skip
    turn = torch.zeros(*R.shape[:2], 3, dtype=torch.float64)
    shift = torch.zeros_like(root, dtype=torch.float64)
    turn[rows] = matrix_to_axis_angle(R[rows].double().transpose(-1, -2) @ solved)
    shift[rows] = moved - root[rows].double()
    pinned = pins.frames[:, None]
    turn = _faded(turn, pinned | ~free_rotations, reach)
    shift = OffsetSpline(pinned | ~free_root, reach, fade=True)(shift)
    out = R.double() @ axis_angle_to_matrix(turn)
    return out.to(R), (root.double() + shift).to(root)


def _faded(turn: Tensor, known: Tensor, reach: float) -> Tensor:
    flat = known[..., None].expand_as(turn).flatten(1)
    return OffsetSpline(flat, reach, fade=True)(turn.flatten(1)).unflatten(1, turn.shape[1:])


def _solve(
    R: Tensor, root: Tensor, pins: Pins, free_rotations: Tensor, free_root: Tensor, iterations: int
) -> tuple[Tensor, Tensor]:
    """Joints first, then the root with them."""
    R, start = R.clone(), root
    weight = torch.tensor([_STIFF.get(name, 1.0) for name in JOINT_NAMES], dtype=R.dtype)
    turning = (weight * free_rotations)[..., None].expand(*free_rotations.shape, 3).flatten(1)
    for moving in (0.0, 0.3):
        weights = torch.cat((turning, moving * free_root.to(R.dtype)), dim=1)
        for _ in range(iterations):
            points, p_joints, R_world = _posed(pins, R, root)
            error = (pins.places - points) * pins.active[..., None]
            if float(error.abs().max()) < 1e-5:
                return R, root
            change = _damped_step(_jacobian(pins, points, p_joints, R_world), error, weights)
            turn = change[:, :-3].unflatten(1, (-1, 3))
            size = turn.norm(dim=-1).amax(1)[:, None, None]
            R = R @ axis_angle_to_matrix(turn * (_LONGEST_STEP / size.clamp(min=_LONGEST_STEP)))
            shift = root + change[:, -3:] - start
            length = shift.norm(dim=-1, keepdim=True)
            root = start + shift * (ROOT_REACH_M / length.clamp(min=ROOT_REACH_M))
    return R, root


def _posed(pins: Pins, R: Tensor, root: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pinned points (frames, pins, 3), all joints' positions and world rotations."""
    R_world, p_joints = forward_kinematics(R, root, pins.skeleton)
    index = list(pins.joints)
    offsets = pins.offsets.to(R)[..., None]
    return p_joints[:, index] + (R_world[:, index] @ offsets)[..., 0], p_joints, R_world


def _jacobian(pins: Pins, points: Tensor, p_joints: Tensor, R_world: Tensor) -> Tensor:
    """(frames, 3 pins, 75): how points move when joints turn in their own frames, or the root."""
    frames, count = points.shape[:2]
    J = points.new_zeros(frames, count, 3, 25, 3)
    for number, end in enumerate(pins.joints):
        j = end
        while j >= 0:
            arm = points[:, number] - p_joints[:, j]
            axes = R_world[:, j].transpose(-1, -2)  # rows: the joint's axes in the world
            moved = torch.linalg.cross(axes, arm[:, None].expand_as(axes), dim=-1)
            J[:, number, :, j] = moved.transpose(-1, -2)
            j = PARENTS[j]
        J[:, number, :, 24] = torch.eye(3, dtype=points.dtype)
    J = J * pins.active[..., None, None, None]
    return J.flatten(3).flatten(1, 2)


def _damped_step(J: Tensor, error: Tensor, weights: Tensor) -> Tensor:
    """Weighted damped least squares (Buss 2004, eq. 11)."""
    weighted = J * weights[:, None]
    A = weighted @ J.transpose(-1, -2)
    A = A + _DAMPING * torch.eye(A.shape[-1], dtype=A.dtype)
    solution = torch.linalg.solve(A, error.flatten(1)[..., None])
    return (weighted.transpose(-1, -2) @ solution)[..., 0]
