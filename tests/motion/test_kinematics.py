"""Forward kinematics against a hand-computed chain and the literal recursion."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from vimoflow.conventions import COCO_NAMES
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import PARENTS, joint, load_skeleton


def random_pose(seed: int, *batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    count = math.prod(batch) * 24
    rotations = Rotation.random(count, random_state=seed).as_matrix().reshape(*batch, 24, 3, 3)
    roots = np.random.default_rng(seed).normal(size=(*batch, 3))
    return torch.from_numpy(rotations), torch.from_numpy(roots)


def test_a_bent_knee_by_hand() -> None:
    rotations = torch.eye(3, dtype=torch.float64).repeat(24, 1, 1)
    # The knee bends by 90 degrees: the shank, down at rest, points backward (-Z).
    rotations[joint("left_knee")] = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    offsets = load_skeleton().offsets
    _, positions = forward_kinematics(rotations, torch.tensor([1.0, 2.0, 3.0]).double())
    knee = np.array([1.0, 2, 3]) + offsets[joint("left_hip")] + offsets[joint("left_knee")]
    np.testing.assert_allclose(positions[joint("left_knee")], knee)
    x, y, z = offsets[joint("left_ankle")]
    np.testing.assert_allclose(positions[joint("left_ankle")], knee + np.array([x, -z, y]))
    assert positions[joint("left_ankle"), 2] < knee[2] - 0.3
    untouched = load_skeleton().rest_positions()[joint("right_hand")] + [1, 2, 3]
    np.testing.assert_allclose(positions[joint("right_hand")], untouched)


def test_agrees_with_the_recursion_for_any_batch() -> None:
    R_local, root = random_pose(0, 2, 3)
    R_world, p_world = forward_kinematics(R_local, root)
    offsets = torch.from_numpy(load_skeleton().offsets)

    def place(at: tuple[int, int], index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if PARENTS[index] < 0:
            return R_local[at][index], root[at]
        R_parent, p_parent = place(at, PARENTS[index])
        return R_parent @ R_local[at][index], p_parent + R_parent @ offsets[index]

    for at in np.ndindex(2, 3):
        for index in range(24):
            R, p = place(at, index)
            torch.testing.assert_close(R_world[at][index], R)
            torch.testing.assert_close(p_world[at][index], p)


def test_turning_the_root_turns_everything_about_it() -> None:
    R_local, root = random_pose(1, 4)
    turn = torch.from_numpy(Rotation.random(random_state=2).as_matrix())
    turned = R_local.clone()
    turned[:, 0] = turn @ R_local[:, 0]
    R_before, p_before = forward_kinematics(R_local, root)
    R_after, p_after = forward_kinematics(turned, root)
    torch.testing.assert_close(R_after, turn @ R_before)
    arms = p_before - root[:, None]
    torch.testing.assert_close(p_after - root[:, None], arms @ turn.T)


def test_another_skeleton_scales_the_figure() -> None:
    R_local, root = random_pose(3, 2)
    _, usual = forward_kinematics(R_local, root)
    _, large = forward_kinematics(R_local, root, load_skeleton().scaled(2.0))
    torch.testing.assert_close(large - root[:, None], 2 * (usual - root[:, None]))


def test_coco_points_ride_rigidly_on_their_joints() -> None:
    skeleton = load_skeleton()
    R_world, p_world = forward_kinematics(*random_pose(4, 5))
    points = coco_points(R_world, p_world)
    for index, carrier in enumerate(skeleton.coco_joints):
        back = R_world[:, carrier].transpose(-1, -2) @ (
            points[:, index] - p_world[:, carrier]
        ).unsqueeze(-1)
        expected = np.broadcast_to(skeleton.coco_offsets[index], (5, 3))
        np.testing.assert_allclose(back[..., 0], expected, atol=1e-12)


def test_limb_points_lie_near_their_joints() -> None:
    skeleton = load_skeleton()
    for name in ("left_elbow", "right_wrist", "left_knee", "right_ankle"):
        index = COCO_NAMES.index(name)
        assert skeleton.coco_joints[index] in (joint(name), PARENTS[joint(name)])
        assert np.linalg.norm(skeleton.coco_offsets[index]) < 0.5
