"""The floor under a motion: found where resting feet are, robust to jumps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.floor import fit_floor, sole_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint, load_skeleton

FPS = 30.0
FEET = [joint(name) for name in CONTACT_JOINTS]
UP = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)


def standing(frames: int) -> torch.Tensor:
    """Joint positions of the T-pose on the floor y = 0."""
    rest = torch.from_numpy(load_skeleton().rest_positions())
    lift = standing_heights()[1].double() - rest[joint("left_foot"), 1]
    return (rest + UP * lift).repeat(frames, 1, 1)


def test_soles_of_the_standing_figure_are_on_the_floor() -> None:
    np.testing.assert_allclose(sole_heights(standing(2)), 0, atol=1e-6)


@pytest.mark.parametrize("height", [-0.8, 0.0, 1.3])
def test_the_floor_is_where_the_feet_rest_despite_jumps(height: float) -> None:
    positions = standing(120) + UP * height
    jump = torch.clamp(torch.sin(torch.linspace(0, 12, 120)), min=0)[:, None, None]
    assert float(fit_floor(positions + UP * jump.double(), FPS)) == pytest.approx(height, abs=0.01)


def test_one_foot_on_the_floor_is_enough() -> None:
    positions = standing(60)
    positions[:, FEET[:2], 1] += 0.4
    assert float(fit_floor(positions, FPS)) == pytest.approx(0, abs=1e-6)


def test_feet_that_never_rest_and_single_frames_have_a_floor() -> None:
    sliding = standing(60) + 0.4
    sliding[..., 0] += torch.arange(60, dtype=torch.float64)[:, None] * 0.1
    assert float(fit_floor(sliding, FPS)) == pytest.approx(0.4, abs=1e-6)
    assert float(fit_floor(standing(1) + 0.2, FPS)) == pytest.approx(0.2, abs=1e-6)
