"""COCO's annotation files: images, people, and categories that name their points."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from vimoflow.errors import InputError
from vimoflow.keypoints.joint_sets import JointSet, named_joint_set
from vimoflow.keypoints.json_fields import as_dict, as_list, field, identity, numbered, whole
from vimoflow.keypoints.sightings import Recording, Sighting, lacks_confidence, points_of

_MAX_SIDE = 10**6  # pixels


def read_coco_dataset(document: Any, path: Path) -> Recording:
    """COCO's annotation file: images with sizes, people with visibility flags.

    Frames are in the order of the images' numbers of frames or file names, where they have any:
    ids are anything. Points are those that the category names, where it names them.
    """
    images = [as_dict(image, path) for image in as_list(document["images"], "images", path)]
    people = [as_dict(one, path) for one in as_list(document["annotations"], "annotations", path)]
    ids = [whole(field(image, "id", path), "id", path) for image in images]
    frame_of = dict(zip(ids, _image_order(images, ids, path), strict=True))
    sets = _category_sets(document.get("categories"), path)
    found = []
    for one in people:
        values = one.get("keypoints")
        if not values:  # a box without points
            continue
        image = whole(field(one, "image_id", path), "image_id", path)
        category = one.get("category_id")
        joint_set = sets.get(category) if isinstance(category, int) else None
        points = points_of(values, path, "keypoints", joint_set)
        found.append(
            Sighting(
                frame_of.get(image, image),
                points,
                identity(one.get("track_id")),
                not lacks_confidence(values, joint_set),
            )
        )
    frames = tuple(frame_of.values()) + tuple(one.frame for one in found)
    size = _common_size(images, path)
    return Recording("coco", tuple(found), frames, image_size=size)


def _image_order(images: list[dict[str, Any]], ids: list[int], path: Path) -> list[int]:
    """A frame number for each image; every n-th frame of a video counts as one after the other."""
    for name in ("frame_id", "frame_index", "frame"):
        numbers = [image.get(name) for image in images]
        if images and all(type(number) is int for number in numbers):
            return _close_ranks([whole(number, name, path) for number in numbers])
    names = [image.get("file_name") for image in images]
    if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return _close_ranks(numbered(names, path)) if names else ids
    return ids


def _close_ranks(numbers: list[int]) -> list[int]:
    first = min(numbers)
    step = math.gcd(*(number - first for number in numbers))
    return [(number - first) // max(step, 1) for number in numbers]


def _category_sets(categories: Any, path: Path) -> dict[int, JointSet]:
    """The joint sets that categories name, by their ids; those of too few known points are out."""
    found = {}
    for one in categories if isinstance(categories, list) else ():
        names = one.get("keypoints") if isinstance(one, dict) else None
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            joint_set = named_joint_set(names)
            if joint_set is not None and isinstance(one.get("id"), int):
                found[one["id"]] = joint_set
    return found


def _common_size(images: list[dict[str, Any]], path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels of all images; None where they state none."""
    sizes = [
        (whole(image["width"], "width", path), whole(image["height"], "height", path))
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
