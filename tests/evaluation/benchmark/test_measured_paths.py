"""What corners of a room tell of virtual cameras, against how these moved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vimoflow.evaluation.benchmark.measured_paths import measured_path
from vimoflow.geometry.cameras import Camera
from vimoflow.geometry.rotations import rotation_about

FRAMES = 40


def camera(focal: float, right_deg: float = 0.0, sideways_m: float = 0.0) -> Camera:
    """Four metres from the origin, which it looks at first; y is down in its picture."""
    angle = torch.linspace(0, np.radians(right_deg), FRAMES)
    R = rotation_about("y", -angle) @ torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    place = torch.tensor([0.0, 1.5, 4.0]) + torch.linspace(0, sideways_m, FRAMES)[
        :, None
    ] * torch.tensor([1.0, 0.0, 0.0])
    t = -(R @ place[..., None])[..., 0]
    center = torch.tensor([640.0, 360.0]).expand(1, FRAMES, 2)
    return Camera(R[None], t[None], torch.full((1, FRAMES), 1280 * focal), center)


@pytest.mark.parametrize("focal", [0.6, 1.3])
def test_a_pan_and_its_lens_are_found(focal: float) -> None:
    path = measured_path(camera(focal, right_deg=25), np.random.default_rng(0))
    assert path is not None and not path.travels
    assert path.focal == pytest.approx(focal, rel=0.08)
    assert np.degrees(path.heading[-1]) == pytest.approx(25, rel=0.06)


def test_a_camera_that_goes_sideways_travels_and_one_that_stands_does_not_move() -> None:
    moved = measured_path(camera(0.8, sideways_m=2), np.random.default_rng(0))
    still = measured_path(camera(0.8), np.random.default_rng(0))
    assert moved is not None and moved.travels and np.degrees(np.ptp(moved.heading)) < 5
    assert still is not None and still.is_still
