"""What following the background would tell of a virtual camera: corners of a room, seen by it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float

from vimoflow.data.virtual_cameras import image_size_px
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.geometry.cameras import Camera, project
from vimoflow.video.background import Corners

_IN_ROOM, _FARTHEST_M, _CEILING_M = 3000, 15.0, 4.0  # corners about where the person is
_NEAREST_M = 0.1
_SEEN = 120
_NOISE = 0.3 / 320  # of the picture's longer side


def measured_path(camera: Camera, rng: np.random.Generator) -> CameraPath | None:
    """How the first camera of a batch moved, by the corners that it saw; the lens is not told.

    The room is about the origin, near which the person is; corners are found with an error of 0.3
    of 320 pixels, and nothing hides them.
    """
    angle = rng.uniform(-np.pi, np.pi, _IN_ROOM)
    far = rng.uniform(1, _FARTHEST_M, _IN_ROOM)
    height = rng.uniform(-_CEILING_M, _CEILING_M, _IN_ROOM).clip(0)  # half are on the floor
    room = np.stack((far * np.sin(angle), height, far * np.cos(angle)), axis=-1)
    corners, chosen = Corners(), np.zeros(0, int)
    for places, inside in _seen(camera, room):
        noisy = places[chosen] + rng.normal(0, _NOISE, (len(chosen), 2))
        kept = inside[chosen]
        chosen = chosen[kept]
        if corners.go_on(noisy, kept):
            chosen = rng.permutation(np.flatnonzero(inside))[:_SEEN]
            corners.begin(places[chosen])
    return corners.path()


def _seen(
    camera: Camera, room: Float[np.ndarray, "n 3"]
) -> Iterator[tuple[Float[np.ndarray, "n 2"], Bool[np.ndarray, " n"]]]:
    """A room's corners in each frame, by the picture's longer side, and which of them are seen."""
    frames = len(camera.focal_px[0])
    image, depth = project(camera, torch.from_numpy(room).float().expand(1, frames, -1, 3))
    size = image_size_px(camera)[:, :, None]
    inside = (depth > _NEAREST_M) & ((image > 0) & (image < size)).all(-1)
    places = (image - size / 2) / size.amax(-1, keepdim=True)
    yield from zip(places[0].double().numpy(), inside[0].numpy(), strict=True)
