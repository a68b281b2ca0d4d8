"""Places that are shares of the picture, from 0 to 1 or from -1 to 1, brought to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vimoflow.errors import InputError
from vimoflow.keypoints.sequence import Keypoints2D

_FURTHEST = 1.5  # people reach a little beyond the picture; no picture is so small in pixels
_LEAST_PICTURE_PX = 16
_NEGATIVE = 0.05  # share of places: below, people at the edge; above, the middle is 0


def in_pixels(
    people: Sequence[Keypoints2D], image_size: tuple[int, int] | None, path: Path
) -> tuple[Keypoints2D, ...]:
    """The people with their places in pixels of a picture of this size, (width, height).

    Raises:
        InputError: the places are shares of the picture, and no size is known.
    """
    seen = np.concatenate([one.points[one.observed][:, :2] for one in people])
    if not len(seen) or np.abs(seen).max() > _FURTHEST:
        return tuple(people)
    stated = people[0].image_size if min(people[0].image_size) >= _LEAST_PICTURE_PX else None
    size = image_size or stated
    if size is None:
        raise InputError(
            f"{path}: its places are shares of the picture, from 0 to 1, and the picture's size is "
            "not known; give --size WIDTHxHEIGHT, such as --size 1920x1080"
        )
    from_middle = bool((seen < 0).mean() > _NEGATIVE)
    return tuple(_scaled(one, size, from_middle) for one in people)


def _scaled(one: Keypoints2D, size: tuple[int, int], from_middle: bool) -> Keypoints2D:
    points = one.points.copy()
    places = (points[..., :2] + 1) / 2 if from_middle else points[..., :2]
    points[..., :2] = np.where(one.observed[..., None], places * size, 0.0)
    return replace(one, points=points, image_size=size)
