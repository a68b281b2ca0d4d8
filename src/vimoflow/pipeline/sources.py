"""What is animated: keypoints, and what was noticed on the way to them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.keypoints.people_choice import Taken
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.synchronisation import Offset
from vimoflow.video import Footage
from vimoflow.video.camera_motion import CameraMotion


@dataclass(frozen=True)
class Source:
    """What is animated; of several views the first, and what the others saw.

    ``cuts`` are first frames of new shots that are joined into one motion; ``offsets`` say where
    each view starts on the first one's clock; ``camera_path`` is how the camera moved, where that
    was looked at; ``mirrored`` tells that left and right of the video were exchanged; of
    several ``people``, who are named in the order of their size, ``taken`` says who is animated;
    ``changes_s`` is when the clothes become others, so that it may be somebody else;
    ``blurred_s`` is when the picture is blurred around the person.
    """

    path: Path
    keypoints: Keypoints2D
    video: Footage | None
    warnings: tuple[str, ...]
    other_views: tuple[Keypoints2D, ...] = ()
    cuts: tuple[int, ...] = ()
    offsets: tuple[Offset, ...] = ()
    camera_path: CameraPath | None = None
    mirrored: bool = False
    taken: Taken | None = None
    people: tuple[Keypoints2D, ...] = ()
    changes_s: tuple[tuple[float, float], ...] = ()
    blurred_s: tuple[tuple[float, float], ...] = ()

    @property
    def camera_motion(self) -> CameraMotion | None:
        """What the camera did, in a few numbers."""
        return None if self.camera_path is None else CameraMotion.of(self.camera_path)

    @property
    def shots_s(self) -> tuple[tuple[float, float], ...]:
        """Times of the first and the last frame of each shot, seconds."""
        times = self.keypoints.timestamps
        edges = (0, *self.cuts, len(times))
        return tuple(
            (round(float(times[a]), 3), round(float(times[b - 1]), 3))
            for a, b in itertools.pairwise(edges)
        )
