"""From people seen in single frames to one sequence a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from vimoflow.errors import InputError
from vimoflow.keypoints.joint_sets import BY_COUNT

_MAX_PX = 1e7
_MAX_GAP = 20  # numbered frames to each frame that is there, on average
_MAX_MEMORY = 1 << 28  # bytes of sequences; people seen least are left out
_MAX_PEOPLE = 100  # in all; also in one frame of a file without identities
_PATIENCE = 30  # frames for which a person who is gone keeps the number
_REACH = 1.0  # how far a person gets, in heights, and is still the same


@dataclass(frozen=True)
class Sighting:
    """One person in one frame.

    Attributes:
        frame: number, any start.
        points: COCO keypoints, pixels and confidence.
        person: identity; None where the file has none.
    """

    frame: int
    points: Float[np.ndarray, "17 3"]
    person: str | None = None


@dataclass(frozen=True)
class Recording:
    """What a file holds, before it is sorted by person.

    Attributes:
        format: the format's name.
        sightings: in any order.
        frames: numbers of all frames the file tells of, also those that nobody is seen in.
        fps: Hz, if stated.
        times: seconds of each frame in ``frames``, if stated.
        image_size: (width, height) in pixels, if stated.
    """

    format: str
    sightings: tuple[Sighting, ...]
    frames: tuple[int, ...]
    fps: float | None = None
    times: tuple[float, ...] | None = None
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Track:
    """One person in all frames of a recording."""

    person: str
    points: Float[np.ndarray, "frames 17 3"]


def coco_points(values: Any, path: Path, field: str) -> Float[np.ndarray, "17 3"]:
    """COCO keypoints of a flat list x, y, confidence, or of rows of these; told apart by number.

    Raises:
        InputError: naming the field, where these are no finite pixels of a known joint set.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: '{field}' is not a full array of numbers") from error
    joint_set = BY_COUNT.get(numbers.size // 3)
    if joint_set is None or numbers.size % 3 or numbers.ndim > 2:
        known = ", ".join(f"{count} ({one.name})" for count, one in sorted(BY_COUNT.items()))
        raise InputError(
            f"{path}: '{field}' holds {numbers.size} numbers, not x, y, confidence of {known}"
        )
    return checked(joint_set.to_coco(numbers.reshape(-1, 3)), path, field)


def checked(
    points: Float[np.ndarray, "*batch 17 3"], path: Path, field: str
) -> Float[np.ndarray, "*batch 17 3"]:
    """Finite pixels; confidences cut to 0-1, because heat maps and visibility flags exceed 1."""
    if not np.isfinite(points).all():
        raise InputError(f"{path}: '{field}' holds a NaN or infinity")
    if np.abs(points[..., :2]).max(initial=0) > _MAX_PX:
        raise InputError(f"{path}: '{field}' has places beyond {_MAX_PX:g} pixels")
    confidence = points[..., 2:].clip(0, 1)
    return np.concatenate([points[..., :2] * (confidence > 0), confidence], axis=-1)


def tracks(recording: Recording, path: Path) -> tuple[Track, ...]:
    """One track a person, largest in the picture first; frames nobody told of have confidence 0.

    Raises:
        InputError: nobody is seen, a person is twice in a frame, or the numbering has absurd gaps.
    """
    sightings = recording.sightings
    if not sightings:
        raise InputError(f"{path}: no person in any frame")
    first, last = min(recording.frames), max(recording.frames)
    count = last - first + 1
    if count > _MAX_GAP * len(set(recording.frames)) + 1000:
        raise InputError(
            f"{path}: frames {first} to {last}, of which only {len(set(recording.frames))} are "
            "there; number them without gaps"
        )
    if any(one.person is None for one in sightings):
        frame, crowd = Counter(one.frame for one in sightings).most_common(1)[0]
        if crowd > _MAX_PEOPLE:
            raise InputError(f"{path}: {crowd} people in frame {frame}; at most {_MAX_PEOPLE}")
        sightings = _linked(sightings)
    limit = max(1, min(_MAX_PEOPLE, _MAX_MEMORY // (count * 17 * 3 * 8)))
    points: dict[str, np.ndarray] = {
        str(person): np.zeros((count, 17, 3))
        for person, _ in Counter(one.person for one in sightings).most_common(limit)
    }
    taken: set[tuple[str, int]] = set()
    for one in sightings:
        person = str(one.person)
        if (person, one.frame) in taken:
            raise InputError(f"{path}: person {person[:40]!r} is twice in frame {one.frame}")
        taken.add((person, one.frame))
        if person in points:
            points[person][one.frame - first] = one.points
    found = (Track(person, array) for person, array in points.items())
    return tuple(sorted(found, key=lambda track: -float(_height(track.points).sum())))


def _height(points: Float[np.ndarray, "*batch 17 3"]) -> Float[np.ndarray, "*batch"]:
    """The larger side of the box around what is seen, pixels; 0 where nothing is."""
    seen = points[..., 2:] > 0
    low = np.where(seen, points[..., :2], np.inf).min(axis=-2)
    high = np.where(seen, points[..., :2], -np.inf).max(axis=-2)
    extent = np.where(seen, high[..., None, :] - low[..., None, :], 0.0)
    return extent.max(axis=(-1, -2))


def _linked(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Each frame's people are those of the frame before that they are nearest to."""
    by_frame: dict[int, list[Sighting]] = {}
    for one in sightings:
        by_frame.setdefault(one.frame, []).append(one)
    latest: dict[int, Sighting] = {}
    linked: list[Sighting] = []
    begun = 0
    for frame in sorted(by_frame):
        latest = {k: one for k, one in latest.items() if frame - one.frame <= _PATIENCE}
        known, seen = list(latest), by_frame[frame]
        cost = _distances([latest[k] for k in known], seen)
        pairs = {
            int(j): known[i]
            for i, j in zip(*linear_sum_assignment(cost), strict=True)
            if cost[i, j] < _REACH
        }
        for index, one in enumerate(seen):
            if index not in pairs:
                pairs[index], begun = begun, begun + 1
            latest[pairs[index]] = one
            linked.append(replace(one, person=str(pairs[index])))
    return tuple(linked)


def _distances(
    before: Sequence[Sighting], now: Sequence[Sighting]
) -> Float[np.ndarray, "before now"]:
    """Mean distance of the keypoints that both show, in heights; far where they share none."""
    if not before or not now:
        return np.zeros((len(before), len(now)))
    a = np.stack([one.points for one in before])[:, None]
    b = np.stack([one.points for one in now])[None]
    both = (a[..., 2] > 0) & (b[..., 2] > 0)
    gaps = np.where(both, np.linalg.norm(a[..., :2] - b[..., :2], axis=-1), 0.0).sum(-1)
    size = np.maximum(np.maximum(_height(a), _height(b)), 1.0)
    return np.where(both.any(-1), gaps / np.maximum(both.sum(-1), 1) / size, 1e3)
