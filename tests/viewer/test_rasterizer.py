"""The rasterizer against a pixel-by-pixel reference."""

from __future__ import annotations

import numpy as np

from vimoflow.viewer.rasterizer import rasterize


def _reference(
    pixels: np.ndarray, depth: np.ndarray, colors: np.ndarray, triangles: np.ndarray, size: int
) -> np.ndarray:
    image, nearest = np.zeros((size, size, 3)), np.zeros((size, size))
    for triangle in triangles:
        a, b, c = pixels[triangle]
        frame = np.column_stack((b - a, c - a))
        if np.linalg.det(frame) >= 0:
            continue
        for y in range(size):
            for x in range(size):
                u, v = np.linalg.solve(frame, [x + 0.5 - a[0], y + 0.5 - a[1]])
                if min(u, v, 1 - u - v) < 0:
                    continue
                near = np.array([1 - u - v, u, v]) @ (1 / depth[triangle])
                if near > nearest[y, x]:
                    nearest[y, x] = near
                    image[y, x] = np.array([1 - u - v, u, v]) @ colors[triangle]
    return image


def test_agrees_with_testing_every_pixel() -> None:
    rng = np.random.default_rng(3)
    size, count = 24, 40
    pixels = rng.uniform(-6, size + 6, (3 * count, 2))
    depth, colors = rng.uniform(1, 5, 3 * count), rng.uniform(0, 255, (3 * count, 3))
    triangles = np.arange(3 * count).reshape(-1, 3)
    place, rgb = rasterize(pixels, depth, colors, triangles, (size, size))
    image = np.zeros((size * size, 3))
    image[place] = rgb
    expected = _reference(pixels, depth, colors, triangles, size)
    assert (expected > 0).any(axis=2).mean() > 0.3
    different = np.abs(image.reshape(size, size, 3) - expected).max(axis=2) > 0.5
    assert different.sum() <= 2  # single precision may decide otherwise on an edge


def test_neighbouring_triangles_leave_no_gap() -> None:
    """A fan around a point covers the square it fills completely."""
    angle = np.linspace(0, 2 * np.pi, 18)[:-1]
    pixels = np.concatenate(([[20.3, 19.7]], 60 * np.stack((np.sin(angle), np.cos(angle)), 1) + 20))
    ring = np.arange(1, 18)
    triangles = np.stack((np.zeros_like(ring), ring, np.roll(ring, -1)), axis=1)
    place, _ = rasterize(pixels, np.ones(18), np.ones((18, 3)), triangles, (40, 40))
    assert len(np.unique(place)) == 1600


def test_nothing_to_draw() -> None:
    away = np.array([[100.0, 100], [100, 120], [120, 100]])
    place, rgb = rasterize(away, np.ones(3), np.ones((3, 3)), np.array([[0, 1, 2]]), (10, 10))
    assert len(place) == 0 and len(rgb) == 0
