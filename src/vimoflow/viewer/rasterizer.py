"""A depth-buffered triangle rasterizer in numpy: small, exact at intersections, no GPU."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def rasterize(
    pixels: Float[np.ndarray, "vertices 2"],
    depth: Float[np.ndarray, "vertices"],
    colors: Float[np.ndarray, "vertices 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    size: tuple[int, int],
) -> tuple[Int[np.ndarray, "covered"], Float[np.ndarray, "covered 3"]]:
    """Colours of the pixels that the triangles cover, the nearest triangle in front.

    Only triangles that run counter-clockwise seen by the viewer are drawn. Every candidate pixel of
    every triangle's bounding box is tested at once; that is fast while triangles are small.

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
    corner = pixels[triangles].astype(np.float32)
    edge_1, edge_2 = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = edge_1[:, 0] * edge_2[:, 1] - edge_1[:, 1] * edge_2[:, 0]
    limit = np.array([width, height], dtype=np.float32)
    low = np.clip(np.ceil(corner.min(axis=1) - 0.5), 0, limit)
    high = np.clip(np.floor(corner.max(axis=1) - 0.5) + 1, 0, limit)
    box = (high - low).clip(min=0).astype(np.int32)
    drawn = np.flatnonzero((area < -1e-6) & (box.prod(axis=1) > 0))
    low, box = low[drawn].astype(np.int32), box[drawn]
    # Barycentric weights of corners 1 and 2 are affine in x and y.
    edge_1, edge_2, area = edge_1[drawn], edge_2[drawn], area[drawn, None]
    slope_1 = edge_2[:, ::-1] * [1, -1] / area
    slope_2 = edge_1[:, ::-1] * [-1, 1] / area
    offset = low + np.float32(0.5) - corner[drawn, 0]
    inverse_depth = (1 / depth).astype(np.float32)[triangles[drawn]]
    table = np.column_stack(
        (slope_1, (slope_1 * offset).sum(1), slope_2, (slope_2 * offset).sum(1))
    ).astype(np.float32)

    count = box.prod(axis=1)
    owner = np.repeat(np.arange(len(drawn), dtype=np.int32), count)
    first = np.cumsum(count) - count
    step = np.arange(len(owner), dtype=np.int32) - first.astype(np.int32)[owner]
    row = step // box[owner, 0]
    column = step - row * box[owner, 0]
    here = table[owner]
    x, y = column.astype(np.float32), row.astype(np.float32)
    weight_1 = here[:, 0] * x + here[:, 1] * y + here[:, 2]
    weight_2 = here[:, 3] * x + here[:, 4] * y + here[:, 5]
    inside = np.flatnonzero((weight_1 >= 0) & (weight_2 >= 0) & (weight_1 + weight_2 <= 1))
    owner, weight_1, weight_2 = owner[inside], weight_1[inside], weight_2[inside]
    place = (row[inside] + low[owner, 1]) * width + column[inside] + low[owner, 0]

    weights = np.column_stack((1 - weight_1 - weight_2, weight_1, weight_2))
    nearness = (weights * inverse_depth[owner]).sum(axis=1)
    nearest = np.zeros(width * height, dtype=np.float32)
    np.maximum.at(nearest, place, nearness)
    seen = np.flatnonzero(nearness == nearest[place])
    corner_colors = colors.astype(np.float32)[triangles[drawn]][owner[seen]]
    return place[seen], (weights[seen, :, None] * corner_colors).sum(axis=1)
