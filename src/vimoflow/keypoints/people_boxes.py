"""Boxes around people in the picture, and the windows that look at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture in pixels; right and bottom are just outside."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Square pixels; 0 for an empty box."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def common_share(self, other: Box) -> float:
        """The area common to both by the smaller one's."""
        common = Box(
            max(self.left, other.left), max(self.top, other.top),
            min(self.right, other.right), min(self.bottom, other.bottom),
        )  # fmt: skip
        if common.width <= 0 or common.height <= 0:
            return 0.0
        return common.area / max(min(self.area, other.area), 1e-9)

    def grown(self, factor: float) -> Box:
        """The box about the same middle, ``factor`` times as wide and high."""
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        w, h = factor * self.width / 2, factor * self.height / 2
        return Box(x - w, y - h, x + w, y + h)

    def within(self, size: tuple[int, int]) -> Box:
        """Whole pixels of the part inside a picture of (width, height)."""
        width, height = size
        return Box(
            float(max(0, int(self.left))),
            float(max(0, int(self.top))),
            float(min(width, int(np.ceil(self.right)))),
            float(min(height, int(np.ceil(self.bottom)))),
        )

    def cut(self, rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """What of a picture lies in the box, which must be one of `within`; a copy."""
        rows = slice(int(self.top), int(self.bottom))
        return np.ascontiguousarray(rgb[rows, int(self.left) : int(self.right)])


def box_of(points: Float[np.ndarray, "17 3"]) -> Box | None:
    """The box around what is seen of somebody with room for head and feet; None if nothing is."""
    seen = points[points[:, 2] > 0, :2]
    if not len(seen):
        return None
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    room = 0.1 * max(right - left, bottom - top)
    return Box(left - room, top - room, right + room, bottom + room)


def window_around(box: Box, size: tuple[int, int]) -> Box:
    """A square window with half as much room again, moved into a picture of (width, height)."""
    side = 1.6 * max(box.width, box.height)
    return _placed((box.left + box.right) / 2, (box.top + box.bottom) / 2, side, size)


def following(window: Box, box: Box, size: tuple[int, int]) -> Box | None:
    """The window moved just so far that the box stays inside it; None if it needs another size.

    While the person stays in the middle it does not move at all, so that what a detector smooths
    over time is the person and not the window.
    """
    side = max(window.width, window.height)
    needed = max(box.width, box.height)
    if needed < 0.4 * side or (needed > 0.85 * side and side < max(size)):
        return None
    x, y = (window.left + window.right) / 2, (window.top + window.bottom) / 2
    free_x, free_y = (0.46 * side - s / 2 for s in (box.width, box.height))
    at_x, at_y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    x = float(np.clip(x, at_x - max(free_x, 0), at_x + max(free_x, 0)))
    y = float(np.clip(y, at_y - max(free_y, 0), at_y + max(free_y, 0)))
    return _placed(x, y, side, size)


def _placed(x: float, y: float, side: float, size: tuple[int, int]) -> Box:
    """A window of this side, or the picture's where that is less, as near to (x, y) as can be."""
    width, height = (float(min(round(side), edge)) for edge in size)
    left = float(np.clip(round(x - width / 2), 0, size[0] - width))
    top = float(np.clip(round(y - height / 2), 0, size[1] - height))
    return Box(left, top, left + width, top + height)
