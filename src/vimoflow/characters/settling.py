"""How hips, pelvis and feet give way so that feet rest: least squares along time.

Weighed against each other, in square degrees, are how far thighs and shins turn from where they
point, how far the hips leave their path, how far feet in contact slide, and how far soles are
beside the floor, all of it smooth in time. Sliding counts by its length, not by its square (total
variation; Rudin, Osher and Fatemi 1992, by iterated weights), so a foot either rests or slips: it
rests where that is cheap, and follows a recording that slides where legs would turn too far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded

from vimoflow.conventions import MODEL_FPS
from vimoflow.geometry.vectors import cross_matrix

SINKS_M = 0.003  # a sole may be so far beside the floor, before a straight knee bends for it
_ROUNDS = 10  # of weights; what changes after them is below a tenth of a millimetre
_DEGREE = np.degrees(1.0)
_SLIDE = 8.0  # square degrees a millimetre that a foot slides in a frame of 1/30 s
_BESIDE = 4.0  # square degrees a square millimetre further beside the floor
_FAR_DEGREES = 1.0  # legs that turn farther cost the fourth power
_PELVIS = 1.0  # as often as a leg's square degrees count those of the pelvis
_STRAIGHT = 0.05  # of the leg: the lever by which a straight leg is shortened
_HIPS_S, _FEET_S = 0.12, 0.08  # what is added changes over such times
_STILL_M = 1e-4  # a foot that slides less in a frame rests


@dataclass(frozen=True)
class Leg:
    """One leg before anything gives way, metres.

    Attributes:
        thigh, shin: from joint to joint.
        from_middle: the hip joint, from the middle of both.
        places: of ankle and ball.
        rests: whether these are in contact.
        on_floor: whether what the foot is in contact with is the floor, and not a step.
        height: of the sole's lowest point above the floor.
    """

    thigh: Float[np.ndarray, "frames 3"]
    shin: Float[np.ndarray, "frames 3"]
    from_middle: Float[np.ndarray, "frames 3"]
    places: Float[np.ndarray, "frames 2 3"]
    rests: Bool[np.ndarray, "frames 2"]
    on_floor: Bool[np.ndarray, " frames"]
    height: Float[np.ndarray, " frames"]


@dataclass(frozen=True)
class Settled:
    """What is to be added.

    Attributes:
        hips: to the middle of the hips, metres.
        pelvis: a turn of the pelvis about that middle, world axis-angle.
        ankles: to each ankle, metres.
    """

    hips: Float[np.ndarray, "frames 3"]
    pelvis: Float[np.ndarray, "frames 3"]
    ankles: tuple[Float[np.ndarray, "frames 3"], ...]


def settle(legs: Sequence[Leg], fps: float, leg_length: float) -> Settled:
    """The least that has to give way.

    Args:
        legs: of one figure.
        fps: frames a second.
        leg_length: metres.
    """
    metre = (_DEGREE / leg_length) ** 2
    unknowns = 6 + 3 * len(legs)
    calm = np.array([metre] * 3 + [_PELVIS * _DEGREE**2] * 3 + [0.0] * 3 * len(legs))
    stiff = np.array([metre] * 3 + [_DEGREE**2] * 3 + [metre] * 3 * len(legs))
    stiff *= np.repeat([_HIPS_S * fps, _FEET_S * fps], [6, unknowns - 6]) ** 4
    found = np.zeros((len(legs[0].height), unknowns))
    for _ in range(_ROUNDS):
        equations = _Equations(*found.shape)
        equations.want(slice(None), np.tile(calm, (len(found), 1)), np.zeros_like(found))
        for number, leg in enumerate(legs):
            ankle = slice(6 + 3 * number, 9 + 3 * number)
            _add_directions(equations, leg, leg_length, ankle, found)
            _add_floor(equations, leg, ankle, found)
            _add_slide(equations, leg, ankle, found, fps)
        found = equations.solved(stiff)
    ankles = tuple(found[:, 6 + 3 * n : 9 + 3 * n] for n in range(len(legs)))
    return Settled(found[:, :3], found[:, 3:6], ankles)


class _Equations:
    """Normal equations of a few unknowns a frame; neighbouring frames meet one by one."""

    def __init__(self, frames: int, unknowns: int) -> None:
        self._own = np.zeros((frames, unknowns, unknowns))
        self._next = np.zeros((frames, unknowns))
        self._right = np.zeros((frames, unknowns))

    def want(self, which: slice, weight: np.ndarray, value: np.ndarray) -> None:
        """Unknowns near a value, (frames, some)."""
        own = np.einsum("tii->ti", self._own)
        own[:, which] += weight
        self._right[:, which] += weight * value

    def want_steps(self, which: slice, weight: np.ndarray, value: np.ndarray) -> None:
        """What unknowns change by to the next frame near a value, (frames - 1, some)."""
        own = np.einsum("tii->ti", self._own)
        own[1:, which] += weight
        own[:-1, which] += weight
        self._next[:-1, which] -= weight
        self._right[1:, which] += weight * value
        self._right[:-1, which] -= weight * value

    def want_small(self, by: np.ndarray, cost: np.ndarray) -> None:
        """Linear functions of a frame's unknowns, (frames, n, unknowns), by a quadratic cost."""
        self._own += by.transpose(0, 2, 1) @ cost @ by

    def solved(self, stiff: Float[np.ndarray, " unknowns"]) -> Float[np.ndarray, "frames unknowns"]:
        """With squared second differences, weighted, added."""
        frames, unknowns = self._right.shape
        band = np.zeros((2 * unknowns + 1, frames, unknowns))
        for row in range(unknowns):
            for column in range(row + 1):
                band[row - column, :, column] = self._own[:, row, column]
        band[unknowns] = self._next
        if frames > 2:
            second = np.array([[1.0, -2.0, 1.0], [4.0, -2.0, 0.0], [1.0, 0.0, 0.0]])
            for first, products in enumerate(second):
                for apart, product in enumerate(products[: 3 - first]):
                    part = slice(first, frames - 2 + first)
                    band[unknowns * apart, part] += product * stiff
        flat = band.reshape(len(band), -1)
        return solveh_banded(flat, self._right.ravel(), lower=True).reshape(frames, unknowns)


