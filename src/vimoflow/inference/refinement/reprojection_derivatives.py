"""How a reprojection changes with the points, the camera, and what follows from the whole clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.inference.refinement.reprojection_error import (
    HIPS,
    Reprojection,
)

SUMMARIES = 4
"""Numbers that follow from all frames: the point looked at (metres), then the clip's scale."""
_POINT, _SCALE = slice(0, 3), 3


@dataclass(frozen=True)
class ReprojectionDerivatives:
    """Of what some frames say, by three kinds of numbers side by side.

    They are the ``m`` numbers that the points depend on, the camera's parameters, and the summaries
    (which are held where something is by the others).

    Attributes:
        residual: of 17 poses and a place, coordinate by coordinate.
        summaries: the frames' part of the summaries' derivatives.
    """

    residual: Float[np.ndarray, "f 36 m9"]
    summaries: Float[np.ndarray, "f 4 m9"]


def derivatives(
    of: Reprojection, frames: slice, points_by_motion: Float[np.ndarray, "f 51 m"]
) -> ReprojectionDerivatives:
    """The derivatives of what the frames say, from those of the points' coordinates there."""
    residual, scale = _residual(of, frames, _image(of, frames, points_by_motion))
    summaries = np.zeros((len(residual), SUMMARIES, residual.shape[-1]))
    summaries[:, _SCALE, :-1] = scale
    first = of.view.anchor - frames.start
    if 0 <= first < len(residual):
        motion = points_by_motion.shape[-1]
        points = points_by_motion[first].reshape(-1, 3, motion)
        summaries[first, _POINT, :motion] = points[HIPS].mean(0)
    return ReprojectionDerivatives(residual, summaries)


def _image(
    of: Reprojection, frames: slice, points_by_motion: Float[np.ndarray, "f 51 m"]
) -> Float[np.ndarray, "f 17 2 c"]:
    """Of each point's image: by the motion, the camera, the point looked at."""
    points = points_by_motion.reshape(len(points_by_motion), -1, 3, points_by_motion.shape[-1])
    placed = of.view.placed[frames, None, None]
    if not placed.all():  # the camera follows the hips: all points go the other way in the image
        points = points - np.where(placed, 0, points[:, HIPS].mean(1))[:, None]
    by_seen = _image_by_seen(of, frames)
    by_point = by_seen @ of.lens.R
    by_motion = by_point[..., 0, None] * points[:, :, None, 0]
    for axis in (1, 2):
        by_motion += by_point[..., axis, None] * points[:, :, None, axis]
    by_camera = _image_by_camera(of, frames, by_seen)
    return np.concatenate((by_motion, by_camera, -by_point * placed[..., None]), axis=-1)


def _residual(
    of: Reprojection, frames: slice, image: Float[np.ndarray, "f 17 2 c"]
) -> tuple[Float[np.ndarray, "f 36 c1"], Float[np.ndarray, "f c"]]:
    """Of poses and places by what the image depends on and by the clip's scale; of that scale."""
    count, points, _, columns = image.shape
    scale, centred, known = of.frame_scale[frames], of.centred[frames], of.view.known[frames]
    weight, seen = of.view.weight[frames, :, None], of.view.pose[frames]
    stretch = of.scale_counts[frames] / (of.size[frames] + 1)
    pull = weight * (seen - 2 * scale[:, None, None] * centred) * stretch[:, None, None]
    clip_pull = weight * (seen - 2 * of.scale * centred) / (of.size.sum() + 1)
    center = of.view.share[frames, None] @ image.reshape(count, points, -1)
    pulls = np.stack((pull, clip_pull), axis=1).reshape(count, 2, -1)
    by_scale, by_clip_scale = (pulls @ image.reshape(count, -1, columns)).swapaxes(0, 1)
    out = np.zeros((count, points + 1, 2, columns + 1))
    pose = out[:, :points, :, :columns]
    np.subtract(image, center.reshape(count, 1, 2, columns), out=pose)
    pose *= scale[:, None, None, None]
    pose += centred[..., None] * by_scale[:, None, None]
    out[:, points, :, :columns] = center.reshape(count, 2, -1) * (of.scale * known)[:, None, None]
    out[:, points, :, columns] = of.center[frames] * known[:, None]
    return out.reshape(count, -1, columns + 1), by_clip_scale


def _image_by_seen(of: Reprojection, frames: slice) -> Float[np.ndarray, "f 17 2 3"]:
    """Of each point's image by its coordinates in the camera's frame."""
    depth = of.depth[frames]
    out = np.zeros((*depth.shape, 2, 3))
    out[..., (0, 1), (0, 1)] = of.lens.axes / depth[..., None]
    nearer = of.depth_counts[frames] / (depth * of.lens.distance_m)
    out[..., 2] = of.image[frames] * nearer[..., None]
    return out


def _image_by_camera(
    of: Reprojection, frames: slice, by_seen: Float[np.ndarray, "f 17 2 3"]
) -> Float[np.ndarray, "f 17 2 5"]:
    seen, image = of.seen[frames], of.image[frames]
    moved = np.stack([seen @ (dR @ of.lens.R.T).T for dR in of.lens.R_by_angles], axis=-1)
    nearer = -seen[..., 2] / of.lens.distance_m * of.depth_counts[frames] / of.depth[frames]
    by_size = np.stack((image * nearer[..., None], image), axis=-1)
    return np.concatenate((by_seen @ moved, by_size), axis=-1)
