"""Whether somebody else is in a video than the one person whom a detector follows.

Once a second the detector's person is painted over and MediaPipe looks at what is left, which takes
a third of a frame's time where nobody is there. Who is found there is looked for again soon, for
one look may be mistaken; twice found, somebody is there. So is somebody where the person's clothes
become others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from vimoflow.keypoints.estimators import KeypointEstimator
from vimoflow.keypoints.mediapipe_pose import PoseGraph
from vimoflow.keypoints.people_boxes import box_of
from vimoflow.keypoints.people_looks import look_of
from vimoflow.keypoints.people_mediapipe import is_person, stranger
from vimoflow.keypoints.tracking import LOOKED_S, SURELY_CHANGED, change_of_clothes
from vimoflow.video import VideoFrame, passing

_FIRST_S = 0.1
_EVERY_S = 1.0
_AGAIN_S = 0.1
_CLOTHES_S = 0.09  # between two looks at the clothes: every third frame of most videos
_FARTHEST = 0.5  # heights that somebody walks between two looks


class SeveralPeopleError(Exception):
    """Raised out of `Census.estimate` when somebody else has surely been seen."""


class Census:
    """A detector of one person that also watches for others, in the same pass over the video.

    Args:
        detector: whose keypoints are wanted.
    """

    def __init__(self, detector: KeypointEstimator) -> None:
        self._detector = detector
        self.name = detector.name

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """The detector's keypoints, frame by frame.

        Raises:
            SeveralPeopleError: somebody else is in the picture; what came so far may be of both.
        """
        noted: deque[VideoFrame] = deque()
        times: list[float] = []
        worn: list[Float[np.ndarray, " look"]] = []
        due, suspect, looks, since = _FIRST_S, None, 0, -np.inf
        with PoseGraph(follows=False) as graph:
            for points in self._detector.estimate(passing(frames, noted)):
                frame = noted.popleft()
                if not times or frame.time >= times[-1] + _CLOTHES_S:
                    times.append(frame.time)
                    worn.append(look_of(frame.rgb, points))
                if frame.time >= due and is_person(points):
                    if change_of_clothes(np.array(times), np.stack(worn), SURELY_CHANGED, since):
                        raise SeveralPeopleError  # the detector has gone over to somebody else
                    # Up to here all has been compared with what came before and after it.
                    since = frame.time - LOOKED_S
                    old = bisect_left(times, since - LOOKED_S)
                    del times[:old], worn[:old]
                    looks += 1
                    found = stranger(graph, frame, [points], float(looks))
                    if found is not None and suspect is not None and _alike(found, suspect):
                        raise SeveralPeopleError
                    due = frame.time + (_EVERY_S if found is None else _AGAIN_S)
                    suspect = found
                yield points


def _alike(a: Float[np.ndarray, "17 3"], b: Float[np.ndarray, "17 3"]) -> bool:
    """Whether two looks may be at one person: about as large, at about the same place."""
    first, second = box_of(a), box_of(b)
    if first is None or second is None:
        return False
    size = max(first.height, second.height)
    gap = np.hypot(first.left + first.right - second.left - second.right,
                   first.top + first.bottom - second.top - second.bottom) / 2  # fmt: skip
    return min(first.height, second.height) > 0.5 * size and bool(gap < _FARTHEST * size)
