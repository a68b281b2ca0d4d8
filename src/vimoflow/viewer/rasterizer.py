"""A painter of shaded faces in numpy: far to near, two samples at a time, no GPU.

Faces are cut into columns and columns into pairs of samples, all at once. Pairs are sorted by
depth, not faces, so surfaces that cut through each other meet in a clean line. Columns, because the
faces of somebody upright are taller than wide. ``take`` with clipping is numpy's quickest look-up,
several times as quick as indexing, ``repeat`` or masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int64, UInt8, UInt32

# Where samples lie beside the pixels' centres, by column; their diagonal alternates.
_ASIDE = np.array([-0.25, 0.25, 0.25, -0.25], np.float32)
# Colours and nearness as 16-bit lanes of one number: fractions, and room for what is less than 0.
_ONE, _ZERO = 128, 64 * 128
_FARTHEST, _NEAREST = 42_000, 62_000  # as colours more than opaque, with room above
# Faces seen edge-on have one colour: twice their area, absolute and by the diagonals' lengths.
_SLIVER_PX, _SLIVER = 0.3, 0.1


def paint(
    picture: UInt8[np.ndarray, "height width 3"],
    pixels: Float[np.ndarray, "vertices 2"],
    depth: Float[np.ndarray, " vertices"],
    colors: Float[np.ndarray, "vertices 3"],
    faces: Int[np.ndarray, "faces 4"],
) -> None:
    """Paint convex faces into a picture, with two samples a pixel for smooth edges.

    Args:
        picture: painted into.
        pixels: positions, x to the right, y down; pixels' centres lie at halves.
        depth, colors, faces: see ``paint_samples``.
    """
    import cv2

    columns = cv2.transpose(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA))
    samples = np.repeat(columns, 2, axis=0)
    paint_samples(samples, pixels * np.array((2, 1), pixels.dtype), depth, colors, faces)
    mean = cv2.addWeighted(samples[::2], 0.5, samples[1::2], 0.5, 0)
    cv2.cvtColor(cv2.transpose(mean), cv2.COLOR_RGBA2RGB, dst=picture)


def paint_samples(
    canvas: UInt8[np.ndarray, "width height 4"],
    pixels: Float[np.ndarray, "vertices 2"],
    depth: Float[np.ndarray, " vertices"],
    colors: Float[np.ndarray, "vertices 3"],
    faces: Int[np.ndarray, "faces 4"],
) -> None:
    """Paint convex faces into a picture of samples, the nearest in front.

    Only faces that run counter-clockwise seen by the viewer are drawn. Of two columns one is
    sampled a quarter of a pixel above the pixels' centres and the other a quarter below: averaged
    they are a column of a picture with smooth edges. A sample belongs to the face that it lies in,
    so neighbours neither overlap nor leave gaps.

    Args:
        canvas: painted into; contiguous, column after column. The fourth channel becomes 255 where
            something is drawn.
        pixels: positions in the canvas, x to the right, y down; centres lie at halves.
        depth: distance along the optical axis, positive.
        colors: colours of the vertices, 0 to 255, interpolated between them.
        faces: vertex indices of quads; a triangle repeats its last vertex.
    """
    width, height = canvas.shape[:2]
    # Corners first, x and y apart: numpy is quickest along long last axes.
    x, y = np.ascontiguousarray(pixels.T, np.float32) - np.float32(0.5)
    corners = np.ascontiguousarray(faces.T)
    area = _cross(*(_diagonals(places.take(corners)) for places in (x, y)))
    seen = corners[:, area < 0]
    x, y = x.take(seen), y.take(seen)
    spans = _spans(x, y, width, height)
    pairs = _pairs(spans, width, height)
    # Colours and reciprocal depth are (nearly, on faces this small) affine in the picture.
    near = (1 / depth).astype(np.float32)
    near -= near.min(initial=np.inf)
    scale = (_NEAREST - _FARTHEST) / max(float(near.max(initial=0)), 1e-9)
    lanes = np.stack((*(colors.T * _ONE + _ZERO), near * scale + _FARTHEST)).astype(np.float32)
    order, ink = _shaded(_planes(x, y, lanes.take(seen, axis=1)), spans, pairs)
    samples = np.append(canvas.view(np.uint32), np.uint32(0))
    for place in (pairs.upper, pairs.lower):  # lower ones that an upper one met are painted again
        samples[place.take(order)] = ink
    canvas.view(np.uint32).reshape(-1)[:] = samples[:-1]


@dataclass(frozen=True)
class _Spans:
    """The samples of faces in the columns that they cross, in the faces' order.

    Attributes:
        face, column: of each span.
        begin, end: rows, half open.
    """

    face: Int64[np.ndarray, " spans"]
    column: Int64[np.ndarray, " spans"]
    begin: Int64[np.ndarray, " spans"]
    end: Int64[np.ndarray, " spans"]

    @property
    def shift(self) -> Int64[np.ndarray, " spans"]:
        """Of two columns, which are averaged, one has its pairs a row beside the other."""
        return self.column & 1


@dataclass(frozen=True)
class _Pairs:
    """Two rows of a span, or what it has of them.

    Attributes:
        span, number: of each pair, the number in its column.
        upper, lower: places of the samples in the canvas. Where the upper one is beyond the span it
            is the lower one; where the lower one is, its place is that after the canvas.
    """

    span: Int64[np.ndarray, " pairs"]
    number: Int64[np.ndarray, " pairs"]
    upper: Int64[np.ndarray, " pairs"]
    lower: Int64[np.ndarray, " pairs"]


def _diagonals(
    values: Float32[np.ndarray, "4 *channels faces"],
) -> Float32[np.ndarray, "2 *channels faces"]:
    """How much a value grows from a corner to the opposite one; of a triangle, along two sides."""
    return values[2:] - values[:2]


def _cross(
    a: Float32[np.ndarray, "2 *channels faces"], b: Float32[np.ndarray, "2 *others faces"]
) -> Float32[np.ndarray, "*any faces"]:
    return a[0] * b[1] - a[1] * b[0]


def _spans(
    x: Float32[np.ndarray, "4 faces"], y: Float32[np.ndarray, "4 faces"], width: int, height: int
) -> _Spans:
    """The columns of all faces; on each, one edge goes left above and one right below."""
    level = np.ceil(x).clip(0, width).astype(np.int64)
    left = level.min(axis=0)
    face, column, first = _counted(level.max(axis=0) - left, left)
    next_x, next_y, next_level = (np.roll(a, -1, axis=0).ravel() for a in (x, y, level))
    x, y, level = x.ravel(), y.ravel(), level.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (next_y - y) / (next_x - x)
        at_zero = y - slope * x
    lag, aside = np.tile(first - left, 4), _ASIDE.take(column & 3)
    rows = []
    for begin, end in ((next_level, level), (level, next_level)):
        edge, at, _ = _counted(np.maximum(end - begin, 0), begin)
        height_of_edge = slope.take(edge, mode="clip") * at.astype(np.float32)
        height_of_edge += at_zero.take(edge, mode="clip")
        side = np.zeros(len(column), np.float32)
        side[at + lag.take(edge, mode="clip")] = height_of_edge
        side -= aside
        rows.append(np.ceil(side, out=side).clip(0, height, out=side).astype(np.int64))
    return _Spans(face, column, *rows)


def _pairs(spans: _Spans, width: int, height: int) -> _Pairs:
    begin, end = spans.begin + spans.shift, spans.end + spans.shift
    count = np.maximum(((end + 1) >> 1) - (begin >> 1), 0) * (end > begin)
    span, number, _ = _counted(count, begin >> 1)
    column = spans.column * height - spans.shift
    upper = number * 2 + column.take(span, mode="clip")
    lower = upper + 1
    beyond = lower >= (column + end).take(span, mode="clip")
    np.maximum(upper, (column + begin).take(span, mode="clip"), out=upper)
    lower += beyond * (width * height)
    np.minimum(lower, width * height, out=lower)
    return _Pairs(span, number, upper, lower)


def _counted(
    counts: Int64[np.ndarray, " owners"], firsts: Int64[np.ndarray, " owners"]
) -> tuple[Int64[np.ndarray, " items"], Int64[np.ndarray, " items"], Int64[np.ndarray, " owners"]]:
    """For each owner as many items as counted, numbered from its first: owners, numbers, starts."""
    owner = np.repeat(np.arange(len(counts)), counts)
    start = np.cumsum(counts) - counts
    number = (firsts - start).take(owner, mode="clip")
    number += np.arange(len(owner))
    return owner, number, start


def _planes(
    x: Float32[np.ndarray, "4 faces"],
    y: Float32[np.ndarray, "4 faces"],
    lanes: Float32[np.ndarray, "4 4 faces"],
) -> Int64[np.ndarray, "3 faces"]:
    """Lanes half a row below (x, y) as a * x + b * y + c, from their growth along the diagonals.

    All four are in one number, so that they are added and multiplied at once: that is exact, since
    the borrow of a negative lane is given back when the whole sum is positive.
    """
    along_x, along_y, growth = (_diagonals(corners) for corners in (x, y, lanes.swapaxes(0, 1)))
    area = _cross(along_x, along_y)
    size = np.maximum(np.abs(along_x), np.abs(along_y)).prod(axis=0)
    inverse = np.where(-area > np.maximum(_SLIVER_PX, _SLIVER * size), 1 / area, 0)
    across, down = _cross(growth, along_y) * inverse, _cross(along_x, growth) * inverse
    # Rounded about a place near the middle, where rounding does not add up.
    half = np.float32(0.5)  # from a pair's upper sample to its middle
    middle = x.mean(axis=0), y.mean(axis=0)
    column, row = (np.rint(place) for place in middle)
    level = lanes.mean(axis=1) + across * (column - middle[0]) + down * (row + half - middle[1])
    whole = np.rint(np.stack((across, down, level), axis=1)).astype(np.int64)
    whole <<= np.array([0, 16, 32, 48])[:, None, None]
    across, down, level = whole.sum(axis=0)
    return np.stack((across, down, level - across * column.astype(int) - down * row.astype(int)))


def _shaded(
    planes: Int64[np.ndarray, "3 faces"], spans: _Spans, pairs: _Pairs
) -> tuple[Int[np.ndarray, " pairs"], UInt32[np.ndarray, " pairs"]]:
    """The order of the pairs from far to near, and in it their colours as the bytes of a pixel."""
    import cv2

    across, down, level = planes.take(spans.face, axis=1, mode="clip")
    level += across * spans.column
    level -= down * spans.shift
    values = (2 * down).take(pairs.span, mode="clip")
    values *= pairs.number
    values += level.take(pairs.span, mode="clip")
    lanes = values.view(np.uint16).reshape(-1, 1, 4)
    # A stable sort of 16-bit keys is a radix sort, which is quick.
    order = np.argsort(np.ascontiguousarray(lanes[:, 0, 3]), kind="stable")
    if not len(order):
        return order, np.zeros(0, np.uint32)
    rgba = cv2.convertScaleAbs(lanes.take(order, axis=0), alpha=1 / _ONE, beta=-_ZERO / _ONE)
    return order, rgba.view(np.uint32).ravel()
