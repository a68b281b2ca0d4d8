"""Keypoints of the frames that were looked at, on the clock of all frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from vimoflow.keypoints.sequence import Keypoints2D


def on_every_frame(
    keypoints: Keypoints2D, clock: Float[np.ndarray, "frames"], cuts: Sequence[int] = ()
) -> tuple[Keypoints2D, tuple[int, ...]]:
    """Keypoints at all times of a clock, and where cuts lie on it.

    Between two looks a point moves in a straight line, as confident as it was less; where either
    look missed it, it is unseen. Across a cut, and after the last look, it stays.

    Args:
        keypoints: at some of the clock's times, the first among them.
        clock: seconds, strictly increasing.
        cuts: first frames of new shots, among the looks.
    """
    looks = keypoints.timestamps
    if len(looks) == len(clock):
        return keypoints, tuple(cuts)
    before = np.searchsorted(looks, clock, side="right") - 1
    after = np.minimum(before + 1, len(looks) - 1)
    after = np.where(np.isin(after, cuts), before, after)
    span = np.where(after > before, looks[after] - looks[before], 1.0)
    share = ((clock - looks[before]) / span * (after > before))[:, None, None]
    a, b = keypoints.points[before], keypoints.points[after]
    mixed = (1 - share) * a + share * b
    confidence = np.minimum(a[..., 2], b[..., 2])
    mixed[..., 2] = np.where(share[..., 0] == 0, a[..., 2], confidence)
    moved = np.searchsorted(clock, looks[list(cuts)])
    return (
        dataclasses.replace(keypoints, points=mixed, timestamps=clock),
        tuple(int(i) for i in moved),
    )
