"""How a reprojection changes with the points, the camera, and what follows from the whole clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.inference.refinement.reprojection import (
    HIPS,
    Reprojection,
    camera_rotation,
    distance_m,
    image_axes,
)

SUMMARIES = 4
"""Numbers that follow from all frames: the point looked at (metres), then the clip's scale."""
_POINT, _SCALE = slice(0, 3), 3


@dataclass(frozen=True)
class ReprojectionDerivatives:
    """Of what some frames say: 17 poses and a place, coordinate by coordinate; the summaries.

    Attributes:
        by_points: by the points' coordinates; here and below, the other summaries are held.
        by_camera: by the camera's parameters.
        by_summaries: see ``SUMMARIES``.
        summaries_by_points: of the summaries.
        summaries_by_camera, summaries_by_summaries: the frames' part of these sums.
    """

    by_points: Float[np.ndarray, "f 36 51"]
    by_camera: Float[np.ndarray, "f 36 5"]
    by_summaries: Float[np.ndarray, "f 36 4"]
    summaries_by_points: Float[np.ndarray, "f 4 51"]
    summaries_by_camera: Float[np.ndarray, "4 5"]
    summaries_by_summaries: Float[np.ndarray, "4 4"]


def derivatives(of: Reprojection, frames: slice) -> ReprojectionDerivatives:
    """The derivatives of what the frames say."""
    placed = of.view.placed[frames]
    image_by_points = _image_by_points(of, frames)
    images = (  # of each point's image: by its own coordinates, the camera, the point looked at
        image_by_points,
        _image_by_camera(of, frames),
        -image_by_points * placed[:, None, None, None],
    )
    by_points, by_camera, by_looked_at = _through(_by_image(of, frames), images)
    scale = [part[:, 0] for part in _through(_scale_by_image(of, frames)[:, None], images)]
    by_summaries = np.zeros((*by_camera.shape[:2], SUMMARIES))
    by_summaries[..., _POINT] = by_looked_at
    by_summaries[:, -2:, _SCALE] = of.center[frames] * of.view.known[frames, None]
    own = np.zeros((len(placed), SUMMARIES, *by_points.shape[2:]))
    own[:, _SCALE] = scale[0]
    for j in (by_points, own):
        _follow_hips(j, ~placed)
    first = of.view.first - (frames.start or 0)
    if 0 <= first < len(own):
        own[first, _POINT, HIPS] = np.eye(3) / len(HIPS)
    by_all_camera = np.zeros((SUMMARIES, by_camera.shape[-1]))
    by_all_camera[_SCALE] = scale[1].sum(0)
    by_all_summaries = np.zeros((SUMMARIES, SUMMARIES))
    by_all_summaries[_SCALE, _POINT] = scale[2].sum(0)
    return ReprojectionDerivatives(
        _flat(by_points), by_camera, by_summaries, _flat(own), by_all_camera, by_all_summaries
    )


def _through(
    by_image: Float[np.ndarray, "f m 17 2"], images: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chain rule: point by point for the points' own coordinates, summed for the others."""
    points, *others = images
    by_points = by_image[..., 0, None] * points[:, None, :, 0]
    by_points += by_image[..., 1, None] * points[:, None, :, 1]
    flat = _flat(by_image)
    camera, looked_at = (flat @ x.reshape(len(x), flat.shape[-1], -1) for x in others)
    return by_points, camera, looked_at


def _follow_hips(by_points: Float[np.ndarray, "f m 17 3"], moving: np.ndarray) -> None:
    """A camera that is not still follows the hips: all points go the other way in the image."""
    if moving.any():
        pull = by_points[moving].sum(2, keepdims=True) / len(HIPS)
        by_points[np.ix_(moving, np.arange(by_points.shape[1]), HIPS)] -= pull


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:2], -1)


def _image_by_seen(of: Reprojection, frames: slice) -> Float[np.ndarray, "f 17 2 3"]:
    depth = of.depth[frames]
    out = np.zeros((*depth.shape, 2, 3))
    out[..., (0, 1), (0, 1)] = image_axes(of.camera) / depth[..., None]
    nearer = of.depth_counts[frames] / (depth * distance_m(of.camera))
    out[..., 2] = of.image[frames] * nearer[..., None]
    return out


def _image_by_points(of: Reprojection, frames: slice) -> Float[np.ndarray, "f 17 2 3"]:
    """What is looked at held."""
    return _image_by_seen(of, frames) @ camera_rotation(of.camera)[0]


def _image_by_camera(of: Reprojection, frames: slice) -> Float[np.ndarray, "f 17 2 5"]:
    seen, image, depth = of.seen[frames], of.image[frames], of.depth[frames]
    R, by_angle = camera_rotation(of.camera)
    moved = np.stack([seen @ (dR @ R.T).T for dR in by_angle], axis=-1)
    nearer = -seen[..., 2] / distance_m(of.camera) * of.depth_counts[frames] / depth
    by_size = np.stack((image * nearer[..., None], image), axis=-1)
    return np.concatenate((_image_by_seen(of, frames) @ moved, by_size), axis=-1)


def _by_image(of: Reprojection, frames: slice) -> Float[np.ndarray, "f 36 17 2"]:
    """Of pose and place by the image of each point, the clip's scale held."""
    share, weight = of.view.share[frames], of.view.weight[frames]
    scale, centred = of.frame_scale[frames, None, None], of.centred[frames]
    count = share.shape[1]
    out = np.zeros((len(share), count + 1, 2, count, 2))
    off_centre = scale * (np.eye(count) - share[:, None])
    place = of.scale * share * of.view.known[frames, None]
    for xy in range(2):
        out[:, :count, xy, :, xy] = off_centre
        out[:, count, xy, :, xy] = place
    stretch = of.scale_counts[frames] / (of.size[frames] + 1)
    pull = weight[..., None] * (of.view.pose[frames] - 2 * scale * centred)
    pull *= stretch[:, None, None]
    out[:, :count] += centred[..., None, None] * pull[:, None, None]
    return out.reshape(len(share), 2 * count + 2, count, 2)


def _scale_by_image(of: Reprojection, frames: slice) -> Float[np.ndarray, "f 17 2"]:
    """Of the clip's scale."""
    pull = of.view.pose[frames] - 2 * of.scale * of.centred[frames]
    return of.view.weight[frames, :, None] * pull / (of.size.sum() + 1)
