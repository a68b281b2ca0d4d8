"""Where a camera stood is found from what a detector saw, though some of it is wrong."""

from __future__ import annotations

import numpy as np
import torch

from lab.fitting.filmed_pairs import coco_world, pair, turned_camera
from lab.rendered.scenes import CAMERAS
from vimoflow.data.virtual_cameras import sample_cameras
from vimoflow.geometry.cameras import camera_heading, project

FRAMES = 40


def _clip(seed: int):
    rng = np.random.default_rng(seed)
    poses = (np.cumsum(rng.normal(0, 0.02, (FRAMES, 72)), axis=0)).astype(np.float32)
    trans = np.tile(np.array([0.1, 0.95, 0.2], np.float32), (FRAMES, 1))
    world = coco_world(poses, trans)
    generator = torch.Generator().manual_seed(seed)
    points = torch.from_numpy(world).float()[None]
    camera = sample_cameras(
        points.repeat(1, 1, 2, 1)[:, :, :24], generator, CAMERAS["static anyhow"]
    )
    px = project(camera, points)[0][0].numpy()
    R = camera.R_camera_world[0, 0]
    lens = np.concatenate((camera.focal_px[0, :1], camera.center_px[0, 0], -R[:, 1]))
    return poses, world, px, R.numpy(), float(camera_heading(R)), lens


def test_heading_and_gravity_tell_how_the_camera_was_turned() -> None:
    for seed in range(4):
        *_, R, heading, lens = _clip(seed)
        assert np.allclose(turned_camera(heading, lens[3:]), R, atol=1e-5)


def test_the_exact_points_are_found_though_a_leg_is_off_for_half_of_the_clip() -> None:
    for seed in range(4):
        poses, world, px, _, heading, lens = _clip(seed)
        noise = np.random.default_rng(seed).normal(0, 2, px.shape)
        found = np.dstack((px + noise, np.ones(px.shape[:2])))
        found[: FRAMES // 2, [13, 15], 0] += 60
        made = pair("a", "b", found, world, heading, lens, poses)
        assert made is not None
        assert np.abs(made.exact - px).max() < 3
        far = np.linalg.norm(made.error_m, axis=-1)
        assert far[: FRAMES // 2, 15].min() > 3 * np.median(far[:, 16])


def test_a_clip_in_which_nobody_was_found_is_none() -> None:
    poses, world, _, _, heading, lens = _clip(0)
    nothing = np.zeros((FRAMES, 17, 3))
    assert pair("a", "b", nothing, world, heading, lens, poses) is None
