"""A depth-buffered triangle rasterizer in numpy: small, exact at intersections, no GPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


def rasterize(
    pixels: Float[np.ndarray, "vertices 2"],
    depth: Float[np.ndarray, " vertices"],
    colors: Float[np.ndarray, "vertices 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    size: tuple[int, int],
) -> tuple[Int[np.ndarray, " covered"], Float[np.ndarray, "covered 3"]]:
    """Colours of the pixels that the triangles cover, the nearest triangle in front.

    Only triangles that run counter-clockwise seen by the viewer are drawn. All triangles are cut
    into rows of pixels at once, all rows into pixels, and the nearest pixel wins.

    Args:
        pixels: positions in the picture, x to the right, y down; pixel centres lie at halves.
        depth: distance along the optical axis, positive.
        colors: colours of the vertices, interpolated between them.
        triangles: vertex indices.
        size: (width, height) of the picture.

    Returns:
        Flat indices (row * width + column) of the covered pixels, and their colours.
    """
    width, height = size
    spans = _spans(pixels, triangles, size)
    # Reciprocal depth and (nearly, on triangles this small) colours are affine in the picture.
    values = np.column_stack((1 / depth, colors)).astype(np.float32)[triangles[spans.triangle]]
    slope_1, slope_2 = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    at_start = values[:, 0] + spans.start_1[:, None] * slope_1 + spans.start_2[:, None] * slope_2
    per_pixel = spans.step_1[:, None] * slope_1 + spans.step_2[:, None] * slope_2

    owner = np.repeat(np.arange(len(spans.count), dtype=np.int32), spans.count)
    first = (np.cumsum(spans.count) - spans.count).astype(np.int32)
    ordinal = np.arange(len(owner), dtype=np.int32) - first[owner]
    place = spans.place.astype(np.int32)[owner] + ordinal
    step = ordinal.astype(np.float32)
    nearness = at_start[:, 0][owner] + per_pixel[:, 0][owner] * step
    nearest = np.zeros(width * height, dtype=np.float32)
    np.maximum.at(nearest, place, nearness)
    seen = np.flatnonzero(nearness == nearest[place])
    owner, step = owner[seen], step[seen]
    rgb = np.empty((len(seen), 3), dtype=np.float32)
    for channel in range(3):
        start, slope = (table[:, 1 + channel].copy() for table in (at_start, per_pixel))
        rgb[:, channel] = start[owner] + slope[owner] * step
    return place[seen], rgb


@dataclass(frozen=True)
class _Spans:
    """Runs of pixels inside a triangle, on one row each.

    Attributes:
        triangle: index of the triangle.
        place, count: flat index of the first pixel, and how many there are.
        start_1, start_2: barycentric weights of corners 1 and 2 at the first pixel.
        step_1, step_2: how they change from pixel to pixel.
    """

    triangle: Int[np.ndarray, " spans"]
    place: Int[np.ndarray, " spans"]
    count: Int[np.ndarray, " spans"]
    start_1: Float[np.ndarray, " spans"]
    start_2: Float[np.ndarray, " spans"]
    step_1: Float[np.ndarray, " spans"]
    step_2: Float[np.ndarray, " spans"]


def _spans(
    pixels: Float[np.ndarray, "vertices 2"],
    triangles: Int[np.ndarray, "triangles 3"],
    size: tuple[int, int],
) -> _Spans:
    width, height = size
    points = pixels - 0.5  # pixel centres become whole numbers
    x, y = (points[:, k].astype(np.float32)[triangles.T] for k in (0, 1))
    x_1, y_1, x_2, y_2 = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
    area = x_1 * y_2 - y_1 * x_2
    top = np.ceil(np.minimum(np.minimum(y[0], y[1]), y[2])).clip(0, height).astype(np.int64)
    bottom = (
        np.floor(np.maximum(np.maximum(y[0], y[1]), y[2])).clip(-1, height - 1).astype(np.int64)
    )
    rows = np.where(area < -1e-6, bottom - top + 1, 0).clip(min=0).astype(np.int64)

    triangle = np.repeat(np.arange(len(triangles)), rows)
    row = np.arange(len(triangle)) - (np.cumsum(rows) - rows)[triangle] + top[triangle]
    inverse = (1 / np.where(area == 0, 1, area))[triangle]
    step_1, step_2 = y_2[triangle] * inverse, -y_1[triangle] * inverse
    down = (row - y[0][triangle]).astype(np.float32)
    left = x[0][triangle]
    base_1 = -x_2[triangle] * inverse * down - step_1 * left
    base_2 = x_1[triangle] * inverse * down - step_2 * left
    # Each barycentric weight, step * column + base, bounds the columns on one side.
    low, high = np.zeros(len(row), np.float32), np.full(len(row), width - 1, np.float32)
    for step, base in ((step_1, base_1), (step_2, base_2), (-step_1 - step_2, 1 - base_1 - base_2)):
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = -base / step
        low = np.where(step > 0, np.maximum(low, bound), low)
        high = np.where(step < 0, np.minimum(high, bound), high)
        high = np.where((step == 0) & (base < 0), -1, high)
    first = np.ceil(low).astype(np.int64)
    count = np.floor(high).astype(np.int64) - first + 1
    some = np.flatnonzero(count > 0)
    triangle, row, first, count, step_1, step_2, base_1, base_2 = (
        values[some] for values in (triangle, row, first, count, step_1, step_2, base_1, base_2)
    )
    column = first.astype(np.float32)
    start_1, start_2 = base_1 + step_1 * column, base_2 + step_2 * column
    return _Spans(triangle, row * width + first, count, start_1, start_2, step_1, step_2)
