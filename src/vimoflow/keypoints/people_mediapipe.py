"""Several people by MediaPipe, which finds one a picture: a graph a person, each with its window.

New people are looked for twice a second, where nobody is known: by OpenCV's HOG people detector
(Dalal and Triggs 2005; it ships inside OpenCV) and by MediaPipe itself on the picture in which
those who are known are painted over. What either proposes is believed when MediaPipe sees a person
there. In between, a person's window follows the person's own keypoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import ConfigError
from vimoflow.keypoints.mediapipe_pose import Model, PoseGraph
from vimoflow.keypoints.people_boxes import Box, box_of, following, window_around
from vimoflow.keypoints.tracking import similarity
from vimoflow.video import VideoFrame

_SEARCH_S = 0.5  # between two searches for people not yet known
_MOST = 6  # people followed at once
_KNOWN_SHARE = 0.6  # a proposal that lies so far in the box of somebody known is not looked at
_SAME = 0.5  # similarity (OKS) above which two graphs follow the same person
_CONFIDENT = 0.5  # mean confidence of the torso's points for a person
_LOST_FRAMES = 6  # of a person not seen any more
_SMALLEST = 0.12  # of the picture's height: smaller finds are not believed
_HOG_HEIGHT = 640  # pixels of the picture that HOG looks at
_HOG_SURE = 0.2  # HOG's own score
_GREY = 114
_TORSO = [i for i, name in enumerate(COCO_NAMES) if name.endswith(("shoulder", "hip"))]


def people_in(
    frames: Iterable[VideoFrame], model: Model = "full"
) -> Iterator[Float[np.ndarray, "people 17 3"]]:
    """The people of each frame, in any order, as the frames come.

    Offline, on the CPU, with the models that MediaPipe carries.

    Raises:
        ConfigError: MediaPipe or OpenCV is not installed, or the model cannot be had.
    """
    with ExitStack() as stack:
        search = _Search(stack.enter_context(PoseGraph(False, model)))
        crew = stack.enter_context(_Crew(model))
        for frame in frames:
            points = crew.follow(frame)
            if search.is_due(frame, bool(points), crew.has_just_lost):
                points += crew.join(frame, search.newcomers(frame, points, crew.room))
            yield np.stack(points) if points else np.zeros((0, 17, 3))


@dataclass
class _Follower:
    """One person's graph, the window it looks through, and what it saw last."""

    graph: PoseGraph
    window: Box
    points: Float[np.ndarray, "17 3"]
    frames: int = 1
    lost: int = 0


