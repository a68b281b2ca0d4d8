"""What following the background would tell of a virtual camera: its truth, disturbed likewise."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.geometry.cameras import Camera
from vimoflow.geometry.rotations import axis_angle_to_matrix

_TRAVELLED_M = 0.15
_DRIFT_DEG, _ZOOM_DRIFT = 0.03, 5e-4  # a frame, random walks; assumed, not fitted


def measured_path(camera: Camera, rng: np.random.Generator) -> CameraPath:
    """The path of the first camera of a batch, with errors as of an estimate from pictures."""
    R = camera.R_camera_world[0].double()
    place = -(R.transpose(-1, -2) @ camera.t_camera_world[0].double()[..., None])[..., 0]
    travelled = float((place - place[0]).norm(dim=-1).max()) > _TRAVELLED_M
    turns = (R[0] @ R.transpose(-1, -2)).numpy()
    frames = len(turns)
    drift = np.cumsum(rng.normal(0, np.radians(_DRIFT_DEG), (frames, 3)), axis=0)
    zoom = (camera.focal_px[0] / camera.focal_px[0, 0]).double().numpy()
    zoom = zoom * np.exp(np.cumsum(rng.normal(0, _ZOOM_DRIFT, frames)))
    return CameraPath(_rotations(drift) @ turns, zoom, travelled)


def _rotations(vectors: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3 3"]:
    return axis_angle_to_matrix(torch.from_numpy(vectors)).numpy()
