"""Refinement pulls towards the keypoints, and only where there are any."""

from __future__ import annotations

import math

import pytest
import torch

from vimoflow.geometry.rotations import axis_angle_to_matrix, rotation_about
from vimoflow.inference.conditioning.encoding import Condition, encode_condition, person_size_px
from vimoflow.inference.refinement import Evidence, RefinementSettings, refine
from vimoflow.motion.features import LAYOUT, decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import joint

FRAMES = 24


def clip(bend: float) -> torch.Tensor:
    """Features of somebody with raised arms; left elbow and right hip bend by ``bend`` radians."""
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
    """What a level camera at 5 m and the hips' height sees, 300 pixels a metre."""
    R, _, root = decode_features(features)
    points = coco_points(*forward_kinematics(R, root))
    scale = 300 / (1 - points[..., 2] / 5.0)
    x, y = 640 + scale * points[..., 0], 360 - scale * (points[..., 1] - 0.95)
    keypoints = torch.stack((x, y, torch.ones_like(x)), dim=-1)
    return encode_condition(keypoints, person_size_px(keypoints))


def fitted(
    sample: torch.Tensor, condition: Condition, settings: RefinementSettings | None = None
) -> torch.Tensor:
    return refine(sample, Evidence.of(condition), settings).features


def test_comes_much_nearer_to_what_was_seen():
    truth, sample = clip(0.5), clip(0.0)
    refined = fitted(sample, seen_from_the_front(truth))
    for name in ("left_wrist", "right_ankle"):
        there = joints(truth)[..., joint(name), :2]  # depth is not seen
        before = (joints(sample)[..., joint(name), :2] - there).norm(dim=-1).mean()
        after = (joints(refined)[..., joint(name), :2] - there).norm(dim=-1).mean()
        assert before > 0.1 and after < 0.55 * before


def test_leaves_alone_what_already_fits():
    sample = clip(0.3)
    refined = fitted(sample, seen_from_the_front(sample))
    assert (joints(refined) - joints(sample)).norm(dim=-1).max() < 0.03


def test_nothing_seen_nothing_changed():
    sample = clip(0.3)
    refined = fitted(sample, seen_from_the_front(sample).empty())
    assert refined == pytest.approx(sample, abs=1e-5)


def test_rotations_stay_rotations_and_contacts_stay():
    sample = clip(0.0)
    refined = fitted(sample, seen_from_the_front(clip(0.5)))
    sixd = refined[..., LAYOUT.rotations].unflatten(-1, (24, 2, 3))
    assert sixd.norm(dim=-1) == pytest.approx(torch.ones(1, FRAMES, 24, 2), abs=1e-5)
    assert torch.equal(refined[..., LAYOUT.contacts], sample[..., LAYOUT.contacts])


def test_planted_feet_stay_planted():
    refined = fitted(clip(0.0), seen_from_the_front(clip(0.5)))
    foot = joints(refined)[0, :, joint("left_foot")]
    assert (foot[1:] - foot[:-1]).norm(dim=-1).max() < 0.015  # rest is left to foot locking


def test_chunks_do_not_show():
    truth, sample = clip(0.4), clip(0.0)
    condition = seen_from_the_front(truth)
    whole = joints(fitted(sample, condition))
    cut = joints(fitted(sample, condition, RefinementSettings(chunk=16)))
    assert (whole - cut).norm(dim=-1).max() < 0.03


def test_neither_padding_nor_the_rest_of_the_batch_matters():
    sample, condition = clip(0.0)[:, :21], seen_from_the_front(clip(0.4)[:, :21])
    alone = fitted(sample, condition)
    padded = torch.cat((sample, clip(0.5)[:, :9]), dim=1)
    rows = torch.cat((padded, padded.flip(1)))
    pose = torch.cat((condition.pose, torch.zeros(1, 9, 17, 3)), dim=1)
    track = torch.cat((condition.track, torch.zeros(1, 9, 3)), dim=1)
    both = Condition(pose.repeat(2, 1, 1, 1), track.repeat(2, 1, 1))
    valid = torch.arange(30).expand(2, -1) < 21
    together = refine(rows, Evidence.of(both), valid=valid).features[:1, :21]
    assert together == pytest.approx(alone, abs=1e-5)


def test_the_same_bytes_every_time():
    sample, condition = clip(0.0), seen_from_the_front(clip(0.5))
    assert torch.equal(fitted(sample, condition), fitted(sample, condition))


def test_the_path_in_the_image_moves_the_root():
    """The figure glides one metre to the side; the sample stands still."""
    glide = torch.linspace(0, 1, FRAMES)[None, :, None] * torch.tensor([1.0, 0.0, 0.0])
    truth, sample = clip(0.3), clip(0.3)
    truth[..., LAYOUT.root] += glide
    truth[..., LAYOUT.contacts] = sample[..., LAYOUT.contacts] = 0.0
    there = fitted(sample, seen_from_the_front(truth))[..., LAYOUT.root]
    assert (there - truth[..., LAYOUT.root]).norm(dim=-1).max() < 0.25
    condition = seen_from_the_front(truth)
    unplaced = Condition(condition.pose, torch.zeros_like(condition.track))
    stays = fitted(sample, unplaced)[..., LAYOUT.root]
    assert (stays - sample[..., LAYOUT.root]).norm(dim=-1).max() < 0.05


def test_a_second_view_tells_the_depth():
    """The arm bends towards the camera in front; one at the side sees by how much."""
    truth, sample = clip(0.0), clip(0.0)
    turns = torch.zeros(1, FRAMES, 24, 3)
    turns[..., joint("left_elbow"), 1] = -1.0
    R, contacts, root = decode_features(truth)
    truth = encode_features(R @ axis_angle_to_matrix(turns), contacts, root)
    quarter = torch.tensor(math.pi / 2)
    conditions = [seen_from_the_front(truth), seen_from_the_front(turned(truth, -quarter))]
    both = Condition(
        torch.stack([c.pose for c in conditions], dim=1),
        torch.stack([c.track for c in conditions], dim=1),
    )
    evidence = Evidence.of(both)
    R, _, root = decode_features(sample)
    points = coco_points(*forward_kinematics(R, root))
    cameras = evidence.cameras(points, torch.tensor([[0.0, math.pi / 2]]))[:, None]
    wrist = joint("left_wrist")
    one = joints(fitted(sample, conditions[0]))[..., wrist, :]
    two = joints(refine(sample, evidence, cameras=cameras).features)[..., wrist, :]
    there = joints(truth)[..., wrist, :]
    assert (two - there).norm(dim=-1).mean() < 0.5 * (one - there).norm(dim=-1).mean()


def turned(features: torch.Tensor, yaw: torch.Tensor) -> torch.Tensor:
    """The motion turned about the vertical through the origin."""
    R, contacts, root = decode_features(features)
    turn = rotation_about("y", yaw)
    R = R.clone()
    R[:, :, 0] = turn @ R[:, :, 0]
    return encode_features(R, contacts, root @ turn.T)
