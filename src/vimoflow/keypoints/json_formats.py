"""Detectors' JSON: OpenPose, AlphaPose, MMPose and COCO, recognised by their fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vimoflow.keypoints.coco_annotations import read_coco_dataset
from vimoflow.keypoints.json_fields import as_dict, as_list, field, identity, numbered
from vimoflow.keypoints.mmpose_format import read_mmpose
from vimoflow.keypoints.sightings import (
    Recording,
    Sighting,
    coco_sightings,
    lacks_confidence,
    points_of,
)


def read_openpose_frame(document: Any, path: Path, frame: int) -> tuple[Sighting, ...]:
    """The people of one OpenPose file, points in its order; `coco_sightings` of all files follows.

    ``person_id`` is used where OpenPose tracked.
    """
    people = as_list(field(document, "people", path), "people", path)
    found = []
    for person in people:
        # Files of before 2018 call it pose_keypoints.
        name = (
            "pose_keypoints" if "pose_keypoints" in as_dict(person, path) else "pose_keypoints_2d"
        )
        values = as_list(field(person, name, path), name, path)
        if values:
            points = points_of(values, path, name)
            who = _openpose_id(person.get("person_id"))
            found.append(Sighting(frame, points, who, not lacks_confidence(values)))
    return tuple(found)


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
    entries = [as_dict(entry, path) for entry in document]
    numbers = numbered([field(entry, "image_id", path) for entry in entries], path)
    found = []
    for entry, frame in zip(entries, numbers, strict=True):
        values = field(entry, "keypoints", path)
        person = identity(entry.get("idx", entry.get("track_id")))
        points = points_of(values, path, "keypoints")
        found.append(Sighting(frame, points, person, not lacks_confidence(values)))
    is_alphapose = any(isinstance(e["image_id"], str) or "idx" in e or "box" in e for e in entries)
    return Recording("alphapose" if is_alphapose else "coco", tuple(found), tuple(numbers))


def _read_frame_dictionary(document: Any, path: Path) -> Recording:
    """AlphaPose's ``--format cmu`` and ``open``: image names to people."""
    found: list[Sighting] = []
    numbers = numbered(list(document), path)
    for frame, entry in zip(numbers, document.values(), strict=True):
        if "bodies" in as_dict(entry, path):
            for body in as_list(entry["bodies"], "bodies", path):
                points = points_of(field(as_dict(body, path), "joints", path), path, "joints")
                found.append(Sighting(frame, points))
        else:
            found.extend(read_openpose_frame(entry, path, frame))
    return Recording("alphapose", tuple(found), tuple(numbers))


def _openpose_id(value: Any) -> str | None:
    """OpenPose writes [-1] where it did not track."""
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value in (-1, "-1") else identity(value)


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
        read_coco_dataset,
    ),
    (_is_mmpose, read_mmpose),
    (
        lambda document: isinstance(_first(document), dict) and "image_id" in document[0],
        _read_results,
    ),
    (_is_frame_dictionary, _read_frame_dictionary),
]
