"""Real 2D detections of AIST++ beside the exact projections they should have been, at 30 fps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lab.calibrated.triangulation import project_with_lens
from lab.corpora.aistpp_files import (
    AistCamera,
    calibrated_cameras,
    read_camera_mapping,
    read_cameras,
    read_keypoints2d,
    read_keypoints3d,
)
from lab.corpora.keypoints_only import read_aistpp_kp2d_file
from vimoflow.inference.conditioning.corruption import ClearView
from vimoflow.inference.conditioning.occlusion import hidden_share
from vimoflow.motion.skeleton import coco, load_skeleton

WITH_TRUTH = ("gJS_sFM_cAll_d02_mJS4_ch09",)
TRIANGULATED = tuple(f"gBR_sBM_cAll_d04_mBR0_ch0{i}" for i in range(1, 5))
HELD_OUT = ("gBR_sBM_cAll_d04_mBR0_ch05",)  # not fitted to: what a fit is judged by

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


def read_observations(
    data: Path, names: tuple[str, ...] = WITH_TRUTH + TRIANGULATED
) -> list[Observation]:
    """Sequences by name; ``data`` holds aistpp/ and aistpp_kp2d/. By default what is fitted to."""
    cameras = data / "aistpp" / "cameras"
    mapping = read_camera_mapping(cameras)
    observations = []
    for name in names:
        if name not in WITH_TRUTH:
            sequence = read_aistpp_kp2d_file(data / "aistpp_kp2d" / f"{name}.pkl", cameras)
            views, points = sequence.cameras, sequence.keypoints_px
            p_world = sequence.points_world
        else:
            views = read_cameras(cameras / f"{mapping[name]}.json")
            points = read_keypoints2d(data / "aistpp" / "keypoints2d" / f"{name}.pkl")[:, ::2]
            p_world = read_keypoints3d(data / "aistpp" / "keypoints3d" / f"{name}.pkl")[::2]
        observations.append(_observe(name, views, points, p_world))
    return observations


def _observe(
    name: str, views: tuple[AistCamera, ...], points: np.ndarray, p_world: np.ndarray
) -> Observation:
    metre = _leg_length(p_world) / load_skeleton().leg_length
    exact, depth = _project(views, p_world)
    depth_m = depth / metre
    focal = np.array([view.matrix[0, 0] for view in views])
    hips = depth_m[..., [coco("left_hip"), coco("right_hip")]].mean(-1)
    clear = ClearView(
        points_px=torch.tensor(exact, dtype=torch.float32),
        depth=torch.tensor(depth_m, dtype=torch.float32),
        scale_px=torch.tensor(focal[:, None] / hips, dtype=torch.float32),
        image_size_px=torch.tensor([view.size for view in views], dtype=torch.float32)[
            :, None
        ].expand(-1, points.shape[1], -1),
    )
    hidden = hidden_share(clear.points_px, clear.depth, clear.scale_px).numpy()
    return Observation(name, clear, points[..., :2], points[..., 2].clip(0, 1), hidden)


def _project(views: tuple[AistCamera, ...], p_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (views frames 17 2) and depths in the sequence's units."""
    cameras = calibrated_cameras(views)
    points = torch.from_numpy(p_world).flatten(0, 1)
    pixels = project_with_lens(cameras, points).unflatten(1, p_world.shape[:2])
    forward, offset = cameras.R_camera_world[:, 2].numpy(), cameras.t_camera_world[:, 2].numpy()
    return pixels.numpy(), np.einsum("vi,fki->vfk", forward, p_world) + offset[:, None, None]


def _leg_length(p_world: np.ndarray) -> float:
    """Median hip to knee to ankle, mean of both sides."""
    chain = [[coco(f"{s}_{j}") for j in ("hip", "knee", "ankle")] for s in ("left", "right")]
    bones = [np.linalg.norm(np.diff(p_world[:, c], axis=1), axis=-1).sum(-1) for c in chain]
    return float(np.nanmedian(np.stack(bones)))
