"""Views are brought together by their headings, without calibration."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch

from motion_examples import swinging_motion
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.geometry.rotations import rotation_about
from vimoflow.inference.choices import Aggregation
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.multiview import (
    join_views,
    on_first_clock,
    sample_views,
    view_weights,
)
from vimoflow.inference.refinement import Evidence
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics

HEADINGS = (0.0, 0.8, -2.5, math.pi - 0.2)


def seen_from(heading: float) -> torch.Tensor:
    """The example's features, the world turned so that a camera at ``heading`` faces it."""
    motion = swinging_motion(30)
    turn = rotation_about("y", torch.tensor(-heading))
    R = torch.from_numpy(motion.local_rotations).float()
    R[:, 0] = turn @ R[:, 0]
    root = torch.from_numpy(motion.trans).float() @ turn.T
    contacts = torch.from_numpy(np.asarray(motion.contacts)).float()
    return encode_features(R[None], contacts[None], root[None])[0]


def test_finds_every_heading_and_gives_the_motion_back():
    views = torch.stack([seen_from(heading) for heading in HEADINGS])
    together, yaws = join_views(views, torch.ones(len(views), 30))
    gap = torch.tensor(HEADINGS) - yaws
    assert torch.sin(gap).abs().max() < 1e-3 and torch.cos(gap).min() > 0.99
    assert together == pytest.approx(views[0], abs=1e-4)


def test_a_view_that_saw_nothing_does_not_count():
    views = torch.stack([seen_from(0.0), seen_from(0.8), torch.roll(seen_from(0.0), 7, dims=0)])
    trust = torch.ones(3, 30)
    trust[2] = 0.0
    together, _ = join_views(views, trust)
    joints = [
        forward_kinematics(R, root)[1]
        for R, _, root in (decode_features(f[None]) for f in (together, views[0]))
    ]
    assert (joints[0] - joints[1]).norm(dim=-1).max() < 0.01


def test_without_refinement_the_views_mean_comes_back():
    options = SamplingOptions(steps=1, refine=False)
    generator = torch.Generator().manual_seed(0)
    condition = Condition(torch.rand(2, 12, 17, 3, generator=generator), torch.zeros(2, 12, 3))
    checkpoint = load_checkpoint()
    alone = sample_features(checkpoint, condition, options)
    mean, _ = join_views(alone, Evidence.of(condition).weight[:, 0].sum(-1))
    views = Condition(condition.pose[None], condition.track[None])
    assert sample_views(checkpoint, views, options)[0] == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("aggregation", get_args(Aggregation))
def test_a_view_that_saw_more_counts_for_more_and_one_that_saw_nothing_for_nothing(aggregation):
    views = torch.stack([seen_from(heading) for heading in HEADINGS[:3]])
    pose = torch.rand(3, 30, 17, 3, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.4
    pose[1, :, 5:] = 0.0
    pose[2] = 0.0
    weights = view_weights(views, pose, aggregation)
    assert weights.shape == (3, 30) and (weights[0] > weights[1]).all()
    assert not weights[2].any()


def test_the_most_confident_view_takes_over_smoothly():
    views = torch.stack([seen_from(0.0), seen_from(0.8)])
    pose = torch.full((2, 30, 17, 3), 0.5)
    pose[0, 15:, :, 2] = 0.1
    weights = view_weights(views, pose, "best")
    assert weights[0, 0] == 1.0 and weights[1, -1] == 1.0
    assert weights.sum(0) == pytest.approx(torch.ones(30))
    assert weights.diff(dim=1).abs().max() < 0.2


def test_views_of_other_clocks_and_rates_come_onto_the_first_ones():
    times = np.arange(60) / 30
    line = np.zeros((60, 17, 3)) + np.stack([100 * times, 50 * times, 0 * times + 1], -1)[:, None]
    first = Keypoints2D(line, times, (640, 480))
    fast = np.arange(180) / 90
    faster = np.zeros((180, 17, 3)) + np.stack([100 * fast, 50 * fast, 0 * fast + 1], -1)[:, None]
    late = Keypoints2D(faster[45:], fast[:-45], (640, 480))
    _, moved = on_first_clock([first, late], [0.0, 0.5])
    assert len(moved) == 60 and not moved.observed[:10].any()
    np.testing.assert_allclose(moved.points[16:59], line[16:59], atol=1e-3)
