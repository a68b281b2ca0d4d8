"""The projection loss against a literal pinhole, and its cameras."""

from __future__ import annotations

import pytest
import torch

from vimoflow.geometry.cameras import Camera, project
from vimoflow.motion.features import LAYOUT, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.training.losses import frame_losses
from vimoflow.training.projection import draw_cameras, projection_error

BATCH, FRAMES, VIEWS = 2, 3, 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def scene():
    """True root, true points about it, and predicted points relative to the pelvis."""
    root = torch.randn(BATCH, FRAMES, 3, generator=generator(1)) + torch.tensor([0.0, 1.0, 0.0])
    offsets = 0.5 * torch.randn(2, BATCH, FRAMES, 17, 3, generator=generator(2))
    return root, root[:, :, None] + offsets[0], offsets[1]


def test_cameras_see_the_person_in_the_middle_upright(scene):
    root = scene[0]
    cameras = draw_cameras(root, VIEWS, generator())
    assert cameras.R_camera_world.shape == (BATCH, VIEWS, FRAMES, 3, 3)
    eye = torch.eye(3).expand_as(cameras.R_camera_world)
    R = cameras.R_camera_world
    torch.testing.assert_close(R @ R.transpose(-1, -2), eye, atol=1e-5, rtol=0)
    assert (torch.linalg.det(R) > 0).all()
    up = root + torch.tensor([0.0, 0.3, 0.0])
    points = torch.stack((root, up), dim=-2)[:, None].expand(-1, VIEWS, -1, -1, -1)
    pixels, depth = project(cameras, points)
    assert pixels[..., 0, :].abs().max() < 1e-5
    assert (pixels[..., 1, 1] < 0).all() and pixels[..., 1, 0].abs().max() < 1e-5
    assert depth[..., 0].min() > 2.4 and depth[..., 0].max() < 6.1
    torch.testing.assert_close(depth[:, :, 0, 0], depth[:, :, -1, 0])  # it follows the person


def test_the_same_generator_gives_the_same_cameras_from_many_sides():
    root = torch.zeros(200, 1, 3)
    a, b = draw_cameras(root, 2, generator(5)), draw_cameras(root, 2, generator(5))
    assert torch.equal(a.t_camera_world, b.t_camera_world)
    backward = -a.R_camera_world[..., 2, :]
    quadrant = (backward[..., 0] > 0).long() * 2 + (backward[..., 2] > 0).long()
    assert torch.bincount(quadrant.flatten(), minlength=4).min() > 60


def test_the_error_is_that_of_a_literal_pinhole(scene):
    root, truth, offsets = scene
    cameras = draw_cameras(root, VIEWS, generator())
    error = projection_error(offsets, truth, root, cameras)
    for b in range(BATCH):
        for f in range(FRAMES):
            total = 0.0
            for v in range(VIEWS):
                R, t = cameras.R_camera_world[b, v, f], cameras.t_camera_world[b, v, f]
                depth = float((R @ root[b, f] + t)[2])
                for k in range(17):
                    image = []
                    for point in (root[b, f] + offsets[b, f, k], truth[b, f, k]):
                        x, y, z = (R @ point + t).tolist()
                        z = max(z, 0.4 * depth)
                        image.append((depth * x / z, depth * y / z))
                    (ax, ay), (bx, by) = image
                    total += ((ax - bx) ** 2 + (ay - by) ** 2) / (17 * VIEWS)
            assert float(error[b, f]) == pytest.approx(total, rel=1e-3)


def test_the_truth_has_no_error_and_bad_guesses_stay_finite(scene):
    root, truth, offsets = scene
    cameras = draw_cameras(root, VIEWS, generator())
    exact = truth - root[:, :, None]
    assert float(projection_error(exact, truth, root, cameras).max()) < 1e-9
    far = (1e3 * offsets).requires_grad_()
    projection_error(far, truth, root, cameras).sum().backward()
    assert far.grad is not None and far.grad.isfinite().all()


def test_the_clips_own_camera_takes_the_first_place(scene):
    root = scene[0]
    drawn = draw_cameras(root, 1, generator(3))
    own = Camera(
        drawn.R_camera_world[:, 0], drawn.t_camera_world[:, 0],
        torch.full((BATCH, FRAMES), 900.0), torch.full((BATCH, FRAMES, 2), 300.0),
    )  # fmt: skip
    cameras = draw_cameras(root, 3, generator(), first=own)
    assert cameras.R_camera_world.shape[1] == 3
    assert torch.equal(cameras.t_camera_world[:, 0], own.t_camera_world)
    assert torch.equal(cameras.t_camera_world[:, 1:], draw_cameras(root, 3, generator())
                       .t_camera_world[:, 1:])  # fmt: skip
    assert bool((cameras.focal_px == 1).all())


def test_it_does_not_see_the_root_but_the_pose():
    eye = torch.eye(3).expand(1, 2, 24, 3, 3)
    target = encode_features(eye, torch.zeros(1, 2, 4), torch.tensor([[[0.0, 0.9, 0.0]] * 2]))
    joints = forward_kinematics(eye, target[..., LAYOUT.root])[1]
    assert coco_points(forward_kinematics(eye, joints[..., 0, :])[0], joints).shape[-2] == 17
    cameras = draw_cameras(target[..., LAYOUT.root], 2, generator())
    moved, turned = target.clone(), target.clone()
    moved[..., LAYOUT.root] += 0.4
    turned[..., 6:12] = torch.tensor([1.0, 0, 0, 0, 0, 1.0])  # a leg to the front
    for predicted, sees in ((moved, False), (turned, True)):
        loss = frame_losses(predicted, target, predicted, target, joints, cameras=cameras)
        assert bool((loss.projection > 1e-6).all()) == sees
    assert float(frame_losses(turned, target, turned, target, joints).projection.max()) == 0
