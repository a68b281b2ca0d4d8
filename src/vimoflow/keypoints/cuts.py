"""Where one shot ends and the next begins: jumps of the 2D keypoints, and changes of the picture.

A camera elsewhere shows the body elsewhere, turned, and of another size. Between two frames of one
shot the keypoints of a dancer go on almost linearly: on AIST++ what differs from that is below 3 cm
(at the person's distance) in 99 % of frames of its upright
dances, and above 11 cm at every splice of two of their views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError
from vimoflow.keypoints.estimators import KeypointEstimator
from vimoflow.keypoints.mirroring import OTHER_SIDE
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.video import VideoFrame, prefetch

_JUMP_M = 0.1  # median over the points
_JUMP_RATIO = 3.0  # of what is usual around it
_USUAL_M = 0.02  # added to that: a person who stands still has no scale of its own
_SEEN = 0.3  # confidence: guesses jump by themselves
_FEWEST = 2  # points that both sides of a cut must show
_APART_S = 0.5  # jumps nearer to each other are a detector that has lost its way
_SETTLES_S = 0.3  # after somebody is first found
_CHANGE = 27.0  # PySceneDetect's own threshold for a cut
_SLIGHT_CHANGE = 10.0  # enough where the keypoints jump, too: studios look alike from all sides
_PICTURE_WIDTH = 160  # pixels looked at: a cut changes all of the picture


def keypoint_cuts(keypoints: Keypoints2D) -> tuple[int, ...]:
    """First frames of new shots, from the keypoints alone.

    Where a detector jumped there and soon back there is none; where it swaps left and right for
    long there may seem to be one.
    """
    if len(keypoints) < 4:
        return ()
    size_px = metre_px(keypoints.points)
    seen = keypoints.points[..., 2] > _SEEN
    points = np.where(seen[..., None], keypoints.points[..., :2] / size_px, np.nan)
    jump = _jumps(points, points)
    swapped = _jumps(points, points[:, OTHER_SIDE])
    # A detector that has just found somebody is not yet sure where; no shot is that short.
    settled = int(seen.any(axis=1).argmax() + _SETTLES_S * keypoints.fps)
    jump[: settled + 1] = 0
    found = [i for i in np.flatnonzero(jump > _JUMP_M) if jump[i] > _unusual(jump, int(i))]
    near = _APART_S * keypoints.fps
    groups: list[list[int]] = []
    for i in found:
        if groups and i - groups[-1][-1] <= near:
            groups[-1].append(int(i))
        else:
            groups.append([int(i)])
    # One cut is one jump, which shows in the frames beside it, too.
    single = [group for group in groups if group[-1] - group[0] <= 2]
    # Seen from behind a body looks much as if sides were swapped: only a swap throughout is none.
    other = [g for g in single if any(min(jump[i], swapped[i] or np.inf) > _JUMP_M for i in g)]
    return tuple(max(group, key=lambda i: jump[i]) for group in other)


def _jumps(
    before: Float[np.ndarray, "frames 17 2"], after: Float[np.ndarray, "frames 17 2"]
) -> Float[np.ndarray, " frames"]:
    """How far apart both sides, extrapolated, are half-way between each frame and the one before.

    Metres, the median over the points; 0 where too few are seen.
    """
    jump = np.zeros(len(before))
    i = np.arange(2, len(before) - 1)
    here = 1.5 * before[i - 1] - 0.5 * before[i - 2]
    there = 1.5 * after[i] - 0.5 * after[i + 1]
    distance = np.linalg.norm(here - there, axis=-1)
    enough = np.isfinite(distance).sum(axis=1) >= _FEWEST
    jump[i[enough]] = np.nanmedian(distance[enough], axis=1)
    return jump


def _unusual(jump: Float[np.ndarray, " frames"], i: int) -> float:
    """What a jump must exceed to stand out from the frames around it."""
    around = np.concatenate((jump[max(0, i - 12) : max(0, i - 2)], jump[i + 3 : i + 13], [0.0]))
    return _JUMP_RATIO * float(np.quantile(around, 0.8)) + _USUAL_M


@dataclass(frozen=True)
class PictureChanges:
    """Frames in which the picture differs from the one before: hardly alike, and somewhat."""

    hard: tuple[int, ...]
    slight: tuple[int, ...]

    def cuts(self, keypoints: Keypoints2D) -> tuple[int, ...]:
        """First frames of new shots, from picture and keypoints together."""
        jumps = {i for i in keypoint_cuts(keypoints) if any(abs(i - s) <= 2 for s in self.slight)}
        alone = {h for h in self.hard if all(abs(h - i) > 2 for i in jumps)}
        return tuple(sorted(jumps | alone))


class CutWatch:
    """An estimator that also notes where the picture changes, in the same pass over the video.

    At a cut the detector starts over: what it followed is no longer where it was.

    Args:
        make: makes the estimator whose keypoints are wanted.
    """

    def __init__(self, make: Callable[[], KeypointEstimator]) -> None:
        self._make = make
        self.name = make().name
        self._hard: list[int] = []
        self._slight: list[int] = []

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """The estimator's keypoints, frame by frame."""
        # How much the picture changes is measured in a thread, ahead of the detector.
        with prefetch(_measured(frames)) as pending:
            first = next(pending, None)
            while first is not None:
                following: list[tuple[VideoFrame, float]] = []
                yield from self._make().estimate(self._shot(first[0], pending, following))
                first = following[0] if following else None

    def cuts(self, keypoints: Keypoints2D) -> tuple[int, ...]:
        """First frames of new shots, from picture and keypoints together."""
        return PictureChanges(tuple(self._hard), tuple(self._slight)).cuts(keypoints)

    def _shot(
        self,
        first: VideoFrame,
        pending: Iterator[tuple[VideoFrame, float]],
        following: list[tuple[VideoFrame, float]],
    ) -> Iterator[VideoFrame]:
        """Frames up to the next cut, whose first frame goes to ``following``."""
        yield first
        for frame, score in pending:
            if score > _SLIGHT_CHANGE:
                self._slight.append(frame.index)
            if score > _CHANGE:
                self._hard.append(frame.index)
                following.append((frame, score))
                return
            yield frame


def _measured(frames: Iterable[VideoFrame]) -> Iterator[tuple[VideoFrame, float]]:
    change = _PictureChange()
    for frame in frames:
        yield frame, change(frame)


class _PictureChange:
    """PySceneDetect's content score between each frame and the one before."""

    def __init__(self) -> None:
        try:
            from scenedetect.detectors import ContentDetector
            from scenedetect.stats_manager import StatsManager
        except ImportError as error:
            raise ConfigError(
                f"cuts cannot be looked for ({error}); run: pip install scenedetect"
            ) from error
        self._detector = ContentDetector(threshold=_CHANGE)
        self._detector.stats_manager = StatsManager()

    def __call__(self, frame: VideoFrame) -> float:
        """The score of a frame; 0 for the first."""
        stride = max(1, frame.rgb.shape[1] // _PICTURE_WIDTH)
        small = np.ascontiguousarray(frame.rgb[::stride, ::stride, ::-1])
        self._detector.process_frame(frame.index, small)
        values = self._detector.stats_manager.get_metrics(frame.index, ["content_val"])
        return float(values[0] or 0.0)
