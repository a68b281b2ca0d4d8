"""Real 2D detections of AIST++ beside the exact projections they should have been, at 30 fps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from vimoflow.conditioning.corruption import ClearView
from vimoflow.conditioning.occlusion import hidden_share
from vimoflow.formats.aistpp import (
    AistCamera,
    read_camera_mapping,
    read_cameras,
    read_keypoints2d,
    read_keypoints3d,
)
from vimoflow.motion.skeleton import coco, load_skeleton

WITH_TRUTH = ("gJS_sFM_cAll_d02_mJS4_ch09",)
TRIANGULATED = tuple(f"gBR_sBM_cAll_d04_mBR0_ch0{i}" for i in range(1, 5))

_UNTRUSTED_M = 0.08


@dataclass(frozen=True)
class Observation:
    """One sequence in nine views; metres are at the person's distance, canonical leg length.

    Attributes:
        name: AIST++ sequence.
        view: exact projections (views frames 17), as a virtual camera would see them.
        detected_px: what the detector gave.
        confidence: of the detector, clipped to [0, 1].
        hidden: how much each point is hidden by the body itself, 0 to 1.
    """

    name: str
    view: ClearView
    detected_px: np.ndarray
    confidence: np.ndarray
    hidden: np.ndarray

    @property
    def exact_m(self) -> np.ndarray:
        return self.view.points_px.numpy() / self.view.scale_px.numpy()[..., None, None]

    @property
    def detected_m(self) -> np.ndarray:
        return self.detected_px / self.view.scale_px.numpy()[..., None, None]

    @property
    def error_m(self) -> np.ndarray:
        return self.detected_m - self.exact_m

    @property
    def trusted(self) -> np.ndarray:
        """(views): false where detections and calibration do not belong together.

        In two of the break-dance sequences one view is off by a quarter of a metre all the time.
        """
        return np.median(np.linalg.norm(self.error_m, axis=-1), axis=(1, 2)) < _UNTRUSTED_M


def read_observations(data: Path) -> list[Observation]:
    """The training sequences; ``data`` holds aistpp/ and aistpp_kp2d/."""
    cameras = data / "aistpp" / "cameras"
    mapping = read_camera_mapping(cameras)
    observations = []
    for name in WITH_TRUTH + TRIANGULATED:
        views = read_cameras(cameras / f"{mapping[name]}.json")
        if name in WITH_TRUTH:
            points = read_keypoints2d(data / "aistpp" / "keypoints2d" / f"{name}.pkl")[:, ::2]
            p_world = read_keypoints3d(data / "aistpp" / "keypoints3d" / f"{name}.pkl")[::2]
        else:
            points = read_keypoints2d(data / "aistpp_kp2d" / f"{name}.pkl")[:, ::2]
            p_world = triangulate(views, points)
        observations.append(_observe(name, views, points, p_world))
    return observations


def _observe(
    name: str, views: tuple[AistCamera, ...], points: np.ndarray, p_world: np.ndarray
) -> Observation:
    metre = _leg_length(p_world) / load_skeleton().leg_length
    exact, depth = zip(*(_project(view, p_world) for view in views), strict=True)
    depth_m = np.stack(depth) / metre
    focal = np.array([view.matrix[0, 0] for view in views])
    hips = depth_m[..., [coco("left_hip"), coco("right_hip")]].mean(-1)
    clear = ClearView(
        points_px=torch.tensor(np.stack(exact), dtype=torch.float32),
        depth=torch.tensor(depth_m, dtype=torch.float32),
        scale_px=torch.tensor(focal[:, None] / hips, dtype=torch.float32),
        image_size_px=torch.tensor([view.size for view in views], dtype=torch.float32)[
            :, None
        ].expand(-1, points.shape[1], -1),
    )
    hidden = hidden_share(clear.points_px, clear.depth, clear.scale_px).numpy()
    return Observation(name, clear, points[..., :2], points[..., 2].clip(0, 1), hidden)


def triangulate(views: tuple[AistCamera, ...], points: np.ndarray, rounds: int = 10) -> np.ndarray:
    """World points (frames 17 3) from all views, reweighted so that bad views lose their say."""
    rays, matrices, focal = [], [], []
    for view, detected in zip(views, points, strict=True):
        rays.append(_undistort(view, detected[..., :2]))
        R = Rotation.from_rotvec(view.rotation).as_matrix()
        matrices.append(np.concatenate([R, view.translation[:, None]], 1))
        focal.append(view.matrix[0, 0])
    xy = np.stack(rays, 2)  # frames 17 views 2
    P = np.stack(matrices)
    confidence = points[..., 2].transpose(1, 2, 0)
    weight = confidence.clip(1e-3, 1)
    for _ in range(rounds):
        rows = xy[..., None] * P[:, None, 2] - P[:, :2]  # frames 17 views 2 4
        A = (rows * weight[..., None, None]).reshape(*xy.shape[:2], -1, 4)
        normal = A[..., :3].swapaxes(-1, -2) @ A[..., :3] + 1e-12 * np.eye(3)
        p = np.linalg.solve(normal, -(A[..., :3].swapaxes(-1, -2) @ A[..., 3:]))[..., 0]
        q = np.einsum("vij,fkj->fkvi", P[:, :, :3], p) + P[:, :, 3]
        residual_px = np.linalg.norm(q[..., :2] / q[..., 2:] - xy, axis=-1) * np.array(focal)
        # Cauchy weights; dividing by depth makes the algebraic error an error in the image.
        weight = confidence.clip(1e-3, 1) / (1 + (residual_px / 8) ** 2) / q[..., 2] * 500
    return p


def _project(view: AistCamera, p_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and depths in the sequence's units, OpenCV's distortion model."""
    q = p_world @ Rotation.from_rotvec(view.rotation).as_matrix().T + view.translation
    return _distort(view, q[..., :2] / q[..., 2:]), q[..., 2]


def _distort(view: AistCamera, xy: np.ndarray) -> np.ndarray:
    k1, k2, p1, p2, k3 = view.distortion
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    matrix = view.matrix
    return np.stack([u * matrix[0, 0] + matrix[0, 2], v * matrix[1, 1] + matrix[1, 2]], -1)


def _undistort(view: AistCamera, pixels: np.ndarray) -> np.ndarray:
    """Normalised image coordinates by fixed-point iteration."""
    centre, focal = view.matrix[:2, 2], np.diag(view.matrix)[:2]
    target = (pixels - centre) / focal
    xy = target
    for _ in range(8):
        xy = xy - ((_distort(view, xy) - centre) / focal - target)
    return xy


def _leg_length(p_world: np.ndarray) -> float:
    """Median hip to knee to ankle, mean of both sides."""
    chain = [[coco(f"{s}_{j}") for j in ("hip", "knee", "ankle")] for s in ("left", "right")]
    bones = [np.linalg.norm(np.diff(p_world[:, c], axis=1), axis=-1).sum(-1) for c in chain]
    return float(np.nanmedian(np.stack(bones)))
