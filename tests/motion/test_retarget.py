"""Retargeting: rigs made from the canonical skeleton, so that the right answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lab.corpora.floors import root_from_feet
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.retarget import LIMB_BONES, retarget
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, joint, load_skeleton
from vimoflow.motion.source import JointMap, SourceJoint, SourceMotion, axes_to_matrix

DRIVEN = [
    "pelvis", "spine3", "head",
    *(f"{s}_{p}" for s in ("left", "right")
      for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
]  # fmt: skip


def dance(frames: int, seed: int = 0) -> torch.Tensor:
    """Local axis-angle vectors, (frames, 24, 3): smooth, elbows and knees bent as hinges."""
    generator = np.random.default_rng(seed)
    t = np.linspace(0, 1, frames)[:, None, None]
    amplitude, phase = generator.normal(size=(1, 24, 3)) * 0.4, generator.uniform(0, 6, (1, 24, 3))
    poses = amplitude * np.sin(3 * t + phase)
    poses[:, 0, 1] += 2 * t[:, 0, 0]
    for name in ("spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar",
                 "left_foot", "right_foot", "left_hand", "right_hand"):  # fmt: skip
        poses[:, joint(name)] = 0
    bend = 0.9 + 0.3 * np.sin(4 * t[:, 0, 0])
    for name, axis in (("knee", (1, 0, 0)), ("elbow", (0, 1, 0))):
        for side, sign in (("left", -1), ("right", 1)):
            turn = sign if name == "elbow" else 1
            poses[:, joint(f"{side}_{name}")] = turn * bend[:, None] * np.array(axis)
    return torch.from_numpy(poses)


def rig_of(
    poses: torch.Tensor, root: torch.Tensor, fps: float, scale: float = 1.0, seed: int = 5
) -> tuple[SourceMotion, JointMap]:
    """The canonical skeleton in disguise: another size and arbitrary axes in every joint."""
    axes = np.random.default_rng(seed).normal(size=(24, 3)) * 1.5
    R_target_source = axis_angle_to_matrix(torch.from_numpy(axes))
    R, p = forward_kinematics(axis_angle_to_matrix(poses), root)
    rest = load_skeleton().rest_positions() * scale
    source = SourceMotion(
        tuple(f"bone {name}" for name in JOINT_NAMES),
        PARENTS,
        (R @ R_target_source).numpy(),
        p.numpy() * scale,
        rest,
        fps,
    )
    joints = {
        name: SourceJoint(f"bone {name}", R_target_source[joint(name)].T.numpy()) for name in DRIVEN
    }
    return source, JointMap(joints)


def path_of(frames: int) -> torch.Tensor:
    t = torch.linspace(0, 1, frames, dtype=torch.float64)
    return torch.stack((t, 0.9 + 0.0 * t, t * t), dim=-1)


def test_another_rig_of_another_size_gives_the_same_motion() -> None:
    poses, root = dance(40), path_of(40)
    source, joint_map = rig_of(poses, root, 30.0, scale=0.37)
    motion, report = retarget(source, joint_map)
    truth = axis_angle_to_matrix(poses)
    angle = geodesic_angle(torch.from_numpy(motion.local_rotations), truth)
    assert torch.rad2deg(angle).max() < 0.01
    np.testing.assert_allclose(motion.trans[:, [0, 2]], root[:, [0, 2]], atol=1e-5)
    assert report.scale == pytest.approx(1 / 0.37, rel=1e-6)
    assert report.bone_error_deg_max < 1e-4
    assert report.end_error_ratio < 1e-6
    assert report.bone_stretch < 1e-9


def test_bones_point_where_the_source_points_with_other_proportions() -> None:
    source, joint_map = rig_of(dance(30, seed=3), path_of(30), 30.0)
    p = source.p_world_joint.copy()
    p += np.random.default_rng(0).normal(size=(1, 24, 3)) * 0.03
    motion, report = retarget(dataclasses.replace(source, p_world_joint=p), joint_map)
    for start, end in LIMB_BONES:
        ours = motion.joint_positions[:, joint(end)] - motion.joint_positions[:, joint(start)]
        theirs = p[:, joint(end)] - p[:, joint(start)]
        cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1)
        cosine /= np.linalg.norm(theirs, axis=-1)
        assert cosine.min() > np.cos(np.radians(0.1))
    assert report.bone_error_deg_max < 0.1


def test_nothing_flips_while_a_knee_passes_straight() -> None:
    poses = torch.zeros(121, 24, 3, dtype=torch.float64)
    poses[:, joint("left_knee"), 0] = torch.linspace(0.6, -0.5, 121)  # over-stretched at the end
    poses[:, joint("left_elbow"), 1] = torch.linspace(-0.6, 0.5, 121)
    source, joint_map = rig_of(poses, path_of(121), 30.0)
    motion, _ = retarget(source, joint_map)
    R = torch.from_numpy(motion.local_rotations)
    step = torch.rad2deg(geodesic_angle(R[:-1], R[1:]))
    assert step.max() < 8  # the source turns by half a degree a frame


def test_a_bent_knee_is_a_hinge_even_where_the_rig_twists_the_shank() -> None:
    poses = dance(20)
    source, joint_map = rig_of(poses, path_of(20), 30.0)
    knee = joint("left_knee")
    p, R = source.p_world_joint, source.R_world_joint.copy()
    shank = p[:, joint("left_ankle")] - p[:, knee]
    shank /= np.linalg.norm(shank, axis=-1, keepdims=True)
    twist = axis_angle_to_matrix(torch.from_numpy(shank * 0.6)).numpy()
    R[:, knee] = twist @ R[:, knee]
    motion, _ = retarget(dataclasses.replace(source, R_world_joint=R), joint_map)
    flexion = motion.poses[:, knee]
    assert (flexion[:, 0] > 0.4).all()
    assert np.abs(flexion[:, 1:]).max() < 1e-3


def test_a_multiple_of_30_fps_keeps_every_kth_frame_exactly() -> None:
    poses, root = dance(61), path_of(61)
    fast, joint_map = rig_of(poses, root, 60.0)
    slow, _ = rig_of(poses[::2], root[::2], 30.0)
    of_fast, of_slow = retarget(fast, joint_map)[0], retarget(slow, joint_map)[0]
    np.testing.assert_array_equal(of_fast.poses, of_slow.poses)
    np.testing.assert_array_equal(of_fast.trans, of_slow.trans)


@pytest.mark.parametrize("fps", [25.0, 50.0, 100.0])
def test_other_rates_are_interpolated_on_the_same_clock(fps: float) -> None:
    frames = round(2 * fps) + 1
    source, joint_map = rig_of(dance(frames), path_of(frames), fps)
    truth = retarget(*rig_of(dance(61), path_of(61), 30.0))[0]
    motion, _ = retarget(source, joint_map)
    assert motion.fps == 30.0
    assert len(motion) == 61
    np.testing.assert_allclose(motion.joint_positions, truth.joint_positions, atol=3e-3)


def test_a_single_frame_is_a_motion() -> None:
    motion, _ = retarget(*rig_of(dance(1), path_of(1), 24.0))
    assert len(motion) == 1
    assert np.isfinite(motion.poses).all()


def test_a_rig_without_a_mapped_joint_is_refused() -> None:
    source, joint_map = rig_of(dance(2), path_of(2), 30.0)
    names = tuple(name.replace("left_knee", "patella") for name in source.joint_names)
    with pytest.raises(InputError, match="left_knee"):
        retarget(dataclasses.replace(source, joint_names=names), joint_map)


def test_axes_state_the_rotation_between_two_frames() -> None:
    R = axis_angle_to_matrix(torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64))
    a, b = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(axes_to_matrix(a, b, R @ a, R @ b), R.numpy(), atol=1e-9)


def test_feet_carry_a_motion_recorded_in_place() -> None:
    """Walking with the root's path taken away: it comes back from the standing foot."""
    positions = torch.zeros(30, 24, 3, dtype=torch.float64)
    positions[:, :, 1] = 1.0
    for name in ("ankle", "foot"):
        for side, first in (("left", True), ("right", False)):
            down = torch.arange(30) < 15 if first else torch.arange(30) >= 15
            positions[:, joint(f"{side}_{name}"), 1] = torch.where(down, 0.0, 0.3).double()
    velocity = torch.arange(30, dtype=torch.float64) * 0.02
    positions[..., 0] -= velocity[:, None]  # in place: the feet go backwards
    shift = root_from_feet(positions)
    np.testing.assert_allclose(shift[:, 0], velocity, atol=1e-9)
    assert shift[:, 1].std() < 1e-9
