"""A frame of a video, and what is known of the whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header and first frame say.

    Attributes:
        name: file name, for messages.
        size: (width, height) in pixels of the upright image with square pixels.
        fps: mean frame rate in Hz, an estimate; 30 where the file does not say.
        frame_count: number of frames, an estimate, or None where the file does not say.
        duration: length in seconds, or None where the file does not say.
    """

    name: str
    size: tuple[int, int]
    fps: float
    frame_count: int | None
    duration: float | None


@dataclass(frozen=True)
class VideoFrame:
    """One upright picture.

    Attributes:
        rgb: the picture, 8 bits a channel, rows from the top.
        time: seconds from the first frame yielded, unless another zero was asked for; strictly
            increasing.
        index: 0 for the first frame yielded.
    """

    rgb: UInt8[np.ndarray, "height width 3"]
    time: float
    index: int


def passing(frames: Iterable[VideoFrame], noted: deque[VideoFrame]) -> Iterator[VideoFrame]:
    """The frames, each noted in passing: detectors look ahead by a few."""
    for frame in frames:
        noted.append(frame)
        yield frame
