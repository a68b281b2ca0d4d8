"""Which way up a video's pictures are, and how wide their pixels."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from vimoflow.video.tone import is_high_dynamic_range, standard_range

if TYPE_CHECKING:
    import av


@dataclass(frozen=True)
class Upright:
    """How a coded picture becomes an upright one: scale, transpose, then flip.

    Attributes:
        scaled_size: (width, height) in pixels of the coded picture, its pixels made square.
        transpose: exchange rows and columns.
        flip_x: mirror left and right afterwards.
        flip_y: mirror top and bottom afterwards.
    """

    scaled_size: tuple[int, int]
    transpose: bool
    flip_x: bool
    flip_y: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of the upright picture."""
        width, height = self.scaled_size
        return (height, width) if self.transpose else (width, height)

    def turned(self, degrees: int) -> Upright:
        """The same, turned clockwise by 90, 180 or 270 degrees afterwards."""
        turned = self
        for _ in range(degrees // 90 % 4):
            turned = replace(
                turned,
                transpose=not turned.transpose,
                flip_x=not turned.flip_y,
                flip_y=turned.flip_x,
            )
        return turned


class UprightPictures:
    """Makes upright pictures of a video's frames; for one thread at a time.

    What libswscale prepares is kept from frame to frame: anew for each it took three times as long,
    and threads of its own.

    Args:
        upright: how the video's pictures become upright.
        scale: how large they are to be, by the coded ones.
    """

    def __init__(self, upright: Upright, scale: float = 1.0) -> None:
        from av.video.reformatter import VideoReformatter

        self._upright, self._scale = upright, scale
        self._shrinking, self._colours = VideoReformatter(), VideoReformatter()

    def rgb(self, frame: av.VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """The upright picture, 8 bits a channel whatever the file has."""
        upright, scale = self._upright, self._scale
        width, height = (max(1, round(side * scale)) for side in upright.scaled_size)
        how: dict[str, Any] = {"width": width, "height": height}
        transfer, primaries = int(frame.color_trc), int(frame.color_primaries)
        if scale != 1:
            how["interpolation"] = "BILINEAR"
            if frame.format.name.startswith("yuv"):  # quicker than as RGB
                frame = self._shrinking.reformat(frame, **how)
        if is_high_dynamic_range(transfer):
            deep = self._colours.reformat(frame, format="rgb48le", **how).to_ndarray()
            image = standard_range(deep, transfer, primaries)
        else:
            image = self._colours.reformat(frame, format="rgb24", **how).to_ndarray()
        if upright.transpose:
            image = image.swapaxes(0, 1)
        if upright.flip_x:
            image = image[:, ::-1]
        if upright.flip_y:
            image = image[::-1]
        return np.ascontiguousarray(image)


def upright_of(frame: av.VideoFrame, stream: av.VideoStream) -> Upright:
    """The display matrix of the frame (or the older rotate tag) and its pixels' aspect ratio."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    width = max(1, round(frame.width * aspect)) if 0.1 < aspect < 10 else frame.width
    x_from_x, x_from_y, y_from_x, y_from_y = 1, 0, 0, 1
    side_data: Any = frame.side_data
    matrix = b"".join(bytes(s) for s in side_data if s.type.name == "DISPLAYMATRIX")
    if len(matrix) >= 36:
        x_from_x, y_from_x, _, x_from_y, y_from_y = struct.unpack("=5i", matrix[:20])
    else:
        with suppress(ValueError, OverflowError):
            turn = np.deg2rad(90 * round(float(stream.metadata.get("rotate", 0)) / 90))
            x_from_x = y_from_y = round(np.cos(turn))
            x_from_y, y_from_x = -round(np.sin(turn)), round(np.sin(turn))
    transpose = abs(x_from_y) + abs(y_from_x) > abs(x_from_x) + abs(y_from_y)
    return Upright(
        scaled_size=(width, frame.height),
        transpose=transpose,
        flip_x=(x_from_y if transpose else x_from_x) < 0,
        flip_y=(y_from_x if transpose else y_from_y) < 0,
    )
