"""Keypoint files in: the format is found by content."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.keypoints.aistpp_views import read_views
from vimoflow.keypoints.frame_files import read_folder, read_zip
from vimoflow.keypoints.json_formats import read_json_document
from vimoflow.keypoints.own_format import (
    FORMAT,
    MAX_FPS,
    MAX_NPZ_BYTES,
    MIN_FPS,
    NoFrameRateError,
    image_size_of,
    is_own,
    read_npz,
    read_own,
    timestamps_of,
)
from vimoflow.keypoints.own_format import write_keypoints_json as write_keypoints_json
from vimoflow.keypoints.picture_shares import in_pixels
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.sightings import Recording, tracks
from vimoflow.keypoints.text_formats import read_text
from vimoflow.notes import note

# An hour of video at 30 fps. Parsed JSON can take twenty times the memory of its text.
_MAX_JSON_BYTES = 1 << 27
_NO_PICTURE_PX = 2  # the extent of places that are shares of a picture
_MOST_OUTSIDE = 0.5  # of the points that are seen; people at the edge have fewer
_MOTION_FIELDS = frozenset({"poses.npy", "trans.npy", "root_orient.npy", "global_orient.npy"})
_SUFFIXES = (".json", ".npz", ".csv", ".trc", ".pkl")


def read_keypoints(
    path: str | Path,
    fps: float | None = None,
    person: str | None = None,
    image_size: tuple[int, int] | None = None,
) -> Keypoints2D:
    """One person's keypoints out of a file or folder of any known format (docs/keypoints.md).

    Args:
        path: the file, or a folder of OpenPose-style frames.
        fps: frame rate in Hz; replaces the file's own times.
        person: whose, as `read_people` names them, or ``"center"``; by default, or as
            ``"largest"``, who is largest in the picture.
        image_size: (width, height) in pixels; replaces the file's own, or the points' extent.

    Raises:
        InputError: the file is missing, damaged, of no known format, its values make no sense, it
            states no frame rate and ``fps`` is None, or ``person`` is not in it.
    """
    return choose_person(read_people(path, fps, image_size), person, path)


def choose_person(
    people: Sequence[Keypoints2D], person: str | None, path: str | Path
) -> Keypoints2D:
    """Who is called ``person``; ``InputError`` if nobody is.

    Unless somebody is called so, ``"largest"`` is the first, as None is, and ``"center"`` who is
    nearest to the picture's middle.
    """
    if person is None:
        return people[0]
    for one in people:
        if one.person == person:
            return one
    if person == "largest":
        return people[0]
    if person == "center":
        return min(people, key=_off_center)
    names = ", ".join(repr(one.person[:20]) for one in people[:20])
    raise InputError(f"{path}: has no person {person[:40]!r}; there are {names}")


def _off_center(one: Keypoints2D) -> float:
    """Mean distance from the picture's middle, in pixels, while somebody is seen."""
    seen = one.observed.any(axis=1)
    if not seen.any():
        return np.inf
    points, weight = one.points[seen, :, :2], one.observed[seen, :, None]
    middle = (points * weight).sum(axis=1) / weight.sum(axis=1)
    return float(np.linalg.norm(middle - np.array(one.image_size) / 2, axis=-1).mean())


def read_people(
    path: str | Path, fps: float | None = None, image_size: tuple[int, int] | None = None
) -> tuple[Keypoints2D, ...]:
    """Everybody in a file or folder; see `read_file`."""
    return read_file(path, fps, image_size).people


@dataclass(frozen=True)
class KeypointFile:
    """What a file or folder holds.

    Attributes:
        people: largest in the picture first, all with the same frames.
        format: the format's name.
        rate_assumed: whether the file states no frame rate and none was given.
    """

    people: tuple[Keypoints2D, ...]
    format: str
    rate_assumed: bool = False


def read_file(
    path: str | Path,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    assumed_fps: float | None = None,
) -> KeypointFile:
    """Everybody in a file or folder of any known format (docs/keypoints.md), read once.

    Args:
        path: as for `read_keypoints`.
        fps: frame rate in Hz; replaces the file's own times.
        image_size: (width, height) in pixels; replaces the file's own, or the points' extent.
        assumed_fps: the frame rate where neither the file nor ``fps`` states one.

    Raises:
        InputError: as for `read_keypoints`.
    """
    path = Path(path)
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise InputError(f"{path}: a frame rate of {fps:g} Hz makes no sense")
    try:
        found = _read_at_some_rate(path, fps, assumed_fps)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if found.format != FORMAT or max(found.people[0].image_size) <= _NO_PICTURE_PX:
        found = replace(found, people=in_pixels(found.people, image_size, path))
    if image_size is not None:
        people = tuple(replace(one, image_size=image_size) for one in found.people)
        found = replace(found, people=people)
    # The project's own files state the size that their points were found with.
    if image_size is not None or found.format != FORMAT:
        _check_inside(found.people, path)
    return found


