"""MMPose's and RTMPose's ``predictions/*.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import InputError
from vimoflow.keypoints.joint_sets import JointSet, named_joint_set
from vimoflow.keypoints.json_fields import as_dict, as_list, field, identity, whole
from vimoflow.keypoints.sightings import Recording, Sighting, points_of


def read_mmpose(document: Any, path: Path) -> Recording:
    """MMPose: frames of instances, with or without ``meta_info``; or one image's instances."""
    frames = document["instance_info"] if isinstance(document, dict) else document
    joint_set = _meta_joint_set(document.get("meta_info") if isinstance(document, dict) else None)
    if frames and isinstance(frames[0], dict) and "instances" not in frames[0]:
        frames = [frames]
    found, numbers = [], []
    for position, entry in enumerate(as_list(frames, "instance_info", path)):
        number, instances = position, entry
        if isinstance(entry, dict):
            instances = field(entry, "instances", path)
            number = whole(entry.get("frame_id", position), "frame_id", path)
        numbers.append(number)
        for instance in as_list(instances, "instances", path):
            found.append(_mmpose_sighting(as_dict(instance, path), number, path, joint_set))
    return Recording("mmpose", tuple(found), tuple(numbers))


def _meta_joint_set(meta: Any) -> JointSet | None:
    """The points that ``meta_info`` names by their numbers; None where it does not."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(names, dict) and isinstance(meta, dict):
        swapped = meta.get("keypoint_name2id")
        if isinstance(swapped, dict) and all(type(n) is int for n in swapped.values()):
            names = {str(number): name for name, number in swapped.items()}
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        return None
    in_order = [names.get(str(number)) for number in range(len(names))]
    if None in in_order:
        return None
    return named_joint_set([name for name in in_order if name is not None])


def _mmpose_sighting(
    instance: dict[str, Any], frame: int, path: Path, joint_set: JointSet | None
) -> Sighting:
    stated = "keypoint_scores" in instance
    try:
        values = np.asarray(field(instance, "keypoints", path), dtype=np.float64)
        scores = np.asarray(instance.get("keypoint_scores", ()), dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: 'keypoints' is not a full array of numbers") from error
    if stated:
        if values.ndim != 2 or values.shape[1] != 2 or scores.shape != values.shape[:1]:
            raise InputError(
                f"{path}: 'keypoints' {values.shape} and 'keypoint_scores' {scores.shape} do not "
                "fit"
            )
        values = np.concatenate([values, scores[:, None]], axis=1)
    points = points_of(values, path, "keypoints", joint_set)
    return Sighting(frame, points, identity(instance.get("track_id")), stated)
