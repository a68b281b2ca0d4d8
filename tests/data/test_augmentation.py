"""Augmentation: mirrored, recombined, perturbed and tilted clips."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from vimoflow.data.augmentation import (
    UPPER_BODY,
    AugmentationSettings,
    Clips,
    augmented,
    mirrored,
)
from vimoflow.geometry.rotations import geodesic_angle
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import JOINT_NAMES, MIRROR_CONTACTS, MIRROR_JOINTS, joint

BATCH, FRAMES = 16, 12
FLIP = torch.tensor([-1.0, 1.0, 1.0])
LOWER_BODY = [i for i in range(24) if i not in UPPER_BODY]


def clips() -> Clips:
    """Swinging figures on the floor; the last clip is half padding."""
    rng = np.random.default_rng(0)
    seconds = np.arange(FRAMES)[:, None, None] / 30
    poses = rng.normal(0, 0.3, (BATCH, 1, 24, 3)) * np.sin(
        4 * seconds + rng.uniform(0, 6, (BATCH, 1, 24, 1))
    )
    rotations = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix()
    R = torch.from_numpy(rotations).float().reshape(BATCH, FRAMES, 24, 3, 3)
    root = torch.from_numpy(rng.normal(0, 0.5, (BATCH, 1, 3))).float().repeat(1, FRAMES, 1)
    joints = forward_kinematics(R, root)[1]
    root[..., 1] -= sole_heights(joints).amin((-1, -2))[:, None]
    joints = forward_kinematics(R, root)[1]
    valid = torch.ones(BATCH, FRAMES, dtype=torch.bool)
    valid[-1, FRAMES // 2 :] = False
    return Clips(R, root, label_contacts(joints, 30.0), valid)


def joints_of(some: Clips) -> torch.Tensor:
    return forward_kinematics(some.R_parent_joint, some.root_world)[1]


def augment(settings: AugmentationSettings, seed: int = 0, touchable: bool = True) -> Clips:
    rows = torch.full((BATCH,), not touchable)
    return augmented(clips(), torch.Generator().manual_seed(seed), settings, rows)


def only(**shares: float) -> AugmentationSettings:
    return dataclasses.replace(AugmentationSettings.none(), **shares)


def test_a_mirrored_figure_is_the_mirror_image() -> None:
    before, rows = clips(), torch.arange(BATCH) % 2 == 0
    after = mirrored(before, rows)
    expected = joints_of(before)[:, :, list(MIRROR_JOINTS)] * FLIP
    torch.testing.assert_close(joints_of(after)[rows], expected[rows], atol=1e-5, rtol=0)
    torch.testing.assert_close(joints_of(after)[~rows], joints_of(before)[~rows])
    swapped = before.contacts[..., list(MIRROR_CONTACTS)]
    torch.testing.assert_close(after.contacts[rows], swapped[rows])
    relabelled = label_contacts(joints_of(after), 30.0)
    assert (relabelled == after.contacts).float().mean() > 0.99


def test_mirroring_twice_changes_nothing() -> None:
    before, rows = clips(), torch.ones(BATCH, dtype=torch.bool)
    twice = mirrored(mirrored(before, rows), rows)
    for name in ("R_parent_joint", "root_world", "contacts", "valid"):
        torch.testing.assert_close(getattr(twice, name), getattr(before, name))


def test_without_shares_nothing_changes() -> None:
    before, after = clips(), augment(AugmentationSettings.none())
    for name in ("R_parent_joint", "root_world", "contacts", "valid"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name))


def test_untouchable_clips_stay_as_they_are() -> None:
    before = clips()
    after = augment(only(recombine=1.0, tilt=1.0, perturb=1.0), touchable=False)
    torch.testing.assert_close(after.R_parent_joint, before.R_parent_joint)
    torch.testing.assert_close(after.root_world, before.root_world)


def test_the_same_generator_gives_the_same_clips() -> None:
    first, second = augment(AugmentationSettings(), 3), augment(AugmentationSettings(), 3)
    torch.testing.assert_close(first.R_parent_joint, second.R_parent_joint, rtol=0, atol=0)
    other = augment(AugmentationSettings(), 4)
    assert not torch.equal(first.R_parent_joint, other.R_parent_joint)


def test_recombined_clips_keep_their_legs_and_take_a_whole_upper_body() -> None:
    before, after = clips(), augment(only(recombine=1.0))
    legs = [JOINT_NAMES[i] for i in LOWER_BODY]
    assert legs == [
        "pelvis",
        *(f"{s}_{p}" for p in ("hip", "knee", "ankle", "foot") for s in ("left", "right")),
    ]
    torch.testing.assert_close(
        after.R_parent_joint[:, :, LOWER_BODY], before.R_parent_joint[:, :, LOWER_BODY]
    )
    upper = list(UPPER_BODY)
    same = (
        (after.R_parent_joint[:, None, :, upper] == before.R_parent_joint[None, :, :, upper])
        .flatten(2)
        .all(-1)
    )
    assert same.sum(1).eq(1).all()  # each has exactly one donor,
    donor = same.float().argmax(1)
    assert sorted(donor.tolist()) == list(range(BATCH))  # each gives once,
    torch.testing.assert_close(after.valid, before.valid & before.valid[donor])  # as far as it goes
    torch.testing.assert_close(after.root_world, before.root_world, atol=1e-5, rtol=0)


def test_perturbations_are_constant_in_a_clip_and_keep_the_feet_down() -> None:
    before, after = clips(), augment(only(perturb=1.0))
    turn = before.R_parent_joint.transpose(-1, -2) @ after.R_parent_joint
    torch.testing.assert_close(turn, turn[:, :1].expand_as(turn), atol=1e-5, rtol=0)
    angle = geodesic_angle(before.R_parent_joint, after.R_parent_joint)[:, 0]
    assert angle[:, [joint("pelvis"), joint("head"), joint("left_wrist")]].max() < 1e-3
    assert 0.05 < float(angle[:, joint("left_elbow")].mean()) < 0.5
    soles = [sole_heights(joints_of(c)).amin(-1) for c in (before, after)]
    moved = ((soles[1] - soles[0]) * before.valid).sum(-1) / before.valid.sum(-1)
    torch.testing.assert_close(moved, torch.zeros(BATCH), atol=1e-5, rtol=0)


def test_tilted_figures_lie_on_the_floor_as_one_rigid_body() -> None:
    before, after = clips(), augment(only(tilt=1.0))
    torch.testing.assert_close(after.R_parent_joint[:, :, 1:], before.R_parent_joint[:, :, 1:])
    lowest = torch.where(after.valid, joints_of(after)[..., 1].amin(-1), torch.inf).amin(-1)
    torch.testing.assert_close(lowest, torch.full((BATCH,), 0.03), atol=1e-4, rtol=0)
    up = after.R_parent_joint[:, 0, 0] @ before.R_parent_joint[:, 0, 0].transpose(-1, -2)
    assert up[:, 1, 1].min() < 0.5  # some lie or stand on their hands
    relabelled = label_contacts(joints_of(after), 30.0)
    torch.testing.assert_close(after.contacts, relabelled)


def test_a_swapped_arm_is_another_clips_and_nothing_else_moves() -> None:
    before, after = clips().R_parent_joint, augment(only(swap_arm=1.0)).R_parent_joint
    for side in ("left", "right"):
        arm = [joint(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist", "hand")]
        whose = (after[:, None, :, arm] == before[None, :, :, arm]).flatten(2).all(-1)
        assert whose.sum(-1).eq(1).all()  # a whole arm of one clip
        assert (whose.int().argmax(-1) != torch.arange(BATCH)).any()
    rest = [i for i, name in enumerate(JOINT_NAMES)
            if not name.endswith(("shoulder", "elbow", "wrist", "hand"))]  # fmt: skip
    assert torch.equal(after[:, :, rest], before[:, :, rest])
