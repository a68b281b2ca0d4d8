"""Who is who: a picture of a few moments with everybody's number in everybody's colour."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.files import replacing
from vimoflow.keypoints.people_boxes import box_of
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.video import Footage, frames

if TYPE_CHECKING:
    from PIL.Image import Image

_MOMENTS = 6
_COLUMNS = 3
_WIDTH = 640  # of a moment, pixels
_TALLEST = 640
_GROUND = (24, 26, 32)
# Okabe and Ito's colours, which the colour-blind can tell apart.
COLORS = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (213, 94, 0), (204, 121, 167), (0, 114, 178), (255, 255, 255),
)  # fmt: skip
_BONES = (
    (5, 7), (7, 9), (6, 8), (8, 10), (5, 6), (11, 12), (5, 11), (6, 12),
    (11, 13), (13, 15), (12, 14), (14, 16), (0, 5), (0, 6),
)  # fmt: skip


def write_contact_sheet(
    people: Sequence[Keypoints2D],
    video: Path | Footage | None,
    path: Path,
    start_s: float = 0.0,
    taken: str | None = None,
) -> None:
    """Draw a few moments, with a numbered box around everybody, as a PNG file.

    Args:
        people: with the same frames; the first is number 1.
        video: their video, or None for skeletons on blank ground.
        path: the file to write.
        start_s: where in the video the first frame lies, seconds.
        taken: the person who is animated; the others' boxes are thin.

    Raises:
        InputError: the video cannot be read any more.
        OSError: the file cannot be written.
    """
    from PIL import Image

    moments = _moments(people)
    size = people[0].image_size
    scale = min(_WIDTH / size[0], _TALLEST / size[1])
    tile = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    columns = min(_COLUMNS, len(moments))
    rows = -(-len(moments) // columns)
    sheet = Image.new("RGB", (columns * tile[0], rows * tile[1]))
    for number, (frame, picture) in enumerate(_pictures(moments, video, start_s)):
        if picture is None:
            image = Image.new("RGB", tile, _GROUND)
        else:
            image = Image.fromarray(picture).resize(tile)
        _draw(image, people, frame, scale, picture is None, taken)
        sheet.paste(image, (number % columns * tile[0], number // columns * tile[1]))
    with replacing(path) as partial:
        sheet.save(partial, format="PNG")


def _moments(people: Sequence[Keypoints2D]) -> list[int]:
    """Frames spread over the whole, each the one near its place with most people in it."""
    count = len(people[0])
    seen = np.sum([one.observed.any(axis=1) for one in people], axis=0)
    edges = np.linspace(0, count, min(_MOMENTS, count) + 1).astype(int)
    chosen = []
    for first, end in itertools.pairwise(edges):
        best = np.flatnonzero(seen[first:end] == seen[first:end].max())
        chosen.append(int(first + best[len(best) // 2]))
    return chosen


def _pictures(
    moments: list[int], video: Path | Footage | None, start_s: float
) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"] | None]]:
    """The frames of these numbers, one in memory at a time; no pictures without a video."""
    if video is None:
        yield from ((frame, None) for frame in moments)
        return
    wanted = set(moments)
    with closing(frames(video, start_s or None)) as stream:
        for frame in stream:
            if frame.index in wanted:
                yield frame.index, frame.rgb
            if frame.index >= moments[-1]:
                return


def _draw(
    image: Image,
    people: Sequence[Keypoints2D],
    frame: int,
    scale: float,
    skeletons: bool,
    taken: str | None,
) -> None:
    from PIL import ImageDraw, ImageFont

    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=22)
    for number, one in enumerate(people, start=1):
        points = one.points[frame] * (scale, scale, 1.0)
        color = COLORS[(number - 1) % len(COLORS)]
        if skeletons:
            _draw_skeleton(pen, points, color)
        box = box_of(points)
        if box is None:
            continue
        width = 3 if taken is None else 6 if one.person == taken else 1
        pen.rectangle((box.left, box.top, box.right, box.bottom), outline=color, width=width)
        corner = (max(box.left, 0.0), min(max(box.top, 0.0), image.height - 28.0))
        pen.rectangle((*corner, corner[0] + 16 + 12 * len(str(number)), corner[1] + 26), fill=color)
        pen.text((corner[0] + 8, corner[1]), str(number), fill=(0, 0, 0), font=font)


def _draw_skeleton(
    pen: object, points: Float[np.ndarray, "17 3"], color: tuple[int, int, int]
) -> None:
    for a, b in _BONES:
        if points[a, 2] > 0 and points[b, 2] > 0:
            ends = [tuple(points[a, :2]), tuple(points[b, :2])]
            pen.line(ends, fill=color, width=3)  # type: ignore[attr-defined]
