"""Which axis of a motion points up, by the body that it shows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from vimoflow.motion.skeleton import joint

UP = {
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "-y": np.diag([1.0, -1.0, -1.0]),
}  # R_world_file: our +Y up from a file of that axis up
_UPRIGHT = 0.8  # cosine of the mean lean; a walk has 0.97, work on the floor 0.5 and less
_ON_FLOOR_M = (-0.05, 0.25)  # where the lowest joint of one who lies on y = 0 is
_LYING_PELVIS_M = 0.5
_MOST_FRAMES = 0.9
_STANDING_M = 0.12


def up_axis(positions_file: Float[np.ndarray, "frames joints 3"], usual: str | None) -> str:
    """The axis that is up: ``usual`` unless the body stands along another one.

    A body that stands or walks has its head above its ankles. One that lies has not, and a file in
    which somebody lies all the time says nothing of its axes, so that the usual one is kept where
    the body rests on its floor, unless it stands on the floor of the other axis just as well. A
    body that is neither upright along any axis nor told of is taken to be in its usual axis, or,
    where a kind of file has none, Z up.
    """
    leans = {axis: _lean(positions_file @ turn.T) for axis, turn in UP.items()}
    best = max(leans, key=lambda axis: leans[axis])
    if leans[best] < _UPRIGHT or best == usual:
        return usual or "z"
    if usual is not None and _rests(positions_file @ UP[usual].T):
        return best if _stands(positions_file @ UP[best].T) else usual
    return best


def _lean(positions: Float[np.ndarray, "frames joints 3"]) -> float:
    """Mean cosine between up and the way from the ankles to the head."""
    ankles = positions[:, [joint("left_ankle"), joint("right_ankle")]].mean(axis=1)
    body = positions[:, joint("head")] - ankles
    return float((body[:, 1] / np.maximum(np.linalg.norm(body, axis=-1), 1e-6)).mean())


def _rests(positions: Float[np.ndarray, "frames joints 3"]) -> bool:
    """Whether the body lies on y = 0 nearly all the time."""
    # An arm may hang beside a bed, or be under a body of other proportions.
    lowest, pelvis = positions[:, : joint("left_elbow"), 1].min(axis=1), positions[:, 0, 1]
    low, high = _ON_FLOOR_M
    lying = (lowest > low) & (lowest < high) & (pelvis < _LYING_PELVIS_M)
    return bool(lying.mean() >= _MOST_FRAMES)


def _stands(positions: Float[np.ndarray, "frames joints 3"]) -> bool:
    """Whether the feet are on y = 0 nearly all the time."""
    feet = positions[:, [joint("left_foot"), joint("right_foot")], 1].min(axis=1)
    return bool((np.abs(feet) < _STANDING_M).mean() >= _MOST_FRAMES)
