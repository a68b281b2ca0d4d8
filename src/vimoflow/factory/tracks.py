"""A video's keypoints cut into shots, tracks and clips of one length at 30 Hz."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vimoflow.factory.settings import FPS
from vimoflow.inference.conditioning.resampling import resample_keypoints
from vimoflow.keypoints.sequence import Keypoints2D


@dataclass(frozen=True)
class Track:
    """One person in one shot.

    Attributes:
        shot, person: numbers within the video.
        keypoints: timestamps are the video's.
    """

    shot: int
    person: int
    keypoints: Keypoints2D

    @property
    def duration_s(self) -> float:
        """Up to the end of the last frame."""
        times = self.keypoints.timestamps
        return float(times[-1] - times[0]) + 1.0 / self.keypoints.fps


@dataclass(frozen=True)
class Clip:
    """Part of a track at 30 Hz: ``keypoints`` have their own clock from 0 on."""

    track: Track
    start_s: float
    keypoints: Keypoints2D


def tracks(keypoints: Keypoints2D, cuts: Sequence[int]) -> list[Track]:
    """One track for each shot: for now the one person whom the estimator follows."""
    edges = [0, *(c for c in cuts if 0 < c < len(keypoints)), len(keypoints)]
    return [
        Track(shot, 0, _rows(keypoints, slice(first, end)))
        for shot, (first, end) in enumerate(itertools.pairwise(edges))
    ]


def clips(track: Track, frames: int) -> list[Clip]:
    """As many clips of ``frames`` at 30 Hz as fit, one after the other from the track's start.

    What is left over at the end, shorter than a clip, is not used.
    """
    count = int((track.duration_s + 0.5 / FPS) * FPS) // frames
    first = float(track.keypoints.timestamps[0])
    found = []
    for number in range(count):
        start = first + number * frames / FPS
        clock = np.arange(frames) / FPS
        points = resample_keypoints(track.keypoints, start + clock).numpy().astype(np.float64)
        own = dataclasses.replace(track.keypoints, points=points, timestamps=clock)
        found.append(Clip(track, start, own))
    return found


def _rows(keypoints: Keypoints2D, rows: slice) -> Keypoints2D:
    return dataclasses.replace(
        keypoints, points=keypoints.points[rows], timestamps=keypoints.timestamps[rows]
    )