def _check_inside(people: Sequence[Keypoints2D], path: Path) -> None:
    """An error where the people are mostly outside of the picture: it has another size."""
    width, height = people[0].image_size
    seen = np.concatenate([one.points[one.observed][:, :2] for one in people])
    outside = (seen < 0) | (seen > (width, height))
    if len(seen) and outside.any(axis=1).mean() > _MOST_OUTSIDE:
        right, low = np.percentile(seen, 95, axis=0)
        raise InputError(
            f"{path}: most 'points' are outside of a picture of {width}x{height} pixels, reaching "
            f"{right:.0f}, {low:.0f}; the image size is another one"
        )


def _read_at_some_rate(path: Path, fps: float | None, assumed_fps: float | None) -> KeypointFile:
    found = None
    try:
        found = _read(path, fps)
        return _sorted_by_person(found, path, fps)
    except NoFrameRateError:
        if assumed_fps is None:
            raise
        # Only files of the project's own formats are parsed again.
        found = found or _read(path, assumed_fps)
        return replace(_sorted_by_person(found, path, assumed_fps), rate_assumed=True)


def _sorted_by_person(
    found: Keypoints2D | Recording, path: Path, fps: float | None
) -> KeypointFile:
    if isinstance(found, Recording):
        return KeypointFile(_people(found, path, fps), found.format)
    return KeypointFile((found,), FORMAT)


def holds_keypoints(path: Path) -> bool:
    """Whether a path is one for `read_people`, by its ending or first bytes; videos are not.

    Raises:
        InputError: the path cannot be read.
    """
    try:
        if path.is_dir():
            return any(entry.suffix.lower() == ".json" for entry in path.iterdir())
        if not path.is_file():
            return False
        head = _head(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    starts = (b"{", b"[", b"PK\x03\x04", b"\x80", b"PathFileType", b"scorer,", b"frame,")
    return path.suffix.lower() in _SUFFIXES or head.startswith(starts)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _read(path: Path, fps: float | None) -> Keypoints2D | Recording:
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    refuse_foreign(path)
    head = _head(path)
    is_zip = head.startswith(b"PK\x03\x04")
    limit = MAX_NPZ_BYTES if is_zip else _MAX_JSON_BYTES
    if path.stat().st_size > limit:
        raise InputError(f"{path}: larger than {limit >> 20} MiB; split it, or use npz")
    if is_zip:
        return _read_archive(path, fps)
    if head.startswith(b"\x80") or (head.startswith(b"(d") and b"keypoints2d" in path.read_bytes()):
        return read_views(path)
    return _read_text(path, fps)


def _read_archive(path: Path, fps: float | None) -> Keypoints2D | Recording:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()]
    except OSError:
        raise
    except Exception:  # zipfile raises many kinds; the npz reader says what is wrong
        return read_npz(path, fps)
    if any(name.endswith(".json") for name in names):
        return read_zip(path)
    if _MOTION_FIELDS.intersection(names):
        raise InputError(
            f"{path}: holds a finished motion, no 2D keypoints; `vimoflow edit` takes motions"
        )
    if not any(name.endswith(".npy") for name in names):
        held = f", such as {min(names)[:60]!r}" if names else ""
        raise InputError(f"{path}: is an archive; unpack it, then name a file in it{held}")
    return read_npz(path, fps)


def _read_text(path: Path, fps: float | None) -> Keypoints2D | Recording:
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = None if text.lstrip()[:1] in ("{", "[") else read_text(text, path)
        if table is not None:
            return table
        document, end = json.JSONDecoder().raw_decode(text.lstrip())
        rest = text.lstrip()[end:].strip(" \t\r\n\0")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is neither JSON nor npz nor a table, or is damaged") from error
    if rest:
        note(f"{path}: {len(rest)} characters after the end of the JSON were left out")
    if is_own(document):
        return read_own(document, path, fps)
    found = read_json_document(document, path)
    if found is None:
        raise InputError(f"{path}: is JSON, but of no known keypoint format")
    return found


def _people(recording: Recording, path: Path, fps: float | None) -> tuple[Keypoints2D, ...]:
    if not all(one.confidence_stated for one in recording.sightings):
        note(
            f"{path}: states no confidence; points at 0, 0 were taken for not found, all others "
            "for certain"
        )
    found = tracks(recording, path)
    points = np.concatenate([track.points for track in found])
    fields: dict[str, Any] = {}
    if recording.image_size is not None:
        fields["image_size"] = recording.image_size
    count = len(found[0].points)
    if recording.times is not None and len(recording.times) == count:
        order = np.argsort(recording.frames)
        fields["timestamps"] = np.asarray(recording.times)[order]
    elif recording.fps is not None:
        fields["fps"] = recording.fps
    timestamps = timestamps_of(fields, count, path, fps)
    size = image_size_of(fields, points, path)
    return tuple(
        Keypoints2D(track.points, timestamps, size, path.name, recording.format, track.person)
        for track in found
    )
