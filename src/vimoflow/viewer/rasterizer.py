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
    # Reciprocal depth and (nearly, on faces this small) colours are affine in the picture.
    values = np.stack((1 / depth, *colors.T)).astype(np.float32)
    near, ink = _shaded(_planes(x, y, values.take(seen, axis=1)), spans, pairs)
    order = _sorted(near)
    ink = ink.take(order)
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
    planes: Float32[np.ndarray, "4 3 faces"], spans: _Spans, pairs: _Pairs
) -> tuple[Float32[np.ndarray, " pairs"], UInt32[np.ndarray, " pairs"]]:
    """How near the middles of the pairs are, and their colours as the four bytes of a pixel."""
    import cv2

    across, down, level = (planes[:, i].take(spans.face, axis=1, mode="clip") for i in range(3))
    # The middle of a pair lies half a row below its upper sample.
    level += across * spans.column.astype(np.float32)
    level += down * (np.float32(0.5) - spans.shift.astype(np.float32))
    down *= 2
    values = down.take(pairs.span, axis=1, mode="clip")
    values *= pairs.number.astype(np.float32)
    values += level.take(pairs.span, axis=1, mode="clip")
    rgb = np.clip(values[1:], 0, 255).astype(np.uint8)
    rgba = cv2.merge([*rgb, np.full_like(rgb[0], 255)]) if rgb.size else np.zeros((0, 4), np.uint8)
    return values[0], rgba.view(np.uint32).ravel()


def _sorted(near: Float32[np.ndarray, " runs"]) -> Int[np.ndarray, " runs"]:
    """The order from far to near; a stable sort of 16-bit keys is a radix sort, which is quick."""
    if not len(near):
        return np.zeros(0, np.int64)
    low, high = near.min(), near.max()
    keys = (near - low) * (65535 / max(high - low, np.float32(1e-9)))
    return np.argsort(keys.astype(np.uint16), kind="stable")
