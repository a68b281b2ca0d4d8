"""From a video to COCO-17 keypoints of one person, or of everybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from vimoflow.errors import ConfigError, InputError
from vimoflow.keypoints.people_looks import LOOK, look_of
from vimoflow.keypoints.region import Region
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.sightings import sorted_tracks
from vimoflow.keypoints.tracking import SURELY_CHANGED, change_of_clothes, identities
from vimoflow.registry import DETECTORS
from vimoflow.video import Footage, VideoFrame, VideoInfo, frames, passing, prefetch

# Fewer frames with a person than this are taken for false alarms (all must have one if the video
# is shorter still).
_MIN_FRAMES_WITH_PERSON = 3
_WANTED = (
    "somebody should be visible, upright and mostly whole; is it the right video, and the right "
    "way up (--rotate)?"
)


@runtime_checkable
class KeypointEstimator(Protocol):
    """A detector of one person's COCO-17 keypoints."""

    @property
    def name(self) -> str:
        """What to write beside the keypoints, with model and version."""

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """Keypoints of each frame, in order, as the frames come: pixels and confidence."""


@runtime_checkable
class PeopleEstimator(Protocol):
    """A detector of several people's COCO-17 keypoints."""

    @property
    def name(self) -> str:
        """What to write beside the keypoints, with model and version."""

    def estimate_people(
        self, frames: Iterable[VideoFrame]
    ) -> Iterator[Float[np.ndarray, "people 17 3"]]:
        """The people of each frame, in any order, as the frames come: pixels and confidence."""


def find_estimator(name: str, option: str = "--estimator") -> Callable[[], KeypointEstimator]:
    """What makes the detector of a name: one of ``registry.DETECTORS`` or ``package.module:Class``.

    Raises:
        ConfigError: there is none; what it makes is not one, when called.
    """
    make = DETECTORS.find(name, option)

    def made() -> KeypointEstimator:
        estimator = make()
        if not isinstance(estimator, KeypointEstimator):
            raise ConfigError(f"{option}: {name!r} is no detector: it needs `name` and `estimate`")
        return estimator

    return made


def find_people_estimator(name: str, option: str = "--estimator") -> Callable[[], PeopleEstimator]:
    """The same for a detector that finds several people."""
    make = DETECTORS.find(name, option)

    def made() -> PeopleEstimator:
        estimator = make()
        if not isinstance(estimator, PeopleEstimator):
            raise ConfigError(f"{option}: {name!r} finds one person only; leave --person out")
        return estimator

    return made


@dataclass(frozen=True)
class Extraction:
    """Keypoints of a video.

    Attributes:
        keypoints: of the frames that were looked at.
        warnings: what was wrong with the file, one sentence each.
        clock: times of all the video's frames, seconds from the first.
    """

    keypoints: Keypoints2D
    warnings: tuple[str, ...]
    clock: Float[np.ndarray, " all_frames"]


@dataclass(frozen=True)
class PeopleExtraction:
    """Everybody in a video, largest in the picture first; otherwise as `Extraction`.

    ``changes_s`` has for each when the clothes become others, (last before, first after): since
    then it may be somebody else.
    """

    people: tuple[Keypoints2D, ...]
    changes_s: tuple[tuple[tuple[float, float], ...], ...]
    warnings: tuple[str, ...]
    clock: Float[np.ndarray, " all_frames"]


def extract_keypoints(
    path: str | Path | Footage,
    estimator: str | KeypointEstimator = "mediapipe",
    start: float | None = None,
    end: float | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    region: Region | None = None,
) -> Keypoints2D:
    """The keypoints of `extract`, for callers who do not care for its warnings."""
    return extract(path, estimator, start, end, progress, region).keypoints


def extract(
    path: str | Path | Footage,
    estimator: str | KeypointEstimator = "mediapipe",
    start: float | None = None,
    end: float | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    region: Region | None = None,
    rate: float | None = None,
) -> Extraction:
    """Find one person's keypoints in a video, frame by frame; only the keypoints stay in memory.

    Args:
        path: video file, or footage: what its user says of it.
        estimator: name of a detector, ``package.module:Class``, or an estimator of your own.
        start: first moment wanted, in seconds from the file's first frame.
        end: first moment not wanted any more.
        progress: called after every frame with how many are done and how many there are (None:
            unknown).
        region: look only here, to single out one of several people.
        rate: looks a second, Hz, at a video that is faster; None looks at every frame.

    Raises:
        InputError: the file is no readable video, shows no person, or the region misses the image.
        ConfigError: there is no such estimator.
    """
    detector = find_estimator(estimator)() if isinstance(estimator, str) else estimator
    stream = frames(path, start, end, rate=rate)
    window = (region or Region(0, 0, *stream.info.size)).within(stream.info)
    total = _expected_frames(stream.info, start, end, rate)
    times: list[float] = []
    points: list[Float[np.ndarray, "17 3"]] = []
    with closing(stream), prefetch(stream) as ahead:
        for row in detector.estimate(_views(ahead, window, times)):
            points.append(_in_whole_image(row, window))
            if progress is not None:
                progress(len(points), total)
    keypoints = Keypoints2D(
        np.stack(points), np.array(times), stream.info.size, stream.info.name, detector.name
    )
    found = int(keypoints.observed.any(axis=1).sum())
    if found < min(_MIN_FRAMES_WITH_PERSON, len(keypoints)):
        raise InputError(f"no person found in {Footage.of(path).path}: {_WANTED}")
    return Extraction(keypoints, stream.warnings, np.array(stream.clock))


