"""The canonical skeleton: its order, symmetry and size."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.conventions import COCO_NAMES
from vimoflow.motion.skeleton import (
    COCO_BONES,
    CONTACT_JOINTS,
    JOINT_NAMES,
    MIRROR_COCO,
    MIRROR_CONTACTS,
    MIRROR_JOINTS,
    PARENTS,
    coco,
    joint,
    load_skeleton,
)

FLIP = np.array([-1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("names", "mirror"),
    [
        (JOINT_NAMES, MIRROR_JOINTS),
        (COCO_NAMES, MIRROR_COCO),
        (CONTACT_JOINTS, MIRROR_CONTACTS),
    ],
)
def test_mirror_maps_swap_the_sides(names: tuple[str, ...], mirror: tuple[int, ...]) -> None:
    assert [mirror[m] for m in mirror] == list(range(len(names)))
    for name, partner in zip(names, mirror, strict=True):
        swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert names[partner] == swapped


def test_parents_precede_children_and_the_tree_is_symmetric() -> None:
    assert PARENTS[0] == -1
    assert all(0 <= parent < child for child, parent in enumerate(PARENTS) if child > 0)
    for child, parent in enumerate(PARENTS[1:], start=1):
        assert PARENTS[MIRROR_JOINTS[child]] == MIRROR_JOINTS[parent]


def test_offsets_and_coco_points_are_symmetric() -> None:
    skeleton = load_skeleton()
    np.testing.assert_allclose(skeleton.offsets[list(MIRROR_JOINTS)] * FLIP, skeleton.offsets)
    np.testing.assert_allclose(
        skeleton.coco_offsets[list(MIRROR_COCO)] * FLIP, skeleton.coco_offsets
    )
    for point, carrier in enumerate(skeleton.coco_joints):
        assert skeleton.coco_joints[MIRROR_COCO[point]] == MIRROR_JOINTS[carrier]


def test_the_rest_pose_is_a_t_pose_facing_plus_z() -> None:
    rest = load_skeleton().rest_positions()
    assert rest[joint("left_hand"), 0] > 0.5 > -0.5 > rest[joint("right_hand"), 0]
    assert rest[joint("head"), 1] > rest[joint("pelvis"), 1] > rest[joint("left_ankle"), 1]
    assert rest[joint("left_foot"), 2] > rest[joint("left_ankle"), 2] + 0.05
    assert load_skeleton().coco_offsets[coco("nose"), 2] > 0


def test_sizes_are_a_persons() -> None:
    skeleton = load_skeleton()
    assert 1.6 < skeleton.stature < 1.9
    assert 0.42 < skeleton.leg_length / skeleton.stature < 0.52


def test_scaled_scales_every_length() -> None:
    skeleton = load_skeleton()
    large = skeleton.scaled(1.25)
    np.testing.assert_allclose(large.rest_positions(), 1.25 * skeleton.rest_positions())
    np.testing.assert_allclose(large.coco_offsets, 1.25 * skeleton.coco_offsets)
    np.testing.assert_allclose(
        large.smpl_trans_to_pelvis, 1.25 * np.array(skeleton.smpl_trans_to_pelvis)
    )
    assert large.leg_length == pytest.approx(1.25 * skeleton.leg_length)
    assert large.stature == pytest.approx(1.25 * skeleton.stature)


def test_coco_bones_name_each_bone_once() -> None:
    assert len({frozenset(bone) for bone in COCO_BONES}) == len(COCO_BONES) == 16
    assert {point for bone in COCO_BONES for point in bone} == set(range(17))
