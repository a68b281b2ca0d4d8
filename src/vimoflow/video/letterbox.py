"""Black bars around a picture, found in a few frames: detectors then look at the picture only."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vimoflow.errors import InputError
from vimoflow.video.footage import Footage
from vimoflow.video.reading import frames, open_video

_DARK = 26  # of 255; a coded black bar is 0 to 20, with ringing at its edge
_SAMPLES = 9
_LEAST_BAR = 0.02  # of the side; narrower is a dark picture's edge
_LEAST_PICTURE = 0.25  # of each side; less is a dark scene
_BRIGHT_SHARE = 0.01  # of a row or column that may be bright in a bar: a logo, a time stamp


@dataclass(frozen=True)
class PictureArea:
    """A rectangle of the upright image, in pixels; right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.right - self.left, self.bottom - self.top


def find_picture_area(
    video: str | Path | Footage, start: float | None = None, end: float | None = None
) -> PictureArea | None:
    """Where a video's picture is, if it has black bars; None where it has none.

    At most nine moments, evenly spread, are looked at.

    Args:
        path: video file.
        start: first moment that counts, seconds.
        end: first moment that does not count any more.

    Raises:
        InputError: the file is no readable video.
    """
    info = open_video(video)
    first = start or 0.0
    last = min(end if end is not None else np.inf, info.duration or first + 1.0)
    moments = np.linspace(first, max(last, first), _SAMPLES, endpoint=False)
    return picture_area(picture for moment in moments for picture in _picture_at(video, moment))


def picture_area(pictures: Iterable[UInt8[np.ndarray, "height width 3"]]) -> PictureArea | None:
    """Where the picture is in frames of one size; None without bars, or where all is dark."""
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None
    for rgb in pictures:
        bright = rgb.max(axis=2) > _DARK
        row, column = bright.mean(axis=1), bright.mean(axis=0)
        rows = row if rows is None else np.maximum(rows, row)
        columns = column if columns is None else np.maximum(columns, column)
        if _extent(rows) == (0, len(rows)) and _extent(columns) == (0, len(columns)):
            return None  # whatever follows: what is lit once is no bar
    if rows is None or columns is None:
        return None
    top, bottom = _extent(rows)
    left, right = _extent(columns)
    if right - left < _LEAST_PICTURE * len(columns) or bottom - top < _LEAST_PICTURE * len(rows):
        return None
    return PictureArea(left, top, right, bottom)


def _extent(bright: np.ndarray) -> tuple[int, int]:
    """First and end of what is not a bar along one side."""
    lit = np.flatnonzero(bright > _BRIGHT_SHARE)
    if not len(lit):
        return 0, len(bright)
    first, end = int(lit[0]), int(lit[-1]) + 1
    least = _LEAST_BAR * len(bright)
    return first if first >= least else 0, end if len(bright) - end >= least else len(bright)


def _picture_at(video: str | Path | Footage, moment: float) -> Iterable[np.ndarray]:
    stream = frames(video, float(moment))
    with closing(stream), suppress(StopIteration, InputError):
        yield next(stream).rgb
