"""From people seen in single frames to one sequence a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from vimoflow.conventions import ASSUMED_FPS
from vimoflow.errors import InputError
from vimoflow.keypoints.joint_sets import BY_COUNT, JointSet, body_25_or_b
from vimoflow.keypoints.people_sizes import box_height_px
from vimoflow.keypoints.tracking import NOBODY, identities

_MAX_PX = 1e7
_MAX_GAP = 20  # numbered frames to each frame that is there, on average
_MAX_MEMORY = 1 << 28  # bytes of sequences; people seen least are left out
_MAX_PEOPLE = 100  # in all; also in one frame of a file without identities


@dataclass(frozen=True)
class Sighting:
    """One person in one frame.

    Attributes:
        frame: number, any start.
        points: COCO keypoints, pixels and confidence; in a tool's own order until
            `coco_sightings`.
        person: identity; None where the file has none.
        confidence_stated: whether the file says how sure it is.
    """

    frame: int
    points: Float[np.ndarray, "joints 3"]
    person: str | None = None
    confidence_stated: bool = True


@dataclass(frozen=True)
class Recording:
    """What a file holds, before it is sorted by person.

    Attributes:
        format: the format's name.
        sightings: in any order.
        frames: numbers of all frames in the file, also those that nobody is seen in.
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


def coco_sightings(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """The same people with COCO keypoints; OpenPose's two sets of 25 points are distinguished."""
    of_25 = [one.points for one in sightings if len(one.points) == 25]
    sets = BY_COUNT | ({25: body_25_or_b(np.stack(of_25))} if of_25 else {})
    return tuple(replace(s, points=sets[len(s.points)].to_coco(s.points)) for s in sightings)


def points_of(
    values: Any, path: Path, field: str, joint_set: JointSet | None = None
) -> Float[np.ndarray, "joints 3"]:
    """Keypoints of a flat list x, y, confidence, or of rows of these, in their tool's order.

    Joint sets are told apart by their number of points, unless the file names them (`joint_set`;
    the points are then COCO's). Lists of x and y alone are taken, too: what is at 0, 0 was not
    found, all else has confidence 1 (`lacks_confidence`).

    Raises:
        InputError: naming the field, where these are no finite pixels of a known joint set.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: '{field}' is not a full array of numbers") from error
    if lacks_confidence(numbers, joint_set):
        places = numbers.reshape(-1, 2)
        numbers = np.concatenate([places, (places != 0).any(axis=1, keepdims=True)], axis=1)
    known = BY_COUNT if joint_set is None else {len(joint_set.joints): joint_set}
    found = known.get(numbers.size // 3)
    if found is None or numbers.size % 3 or numbers.ndim > 2:
        names = ", ".join(f"{count} ({one.name})" for count, one in sorted(known.items()))
        raise InputError(
            f"{path}: '{field}' holds {numbers.size} numbers, not x, y, confidence of {names}"
        )
    points = numbers.reshape(-1, 3).copy()
    points[[not name for name in found.joints]] = 0.0  # of feet, faces, hands nothing is asked
    points = checked(points, path, field)
    return points if joint_set is None else joint_set.to_coco(points)


def lacks_confidence(values: Any, joint_set: JointSet | None = None) -> bool:
    """Whether a list is of x and y alone: no number of numbers fits both ways."""
    try:
        size = np.size(values)
    except ValueError:  # ragged
        return False
    counts = BY_COUNT if joint_set is None else (len(joint_set.joints),)
    return size in {2 * count for count in counts} - {3 * count for count in counts}


def checked(
    points: Float[np.ndarray, "*batch joints 3"], path: Path, field: str
) -> Float[np.ndarray, "*batch joints 3"]:
    """Finite pixels; confidences cut to 0-1, because heat maps and visibility flags exceed 1."""
    if not np.isfinite(points).all():
        raise InputError(f"{path}: '{field}' holds a NaN or infinity")
    if np.abs(points[..., :2]).max(initial=0) > _MAX_PX:
        raise InputError(f"{path}: '{field}' has places beyond {_MAX_PX:g} pixels")
    confidence = points[..., 2:].clip(0, 1)
    return np.concatenate([points[..., :2] * (confidence > 0), confidence], axis=-1)


def tracks(recording: Recording, path: Path) -> tuple[Track, ...]:
    """One track a person, largest in the picture first; frames not in the file have confidence 0.

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
        sightings = _linked(sightings, _rate(recording))
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
    return tuple(sorted(found, key=lambda track: -float(box_height_px(track.points).sum())))


def sorted_tracks(
    frames: Int[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    names: Int[np.ndarray, " seen"],
    count: int,
) -> list[Float[np.ndarray, "frames 17 3"]]:
    """One array of ``count`` frames a name but `NOBODY`, largest in the picture first."""
    found = []
    for name in np.unique(names[names != NOBODY]):
        track = np.zeros((count, 17, 3))
        track[frames[names == name]] = points[names == name]
        found.append(track)
    return sorted(found, key=lambda track: -float(box_height_px(track).sum()))


def _rate(recording: Recording) -> float:
    """Frames a second, as far as the file states them."""
    if recording.fps is not None:
        return recording.fps
    times = recording.times
    if times is None or len(times) < 2 or max(times) <= min(times):
        return ASSUMED_FPS
    return (len(times) - 1) / (max(times) - min(times))


def _linked(sightings: Sequence[Sighting], fps: float) -> tuple[Sighting, ...]:
    """The same people, named by number; who is seen twice in a frame is so once only."""
    frames = np.array([one.frame for one in sightings])
    points = np.stack([one.points for one in sightings])
    numbers = identities(frames, points, fps)
    return tuple(
        replace(one, person=str(number))
        for one, number in zip(sightings, numbers, strict=True)
        if number != NOBODY
    )
