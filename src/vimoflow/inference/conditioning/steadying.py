"""What a moving camera saw as a steady one would have seen it.

Keypoints are rays. Those of a camera that turns, shakes or zooms on its spot are looked at from the
same spot by a camera that does not, which sees the path through the room as any still camera does.
A camera that travels is followed by one that only turns about the vertical, smoothly: the path in
its picture says nothing, but how far the person turned is what it saw and how far it turned itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.geometry.rotations import rotation_about
from vimoflow.inference.conditioning.viewpoint import USUAL_FOCAL
from vimoflow.motion.features import decode_features, encode_features

_WIDEST = np.radians(65)  # off its axis no still picture shows a person as cameras do
_SMOOTH = 6.0  # frames: a hand's turns are followed, its shake is not
_LEAST_DEPTH = 0.1
_SHIFTS = 5.0  # focal lengths, by the longer side, above which a turn looks like a shift


@dataclass(frozen=True)
class Steadied:
    """Keypoints through a steady camera.

    Attributes:
        points_px: in a picture of the same size and focal length as the first frame's.
        yaw: the view's heading by the first camera's, radians about +Y.
        still: the view stays the same, and the path in it tells the path in the room.
        focal: the focal length by the picture's longer side; NaN where nothing tells it. A picture
            that only shifts is cut from a wider one: of that one's usual lens.
        down: gravity's direction in the view; None where nothing tells it.
    """

    points_px: Float[np.ndarray, "frames 17 3"]
    yaw: Float[np.ndarray, " frames"]
    still: bool
    focal: float = np.nan
    down: Float[np.ndarray, "3"] | None = None


def steadied(
    points_px: Float[np.ndarray, "frames 17 3"],
    size_px: tuple[float | int, float | int],
    path: CameraPath,
) -> Steadied:
    """Keypoints (pixels, confidence) without the camera's own turns and zoom."""
    if path.is_still:
        known = np.nan if path.focal is None else path.focal
        return Steadied(points_px, np.zeros(len(points_px)), True, known, path.down)
    focal, center = (path.focal or USUAL_FOCAL) * max(size_px), np.array(size_px) / 2
    xy = (points_px[..., :2] - center) / (focal * path.zoom)[:, None, None]
    rays = np.concatenate((xy, np.ones_like(xy[..., :1])), axis=-1)
    rays = rays @ path.R_first_camera.swapaxes(1, 2)
    seen = points_px[..., 2] > 0
    toward = (rays * seen[..., None]).sum((0, 1))
    middle = np.arctan2(toward[0], toward[2]) if seen.any() else 0.0
    off = np.arctan2(rays[..., 0], rays[..., 2]) - middle
    off = np.abs((off + np.pi) % (2 * np.pi) - np.pi)[seen]
    still = not path.travels and bool((off < _WIDEST).all())
    right = np.full(len(rays), middle) if still else gaussian_filter1d(path.heading, _SMOOTH)
    turn = rotation_about("y", torch.from_numpy(-right)).numpy()
    ahead = rays @ turn.swapaxes(1, 2)
    image = ahead[..., :2] / np.maximum(ahead[..., 2:], _LEAST_DEPTH) * focal + center
    image = np.where(seen[..., None], image, points_px[..., :2])
    points = np.concatenate((image, points_px[..., 2:]), axis=-1)
    found = np.nan if path.focal is None else path.focal
    if found > _SHIFTS:
        found = USUAL_FOCAL * (1 + found * np.ptp(path.heading))
    down = None if path.down is None else turn[0] @ path.down
    return Steadied(points.astype(points_px.dtype), -right, still, found, down)


def turned_along(
    features: Float[Tensor, "batch frames 151"], yaw: Float[Tensor, "batch frames"]
) -> Float[Tensor, "batch frames 151"]:
    """Answers about a view that turns, in a world that does not.

    Args:
        features: each frame's pose and step as its view has them.
        yaw: heading of each frame's view in the world, radians about +Y.
    """
    R, contacts, root = decode_features(features)
    turn = rotation_about("y", yaw.to(root))
    R = R.clone()
    R[:, :, 0] = turn @ R[:, :, 0]
    step = torch.diff(root, dim=1, prepend=torch.zeros_like(root[:, :1]))
    path = (turn @ step[..., None])[..., 0].cumsum(1)
    return encode_features(R, contacts, path)