def extract_people(
    path: str | Path | Footage,
    estimator: PeopleEstimator,
    start: float | None = None,
    end: float | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    region: Region | None = None,
    rate: float | None = None,
) -> PeopleExtraction:
    """Find and track everybody in a video; arguments and errors as for `extract`.

    People bear numbers, "1" for who is largest. Who is seen in a few frames only is left out.
    """
    stream = frames(path, start, end, rate=rate)
    window = (region or Region(0, 0, *stream.info.size)).within(stream.info)
    total = _expected_frames(stream.info, start, end, rate)
    times: list[float] = []
    rows: list[Float[np.ndarray, "people 17 3"]] = []
    looks: list[Float[np.ndarray, " look"]] = []
    ahead_of: deque[VideoFrame] = deque()
    with closing(stream), prefetch(stream) as ahead:
        views = passing(_views(ahead, window, times), ahead_of)
        for people in estimator.estimate_people(views):
            rgb = ahead_of.popleft().rgb
            looks += [look_of(rgb, one) for one in people]
            rows.append(_in_whole_image(people, window))
            if progress is not None:
                progress(len(rows), total)
    numbers = np.repeat(np.arange(len(rows)), [len(people) for people in rows])
    points = np.concatenate(rows)
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else stream.info.fps
    worn = np.reshape(looks, (-1, LOOK))
    names = identities(numbers, points, fps, worn)
    tracks = sorted_tracks(numbers, points, names, len(rows))
    fewest = min(_MIN_FRAMES_WITH_PERSON, len(rows))
    lasting = [one for one in tracks if int((one[..., 2] > 0).any(axis=1).sum()) >= fewest]
    if not lasting:
        raise InputError(f"no person found in {Footage.of(path).path}: {_WANTED}")
    timestamps = np.array(times)
    found = (
        Keypoints2D(one, timestamps, stream.info.size, stream.info.name, estimator.name, str(k))
        for k, one in enumerate(lasting, start=1)
    )
    changes = tuple(_changes_s(one, numbers, points, worn, timestamps) for one in lasting)
    return PeopleExtraction(tuple(found), changes, stream.warnings, np.array(stream.clock))


def _changes_s(
    track: Float[np.ndarray, "frames 17 3"],
    numbers: Int[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    looks: Float[np.ndarray, "seen look"],
    times: Float[np.ndarray, " frames"],
) -> tuple[tuple[float, float], ...]:
    """When somebody's clothes surely become others."""
    mine = (track[numbers] == points).all(axis=(1, 2))
    when = times[numbers[mine]]
    at = change_of_clothes(when, looks[mine], SURELY_CHANGED)
    return ((float(when[at - 1]), float(when[at])),) if at else ()


def _views(
    stream: Iterable[VideoFrame], region: Region, times: list[float]
) -> Iterator[VideoFrame]:
    """What of each frame lies in the region; the frames' times are noted in passing."""
    for frame in stream:
        times.append(frame.time)
        rgb = frame.rgb[region.top : region.bottom, region.left : region.right]
        yield VideoFrame(np.ascontiguousarray(rgb), frame.time, frame.index)


def _in_whole_image(
    points_region: Float[np.ndarray, "*people 17 3"], region: Region
) -> Float[np.ndarray, "*people 17 3"]:
    seen = points_region[..., 2:] > 0
    return points_region + np.where(seen, (region.left, region.top, 0.0), 0.0)


def _expected_frames(
    info: VideoInfo, start: float | None, end: float | None, rate: float | None
) -> int | None:
    if info.frame_count is None:
        return None
    taken = 1.0 if rate is None else min(1.0, rate / info.fps)
    if start is None and end is None:
        return round(info.frame_count * taken)
    length = info.frame_count / info.fps
    return max(0, round((min(end or length, length) - (start or 0.0)) * info.fps * taken))
