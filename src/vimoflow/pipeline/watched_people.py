"""Detectors of several people where watches of the picture expect one of a single person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from vimoflow.keypoints.estimators import PeopleEstimator
from vimoflow.video import VideoFrame
from vimoflow.video.camera_motion import CameraWatch


class Everybody:
    """A detector of several people in the place of one of a single person, for the watches.

    Its points are everybody's, one after the other.
    """

    def __init__(self, estimator: PeopleEstimator) -> None:
        self.name = estimator.name
        self._estimator = estimator

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "points 3"]]:
        for people in self._estimator.estimate_people(frames):
            yield people.reshape(-1, 3)


class WatchedPeople:
    """The inverse: people of a detector of `Everybody` that is watched."""

    def __init__(self, watch: CameraWatch) -> None:
        self.name = watch.name
        self._watch = watch

    def estimate_people(
        self, frames: Iterable[VideoFrame]
    ) -> Iterator[Float[np.ndarray, "people 17 3"]]:
        for points in self._watch.estimate(frames):
            yield points.reshape(-1, 17, 3)
