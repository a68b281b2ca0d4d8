"""How much slower finding keypoints in a video is than the detector alone, and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vimoflow.errors import InputError
from vimoflow.keypoints.estimators import KeypointEstimator, extract
from vimoflow.keypoints.people_census import Census
from vimoflow.video import VideoFrame, frames
from vimoflow.video.camera_motion import CameraWatch

_MAX_BYTES = 2 << 30  # of pictures held for the bare detector


@dataclass(frozen=True)
class ExtractionSpeed:
    """Seconds for the same frames, the best of each round's.

    Attributes:
        frames: how many.
        detector_s: the detector on decoded pictures in memory.
        extraction_s: a video file to keypoints: decoding, upright pictures, detector.
    """

    frames: int
    detector_s: float
    extraction_s: float

    @property
    def ratio(self) -> float:
        """Extraction by the bare detector; 1 is no cost at all."""
        return self.extraction_s / self.detector_s


def measure_extraction(
    path: Path,
    make_detector: Callable[[], KeypointEstimator],
    longest_s: float = 10.0,
    rounds: int = 2,
) -> ExtractionSpeed:
    """Time both in turns, so that a busy machine slows both.

    Args:
        path: video file; its beginning is used.
        make_detector: makes the detector anew for every timing, which counts for both.
        longest_s: of the video.
        rounds: how often each is timed.

    Raises:
        InputError: the file is no video, shows nobody, or its pictures do not fit into 2 GiB.
    """
    pictures: list[VideoFrame] = []
    size = 0
    with closing(frames(path, None, longest_s)) as stream:
        for frame in stream:
            size += frame.rgb.nbytes
            if size > _MAX_BYTES:
                raise InputError(
                    f"{path}: {longest_s:g} s of its pictures take more than 2 GiB; "
                    "give fewer seconds"
                )
            pictures.append(frame)
    bare, whole = [], []
    for _ in range(rounds):
        bare.append(_seconds(lambda: list(make_detector().estimate(iter(pictures)))))
        whole.append(_seconds(lambda: extract(path, make_detector(), None, longest_s)))
    return ExtractionSpeed(len(pictures), min(bare), min(whole))


@dataclass(frozen=True)
class ChecksCost:
    """Processor time for the same frames, seconds, the best of each round's.

    Attributes:
        detection_s: a video file to keypoints.
        camera_s: the camera's motion looked for beside it.
        people_s: others in the picture looked for, too.
    """

    detection_s: float
    camera_s: float
    people_s: float

    def __str__(self) -> str:
        camera, people = (
            100 * (x - y) / self.detection_s
            for x, y in ((self.camera_s, self.detection_s), (self.people_s, self.camera_s))
        )
        return (
            f"processor time: detection {self.detection_s:.2f} s; the check of the camera adds "
            f"{camera:.1f} %, that of people {people:.1f} %, both {camera + people:.1f} %"
        )


def measure_checks(
    path: Path,
    make_detector: Callable[[], KeypointEstimator],
    longest_s: float = 10.0,
    rounds: int = 2,
) -> ChecksCost:
    """Time the checks that come with detection, in turns with detection alone.

    Args:
        path: video file of one person; its beginning is used.
        make_detector: makes the detector anew for every timing.
        longest_s: of the video.
        rounds: how often each is timed.

    Raises:
        InputError: the file is no video, or shows nobody.
        SeveralPeopleError: or several people.
    """
    arms: tuple[Callable[[], KeypointEstimator], ...] = (
        make_detector,
        lambda: CameraWatch(make_detector()),
        lambda: Census(CameraWatch(make_detector())),
    )
    spent: list[list[float]] = [[] for _ in arms]
    for _ in range(rounds):
        for arm, seconds in zip(arms, spent, strict=True):
            started = time.process_time()
            extract(path, arm(), None, longest_s)
            seconds.append(time.process_time() - started)
    return ChecksCost(*(min(seconds) for seconds in spent))


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
