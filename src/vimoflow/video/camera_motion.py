"""Whether the camera moved: how the background shifts, turns and grows between looked-at frames.

Corners outside the person are followed (Lucas and Kanade 1981, in pyramids) and the similarity that
most of them agree on is found by RANSAC. Looking a few times a second is enough, for a camera that
moves goes on moving.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.errors import ConfigError
from vimoflow.video.video_frames import VideoFrame

_EVERY_S = 0.2
_WIDTH = 320  # pixels looked at
_CORNERS = 200
_FEWEST = 12  # corners that must be followed
_MARGIN = 0.15  # of the person's extent, added around it
_MOVED = 0.004  # of the picture's width in one look: a pixel of 320 is noise
_MOVING_SHARE = 0.15  # of the looks that shifted, in a video of a moving camera
_DRIFTED = 0.03  # of the width, from where the camera was at first
_CUT_SHARE = 0.35  # of the corners that must agree; fewer is another picture


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
    """What the background did.

    Attributes:
        looks: pairs of frames in which the background could be followed.
        moved_share: of these, in which it moved by more than noise.
        drift: how far the picture's middle or corner went at most, in widths of the picture.
        zoom: the largest picture of the background by the smallest, 1 without zoom.
    """

    looks: int
    moved_share: float
    drift: float
    zoom: float

    @property
    def moving(self) -> bool:
        """Whether the camera is to be taken for a moving one."""
        return self.looks > 0 and self.moved_share > _MOVING_SHARE and self.drift > _DRIFTED

    def __str__(self) -> str:
        if not self.looks:
            return "the background shows nothing that could be followed"
        return (
            f"the background moved in {self.moved_share:.0%} of {self.looks} looks, by "
            f"{self.drift:.0%} of the picture's width at most, zoom {self.zoom:.2f}"
        )


@dataclass(frozen=True)
class Look:
    """A frame as it is looked at: small and grey.

    Attributes:
        index: of the frame.
        gray: brightness, 8 bits.
        shrink: small pixels a pixel of the frame.
    """

    index: int
    gray: UInt8[np.ndarray, "height width"]
    shrink: float

    @classmethod
    def at(cls, frame: VideoFrame) -> Look:
        """Shrunk to at most 320 pixels of width."""
        cv2 = _opencv()
        height, width = frame.rgb.shape[:2]
        shrink = min(1.0, _WIDTH / width)
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        small = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
        return cls(frame.index, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), shrink)

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
    """An estimator that also notes how the background moves, in the same pass over the video.

    The background is followed in a thread beside the detector.

    Args:
        detector: whose keypoints are wanted.

    Attributes:
        steps: frames looked at in which the background was found again, and the similarity since
            the look before, see `background_step`; complete when the video has been watched.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = detector.name
        self.steps: list[tuple[int, np.ndarray]] = []

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """The detector's keypoints, frame by frame."""
        looks: deque[Look] = deque()
        last: tuple[Look, np.ndarray] | None = None
        steps: list[tuple[int, Future[np.ndarray | None]]] = []
        with ThreadPoolExecutor(1, thread_name_prefix="vimoflow-camera") as beside:
            for index, points in enumerate(self._detector.estimate(_looking(frames, looks))):
                if looks and looks[0].index <= index:
                    look = looks.popleft()
                    if last is not None:
                        step = beside.submit(background_step, last[0].gray, look.gray, last[1])
                        steps.append((look.index, step))
                    last = (look, look.background(points))
                yield points
            found = ((index, step.result()) for index, step in steps)
            self.steps += [(index, step) for index, step in found if step is not None]

    @property
    def motion(self) -> CameraMotion:
        """What the background did in what has been watched to its end."""
        return camera_motion([step for _, step in self.steps])


def background_step(
    before: UInt8[np.ndarray, "height width"],
    after: UInt8[np.ndarray, "height width"],
    background: UInt8[np.ndarray, "height width"],
) -> Float[np.ndarray, "3 3"] | None:
    """The similarity that takes places in one picture to places in the other, in its widths.

    None where too few corners of the background can be followed, or too few of them agree (a cut).
    """
    cv2 = _opencv()
    corners = cv2.goodFeaturesToTrack(before, _CORNERS, 0.01, 5, mask=background)
    if corners is None or len(corners) < _FEWEST:
        return None
    found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
    good = status[:, 0] > 0
    if good.sum() < _FEWEST:
        return None
    width = before.shape[1]
    similarity, agree = cv2.estimateAffinePartial2D(
        corners[good] / width, found[good] / width, ransacReprojThreshold=1.5 / width
    )
    if similarity is None or agree.mean() < _CUT_SHARE:
        return None
    return np.vstack([similarity, (0.0, 0.0, 1.0)])


def camera_motion(steps: Sequence[Float[np.ndarray, "3 3"]]) -> CameraMotion:
    """What successive steps of the background come to; places in widths of the picture."""
    if not steps:
        return CameraMotion(0, 0.0, 0.0, 1.0)
    marks = np.array([[0, 0, 1], [1, 0, 1], [0.5, 0.3, 1], [0, 0.6, 1], [1, 0.6, 1]], float).T
    together, moved, drift = np.eye(3), 0, 0.0
    sizes = [1.0]
    for step in steps:
        moved += int(_farthest(step @ marks - marks) > _MOVED)
        together = step @ together
        drift = max(drift, _farthest(together @ marks - marks))
        sizes.append(float(np.hypot(together[0, 0], together[1, 0])))
    return CameraMotion(len(steps), moved / len(steps), drift, max(sizes) / min(sizes))


def _looking(frames: Iterable[VideoFrame], looks: deque[Look]) -> Iterator[VideoFrame]:
    """The frames; a few a second are noted in passing."""
    due = -np.inf
    for frame in frames:
        if frame.time >= due:
            due = frame.time + _EVERY_S
            looks.append(Look.at(frame))
        yield frame


def _farthest(shifts: np.ndarray) -> float:
    return float(np.linalg.norm(shifts[:2], axis=0).max())


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ConfigError(
            f"a moving camera cannot be looked for ({error}); run: "
            "pip install opencv-python-headless"
        ) from error
    return cv2
