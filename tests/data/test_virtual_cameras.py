"""Virtual cameras: the person is in the image, at the promised size, from any side."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from vimoflow.data.virtual_cameras import CameraSettings, image_size_px, sample_cameras
from vimoflow.geometry.cameras import Camera, camera_heading, project
from vimoflow.motion.skeleton import joint, load_skeleton

TRIPOD = CameraSettings(
    pan_share=0.0,
    travel_share=0.0,
    orbit_share=0.0,
    zoom_share=0.0,
    handheld_share=0.0,
    roam_followed=0.0,
    wide_roll_share=0.0,
)


def walkers(clips: int, frames: int = 60, speed_m_per_s: float = 0.5) -> torch.Tensor:
    """Figures in the rest pose with feet on the floor, gliding in random directions."""
    p_rest = torch.tensor(load_skeleton().rest_positions(), dtype=torch.float32)
    p_rest = p_rest - torch.tensor([0.0, p_rest[:, 1].min().item(), 0.0])
    angle = torch.rand(clips, generator=generator(9)) * 2 * math.pi
    direction = torch.stack([angle.sin(), torch.zeros(clips), angle.cos()], -1)
    path = direction[:, None] * torch.linspace(0, frames / 30 * speed_m_per_s, frames)[:, None]
    return p_rest + path[:, :, None]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inside(camera: Camera, p_world: torch.Tensor) -> torch.Tensor:
    points_px, depth = project(camera, p_world)
    size = image_size_px(camera)[:, :, None]
    return ((points_px >= 0) & (points_px < size)).all(-1) & (depth > 0)


def position(camera: Camera) -> torch.Tensor:
    inverse = camera.R_camera_world.transpose(-1, -2)
    return -(inverse @ camera.t_camera_world[..., None]).squeeze(-1)


def test_cameras_are_proper_and_above_the_floor() -> None:
    p_world = walkers(400)
    camera = sample_cameras(p_world, generator())
    R = camera.R_camera_world
    torch.testing.assert_close(
        R @ R.transpose(-1, -2), torch.eye(3).expand_as(R), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(R.shape[:2]), atol=1e-5, rtol=0)
    assert position(camera)[..., 1].min() > 0.1
    assert project(camera, p_world)[1].min() > 0.3
    assert (camera.focal_px > 0).all()


def test_most_clips_are_wholly_in_the_image() -> None:
    p_world = walkers(500)
    share = inside(sample_cameras(p_world, generator()), p_world).float().flatten(1)
    assert (share == 1).float().mean() > 0.75
    assert (share > 0.9).float().mean() > 0.9
    uncut = dataclasses.replace(TRIPOD, truncation_share=0.0)
    share = inside(sample_cameras(p_world, generator(), uncut), p_world).float().flatten(1)
    assert (share == 1).float().mean() > 0.97


def test_standing_person_fills_the_drawn_share() -> None:
    settings = dataclasses.replace(
        TRIPOD,
        truncation_share=1.0,
        wide_pitch_share=0.0,
        pitch_deg=(0.0, 1.0),
        roll_deg=0.0,
        offset=0.0,
    )
    p_world = walkers(400, speed_m_per_s=0.0)
    camera = sample_cameras(p_world, generator(), settings)
    points_px, _ = project(camera, p_world)
    y = points_px[:, 0, :, 1]
    fill = (y.amax(-1) - y.amin(-1)) / image_size_px(camera)[:, 0, 1]
    # Joints span about nine tenths of the body; sole and crown are not joints.
    assert fill.min() > 0.8 * 0.25
    assert fill.max() < 1.15 * 0.95  # what is nearer to a near lens looks larger
    assert fill.quantile(0.1) < 0.35 and fill.quantile(0.9) > 0.7


def test_without_offset_the_path_is_in_the_middle() -> None:
    settings = dataclasses.replace(TRIPOD, offset=0.0)
    p_world = walkers(50)
    camera = sample_cameras(p_world, generator(), settings)
    pelvis = p_world[:, :, joint("pelvis")].mean(1)
    middle = pelvis[:, None, None].expand(-1, p_world.shape[1], 1, 3)
    points_px, _ = project(camera, middle)
    error = (points_px[:, :, 0] - camera.center_px).norm(dim=-1)
    assert error.max() < 0.02 * image_size_px(camera).max()


def test_offset_moves_the_person_by_as_much() -> None:
    settings = dataclasses.replace(TRIPOD, offset=0.4, roll_deg=0.0)
    p_world = walkers(800, speed_m_per_s=0.0)
    camera = sample_cameras(p_world, generator(), settings)
    points_px, _ = project(camera, p_world[:, :, :1])
    off = (points_px[:, 0, 0] / camera.center_px[:, 0] - 1).abs()
    assert off.amax() < 0.5
    assert off.mean().item() == pytest.approx(0.2, abs=0.03)


def test_same_seed_same_cameras() -> None:
    p_world = walkers(20)
    first, second, other = (sample_cameras(p_world, generator(s)) for s in (1, 1, 2))
    for field in dataclasses.fields(Camera):
        assert torch.equal(getattr(first, field.name), getattr(second, field.name))
    assert not torch.equal(first.R_camera_world, other.R_camera_world)


def test_every_azimuth_is_as_likely() -> None:
    camera = sample_cameras(walkers(3000, frames=2), generator(), TRIPOD)
    heading = camera_heading(camera.R_camera_world[:, 0])
    for harmonic in (1, 2):
        mean = torch.polar(torch.ones_like(heading), heading * harmonic).mean()
        assert mean.abs() < 0.06  # about 3 standard deviations of a uniform sample


def test_tripods_stand_still_and_the_others_move() -> None:
    p_world = walkers(200)
    still = sample_cameras(p_world, generator(), TRIPOD)
    assert torch.equal(still.R_camera_world, still.R_camera_world[:, :1].expand(-1, 60, 3, 3))
    assert torch.equal(still.focal_px, still.focal_px[:, :1].expand(-1, 60))
    camera = sample_cameras(p_world, generator())
    change = (camera.R_camera_world - camera.R_camera_world[:, :1]).abs().amax((1, 2, 3))
    assert 0.3 < (change > 1e-4).float().mean() < 0.75  # follows, orbits, shakes: about a half


def test_following_camera_keeps_a_runner_in_the_middle() -> None:
    p_world = walkers(200, frames=150, speed_m_per_s=3.0)
    pelvis = p_world[:, :, :1]

    def drift(settings: CameraSettings) -> torch.Tensor:
        camera = sample_cameras(p_world, generator(), settings)
        x = project(camera, pelvis)[0][:, :, 0, 0] / image_size_px(camera)[..., 0]
        return (x.amax(1) - x.amin(1)).median()

    followed = dataclasses.replace(TRIPOD, pan_share=1.0)
    assert drift(followed) < 0.5 * drift(TRIPOD)
