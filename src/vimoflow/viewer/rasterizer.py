"""A painter of shaded faces in numpy: far to near, in runs of a few pixels, no GPU.

Faces are cut into rows and rows into short runs, all at once. Runs are sorted by depth, not faces,
so surfaces that cut through each other meet in a clean line; and as a run has one colour, nothing
but its place and colour is needed pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, UInt8, UInt32

_LONGEST_RUN = 2  # pixels
# Where samples lie beside the pixels' centres, by row; their diagonal alternates.
_ASIDE = np.array([-0.25, 0.25, 0.25, -0.25], np.float32)
# Faces seen edge-on have one colour: twice their area, absolute and by the diagonals' lengths.
_SLIVER_PX, _SLIVER = 0.3, 0.1


def paint(
    canvas: UInt8[np.ndarray, "height width 4"],
    pixels: Float[np.ndarray, "vertices 2"],
    depth: Float[np.ndarray, "vertices"],
    colors: Float[np.ndarray, "vertices 3"],
    faces: Int[np.ndarray, "faces 4"],
) -> None:
    """Paint convex faces into a picture of samples, the nearest in front.

    Only faces that run counter-clockwise seen by the viewer are drawn. Of two rows one is sampled a
    quarter of a pixel left of the pixels' centres and the other a quarter right: averaged they are
    a row of a picture with smooth edges. A sample belongs to the face that it lies in, so
    neighbours neither overlap nor leave gaps.

    Args:
        canvas: painted into; contiguous. The fourth channel becomes 255 where something is drawn.
        pixels: positions in the canvas, x to the right, y down; centres lie at halves.
        depth: distance along the optical axis, positive.
        colors: colours of the vertices, 0 to 255, interpolated between them.
        faces: vertex indices of quads; a triangle repeats its last vertex.
    """
    height, width = canvas.shape[:2]
    # Corners first, x and y apart: numpy is quickest along long last axes.
    x, y = (pixels - 0.5).astype(np.float32).T
    area = _cross(*(_diagonals(places[faces.T]) for places in (x, y)))
    seen = faces[area < 0].T
    x, y = x[seen], y[seen]
    runs = _runs(_rows(x, y, height), width)
    # Reciprocal depth and (nearly, on faces this small) colours are affine in the picture.
    values = np.stack((1 / depth, *colors.T)).astype(np.float32)
    near, ink = _shaded(_planes(x, y, np.take(values, seen, axis=1)), runs)
    order = _sorted(near)
    place = np.empty((len(order), _LONGEST_RUN), np.int32)
    place[:, 0] = (runs.row * width + runs.column)[order]
    # A run that is shorter than the longest paints its last sample again.
    last = runs.count[order] - 1
    for step in range(1, _LONGEST_RUN):
        place[:, step] = place[:, 0] + np.minimum(last, step)
    canvas.view(np.uint32).reshape(-1)[place] = ink[order, None]


@dataclass(frozen=True)
class _Rows:
    """Where faces begin and end on the rows of samples that they cross."""

    face: Int32[np.ndarray, "rows"]
    row: Int32[np.ndarray, "rows"]
    left: Float32[np.ndarray, "rows"]
    right: Float32[np.ndarray, "rows"]


@dataclass(frozen=True)
class _Runs:
    """Neighbouring samples of one row in one face: where they begin and how many they are."""

    face: Int32[np.ndarray, "runs"]
    row: Int32[np.ndarray, "runs"]
    column: Int32[np.ndarray, "runs"]
    count: Int32[np.ndarray, "runs"]


def _diagonals(
    values: Float32[np.ndarray, "4 *channels faces"],
) -> Float32[np.ndarray, "2 *channels faces"]:
    """How much a value grows from a corner to the opposite one; of a triangle, along two sides."""
    return values[2:] - values[:2]


def _cross(
    a: Float32[np.ndarray, "2 *channels faces"], b: Float32[np.ndarray, "2 *others faces"]
) -> Float32[np.ndarray, "*any faces"]:
    return a[0] * b[1] - a[1] * b[0]


def _rows(
    x: Float32[np.ndarray, "4 faces"], y: Float32[np.ndarray, "4 faces"], height: int
) -> _Rows:
    """The rows of all faces; on each, one edge goes down on the left and one up on the right."""
    level = np.ceil(y).clip(0, height).astype(np.int32)
    top = level.min(axis=0)
    face, row, first = _counted(level.max(axis=0) - top, top)
    next_x, next_y, next_level = (np.roll(a, -1, axis=0).ravel() for a in (x, y, level))
    x, y, level = x.ravel(), y.ravel(), level.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (next_x - x) / (next_y - y)
        at_zero = x - slope * y
    lag = np.tile(first - top, 4)
    sides = []
    for begin, end in ((level, next_level), (next_level, level)):
        edge, at_row, _ = _counted(np.maximum(end - begin, 0), begin)
        side = np.zeros(len(row), np.float32)
        side[at_row + lag[edge]] = slope[edge] * at_row.astype(np.float32) + at_zero[edge]
        sides.append(side)
    return _Rows(face, row, *sides)


def _runs(rows: _Rows, width: int) -> _Runs:
    aside = _ASIDE[rows.row & 3]
    column = np.ceil(rows.left - aside).clip(0, width).astype(np.int32)
    end = np.ceil(rows.right - aside).clip(0, width).astype(np.int32)
    pieces = -((column - end) // _LONGEST_RUN)
    whole, piece, _ = _counted(np.maximum(pieces, 0), np.zeros_like(pieces))
    column = column[whole] + piece * _LONGEST_RUN
    return _Runs(
        rows.face[whole],
        rows.row[whole],
        column,
        np.minimum(end[whole] - column, _LONGEST_RUN),
    )


def _counted(
    counts: Int32[np.ndarray, "owners"], firsts: Int32[np.ndarray, "owners"]
) -> tuple[Int32[np.ndarray, "items"], Int32[np.ndarray, "items"], Int32[np.ndarray, "owners"]]:
    """For each owner as many items as counted, numbered from its first: owners, numbers, starts."""
    owner = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    start = np.cumsum(counts, dtype=np.int32) - counts
    number = np.arange(len(owner), dtype=np.int32) + (firsts - start)[owner]
    return owner, number, start


def _planes(
    x: Float32[np.ndarray, "4 faces"],
    y: Float32[np.ndarray, "4 faces"],
    values: Float32[np.ndarray, "channels 4 faces"],
) -> Float32[np.ndarray, "channels 3 faces"]:
    """Values over the picture as a * x + b * y + c, from their growth along the diagonals."""
    along_x, along_y, growth = (_diagonals(corners) for corners in (x, y, values.swapaxes(0, 1)))
    area = _cross(along_x, along_y)
    size = np.maximum(np.abs(along_x), np.abs(along_y)).prod(axis=0)
    inverse = np.where(-area > np.maximum(_SLIVER_PX, _SLIVER * size), 1 / area, 0)
    across, down = _cross(growth, along_y) * inverse, _cross(along_x, growth) * inverse
    level = values.mean(axis=1) - across * x.mean(axis=0) - down * y.mean(axis=0)
    return np.stack((across, down, level), axis=1)


def _shaded(
    planes: Float32[np.ndarray, "4 3 faces"], runs: _Runs
) -> tuple[Float32[np.ndarray, "runs"], UInt32[np.ndarray, "runs"]]:
    """How near the middles of the runs are, and their colours as the four bytes of a pixel."""
    x = (runs.column + runs.count * np.float32(0.5) - np.float32(0.5)).astype(np.float32)
    y = runs.row.astype(np.float32)
    rgba = np.full((len(x), 4), 255, np.uint8)
    for channel, (across, down, level) in enumerate(planes):
        value = across[runs.face] * x
        value += down[runs.face] * y
        value += level[runs.face]
        if channel == 0:
            near = value
        else:
            rgba[:, channel - 1] = np.clip(value, 0, 255, out=value)
    return near, rgba.view(np.uint32)[:, 0]


def _sorted(near: Float32[np.ndarray, "runs"]) -> Int[np.ndarray, "runs"]:
    """The order from far to near; a stable sort of 16-bit keys is a radix sort, which is quick."""
    if not len(near):
        return np.zeros(0, np.int64)
    low, high = near.min(), near.max()
    keys = (near - low) * (65535 / max(high - low, np.float32(1e-9)))
    return np.argsort(keys.astype(np.uint16), kind="stable")
