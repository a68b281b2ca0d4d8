"""The body poses as the skeleton does; its derivatives are those of finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.inference.refinement.body import (
    COCO,
    FEET,
    SHIFT,
    TURNING,
    UNKNOWNS,
    Body,
    right_jacobians,
    rotations,
)
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.proportions import PARTS, proportioned
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

FRAMES, STEP = 3, 1e-6
RNG = np.random.default_rng(0)
BODY = Body(rotations(RNG.normal(size=(FRAMES, 24, 3))), RNG.normal(size=(FRAMES, 3)))
UNKNOWN = 0.7 * RNG.normal(size=(FRAMES, UNKNOWNS))
LENGTHS = 0.2 * RNG.normal(size=len(PARTS))


def test_points_are_those_of_the_skeleton() -> None:
    turns = torch.zeros(FRAMES, 24, 3, dtype=torch.float64)
    turns[:, list(TURNING)] = torch.from_numpy(UNKNOWN[:, : SHIFT.start]).unflatten(1, (-1, 3))
    R = torch.from_numpy(BODY.R_parent_joint) @ axis_angle_to_matrix(turns)
    root = torch.from_numpy(BODY.root_world + UNKNOWN[:, SHIFT])
    R_world, joints = forward_kinematics(R, root)
    points = proportioned(coco_points(R_world, joints), torch.from_numpy(LENGTHS)[None])
    posed = BODY.posed(UNKNOWN, LENGTHS).points
    np.testing.assert_allclose(posed[:, COCO], points.numpy(), atol=1e-9)
    feet = joints[:, [joint(name) for name in CONTACT_JOINTS]].numpy()
    np.testing.assert_allclose(posed[:, FEET], feet, atol=1e-9)


@pytest.mark.parametrize("size", [0.0, 1e-5, 1.0])
def test_derivatives_by_unknowns(size: float) -> None:
    at = size * UNKNOWN
    posed = BODY.posed(at, LENGTHS)
    for number in range(UNKNOWNS):
        step = STEP * np.eye(UNKNOWNS)[number]
        there, back = (BODY.posed(at + s, LENGTHS).points for s in (step, -step))
        slope = ((there - back) / (2 * STEP)).reshape(FRAMES, -1)
        np.testing.assert_allclose(posed.by_unknowns[..., number], slope, atol=1e-7)


def test_derivatives_by_lengths() -> None:
    posed = BODY.posed(UNKNOWN, LENGTHS)
    for number in range(len(PARTS)):
        step = STEP * np.eye(len(PARTS))[number]
        there, back = (BODY.posed(UNKNOWN, LENGTHS + s).points[:, COCO] for s in (step, -step))
        slope = ((there - back) / (2 * STEP)).reshape(FRAMES, -1)
        np.testing.assert_allclose(posed.by_lengths[..., number], slope, atol=1e-7)


def test_a_part_is_of_those_frames() -> None:
    posed, part = BODY.posed(UNKNOWN, LENGTHS), slice(1, 3)
    np.testing.assert_array_equal(posed.part(part).points, posed.points[part])
    np.testing.assert_allclose(posed.part(part).by_unknowns, posed.by_unknowns[part], atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-8, 9e-4, 1.1e-3, 0.5, 3.0, 4.5])
def test_rotations_and_right_jacobians(angle: float) -> None:
    axis = RNG.normal(size=3)
    turn = angle * axis / np.linalg.norm(axis)
    R = axis_angle_to_matrix(torch.from_numpy(turn)).numpy()
    np.testing.assert_allclose(rotations(turn), R, atol=1e-9)
    for number, column in enumerate(right_jacobians(turn).T):
        step = STEP * np.eye(3)[number]
        slope = (rotations(turn + step) - rotations(turn - step)) / (2 * STEP)
        spin = rotations(turn).T @ slope  # a skew matrix: what turns about which axis
        np.testing.assert_allclose([spin[2, 1], spin[0, 2], spin[1, 0]], column, atol=1e-7)
