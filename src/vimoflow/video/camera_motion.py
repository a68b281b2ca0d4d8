"""How the camera moved, watched while a detector looks for the person."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.video.background import Background
from vimoflow.video.camera_turns import opencv
from vimoflow.video.timing import Pace
from vimoflow.video.video_frames import VideoFrame, passing

_WIDTH = 320  # pixels looked at
_LOOKS_HZ = 20.0  # between looks a camera goes straight on; hands shake more slowly
_MARGIN = 0.15  # of the person's extent, added around it
_TURNED = np.radians(3)  # more is not a hand's shake


@runtime_checkable
class Detector(Protocol):
    """What `CameraWatch` watches beside: an estimator of keypoints."""

    @property
    def name(self) -> str:
        """What to write beside the keypoints."""

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """Keypoints of each frame, in order."""


@dataclass(frozen=True)
class CameraMotion:
    """What the background says of the camera.

    Attributes:
        looks: frames in which the background could be followed.
        turned_deg: how far the camera turned from where it looked at first, at most.
        zoom: the longest focal length by the shortest, 1 without zoom.
        travels: it changed its place.
    """

    looks: int
    turned_deg: float
    zoom: float
    travels: bool

    @classmethod
    def of(cls, path: CameraPath | None) -> CameraMotion:
        """In a few numbers; None is a background without anything to follow."""
        if path is None:
            return cls(0, 0.0, 1.0, False)
        cosine = (np.trace(path.R_first_camera, axis1=1, axis2=2) - 1) / 2
        turned = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max())
        zoom = float(path.zoom.max() / path.zoom.min())
        return cls(len(path.zoom), turned, zoom, path.travels)

    @property
    def moving(self) -> bool:
        """Whether the camera is to be taken for a moving one."""
        return self.travels or self.turned_deg > 0 or self.zoom > 1

    def __str__(self) -> str:
        if not self.looks:
            return "the background shows nothing that could be followed"
        if not self.moving:
            return "the camera stood still"
        how = "travelled" if self.travels else "turned on its spot"
        if not self.travels and self.turned_deg < np.degrees(_TURNED):
            how = "zoomed" if self.zoom > 1.05 else "was held in a hand"
        return f"the camera {how}: by {self.turned_deg:.0f} degrees, zoom {self.zoom:.2f}"


@dataclass(frozen=True)
class Look:
    """A frame as it is looked at: small and grey.

    Attributes:
        gray: brightness, 8 bits.
        shrink: small pixels a pixel of the frame.
    """

    gray: UInt8[np.ndarray, "height width"]
    shrink: float

    @classmethod
    def at(cls, frame: VideoFrame) -> Look:
        """Shrunk to at most 320 pixels of width."""
        cv2 = opencv()
        height, width = frame.rgb.shape[:2]
        shrink = min(1.0, _WIDTH / width)
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        small = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
        return cls(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), shrink)

    def background(
        self, points_px: Float[np.ndarray, "points 3"]
    ) -> UInt8[np.ndarray, "height width"]:
        """255 outside the person's box, 0 inside."""
        mask = np.full(self.gray.shape, 255, np.uint8)
        seen = points_px[points_px[:, 2] > 0, :2] * self.shrink
        if len(seen):
            low, high = seen.min(axis=0), seen.max(axis=0)
            margin = _MARGIN * float((high - low).max()) + 2
            left, top = np.floor(np.maximum(low - margin, 0)).astype(int)
            right, bottom = np.ceil(np.maximum(high + margin, 0)).astype(int)
            mask[top:bottom, left:right] = 0
        return mask


class CameraWatch:
    """An estimator that also notes how the camera moves, in the same pass over the video.

    The background is followed in a thread beside the detector.

    Args:
        detector: whose keypoints are wanted.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = detector.name
        self.path: CameraPath | None = None
        """How the camera moved in what has been watched to its end, frame by frame."""

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """The detector's keypoints, frame by frame."""
        noted: deque[VideoFrame] = deque()
        background, pace = Background(), Pace(_LOOKS_HZ)
        times: list[float] = []
        looked: list[float] = []
        followed: Future[None] | None = None

        def look(frame: VideoFrame, points: Float[np.ndarray, "17 3"]) -> None:
            one = Look.at(frame)
            background.add(one.gray, one.background(points))
            looked.append(frame.time)

        with ThreadPoolExecutor(1, thread_name_prefix="vimoflow-camera") as beside:
            for points in self._detector.estimate(passing(frames, noted)):
                frame = noted.popleft()
                times.append(frame.time)
                if pace.takes(frame.time):
                    if followed is not None:
                        followed.result()
                    followed = beside.submit(look, frame, points)
                yield points
            if followed is not None:
                followed.result()
                if looked[-1] < times[-1]:  # beyond the last look nothing is known
                    look(frame, points)
        path = background.path()
        self.path = None if path is None else path.at(np.array(looked), np.array(times))

    @property
    def motion(self) -> CameraMotion:
        """The path in a few numbers."""
        return CameraMotion.of(self.path)
