"""A virtual camera at the same place: what a level camera aimed at the person would have seen."""

from __future__ import annotations

import math

import pytest
import torch

from vimoflow.data.camera_placement import camera_turn, look_at
from vimoflow.geometry.cameras import Camera, camera_heading, project
from vimoflow.inference.conditioning.viewpoint import (
    Lens,
    bearing,
    gravity_down,
    upright,
    view_channels,
)

FOCAL, CENTER = 900.0, (640.0, 360.0)


def filmed(turn: tuple[float, float, float]) -> tuple[torch.Tensor, Camera, torch.Tensor]:
    """COCO points around (0, 1, 0) through a camera at (1, 2, 4), turned about its own axes."""
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(20, 17, 3, generator=generator) * 0.3 + torch.tensor([0.0, 1.0, 0.0])
    position = torch.tensor([1.0, 2.0, 4.0])
    level = look_at(position, torch.tensor([0.0, 1.0, 0.0]))
    R = camera_turn(torch.tensor(turn)) @ level
    camera = Camera(R, -(R @ position), torch.tensor(FOCAL), torch.tensor(CENTER))
    return points, camera, level


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.1, -0.2, 0.0), (0.05, 0.15, 0.5)])
def test_a_turned_camera_becomes_the_level_one_that_aims_at_the_person(turn):
    points, camera, level = filmed(turn)
    pixels, _ = project(camera, points[:, None].flatten(0, 1)[None])
    seen = torch.cat((pixels[0].unflatten(0, (20,)), torch.ones(20, 17, 1)), dim=-1)
    lens = Lens(
        camera.focal_px, camera.center_px, -camera.R_camera_world[:, 1],
        torch.tensor(True), torch.tensor(True),
    )  # fmt: skip
    aim, _ = project(camera, torch.tensor([[0.0, 1.0, 0.0]]))
    out = upright(seen, lens, aim[0])
    same_place = Camera(level, -(level @ torch.tensor([1.0, 2.0, 4.0])), camera.focal_px,
                        torch.zeros(2))  # fmt: skip
    expected, _ = project(same_place, points.flatten(0, 1))
    torch.testing.assert_close(out.points_px[..., :2].flatten(0, 1), expected, atol=2e-2, rtol=0)
    torch.testing.assert_close(
        out.R_virtual_camera @ camera.R_camera_world, level, atol=1e-5, rtol=0
    )
    assert math.isclose(float(out.looks_down), 1 / math.sqrt(18), abs_tol=1e-5)
    yaw = camera_heading(camera.R_camera_world) - bearing(lens, aim[0])
    assert math.isclose(float(yaw), float(camera_heading(level)), abs_tol=1e-5)


def test_missing_points_stay_missing_and_a_guess_is_said_to_be_one():
    lens = Lens.guessed(torch.tensor([[1920.0, 1080.0]]))
    points = torch.zeros(1, 4, 17, 3)
    out = upright(points, lens, torch.tensor([[960.0, 540.0]]))
    assert not out.points_px.any()
    told = view_channels(lens, out.looks_down, torch.tensor([300.0]))
    assert told[0, 1] == 0 and told[0, 3] == 0


@pytest.mark.parametrize(("roll", "pitch"), [(0.0, 0.0), (25.0, 0.0), (-10.0, 40.0)])
def test_gravity_told_by_roll_and_pitch_makes_the_vertical_upright(roll, pitch):
    """A line that runs along the told gravity through the picture's middle becomes vertical."""
    down = torch.tensor(gravity_down(roll, pitch), dtype=torch.float64)
    assert float(down.norm()) == pytest.approx(1)
    line = torch.tensor([0.0, 0.0, 5.0]) + torch.linspace(-0.5, 0.5, 17)[:, None] * down
    size = torch.tensor([1280.0, 720.0], dtype=torch.float64)
    lens = Lens.guessed(size, down=down)
    assert bool(lens.down_known) and not bool(lens.focal_known)
    pixels = line[:, :2] / line[:, 2:] * lens.focal_px + lens.center_px
    seen = torch.cat((pixels, torch.ones(17, 1)), dim=-1)[None]
    out = upright(seen, lens, lens.center_px)
    assert out.points_px[0, :, 0].abs().max() < 1e-6
    assert (out.points_px[0].diff(dim=0)[:, 1] > 0).all()  # and down is down
    assert math.degrees(math.asin(out.looks_down)) == pytest.approx(pitch)
    if pitch == 0:  # a camera that is turned clockwise shows a world that is turned the other way
        assert math.copysign(1, pixels[-1, 0] - pixels[0, 0]) == math.copysign(1, roll) or not roll
