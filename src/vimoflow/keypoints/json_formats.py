"""Detectors' JSON: OpenPose, AlphaPose, MMPose and COCO, recognised by their fields."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import InputError
from vimoflow.keypoints.sightings import (
    Recording,
    Sighting,
    coco_sightings,
    points_of,
)

_MAX_FRAME = 10**9
_MAX_SIDE = 10**6  # pixels
_DIGITS = re.compile(r"(\d{1,15})\D*$")


def read_openpose_frame(document: Any, path: Path, frame: int) -> tuple[Sighting, ...]:
    """The people of one OpenPose file, points in its order; `coco_sightings` of all files follows.

    ``person_id`` is used where OpenPose tracked.
    """
    people = _list(_field(document, "people", path), "people", path)
    found = []
    for person in people:
        # Files of before 2018 call it pose_keypoints.
        name = "pose_keypoints" if "pose_keypoints" in _dict(person, path) else "pose_keypoints_2d"
        values = _list(_field(person, name, path), name, path)
        if values:
            points = points_of(values, path, name)
            found.append(Sighting(frame, points, _openpose_id(person.get("person_id"))))
    return tuple(found)


def frame_number(name: str) -> int | None:
    """The last number in a file name without its ending; None where there is none."""
    match = _DIGITS.search(Path(name).stem.removesuffix("_keypoints"))
    return int(match[1]) if match else None


def read_json_document(document: Any, path: Path) -> Recording | None:
    """What a detector's document holds; None where no format is recognised.

    Raises:
        InputError: a format is recognised, but the values make no sense.
    """
    for recognises, read in _READERS:
        if recognises(document):
            found = read(document, path)
            return replace(found, sightings=coco_sightings(found.sightings))
    return None


def _one_openpose_frame(document: Any, path: Path) -> Recording:
    return Recording("openpose", read_openpose_frame(document, path, 0), (0,))


def _read_results(document: Any, path: Path) -> Recording:
    """AlphaPose and COCO results: one entry a person and image."""
    entries = [_dict(entry, path) for entry in document]
    numbers = _numbered([_field(entry, "image_id", path) for entry in entries], path)
    found = []
    for entry, frame in zip(entries, numbers, strict=True):
        values = _field(entry, "keypoints", path)
        person = _identity(entry.get("idx", entry.get("track_id")))
        found.append(Sighting(frame, points_of(values, path, "keypoints"), person))
    is_alphapose = any(isinstance(e["image_id"], str) or "idx" in e or "box" in e for e in entries)
    return Recording("alphapose" if is_alphapose else "coco", tuple(found), tuple(numbers))


def _read_coco_dataset(document: Any, path: Path) -> Recording:
    """COCO's annotation file: images with sizes, people with visibility flags."""
    images = [_dict(image, path) for image in _list(document["images"], "images", path)]
    people = [_dict(one, path) for one in _list(document["annotations"], "annotations", path)]
    ids = [_whole(_field(image, "id", path), "id", path) for image in images]
    found = [
        Sighting(
            _whole(_field(one, "image_id", path), "image_id", path),
            points_of(_field(one, "keypoints", path), path, "keypoints"),
            _identity(one.get("track_id")),
        )
        for one in people
    ]
    frames = tuple(ids) + tuple(one.frame for one in found)
    size = _common_size(images, path)
    return Recording("coco", tuple(found), frames, image_size=size)


