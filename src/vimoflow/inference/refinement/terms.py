"""What a motion is fitted to: small terms of residuals, each with its derivatives.

A term looks at a posed body and at the shared unknowns, and says what it adds to the energy; see
``least_squares.Rows``. Another term is another class of this shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from vimoflow.inference.refinement.least_squares import Prior, Rows, Summary, Unknowns
from vimoflow.inference.refinement.posed_points import COCO, FEET, LEGS, Body, PosedBody
from vimoflow.inference.refinement.reprojection_derivatives import SUMMARIES, derivatives
from vimoflow.inference.refinement.reprojection_error import (
    CAMERA_PARAMETERS,
    Reprojection,
    View,
    reproject,
)
from vimoflow.motion.proportions import PARTS

LENGTHS = slice(0, len(PARTS))
"""The shared unknowns that are the logarithms of the body's lengths; cameras follow."""


def camera_of(view: int) -> slice:
    """The shared unknowns that are a view's camera."""
    first = LENGTHS.stop + view * len(CAMERA_PARAMETERS)
    return slice(first, first + len(CAMERA_PARAMETERS))


@runtime_checkable
class TermPoint(Protocol):
    """A term's residuals seen from one point of the search."""

    def energy(self) -> float:
        """What they add to what is minimised."""

    def rows(self, frames: slice, body: PosedBody) -> Rows:
        """The residuals of some frames; ``body`` is of these and of the next one, if there is."""


@runtime_checkable
class Term(Protocol):
    """Something that a motion is to agree with."""

    def at(self, body: PosedBody, shared: Float[np.ndarray, " k"]) -> TermPoint:
        """What it says of a posed body."""


@dataclass(frozen=True)
class MotionProblem:
    """A motion that is to agree with several terms and to stay near where it started."""

    body: Body
    terms: Sequence[Term]
    prior: Prior
    summaries: int

    def at(self, unknowns: Unknowns) -> _MotionPoint:
        """The terms seen from there."""
        posed = self.body.posed(unknowns.frames, unknowns.shared[LENGTHS])
        return _MotionPoint(posed, [term.at(posed, unknowns.shared) for term in self.terms])


@dataclass(frozen=True)
class _MotionPoint:
    body: PosedBody
    terms: Sequence[TermPoint]

    def energy(self) -> float:
        return sum(term.energy() for term in self.terms)

    def rows(self, frames: slice) -> Iterator[Rows]:
        part = self.body.part(slice(frames.start, frames.stop + 1))
        return (term.rows(frames, part) for term in self.terms)


@dataclass(frozen=True)
class SeenByCamera:
    """What one camera saw; the camera is among the shared unknowns.

    Attributes:
        view: the keypoints.
        number: of the view: where its camera and its summaries are.
        noise_m: typical error of a keypoint.
        outlier_m: beyond this an error pulls less and less (Geman and McClure 1987).
        place_m: typical error of the figure's place in the image; pulls linearly beyond (Huber).
    """

    view: View
    number: int
    noise_m: float
    outlier_m: float
    place_m: float

    def at(self, body: PosedBody, shared: Float[np.ndarray, " k"]) -> TermPoint:
        """Distances of projections to keypoints."""
        seen = reproject(body.points[:, COCO], shared[camera_of(self.number)], self.view)
        pose, place = np.square(seen.pose).sum(-1), np.square(seen.place).sum(-1)
        return _SeenAt(
            self, seen, len(shared), pose / self.outlier_m**2, np.sqrt(place) / self.place_m
        )


