"""Refinement pulls towards the keypoints, and only where there are any."""

from __future__ import annotations

import pytest
import torch

from vimoflow.conditioning.encoding import Condition, encode_condition, person_size_px
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.features import LAYOUT, decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import joint
from vimoflow.refinement import RefinementSettings, refine

FRAMES = 24


def clip(bend: float) -> torch.Tensor:
    """Features of somebody with raised arms whose left elbow and knee bend by ``bend`` radians."""
    turns = torch.zeros(1, FRAMES, 24, 3)
    turns[..., joint("left_shoulder"), 2] = -0.6
    turns[..., joint("left_elbow"), 2] = bend
    turns[..., joint("right_hip"), 2] = -bend
    root = torch.tensor([0.0, 0.95, 0.0]).expand(1, FRAMES, 3)
    contacts = torch.zeros(1, FRAMES, 4)
    contacts[..., :2] = 1.0
    return encode_features(axis_angle_to_matrix(turns), contacts, root)


def joints(features: torch.Tensor) -> torch.Tensor:
    R, _, root = decode_features(features)
    return forward_kinematics(R, root)[1]


def seen_from_the_front(features: torch.Tensor) -> Condition:
    """What a level camera at 5 m sees, 300 pixels a metre."""
    R, _, root = decode_features(features)
    points = coco_points(*forward_kinematics(R, root))
    scale = 300 / (1 - points[..., 2] / 5.0)
    x, y = 640 + scale * points[..., 0], 360 - scale * points[..., 1]
    keypoints = torch.stack((x, y, torch.ones_like(x)), dim=-1)
    return encode_condition(keypoints, person_size_px(keypoints))


def test_comes_much_nearer_to_what_was_seen():
    truth, sample = clip(0.5), clip(0.0)
    refined = refine(sample, seen_from_the_front(truth))
    for name in ("left_wrist", "right_ankle"):
        before = (joints(sample) - joints(truth)).norm(dim=-1)[..., joint(name)].mean()
        after = (joints(refined) - joints(truth)).norm(dim=-1)[..., joint(name)].mean()
        assert before > 0.1 and after < 0.85 * before


def test_leaves_alone_what_already_fits():
    sample = clip(0.3)
    refined = refine(sample, seen_from_the_front(sample))
    assert (joints(refined) - joints(sample)).norm(dim=-1).max() < 0.02


def test_nothing_seen_nothing_changed():
    sample = clip(0.3)
    refined = refine(sample, seen_from_the_front(sample).empty())
    assert refined == pytest.approx(sample, abs=1e-5)


def test_rotations_stay_rotations_and_contacts_stay():
    sample = clip(0.0)
    refined = refine(sample, seen_from_the_front(clip(0.5)))
    sixd = refined[..., LAYOUT.rotations].unflatten(-1, (24, 2, 3))
    assert sixd.norm(dim=-1) == pytest.approx(torch.ones(1, FRAMES, 24, 2), abs=1e-5)
    assert torch.equal(refined[..., LAYOUT.contacts], sample[..., LAYOUT.contacts])


def test_planted_feet_stay_planted():
    refined = refine(clip(0.0), seen_from_the_front(clip(0.5)))
    foot = joints(refined)[0, :, joint("left_foot")]
    assert (foot[1:] - foot[:-1]).norm(dim=-1).max() < 0.005


def test_chunks_do_not_show():
    truth, sample = clip(0.4), clip(0.0)
    condition = seen_from_the_front(truth)
    whole = joints(refine(sample, condition))
    cut = joints(refine(sample, condition, RefinementSettings(chunk=16)))
    assert (whole - cut).norm(dim=-1).max() < 0.03
