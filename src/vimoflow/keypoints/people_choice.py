"""Whom to take of several people, and how to say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.keypoints.sequence import Keypoints2D

_BODY = slice(COCO_NAMES.index("left_shoulder"), None)
_SEEN = 0.3  # confidence
_MOST = 0.7  # of the body's points, in a frame that shows somebody
_LIVELY_MPS = 0.5  # mean speed of the body's points at which motion counts half
_STILL = 0.15  # what somebody who never moves counts: a poster, somebody who waits
_AWAY = 0.35  # of the picture's width from its middle at which somebody counts half
_PRESENT = 0.15  # of the best one's claim: others are not worth a word


@dataclass(frozen=True)
class Claim:
    """What speaks for taking a person; the product of all counts.

    Attributes:
        person: number or name.
        seen: share of the frames that show most of the body.
        height: of the person by the picture's.
        away: distance of the median place from the picture's middle, in its widths.
        speed_mps: mean speed of the body's points, at the person's distance.
        first_s, last_s: when the person is first and last seen.
    """

    person: str
    seen: float
    height: float
    away: float
    speed_mps: float
    first_s: float
    last_s: float

    @property
    def weight(self) -> float:
        """Size, time in the picture, motion and place, each by its own measure."""
        moves = _STILL + (1 - _STILL) * self.speed_mps / (self.speed_mps + _LIVELY_MPS)
        middle = 1 / (1 + (self.away / _AWAY) ** 2)
        return self.seen**2 * min(self.height, 1.0) * moves * (0.3 + 0.7 * middle)

    def __str__(self) -> str:
        return (
            f"{self.person} (seen in {self.seen:.0%} of the frames, {self.height:.0%} of the "
            f"picture's height, moving {self.speed_mps:.1f} m/s, {self.away:.0%} of its width from "
            "the middle)"
        )


@dataclass(frozen=True)
class Taken:
    """Who was taken of several people: the claims of all, the strongest first."""

    claims: tuple[Claim, ...]

    def __str__(self) -> str:
        first, *others = self.claims
        named = "; ".join(str(one) for one in others)
        return (
            f"{len(self.claims)} people: took person {first}, who counts most by size, time, "
            f"motion and place; not {named}. --person {others[0].person} or all takes others"
        )


def claim_of(keypoints: Keypoints2D) -> Claim:
    """What speaks for somebody."""
    body = keypoints.points[:, _BODY]
    known = body[..., 2] > _SEEN
    whole = known.mean(axis=1) >= _MOST
    rows = np.flatnonzero(keypoints.observed.any(axis=1))
    if not whole.any():
        return Claim(keypoints.person, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    size = metre_px(keypoints.points)
    width, height = keypoints.image_size
    places = np.median(body[whole][..., :2], axis=1)
    # Over a fifth of a second: what trembles does not move.
    step = max(1, round(0.2 * keypoints.fps))
    moved = np.linalg.norm(body[step:, :, :2] - body[:-step, :, :2], axis=-1)
    both = known[step:] & known[:-step]
    speed = float(np.minimum(moved[both] / size, 2.0).mean()) * keypoints.fps / step if (
        both.any()
    ) else 0.0  # fmt: skip
    return Claim(
        keypoints.person,
        float(whole.mean()),
        1.7 * size / height,
        float(np.linalg.norm(np.median(places, axis=0) - (width / 2, height / 2))) / width,
        speed,
        float(keypoints.timestamps[rows[0]]),
        float(keypoints.timestamps[rows[-1]]),
    )


def choose_somebody(people: Sequence[Keypoints2D]) -> tuple[Keypoints2D, Taken | None]:
    """The person with the strongest claim, and why; None where nobody else is worth a word."""
    ranked = sorted(people, key=lambda one: -claim_of(one).weight)
    claims = [claim_of(one) for one in ranked]
    worth = tuple(c for c in claims if c.weight >= _PRESENT * claims[0].weight)
    return ranked[0], Taken(worth) if len(worth) > 1 else None