@dataclass(frozen=True)
class _SeenAt:
    """``pose``: squared distances in units of outliers; ``place``: distances in typical ones."""

    term: SeenByCamera
    seen: Reprojection
    shared: int
    pose: Float[np.ndarray, "f 17"]
    place: Float[np.ndarray, " f"]

    def energy(self) -> float:
        trust = self.term.view.weight * (self.term.outlier_m / self.term.noise_m) ** 2
        huber = np.where(self.place < 1, self.place**2, 2 * self.place - 1)
        return float((trust * self.pose / (1 + self.pose)).sum() + huber.sum())

    def rows(self, frames: slice, body: PosedBody) -> Rows:
        term, count = self.term, frames.stop - frames.start
        pose = term.view.weight[frames] / (term.noise_m * (1 + self.pose[frames])) ** 2
        place = 1 / np.maximum(self.place[frames], 1) / term.place_m**2
        weight = np.concatenate((pose, place[:, None]), axis=1).repeat(2, axis=1)
        residual = (self.seen.pose[frames].reshape(count, -1), self.seen.place[frames])
        motion = (body.by_unknowns[:count, : 3 * COCO.stop], body.by_lengths[:count])
        d = derivatives(self.seen, frames, np.concatenate(motion, axis=-1))
        at = slice(SUMMARIES * term.number, SUMMARIES * (term.number + 1))
        border = np.r_[LENGTHS, camera_of(term.number), self.shared + np.r_[at]]
        own = motion[0].shape[-1]
        summary = Summary(at, d.summaries[..., :own], d.summaries[..., own:].sum(0))
        return Rows(
            np.concatenate(residual, axis=1), weight, slice(None), border, d.residual,
            summary=summary,
        )  # fmt: skip


@dataclass(frozen=True)
class FeetRest:
    """Feet in contact in two neighbouring frames do not move.

    Attributes:
        planted: how firmly each foot stands from a frame to the next, 0 to 1.
        slide_m: how far a planted foot may typically move.
    """

    planted: Float[np.ndarray, "steps 4"]
    slide_m: float

    def at(self, body: PosedBody, shared: Float[np.ndarray, " k"]) -> TermPoint:
        """Steps of the feet."""
        return _FeetAt(np.diff(body.points[:, FEET], axis=0), self.planted / self.slide_m)


@dataclass(frozen=True)
class _FeetAt:
    steps: Float[np.ndarray, "steps 4 3"]
    firmness: Float[np.ndarray, "steps 4"]

    def energy(self) -> float:
        return float(np.square(self.firmness[..., None] * self.steps).sum())

    def rows(self, frames: slice, body: PosedBody) -> Rows:
        steps = self.steps[frames]
        weight = np.square(self.firmness[frames]).repeat(3, axis=1)
        feet = body.by_unknowns[:, 3 * FEET.start :, LEGS]
        return Rows(
            steps.reshape(len(steps), feet.shape[1]), weight, LEGS, np.arange(0),
            -feet[: len(steps)], feet[1:],
        )  # fmt: skip


@dataclass(frozen=True)
class FeetLevel:
    """Feet that stand at the same time are on one floor: the soles' heights do not differ.

    Attributes:
        standing: how firmly both the left and the right ball of the foot, or ankle, stand, 0 to 1.
        level_m: by how much the heights of standing feet may typically differ.
        step_m: feet that differ by more stand on two steps (Geman and McClure 1987).
    """

    standing: Float[np.ndarray, "f 2"]
    level_m: float
    step_m: float

    def at(self, body: PosedBody, shared: Float[np.ndarray, " k"]) -> TermPoint:
        """Differences of the heights of left and right feet."""
        heights = body.points[:, FEET, 1]
        return _LevelAt(self, heights[:, :2] - heights[:, 2:])


@dataclass(frozen=True)
class _LevelAt:
    term: FeetLevel
    differences: Float[np.ndarray, "f 2"]

    def energy(self) -> float:
        far = np.square(self.differences / self.term.step_m)
        trust = self.term.standing * (self.term.step_m / self.term.level_m) ** 2
        return float((trust * far / (1 + far)).sum())

    def rows(self, frames: slice, body: PosedBody) -> Rows:
        off, term = self.differences[frames], self.term
        robust = 1 + np.square(off / term.step_m)
        up = body.by_unknowns[: len(off), 3 * FEET.start + 1 :: 3, LEGS]
        weight = term.standing[frames] / np.square(term.level_m * robust)
        return Rows(off, weight, LEGS, np.arange(0), up[:, :2] - up[:, 2:])