def _add_directions(
    equations: _Equations, leg: Leg, leg_length: float, ankle: slice, found: np.ndarray
) -> None:
    """Thigh and shin turn as little as gets the ankle there, from the hip."""
    by = np.zeros((len(found), 3, found.shape[1]))
    by[:, :, :3] = -np.eye(3)
    by[:, :, 3:6] = cross_matrix(leg.from_middle)
    by[:, :, ankle] = np.eye(3)
    reach = (_STRAIGHT * leg_length) ** 2 * np.eye(3)
    reach = reach - sum(cross_matrix(bone) @ cross_matrix(bone) for bone in (leg.thigh, leg.shin))
    cost = _DEGREE**2 * np.linalg.inv(reach)
    moved = by @ found[:, :, None]
    squared = (moved.transpose(0, 2, 1) @ cost @ moved)[:, 0, 0]
    far = np.maximum(1.0, squared / _FAR_DEGREES**2)
    equations.want_small(by, far[:, None, None] * cost)


def _add_floor(equations: _Equations, leg: Leg, ankle: slice, found: np.ndarray) -> None:
    """No sole below the floor, nor one that rests on it above."""
    height = leg.height + found[:, ankle][:, 1]
    allowed = height.clip(-SINKS_M, np.where(leg.on_floor, SINKS_M, np.inf))
    weight = 1e6 * _BESIDE * (height != allowed)
    upright = slice(ankle.start + 1, ankle.start + 2)
    equations.want(upright, weight[:, None], (allowed - leg.height)[:, None])


def _add_slide(
    equations: _Equations, leg: Leg, ankle: slice, found: np.ndarray, fps: float
) -> None:
    """What rests of a foot moves by nothing."""
    added = np.diff(found[:, ankle], axis=0)
    for place, rests in zip(leg.places.transpose(1, 0, 2), leg.rests.T, strict=True):
        step = np.diff(place, axis=0)
        slides = np.linalg.norm(step + added, axis=1).clip(min=_STILL_M)
        weight = (rests[1:] & rests[:-1]) * (1e3 * _SLIDE * fps / MODEL_FPS / slides)
        equations.want_steps(ankle, np.tile(weight[:, None], 3), -step)
