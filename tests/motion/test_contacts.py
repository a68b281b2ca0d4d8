"""Contact labels of synthetic feet: resting, sliding, swinging, flickering."""

from __future__ import annotations

import numpy as np
import torch

from vimoflow.motion.contacts import (
    HEIGHT_OFF,
    HEIGHT_ON,
    SPEED_OFF,
    SPEED_ON,
    label_contacts,
    standing_heights,
)
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint, load_skeleton

FPS = 30.0
FEET = [joint(name) for name in CONTACT_JOINTS]


def standing(frames: int) -> torch.Tensor:
    """Joint positions of the T-pose on the floor."""
    rest = torch.from_numpy(load_skeleton().rest_positions())
    lift = standing_heights()[1].double() - rest[joint("left_foot"), 1]
    rest = rest + torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64) * lift
    return rest.repeat(frames, 1, 1)


def test_standing_heights_are_above_a_common_floor() -> None:
    heights = standing_heights()
    np.testing.assert_allclose(heights[[1, 3]], 0.015, atol=1e-6)
    np.testing.assert_allclose(heights[0], heights[2])
    assert 0.03 < float(heights[0]) < 0.12


def test_a_resting_foot_is_in_contact() -> None:
    assert label_contacts(standing(10), FPS).eq(1).all()


def test_a_sliding_foot_is_not() -> None:
    positions = standing(20)
    positions[:, FEET[:2], 0] += torch.arange(20)[:, None] / FPS * (SPEED_OFF + 0.2)
    labels = label_contacts(positions, FPS)
    assert labels[:, :2].eq(0).all() and labels[:, 2:].eq(1).all()


def test_the_apex_of_a_swing_is_not() -> None:
    positions = standing(31)
    height = 0.3 * torch.sin(torch.linspace(0, np.pi, 31))  # speed is zero at the top
    positions[:, FEET[2:], 1] += height[:, None]
    labels = label_contacts(positions, FPS)
    assert labels[5:26, 2:].eq(0).all() and labels[:, :2].eq(1).all()


def test_a_foot_held_up_still_is_not() -> None:
    positions = standing(10)
    positions[:, FEET, 1] += HEIGHT_OFF + 0.02
    assert label_contacts(positions, FPS).eq(0).all()


def test_hysteresis_keeps_a_contact_but_does_not_start_one() -> None:
    between = (SPEED_ON + SPEED_OFF) / 2 / FPS
    creep = torch.cumsum(torch.tensor([0.0] * 10 + [between] * 10), 0)
    stopped_first, never_stopped = standing(20), standing(20)
    stopped_first[:, FEET, 2] += creep[:, None]
    never_stopped[:, FEET, 2] += (torch.arange(20) * between)[:, None]
    assert label_contacts(stopped_first, FPS).eq(1).all()
    assert label_contacts(never_stopped, FPS).eq(0).all()


def test_touch_down_and_lift_off_frames_count() -> None:
    positions = standing(12)
    positions[:4, FEET, 1] += 0.3  # lands between frames 3 and 4, leaves between 8 and 9
    positions[9:, FEET, 1] += 0.3
    labels = label_contacts(positions, FPS)
    assert labels[4:9].eq(1).all() and labels[:4].eq(0).all() and labels[9:].eq(0).all()


def test_one_frame_is_told_by_height_alone() -> None:
    high = standing(1)
    high[:, FEET, 1] += HEIGHT_ON + 0.05
    both = torch.stack((standing(1), high))
    np.testing.assert_array_equal(label_contacts(both, FPS)[:, 0], [[1] * 4, [0] * 4])


def test_a_batch_is_its_clips_one_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    clips = standing(25) + 0.03 * torch.randn(3, 25, 24, 3, generator=generator).cumsum(1)
    together = label_contacts(clips, FPS)
    for clip, labels in zip(clips, together, strict=True):
        torch.testing.assert_close(label_contacts(clip, FPS), labels)
