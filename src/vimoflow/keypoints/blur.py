"""Where the picture is blurred around the person, which detectors take badly.

MediaPipe's points of ten rendered clips lead to 71 mm (PA-MPJPE) as they are, and to 75, 84 and 117
where everything is blurred along 3, 6 and 12 % of the person's height
(docs/experiments/0014-people-and-verdict.md).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.conventions import COCO_NAMES, STATURE_M
from vimoflow.keypoints.estimators import KeypointEstimator
from vimoflow.keypoints.people_boxes import box_of
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.video import VideoFrame, passing

_EVERY_S = 0.5
_TALL_PX = 128  # that people are reduced to, so that blur is relative to them
_BLURRED = 0.52  # sharp clips have 0.29 to 0.41, blur along 6 % of the height 0.54 to 0.69
_TAPS = 9


class BlurWatch:
    """A detector that looks at the sharpness of the picture in passing, twice a second.

    Args:
        detector: whose keypoints are wanted, of one person or of everybody one after the other.
    """

    def __init__(self, detector: KeypointEstimator) -> None:
        self._detector = detector
        self.name = detector.name
        self._looks: list[tuple[float, float]] = []  # when, and how blurred

    @property
    def spans_s(self) -> tuple[tuple[float, float], ...]:
        """When the picture was blurred, (start, end) in seconds."""
        runs = itertools.groupby(self._looks, lambda look: look[1] > _BLURRED)
        times = [[time for time, _ in run] for blurred, run in runs if blurred]
        return tuple((run[0], run[-1] + _EVERY_S) for run in times)

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "points 3"]]:
        """The detector's keypoints, frame by frame."""
        noted: deque[VideoFrame] = deque()
        for points in self._detector.estimate(passing(frames, noted)):
            frame = noted.popleft()
            if not self._looks or frame.time >= self._looks[-1][0] + _EVERY_S:
                people = points.reshape(-1, len(COCO_NAMES), 3)
                blur = max((blur_around(frame.rgb, one) for one in people), default=0.0)
                self._looks.append((frame.time, blur))
            yield points


def blur_around(
    rgb: UInt8[np.ndarray, "height width 3"], points: Float[np.ndarray, "17 3"]
) -> float:
    """How little a low-pass takes away from the picture of a person, 0 (sharp) to 1.

    The greater of both directions of Crete et al. 2007, "The blur effect: perception and estimation
    with a new no-reference perceptual blur metric". People who are smaller than the metric is made
    for count as sharp: that they are small is another matter.
    """
    box = box_of(points)
    tall = STATURE_M * metre_px(points[None])
    if box is None or tall < _TALL_PX:
        return 0.0
    top, left = max(0, int(box.top)), max(0, int(box.left))
    part = rgb[top : int(box.bottom) + 1, left : int(box.right) + 1]
    if min(part.shape[:2]) < _TAPS * tall / _TALL_PX:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    share = _TALL_PX / tall
    small = cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return max(_blur_along(small.astype(np.float32)), _blur_along(small.T.astype(np.float32)))


def _blur_along(grey: Float[np.ndarray, "height width"]) -> float:
    change = np.abs(np.diff(grey, axis=1))
    left = np.abs(np.diff(cv2.blur(grey, (_TAPS, 1)), axis=1))
    total = float(change.sum())
    return 1 - float(np.maximum(change - left, 0).sum()) / total if total else 0.0
