"""People of one picture side by side in one world: one camera for all, one floor.

Every motion stands in a world of its own: its floor is y = 0, its first root is over the origin, +Z
points to the camera. What is missing is where on the common floor each stood. One camera of unknown
focal length, height and pitch saw them all: near people large, far people high on the floor. These
three numbers and a place a person are what projects all motions best onto all keypoints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.files import write_text
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics

_FRAMES = 40  # looked at, a person
_SEEN = 0.3  # confidence
_NOISE_M = 0.05  # of keypoints and of motions, at the person
# What cameras are like before anything is seen: mean and standard deviation.
_FOCAL = (np.log(0.9), 0.25)  # logarithm of the focal length by the picture's longer side
_HEIGHT_M = (1.4, 0.4)
_PITCH = (np.deg2rad(6.0), np.deg2rad(8.0))  # downwards
_NEAREST_M = 0.3


@dataclass(frozen=True)
class SharedWorld:
    """Where people stand in the world of the first one, and the camera that saw them.

    Attributes:
        offsets_m: to add to each person's root, metres; nothing up or down, and 0 for the first.
        focal_px: focal length in pixels.
        camera_height_m: over the floor.
        camera_pitch_rad: how far it looks down.
        distances_m: from the camera to where each person's world begins, along the floor.
    """

    offsets_m: Float[np.ndarray, "people 3"]
    focal_px: float
    camera_height_m: float
    camera_pitch_rad: float
    distances_m: Float[np.ndarray, " people"]


def write_world(world: SharedWorld, names: Sequence[str], path: Path, scale: float = 1.0) -> None:
    """Write where everybody stands as JSON, with lengths ``scale`` times as large."""
    document = {
        "people": [
            {
                "folder": f"person_{number}",
                "name": name,
                "offset_m": [round(float(v) * scale, 4) for v in offset],
                "distance_m": round(float(distance) * scale, 3),
            }
            for number, (name, offset, distance) in enumerate(
                zip(names, world.offsets_m, world.distances_m, strict=True), start=1
            )
        ],
        "camera": {
            "focal_px": round(world.focal_px, 1),
            "height_m": round(world.camera_height_m * scale, 3),
            "pitch_deg": round(float(np.rad2deg(world.camera_pitch_rad)), 2),
        },
    }
    write_text(path, json.dumps(document, indent=1) + "\n")


@dataclass(frozen=True)
class _Seen:
    """What a person's motion and keypoints say, in frames picked evenly.

    Attributes:
        points_world: COCO points in the person's own world, metres.
        points_px: seen from the picture's centre, by its longer side.
        weight: root of the confidence; 0 where not seen.
        size: a metre at the person's place, by the picture's longer side.
    """

    points_world: Float[np.ndarray, "frames 17 3"]
    points_px: Float[np.ndarray, "frames 17 2"]
    weight: Float[np.ndarray, "frames 17"]
    size: float


def place_together(motions: Sequence[Motion], keypoints: Sequence[Keypoints2D]) -> SharedWorld:
    """Where everybody stands, from motions and the keypoints they were made from.

    The scale is that of the canonical figure: a child is taken for an adult farther away.

    Args:
        motions: of the canonical size, one frame a frame of the keypoints.
        keypoints: of one picture, in the same order.
    """
    from scipy.optimize import least_squares  # slow to import

    longer = float(max(keypoints[0].image_size))
    seen = [_seen(m, k, longer) for m, k in zip(motions, keypoints, strict=True)]
    start = np.concatenate([[_FOCAL[0], _HEIGHT_M[0], _PITCH[0]], *(_first_guess(s) for s in seen)])
    fit = least_squares(_residuals, start, loss="soft_l1", args=(seen,))
    (focal, height, pitch), places = fit.x[:3], fit.x[3:].reshape(-1, 2)
    offsets = np.zeros((len(motions), 3))
    offsets[:, [0, 2]] = places - places[0]
    distances = np.linalg.norm(places, axis=-1)
    return SharedWorld(
        offsets, float(np.exp(focal)) * longer, float(height), float(pitch), distances
    )


def _seen(motion: Motion, keypoints: Keypoints2D, longer_px: float) -> _Seen:
    confidence = keypoints.points[..., 2] * (keypoints.points[..., 2] > _SEEN)
    rows = np.flatnonzero(confidence.sum(axis=1) > 0)
    if not len(rows):
        confidence = keypoints.points[..., 2]
        rows = np.arange(len(keypoints))
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, _FRAMES).round().astype(int))]
    R = torch.from_numpy(motion.local_rotations[rows])
    p = forward_kinematics(R, torch.from_numpy(motion.trans[rows]).double(), motion.skeleton)
    world = coco_points(*p, motion.skeleton).numpy()
    centre = np.array(keypoints.image_size) / 2
    pixels = (keypoints.points[rows, :, :2] - centre) / longer_px
    weight = np.sqrt(confidence[rows])
    return _Seen(world, pixels, weight, _size(world, pixels, weight))


def _size(
    world: Float[np.ndarray, "frames 17 3"],
    pixels: Float[np.ndarray, "frames 17 2"],
    weight: Float[np.ndarray, "frames 17"],
) -> float:
    """How far points spread in the picture by how far they do across the view, the median."""

    def spread(points: np.ndarray) -> np.ndarray:
        total = np.maximum(weight.sum(1), 1e-9)[:, None]
        middle = (points * weight[..., None]).sum(1) / total
        square = ((points - middle[:, None]) ** 2).sum(-1)
        return np.asarray(np.sqrt((square * weight).sum(1) / total[:, 0]))

    ratio = spread(pixels) / np.maximum(spread(world[..., :2]), 1e-3)
    return max(float(np.median(ratio)), 1e-3)


def _first_guess(seen: _Seen) -> Float[np.ndarray, "2"]:
    """Where a camera of the usual kind at the origin sees the person stand: x and z, metres."""
    depth = np.exp(_FOCAL[0]) / seen.size
    share = seen.weight.sum()
    across = (seen.points_px[..., 0] * seen.weight).sum() / max(share, 1e-9) / seen.size
    own = (seen.points_world[..., 0] * seen.weight).sum() / max(share, 1e-9)
    return np.array([across - own, -depth])


def _residuals(parameters: Float[np.ndarray, " all"], seen: list[_Seen]) -> np.ndarray:
    """Deviations in standard deviations: of the camera from usual ones, of points from pixels."""
    focal, height, pitch = parameters[:3]
    prior = [
        (value - mean) / deviation
        for value, (mean, deviation) in zip(
            (focal, height, pitch), (_FOCAL, _HEIGHT_M, _PITCH), strict=True
        )
    ]
    parts = [np.array(prior)]
    for one, (x, z) in zip(seen, parameters[3:].reshape(-1, 2), strict=True):
        up = one.points_world[..., 1] - height
        back = -(one.points_world[..., 2] + z)
        depth = back * np.cos(pitch) - up * np.sin(pitch)
        down = -back * np.sin(pitch) - up * np.cos(pitch)
        depth = np.maximum(depth, _NEAREST_M)
        projected = (
            np.exp(focal) * np.stack([one.points_world[..., 0] + x, down], -1) / depth[..., None]
        )
        gap = (projected - one.points_px) / one.size / _NOISE_M
        # Frames and points say much the same: together they count as a few.
        share = np.sqrt(10.0 / max(float((one.weight > 0).sum()), 1.0))
        parts.append((share * gap * one.weight[..., None]).ravel())
    return np.concatenate(parts)
