"""Floors that drift, and motions recorded in place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab.corpora.floors import drifting_floor, root_from_feet
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint, load_skeleton

FPS = 30.0
FEET = [joint(name) for name in CONTACT_JOINTS]
UP = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)


def standing(frames: int) -> torch.Tensor:
    """Joint positions of the T-pose on the floor y = 0."""
    rest = torch.from_numpy(load_skeleton().rest_positions())
    lift = standing_heights()[1].double() - rest[joint("left_foot"), 1]
    return (rest + UP * lift).repeat(frames, 1, 1)


def test_a_drifting_floor_is_followed() -> None:
    drift = 0.2 * torch.sin(torch.linspace(0, 4, 300)).double()
    positions = standing(300) + UP * drift[:, None, None]
    np.testing.assert_allclose(
        drifting_floor(positions, FPS), drift, atol=0.035
    )  # the slope times half a window


def test_a_short_hop_does_not_lift_the_drifting_floor() -> None:
    positions = standing(90)
    positions[40:46, :, 1] += 0.3
    np.testing.assert_allclose(drifting_floor(positions, FPS), 0, atol=1e-6)


def test_a_walk_in_place_walks_on_its_feet() -> None:
    """One leg after the other is pulled back under a hanging body: it goes forward by as much."""
    positions, stride = standing(41) + 0.5, 0.02
    for frame in range(41):
        low, high = (FEET[:2], FEET[2:]) if frame < 20 else (FEET[2:], FEET[:2])
        positions[frame, low, 2] -= stride * (frame % 20)
        positions[frame, high, 1] += 0.1
    shift = root_from_feet(positions)
    moved = positions + shift[:, None]
    np.testing.assert_allclose(sole_heights(moved).amin(-1), 0, atol=1e-6)
    assert float(shift[19, 2]) == pytest.approx(19 * stride)
    for stance, feet in ((slice(0, 20), FEET[:2]), (slice(20, 40), FEET[2:])):
        np.testing.assert_allclose(moved[stance, feet].diff(dim=0), 0, atol=1e-9)
