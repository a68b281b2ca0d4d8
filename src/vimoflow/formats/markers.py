"""Motions as the places of markers, for C3D and TRC: one at each joint, one at each COCO point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import InputError
from vimoflow.formats.takes import MAX_POSES, frame_rate
from vimoflow.formats.up_axis import UP, up_axis
from vimoflow.geometry.rotations import matrix_to_axis_angle
from vimoflow.keypoints.joint_sets import coco_index
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.joint_fitting import fit_joints
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.limb_directions import initial_rotations
from vimoflow.motion.skeleton import JOINT_NAMES, coco, load_skeleton
from vimoflow.notes import note

COCO_PREFIX = "coco_"  # joints and COCO points share names: the points are at skin and bone
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}
_MAX_M = 1e5


@dataclass(frozen=True)
class Markers:
    """Places of markers over time.

    Attributes:
        names: of the markers.
        places: metres, in the axes of the file; NaN where a marker was not seen.
        times: seconds.
        up: axis that is up ("y" or "z"), if the file says.
    """

    names: tuple[str, ...]
    places: Float[np.ndarray, "frames markers 3"]
    times: Float[np.ndarray, " frames"]
    up: str | None = None


def markers_of(motion: Motion) -> tuple[tuple[str, ...], Float[np.ndarray, "frames 41 3"]]:
    """Names and places (metres, our axes) of the markers that a motion has."""
    R = torch.from_numpy(motion.local_rotations)
    world = forward_kinematics(R, torch.from_numpy(motion.trans).double(), motion.skeleton)
    points = coco_points(*world, motion.skeleton)
    names = (*JOINT_NAMES, *(COCO_PREFIX + name for name in COCO_NAMES))
    return names, torch.cat((world[1], points), dim=1).numpy()


def markers_motion(markers: Markers, path: Path) -> Motion:
    """The motion of markers that are at all of our joints and COCO points, or at COCO's alone.

    With the joints, it is that of their figure, joints where they are said to be. Without, it is
    that of the canonical skeleton whose limbs point as they say, its trunk straight and its floor
    at y = 0.

    Raises:
        InputError: markers are missing, or their places make no sense.
    """
    if markers.places.size // 3 > MAX_POSES or not len(markers.places):
        raise InputError(f"{path}: {len(markers.places)} frames of {len(markers.names)} markers")
    fps = frame_rate(markers.times, path)
    index = {name.rpartition(":")[2].strip().lower(): k for k, name in enumerate(markers.names)}
    ours = [index.get(name, -1) for name in (*JOINT_NAMES, *(COCO_PREFIX + n for n in COCO_NAMES))]
    if min(ours) >= 0:
        places = _turned(markers, _filled(markers, ours, path), path)
        count = len(JOINT_NAMES)
        motion = _of_joints(places[:, :count], places[:, count:], fps)
    else:
        coco = {found: k for name, k in index.items() if (found := coco_index(name)) is not None}
        missing = [name for k, name in enumerate(COCO_NAMES) if k not in coco]
        if missing:
            raise InputError(
                f"{path}: its markers are neither our joints nor COCO's points; it lacks "
                f"{', '.join(missing[:5])}"
            )
        places = _filled(markers, [coco[k] for k in range(len(COCO_NAMES))], path)
        turned = places @ UP[markers.up or "y"].T
        motion = _of_points(turned, fps)
    return motion


def _turned(markers: Markers, places: np.ndarray, path: Path) -> np.ndarray:
    up = markers.up or up_axis(places[:, : len(JOINT_NAMES)], "y")
    if markers.up is None and up != "y":
        note(
            f"{path}: states no axis that is up; by the body in it that is {up}; if that is wrong, "
            "give --up (convert: --input-up)"
        )
    return places @ UP[up].T


def _filled(markers: Markers, chosen: list[int], path: Path) -> np.ndarray:
    """The chosen markers' places without gaps: between frames along straight lines."""
    places = markers.places[:, chosen].astype(np.float64)
    seen = np.isfinite(places).all(axis=-1)
    with np.errstate(all="ignore"):
        absurd = bool((np.abs(places[seen]) > _MAX_M).any())
    if not seen.any(axis=0).all() or absurd:
        raise InputError(f"{path}: a marker is never seen, or lies nowhere near")
    if not seen.all():
        note(f"{path}: markers are not seen {int((~seen).sum())} times; the gaps are filled in")
        frames = np.arange(len(places))
        for k in np.flatnonzero(~seen.all(axis=0)):
            for axis in range(3):
                values = places[seen[:, k], k, axis]
                places[:, k, axis] = np.interp(frames, frames[seen[:, k]], values)
    return places


def _of_points(points: Float[np.ndarray, "frames 17 3"], fps: float) -> Motion:
    skeleton = load_skeleton()
    legs = [
        coco(f"{side}_{part}") for part in ("hip", "knee", "ankle") for side in ("left", "right")
    ]
    bones = np.linalg.norm(points[:, legs[2:]] - points[:, legs[:-2]], axis=-1)
    length = max(float(np.median(bones, axis=0).sum()) / 2, 1e-6)
    scaled = torch.from_numpy(points * (skeleton.leg_length / length))
    R = initial_rotations(scaled)
    there = coco_points(*forward_kinematics(R, torch.zeros(len(R), 3).double()))
    root = (scaled - there)[:, legs[:2]].mean(dim=1)
    return canonical_motion(R, root, fps)


def _of_joints(joints: np.ndarray, points: np.ndarray, fps: float) -> Motion:
    R, skeleton = fit_joints(torch.from_numpy(joints), torch.from_numpy(points))
    root = torch.from_numpy(joints[:, 0])
    positions = forward_kinematics(R, root, skeleton)[1] / skeleton.scale
    return Motion(
        poses=matrix_to_axis_angle(R).numpy().astype(np.float32),
        trans=joints[:, 0].astype(np.float32),
        fps=fps,
        contacts=label_contacts(positions, fps).numpy().astype(np.float32),
        skeleton=skeleton,
    )
