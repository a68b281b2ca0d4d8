"""Triangulation against OpenCV and scipy; wrong views; lenses; what is not seen."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lab.calibrated.triangulation import (
    CalibratedCameras,
    calibrated,
    project_with_lens,
    triangulate,
    undistort,
)
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import Camera, project

LENS = [-0.21, 0.08, 0.002, -0.001, 0.01, 0.0, 0.0, 0.0]
quick = settings(max_examples=15, deadline=None)


def ring(views: int, lens: list[float] | None = None) -> CalibratedCameras:
    """Cameras on a circle of 4 m, 1.3 m high, looking at (0, 1, 0)."""
    R, t = [], []
    for angle in np.linspace(0, 2 * np.pi, views, endpoint=False) + 0.2:
        position = np.array([4 * np.sin(angle), 1.3 + 0.2 * np.cos(3 * angle), 4 * np.cos(angle)])
        forward = np.array([0.0, 1.0, 0.0]) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        R.append(np.stack((right, np.cross(forward, right), forward)))
        t.append(-R[-1] @ position)
    matrix = np.array([[1200.0, 0, 960], [0, 1180, 540], [0, 0, 1]])
    return CalibratedCameras(
        torch.tensor(np.tile(matrix, (views, 1, 1))),
        torch.tensor([lens or [0.0] * 8] * views, dtype=torch.float64),
        torch.tensor(np.stack(R)),
        torch.tensor(np.stack(t)),
    )


def first_of(cameras: CalibratedCameras, views: int) -> CalibratedCameras:
    fields = (getattr(cameras, f.name)[:views] for f in dataclasses.fields(cameras))
    return CalibratedCameras(*fields)


def points(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
    return 0.4 * noise + torch.tensor([0.0, 1.0, 0.0])


def seen(cameras: CalibratedCameras, p_world: torch.Tensor) -> torch.Tensor:
    pixels = project_with_lens(cameras, p_world)
    return torch.cat((pixels, torch.ones_like(pixels[..., :1])), -1)


@quick
@given(st.integers(0, 2**31 - 1), st.integers(2, 6))
def test_perfect_views_give_the_points_back(seed, views):
    # Neighbours of a ring: of a point between two cameras that face each other depth is not seen.
    cameras, p_world = first_of(ring(7, LENS), views), points(seed, 3, 5)
    result = triangulate(seen(cameras, p_world), cameras)
    torch.testing.assert_close(result.points_world, p_world, atol=1e-6, rtol=0)
    assert result.used.shape == (3, views, 5) and bool(result.used.all())
    assert float(result.reprojection_px.max()) < 1e-3


def test_two_views_agree_with_opencv():
    cameras, p_world = ring(5), points(1, 40)
    observed = seen(cameras, p_world)[[0, 2]]
    observed[..., :2] += 2.0 * torch.randn(2, 40, 2, generator=torch.Generator().manual_seed(0))
    pair = CalibratedCameras(
        cameras.matrix_px[[0, 2]], cameras.distortion[[0, 2]],
        cameras.R_camera_world[[0, 2]], cameras.t_camera_world[[0, 2]],
    )  # fmt: skip
    ideal = undistort(observed[..., :2], pair).numpy()
    P = torch.cat((pair.R_camera_world, pair.t_camera_world[..., None]), -1).numpy()
    homogeneous = cv2.triangulatePoints(P[0], P[1], ideal[0].T, ideal[1].T)
    expected = (homogeneous[:3] / homogeneous[3]).T
    linear = triangulate(observed, pair, polish_steps=0).points_world
    np.testing.assert_allclose(linear, expected, atol=1e-8)


def test_polished_points_are_scipys_minimum():
    cameras, p_world = ring(4), points(2, 6)
    observed = seen(cameras, p_world)
    generator = torch.Generator().manual_seed(1)
    observed[..., :2] += 3 * torch.randn(4, 6, 2, generator=generator, dtype=torch.float64)
    observed[..., 2] = 0.3 + 0.7 * torch.rand(4, 6, generator=generator, dtype=torch.float64)
    result = triangulate(observed, cameras).points_world
    for i in range(6):

        def residual(p, i=i):
            pixels = project_with_lens(cameras, torch.tensor(p)[None])[:, 0]
            # Both axes count with the mean focal length.
            off = (pixels - observed[:, i, :2]) * torch.tensor([1190 / 1200, 1190 / 1180])
            return (off * observed[:, i, 2:].sqrt()).flatten().numpy()

        best = scipy.optimize.least_squares(residual, result[i].numpy() + 0.01, xtol=1e-14)
        np.testing.assert_allclose(result[i], best.x, atol=1e-6)


@quick
@given(st.integers(0, 2**31 - 1))
def test_wrong_views_are_left_out(seed):
    cameras, p_world = ring(7, LENS), points(seed, 4, 6)
    generator = torch.Generator().manual_seed(seed)
    observed = seen(cameras, p_world)
    clean = triangulate(observed, cameras).points_world
    wrong = torch.rand(4, 7, 6, generator=generator).argsort(1) < 3  # three of seven views
    offset = 80 + 300 * torch.rand(4, 7, 6, 1, generator=generator, dtype=torch.float64)
    angle = 6.3 * torch.rand(4, 7, 6, generator=generator, dtype=torch.float64)
    shift = offset * torch.stack((angle.cos(), angle.sin()), -1)
    observed[..., :2] += torch.where(wrong[..., None], shift, 0.0)
    result = triangulate(observed, cameras)
    error = (result.points_world - clean).norm(dim=-1)
    # Three wrong views could agree by accident; four exact ones still win nearly always.
    assert float((error < 0.02).double().mean()) > 0.9
    assert float((result.used & wrong).double().mean()) < 0.1


def test_confidence_weights_the_views():
    cameras, p_world = ring(4), points(3, 20)
    observed = seen(cameras, p_world)
    observed[3, :, 0] += 15.0  # below the outlier threshold
    sure = triangulate(observed, cameras).points_world
    observed[3, :, 2] = 0.05
    unsure = triangulate(observed, cameras).points_world
    assert (unsure - p_world).norm(dim=-1).mean() < 0.2 * (sure - p_world).norm(dim=-1).mean()


def test_what_too_few_views_see_is_nan():
    cameras, p_world = ring(4), points(4, 3)
    observed = seen(cameras, p_world)
    observed[1:, 0, 2] = 0.0  # one view
    observed[2:, 1, 0] = torch.nan  # two views
    observed[:, 2, 2] = 0.2
    result = triangulate(observed, cameras, min_confidence=0.2)
    assert bool(result.points_world[[0, 2]].isnan().all())
    assert bool(result.reprojection_px[[0, 2]].isnan().all())
    torch.testing.assert_close(result.points_world[1], p_world[1], atol=1e-6, rtol=0)
    assert result.used[:, 1].tolist() == [True, True, False, False]
    assert bool(triangulate(observed, cameras, min_views=3).points_world[1].isnan().all())


def test_points_behind_a_camera_and_equal_cameras_give_none():
    cameras = ring(2)
    behind = triangulate(seen(cameras, points(5, 3)) * torch.tensor([1, -1, 1]) * 5, cameras)
    assert bool(behind.points_world.isnan().all())
    fields = ("matrix_px", "distortion", "R_camera_world", "t_camera_world")
    same = CalibratedCameras(*(getattr(cameras, field)[[0, 0]] for field in fields))
    flat = triangulate(seen(same, points(6, 3)), same)
    assert bool(flat.points_world.isnan().all())


def test_moving_pinhole_cameras():
    generator = torch.Generator().manual_seed(7)
    angles = 0.2 * torch.randn(5, 3, 3, generator=generator, dtype=torch.float64)
    R = torch.tensor(Rotation.from_rotvec(angles.reshape(-1, 3)).as_matrix()).reshape(5, 3, 3, 3)
    shift = torch.tensor([[-1.5, 0, 5], [0, 0.5, 5], [1.5, 0, 5]], dtype=torch.float64)
    camera = Camera(
        R, shift.expand(5, 3, 3), torch.full((5, 3), 900.0), torch.full((5, 3, 2), 500.0)
    )
    p_world = 0.3 * torch.randn(5, 4, 3, generator=generator, dtype=torch.float64)
    pixels, _ = project(camera, p_world[:, None].expand(5, 3, 4, 3))
    observed = torch.cat((pixels, torch.ones(5, 3, 4, 1)), -1)
    result = triangulate(observed, camera)
    torch.testing.assert_close(result.points_world, p_world, atol=1e-6, rtol=0)
    assert calibrated(camera).matrix_px.shape == (5, 3, 3, 3)


def test_lens_agrees_with_opencv():
    lens = [-0.2, 0.1, 0.003, -0.002, 0.02, 0.05, -0.01, 0.004]
    cameras, p_world = ring(3, lens), points(8, 30)
    pixels = project_with_lens(cameras, p_world)
    for view in range(3):
        rotvec = Rotation.from_matrix(cameras.R_camera_world[view].numpy()).as_rotvec()
        K, t = cameras.matrix_px[view].numpy(), cameras.t_camera_world[view].numpy()
        expected, _ = cv2.projectPoints(p_world.numpy(), rotvec, t, K, np.array(lens))
        np.testing.assert_allclose(pixels[view], expected[:, 0], atol=1e-8)
        p_camera = p_world @ cameras.R_camera_world[view].T + cameras.t_camera_world[view]
        ideal = p_camera[:, :2] / p_camera[:, 2:]
        np.testing.assert_allclose(undistort(pixels, cameras)[view], ideal, atol=1e-7)


def test_views_and_cameras_must_match():
    cameras = ring(3)
    with pytest.raises(InputError, match="2 views and 3 cameras"):
        triangulate(seen(cameras, points(9, 2))[:2], cameras)
    with pytest.raises(InputError, match="at least two"):
        triangulate(seen(ring(1), points(9, 2)), ring(1))
