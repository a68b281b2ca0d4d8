"""How much slower finding keypoints in a video is than the detector alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vimoflow.errors import InputError
from vimoflow.keypoints.estimators import KeypointEstimator, extract
from vimoflow.video import VideoFrame, frames

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


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