def _common_size(images: list[dict[str, Any]], path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels of all images; None where they state none."""
    sizes = [
        (_whole(image["width"], "width", path), _whole(image["height"], "height", path))
        for image in images
        if {"width", "height"} <= image.keys()
    ]
    for size in sizes:
        if size != sizes[0]:
            raise InputError(
                f"{path}: 'images' are {sizes[0][0]}x{sizes[0][1]} and {size[0]}x{size[1]} pixels; "
                "one recording has one size"
            )
    usable = sizes and all(0 < side <= _MAX_SIDE for side in sizes[0])
    return sizes[0] if usable else None


def _read_frame_dictionary(document: Any, path: Path) -> Recording:
    """AlphaPose's ``--format cmu`` and ``open``: image names to people."""
    found: list[Sighting] = []
    numbers = _numbered(list(document), path)
    for frame, entry in zip(numbers, document.values(), strict=True):
        if "bodies" in _dict(entry, path):
            for body in _list(entry["bodies"], "bodies", path):
                points = points_of(_field(_dict(body, path), "joints", path), path, "joints")
                found.append(Sighting(frame, points))
        else:
            found.extend(read_openpose_frame(entry, path, frame))
    return Recording("alphapose", tuple(found), tuple(numbers))


def _read_mmpose(document: Any, path: Path) -> Recording:
    """MMPose: frames of instances, with or without ``meta_info``; or one image's instances."""
    frames = document["instance_info"] if isinstance(document, dict) else document
    if frames and isinstance(frames[0], dict) and "instances" not in frames[0]:
        frames = [frames]
    found, numbers = [], []
    for position, entry in enumerate(_list(frames, "instance_info", path)):
        number, instances = position, entry
        if isinstance(entry, dict):
            instances = _field(entry, "instances", path)
            number = _whole(entry.get("frame_id", position), "frame_id", path)
        numbers.append(number)
        for instance in _list(instances, "instances", path):
            found.append(_mmpose_sighting(_dict(instance, path), number, path))
    return Recording("mmpose", tuple(found), tuple(numbers))


def _mmpose_sighting(instance: dict[str, Any], frame: int, path: Path) -> Sighting:
    try:
        places = np.asarray(_field(instance, "keypoints", path), dtype=np.float64)
        scores = np.asarray(_field(instance, "keypoint_scores", path), dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: 'keypoints' is not a full array of numbers") from error
    if places.ndim != 2 or places.shape[1] != 2 or scores.shape != places.shape[:1]:
        raise InputError(
            f"{path}: 'keypoints' {places.shape} and 'keypoint_scores' {scores.shape} do not fit"
        )
    values = np.concatenate([places, scores[:, None]], axis=1)
    return Sighting(
        frame, points_of(values, path, "keypoints"), _identity(instance.get("track_id"))
    )


def _numbered(names: list[Any], path: Path) -> list[int]:
    """Frame numbers of images: their ids, the numbers in their names, or their order."""
    if all(isinstance(name, int) for name in names):
        return [_whole(name, "image_id", path) for name in names]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: 'image_id' is neither always a name nor always a number")
    numbers = [frame_number(name) for name in names]
    order = {name: index for index, name in enumerate(dict.fromkeys(names))}
    distinct = {number for number in numbers if number is not None}
    if None in numbers or len(distinct) != len(order):
        return [order[name] for name in names]
    return [_whole(number, "image_id", path) for number in numbers]


def _openpose_id(value: Any) -> str | None:
    """OpenPose writes [-1] where it did not track."""
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value in (-1, "-1") else _identity(value)


def _identity(value: Any) -> str | None:
    if isinstance(value, list):  # AlphaPose's PoseFlow wraps it
        value = value[0] if len(value) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value)
    try:
        return str(value)[:60]
    except ValueError:  # an integer of thousands of digits
        return None


def _whole(value: Any, name: str, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_FRAME:
        raise InputError(f"{path}: '{name}' is not a whole number from 0 to {_MAX_FRAME}")
    return value


def _dict(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{path}: a person or frame is not a JSON object")
    return value


def _list(value: Any, name: str, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{path}: '{name}' is not a list")
    return value


def _field(document: dict[str, Any], name: str, path: Path) -> Any:
    if name not in document:
        raise InputError(f"{path}: has no field '{name}'")
    return document[name]


def _first(document: Any) -> Any:
    return document[0] if isinstance(document, list) and document else None


def _is_mmpose(document: Any) -> bool:
    if isinstance(document, dict):
        return isinstance(document.get("instance_info"), list)
    if not isinstance(document, list):
        return False
    first = next((entry for entry in document if entry != []), None)
    first = _first(first) if isinstance(first, list) else first
    return isinstance(first, dict) and ("instances" in first or "keypoint_scores" in first)


def _is_frame_dictionary(document: Any) -> bool:
    if not isinstance(document, dict) or not document:
        return False
    first = next(iter(document.values()))
    return isinstance(first, dict) and ("bodies" in first or "people" in first)


_READERS: list[tuple[Callable[[Any], bool], Callable[[Any, Path], Recording]]] = [
    (lambda document: isinstance(document, dict) and "people" in document, _one_openpose_frame),
    (
        lambda document: (
            isinstance(document, dict) and {"images", "annotations"} <= document.keys()
        ),
        _read_coco_dataset,
    ),
    (_is_mmpose, _read_mmpose),
    (
        lambda document: isinstance(_first(document), dict) and "image_id" in document[0],
        _read_results,
    ),
    (_is_frame_dictionary, _read_frame_dictionary),
]
