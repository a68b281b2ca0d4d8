"""How far found points are likely to be off, from what they and their limbs do in time.

A detector that takes one leg for the other is sure of it. That legs coincide, that a limb grows
longer, that a point jumps: such signs are read by a small network, which was fitted to rendered
motions that MediaPipe looked at (``lab/fitting/detector_doubt.py``).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib import resources

import numpy as np
from jaxtyping import Float
from scipy.ndimage import maximum_filter1d

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.mirroring import OTHER_SIDE
from vimoflow.keypoints.people_sizes import metre_px

DOUBTED = "mediapipe"  # whose estimates are doubted: it is sure of what it makes up
POINTS = tuple(range(5, 17))  # shoulders to ankles; faces are left alone
_LEFT = [
    COCO_NAMES.index(f"left_{n}") for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]
_PARENT, _CHILD = [11, 5, 7, 5, 11, 13], [7, 9, 9, 13, 15, 15]
_LENGTH_M = np.array([0.535, 0.26, 0.231, 0.535, 0.396, 0.388])  # to the parent
_SEEN = 0.05
_SHARP_M = 0.03  # a point that is off by less counts in full
_PIECE = 1800  # frames looked at together
MOST_LOG = (-6.0, 0.5)  # of an error in metres
Layers = Sequence[tuple[Float[np.ndarray, "_ _"], Float[np.ndarray, " _"]]]


def trust(points_px: Float[np.ndarray, "frames 17 3"]) -> Float[np.ndarray, "frames 17"]:
    """How much each point counts in a fit: falls with the square of how far it is likely off.

    Args:
        points_px: what MediaPipe found of one person over one shot, at 30 Hz.
    """
    return np.minimum(1.0, np.square(_SHARP_M / np.maximum(doubt_m(points_px), 1e-6)))


def doubt_m(points_px: Float[np.ndarray, "frames 17 3"]) -> Float[np.ndarray, "frames 17"]:
    """Typical error of every point, metres at the person; zero for the face and what is not seen.

    Args:
        points_px: x, y in pixels and confidence of one person over one shot.
    """
    found = np.zeros(points_px.shape[:2])
    for first in range(0, len(found), _PIECE):
        piece = slice(first, first + _PIECE)
        found[piece, POINTS] = told(_network(), doubt_signs(points_px[piece]))
    return np.where(points_px[..., 2] > _SEEN, found, 0.0)


def told(layers: Layers, signs: Float[np.ndarray, "*points signs"]) -> Float[np.ndarray, "*points"]:
    """The network's answer, metres: its density of an error r is exp(-r / answer) / answer^2."""
    values = signs
    for weight, bias in layers[:-1]:
        values = np.maximum(values @ weight + bias, 0.0)
    weight, bias = layers[-1]
    return np.exp(np.clip(values @ weight + bias, *MOST_LOG))[..., 0]


def doubt_signs(
    points_px: Float[np.ndarray, "frames 17 3"],
) -> Float[np.ndarray, "frames 12 signs"]:
    """What is looked at, of ``POINTS``: everything as if the point were a left one."""
    points = points_px.astype(np.float64).copy()
    points[..., :2] /= metre_px(points)
    mirrored = points[:, OTHER_SIDE] * (-1.0, 1.0, 1.0)
    both = np.stack((_left_signs(points), _left_signs(mirrored)), axis=2)
    return both.reshape(len(points), len(POINTS), -1)


def _left_signs(points: Float[np.ndarray, "frames 17 3"]) -> Float[np.ndarray, "frames 6 signs"]:
    seen = points[..., 2] > _SEEN
    place = _held(points[..., :2], seen)
    place = place - place[:, [11, 12]].mean(axis=1, keepdims=True)
    own, parent, child = place[:, _LEFT], place[:, _PARENT], place[:, _CHILD]
    other = place[:, OTHER_SIDE][:, _LEFT]
    confidence = points[:, _LEFT, 2]
    lengths = [np.log(_norm(own - x) + 0.02) for x in (parent, child)]
    lengths[0] = lengths[0] - np.log(_LENGTH_M)
    partner = np.log(_norm(other - place[:, OTHER_SIDE][:, _PARENT]) + 0.02) - np.log(_LENGTH_M)
    apart = np.log(_norm(own - other) + 0.02)
    step = np.diff(own, axis=0, prepend=own[:1])
    bend = np.diff(own[[0, *range(len(own)), -1]], n=2, axis=0)
    speed, jerk = np.log1p(_norm(step) / 0.02), np.log1p(_norm(bend) / 0.02)
    crossed = np.zeros_like(apart)
    crossed[1:] = _norm(own[1:] - own[:-1]) - _norm(own[1:] - other[:-1])
    growth = np.abs(np.diff(lengths[0], axis=0, prepend=lengths[0][:1]))
    trunk = place[:, [5, 6]].mean(axis=1)
    across = np.stack((place[:, 5] - place[:, 6], place[:, 11] - place[:, 12]), axis=1)
    whole = np.concatenate(
        (
            trunk, across.reshape(len(place), -1), place[:, 0] - trunk,
            jerk.mean(axis=1, keepdims=True), points[:, POINTS, 2].mean(axis=1, keepdims=True),
        ),
        axis=1,
    )  # fmt: skip
    each = [
        confidence, _most(-confidence, 7), points[:, OTHER_SIDE, 2][:, _LEFT], *lengths, partner,
        lengths[0] - np.median(lengths[0], axis=0), apart, _most(-apart, 4), speed,
        _most(speed, 10), jerk, _most(jerk, 3), _most(jerk, 12), _most(crossed, 3),
        _most(crossed, 12),
        _most(growth, 5), *np.moveaxis(own, -1, 0), *np.moveaxis(own - parent, -1, 0),
        *np.moveaxis(own - other, -1, 0),
    ]  # fmt: skip
    shape = (len(place), len(_LEFT))
    which = np.broadcast_to(np.eye(len(_LEFT)), (*shape, len(_LEFT)))
    shared = np.broadcast_to(whole[:, None], (*shape, whole.shape[1]))
    return np.concatenate((np.stack(each, axis=-1), shared, which), axis=-1)


def _held(xy: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Points that were not seen stay where they last were."""
    last = np.maximum.accumulate(np.where(seen, np.arange(len(seen))[:, None], 0), axis=0)
    return np.take_along_axis(xy, last[..., None], axis=0)


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(x).sum(axis=-1))


def _most(x: np.ndarray, half: int) -> np.ndarray:
    return maximum_filter1d(x, 2 * half + 1, axis=0, mode="nearest")


@functools.cache
def _network() -> Layers:
    text = resources.files("vimoflow.keypoints").joinpath("doubt.json").read_text()
    return tuple((np.array(w), np.array(b)) for w, b in json.loads(text)["layers"])
