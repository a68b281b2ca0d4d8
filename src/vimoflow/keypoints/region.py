"""A part of the picture."""

from __future__ import annotations

from dataclasses import dataclass

from vimoflow.errors import InputError
from vimoflow.video import VideoInfo


@dataclass(frozen=True)
class Region:
    """A rectangle of the upright image, in pixels; right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int

    def within(self, video: VideoInfo) -> Region:
        """The part of the rectangle that lies in the image.

        Raises:
            InputError: there is none, or it is too small for a person.
        """
        width, height = video.size
        part = Region(
            max(self.left, 0),
            max(self.top, 0),
            min(self.right, width),
            min(self.bottom, height),
        )
        if part.right - part.left < 8 or part.bottom - part.top < 8:
            raise InputError(
                f"{video.name}: the region {self.left},{self.top},{self.right},{self.bottom} "
                f"leaves nothing of the {width}x{height} image"
            )
        return part
