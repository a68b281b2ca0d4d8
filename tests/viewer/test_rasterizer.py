"""The painter against testing every sample."""

from __future__ import annotations

import numpy as np

from vimoflow.viewer.rasterizer import paint, paint_samples


def _samples(size: int) -> np.ndarray:
    """Where the samples of a square canvas lie, column after column, (size, size, 2)."""
    x, y = np.mgrid[:size, :size] + 0.5
    return np.stack((x, y + np.resize([-0.25, 0.25, 0.25, -0.25], size)[:, None]), axis=-1)


def _nearest(pixels: np.ndarray, depth: np.ndarray, size: int) -> np.ndarray:
    """For every sample the triangle in front and its margin: -1 and 0 where there is none."""
    nearness = np.zeros((len(pixels), size, size))
    for index, (a, b, c) in enumerate(pixels):
        frame = np.column_stack((b - a, c - a))
        if np.linalg.det(frame) >= 0:
            continue
        u, v = np.moveaxis((_samples(size) - a) @ np.linalg.inv(frame).T, -1, 0)
        near = np.stack((1 - u - v, u, v), axis=-1) @ (1 / depth[index])
        nearness[index] = np.where(np.minimum(np.minimum(u, v), 1 - u - v) >= 0, near, 0)
    best = np.sort(nearness, axis=0)
    clear = best[-1] - best[-2] > 0.01  # what cuts through another may differ by half a pixel
    return np.where(best[-1] > 0, np.where(clear, nearness.argmax(axis=0), -2), -1)


def test_agrees_with_testing_every_sample() -> None:
    rng = np.random.default_rng(3)
    size, count = 32, 40
    pixels = rng.uniform(-6, size + 6, (count, 3, 2))
    depth = rng.uniform(1, 5, (count, 1)) + rng.uniform(0, 0.02, (count, 3))
    colors = np.repeat(np.arange(1, count + 1), 3)[:, None] * np.ones(3)
    corners = np.arange(3 * count).reshape(-1, 3)
    canvas = np.zeros((size, size, 4), np.uint8)
    paint_samples(canvas, pixels.reshape(-1, 2), depth.ravel(), colors, corners[:, [0, 1, 2, 2]])
    expected = _nearest(pixels, depth, size)
    sure = expected > -2
    assert (expected >= 0).mean() > 0.3
    assert (canvas[..., 0].astype(int) - 1 != expected)[sure].sum() <= 2  # single precision
    np.testing.assert_array_equal(canvas[..., 3] == 255, canvas[..., 0] > 0)


def test_colors_are_interpolated() -> None:
    """A large quad in an affine colour; a pair of samples has that of its middle."""
    size = 40
    pixels = np.array([[2.0, 3.0], [4.0, 38.0], [37.0, 36.0], [39.0, 5.0]])
    ramp = lambda places: np.stack((2 * places[..., 0], 3 * places[..., 1], places.sum(-1)), -1)  # noqa: E731
    canvas = np.zeros((size, size, 4), np.uint8)
    paint_samples(canvas, pixels, np.full(4, 2.0), ramp(pixels), np.array([[0, 1, 2, 3]]))
    error = np.abs(canvas[..., :3] - ramp(_samples(size)))[canvas[..., 3] > 0]
    assert len(error) > 1000 and error.max() < 2.6


def test_neighbouring_faces_leave_no_gap_and_do_not_overlap() -> None:
    """A fan around a point covers the square it fills completely, whatever is painted first."""
    angle = np.linspace(0, 2 * np.pi, 18)[:-1]
    pixels = np.concatenate(([[20.3, 19.7]], 60 * np.stack((np.sin(angle), np.cos(angle)), 1) + 20))
    ring = np.arange(1, 18)
    faces = np.stack((np.zeros_like(ring), ring, np.roll(ring, -1), np.roll(ring, -1)), axis=1)
    canvas = np.zeros((40, 40, 4), np.uint8)
    paint_samples(canvas, pixels, np.ones(18), np.ones((18, 3)), faces)
    assert (canvas == (1, 1, 1, 255)).all()


def test_nothing_to_draw() -> None:
    away = np.array([[100.0, 100], [100, 120], [120, 100]])
    canvas = np.zeros((10, 10, 4), np.uint8)
    paint_samples(canvas, away, np.ones(3), np.ones((3, 3)), np.array([[0, 1, 2, 2]]))
    paint_samples(canvas, away, np.ones(3), np.ones((3, 3)), np.zeros((0, 4), int))
    assert not canvas.any()


def test_a_picture_is_the_mean_of_its_samples() -> None:
    """A white square on black, whose edges cut pixels: they are grey."""
    picture = np.zeros((24, 16, 3), np.uint8)
    square = np.array([[4.0, 6.0], [4.0, 18.0], [12.0, 18.0], [12.0, 6.0]]) + 0.5
    paint(picture, square, np.ones(4), np.full((4, 3), 255.0), np.array([[0, 1, 2, 3]]))
    assert (
        (picture[8:17, 6:11] == 255).all() and not picture[:5].any() and not picture[:, 14:].any()
    )
    edges = picture[6:19, 4:13].astype(int)
    assert ((edges > 0) & (edges < 255)).any()
    assert abs(picture[..., 0].sum() / 255 - 8 * 12) < 6