class _Crew:
    """The followers at work; a context manager.

    Attributes:
        has_just_lost: whether somebody was given up in the last frame.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._followers: list[_Follower] = []
        self._beside = ThreadPoolExecutor(_MOST, thread_name_prefix="vimoflow-person")
        self.has_just_lost = False

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown()
        for one in self._followers:
            one.graph.close()

    @property
    def room(self) -> int:
        """How many more people can be followed."""
        return _MOST - len(self._followers)

    def follow(self, frame: VideoFrame) -> list[Float[np.ndarray, "17 3"]]:
        """Where the people are now; who is lost, or is another one, is given up."""
        size = (frame.rgb.shape[1], frame.rgb.shape[0])
        # Each graph keeps one core busy.
        looks = self._beside.map(lambda x: _look(x.graph, frame, x.window), self._followers)
        moved = list(zip(self._followers, looks, strict=True))
        for one, points in list(moved):
            # Of two that see the same person, the one that was farther from it has strayed.
            for other, theirs in moved:
                if other is not one and similarity(points, theirs) > _SAME:
                    mine = float(similarity(points, one.points))
                    if mine < float(similarity(theirs, other.points)) or (
                        one.frames < other.frames
                    ):
                        one.lost = _LOST_FRAMES
        found = []
        for one, points in moved:
            one.lost = 0 if is_person(points) and one.lost < _LOST_FRAMES else one.lost + 1
            if one.lost:
                continue
            one.points, one.frames = points, one.frames + 1
            self._aim(one, size)
            found.append(points)
        for one in self._followers:
            if one.lost >= _LOST_FRAMES:
                one.graph.close()
        self.has_just_lost = any(one.lost >= _LOST_FRAMES for one in self._followers)
        self._followers = [one for one in self._followers if one.lost < _LOST_FRAMES]
        return found

    def join(
        self, frame: VideoFrame, newcomers: list[Float[np.ndarray, "17 3"]]
    ) -> list[Float[np.ndarray, "17 3"]]:
        """Follow these from now on."""
        size = (frame.rgb.shape[1], frame.rgb.shape[0])
        for points in newcomers:
            box = box_of(points)
            if box is not None:
                window = window_around(box, size)
                self._followers.append(_Follower(PoseGraph(model=self._model), window, points))
        return newcomers

    def _aim(self, one: _Follower, size: tuple[int, int]) -> None:
        """Move the window after the person; a graph that gets one of another size starts over."""
        box = box_of(one.points)
        if box is None:
            return
        window = following(one.window, box, size)
        if window is None:
            one.graph.close()
            one.graph = PoseGraph(model=self._model)
            window = window_around(box, size)
        one.window = window


class _Search:
    """Looks for people where nobody is known."""

    def __init__(self, graph: PoseGraph) -> None:
        self._graph = graph
        self._hog = _hog()
        self._next_s = 0.0
        self._looks = 0

    def is_due(self, frame: VideoFrame, somebody: bool, somebody_lost: bool) -> bool:
        """Whether it is time: every half second, more often while nobody is known."""
        early_s = 0.0 if somebody else 0.8 * _SEARCH_S
        if frame.time < self._next_s - early_s and not somebody_lost:
            return False
        self._next_s = frame.time + _SEARCH_S
        return True

    def newcomers(
        self, frame: VideoFrame, known: list[Float[np.ndarray, "17 3"]], room: int
    ) -> list[Float[np.ndarray, "17 3"]]:
        """People in the picture who are not known, at most ``room``."""
        size = (frame.rgb.shape[1], frame.rgb.shape[0])
        found: list[Float[np.ndarray, "17 3"]] = []
        for box in self._hog_boxes(frame.rgb):
            if len(found) < room and not _is_known(box, known + found):
                self._try(frame, box.grown(1.2).within(size), known, found)
        while len(found) < room and self._try(frame, None, known, found):
            pass
        return found

    def _try(
        self,
        frame: VideoFrame,
        window: Box | None,
        known: list[Float[np.ndarray, "17 3"]],
        found: list[Float[np.ndarray, "17 3"]],
    ) -> bool:
        """Look through a window past those who are known; whether somebody new was found."""
        self._looks += 1
        points = stranger(self._graph, frame, known + found, float(self._looks), window)
        if points is not None:
            found.append(points)
        return points is not None

    def _hog_boxes(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[Box]:
        """People as HOG sees them, the surest first."""
        import cv2

        scale = min(1.0, _HOG_HEIGHT / rgb.shape[0])
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes, scores = self._hog.detectMultiScale(
            cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), winStride=(8, 8), padding=(16, 16), scale=1.07
        )
        found = sorted(zip(np.ravel(scores), np.reshape(boxes, (-1, 4)) / scale, strict=True),
                       key=lambda one: -one[0])  # fmt: skip
        return [Box(x, y, x + w, y + h) for score, (x, y, w, h) in found if score > _HOG_SURE]


def _look(graph: PoseGraph, frame: VideoFrame, window: Box) -> Float[np.ndarray, "17 3"]:
    """Whom a graph sees through a window, in the whole picture's pixels."""
    points = graph.points(VideoFrame(window.cut(frame.rgb), frame.time, frame.index))
    return points + np.where(points[:, 2:] > 0, (window.left, window.top, 0.0), 0.0)


def stranger(
    graph: PoseGraph,
    frame: VideoFrame,
    known: list[Float[np.ndarray, "17 3"]],
    clock_s: float,
    window: Box | None = None,
) -> Float[np.ndarray, "17 3"] | None:
    """Somebody in the picture, or a window of it, who is none of those known; None without one.

    Args:
        graph: one that looks at each picture by itself.
        frame: the picture.
        known: who is painted over first.
        clock_s: another time at each call, because a graph takes no two pictures of one time.
        window: where to look.
    """
    height, width = frame.rgb.shape[:2]
    window = window or Box(0.0, 0.0, float(width), float(height))
    painted = _painted_over(frame.rgb, known)
    points = _look(graph, VideoFrame(painted, clock_s, frame.index), window)
    box = box_of(points)
    if box is None or not is_person(points):
        return None
    if max(box.width, box.height) < _SMALLEST * height:
        return None
    return None if any(similarity(points, other) > _SAME for other in known) else points


def is_person(points: Float[np.ndarray, "17 3"]) -> bool:
    """Whether the trunk is surely seen."""
    return float(points[_TORSO, 2].mean()) >= _CONFIDENT


def _is_known(box: Box, known: list[Float[np.ndarray, "17 3"]]) -> bool:
    boxes = (box_of(points) for points in known)
    return any(
        other is not None
        and box.common_share(other) > _KNOWN_SHARE
        and 0.3 < box.area / max(other.area, 1.0) < 3.0
        for other in boxes
    )


def _painted_over(
    rgb: UInt8[np.ndarray, "height width 3"], people: list[Float[np.ndarray, "17 3"]]
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with everybody's hull made grey."""
    import cv2

    painted = rgb.copy() if people else rgb
    for points in people:
        seen = points[points[:, 2] > 0, :2]
        box = box_of(points)
        if box is None or len(seen) < 3:
            continue
        hull = cv2.convexHull(np.round(seen).astype(np.int32))
        width = max(2, round(0.16 * max(box.width, box.height)))
        cv2.fillPoly(painted, [hull], (_GREY,) * 3)
        cv2.polylines(painted, [hull], True, (_GREY,) * 3, width)
    return painted


def _hog() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ConfigError(
            f"several people cannot be looked for ({error}); run: pip install "
            "opencv-contrib-python==4.11.0.86"
        ) from error
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    return hog
