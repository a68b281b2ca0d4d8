"""The fit finds the parameters that detections were simulated with; triangulation is robust."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.conditioning.corruption import ClearView, CorruptionSettings, corrupt_keypoints
from vimoflow.conditioning.detector_noise import load_detector_noise
from vimoflow.formats.aistpp import AistCamera

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from detector_observations import Observation, _project, triangulate
from fit_detector_noise import fit

CALM = CorruptionSettings(
    severity_spread=0.0, long_swap_per_s=0.0, joint_gap_per_s=0.0, group_gap_per_s=0.0,
    frame_gap_per_s=0.0, long_gap_share=0.0, mediapipe_share=0.0, binary_share=0.0,
    exponent_spread=0.0,
)  # fmt: skip


def ring_of_cameras() -> tuple[AistCamera, ...]:
    """Nine distorted cameras 4 m around the origin, in centimetres like AIST++."""
    views = []
    for i in range(9):
        rotation = Rotation.from_euler("yx", [i * 40.0, 5.0], degrees=True)
        views.append(
            AistCamera(
                name=f"c{i + 1:02d}",
                matrix=np.array([[1300.0, 0, 960], [0, 1300, 540], [0, 0, 1]]),
                distortion=np.array([-0.11, 0.02, 0.001, -0.002, 0.0]),
                rotation=rotation.as_rotvec(),
                translation=np.array([0.0, 0.0, 400.0]),
                size=(1920, 1080),
            )
        )
    return tuple(views)


def test_projection_agrees_with_opencv() -> None:
    p_world = np.random.default_rng(0).uniform(-80, 80, (5, 17, 3))
    for view in ring_of_cameras():
        expected, _ = cv2.projectPoints(
            p_world.reshape(-1, 3), view.rotation, view.translation, view.matrix, view.distortion
        )
        pixels, _ = _project(view, p_world)
        np.testing.assert_allclose(pixels.reshape(-1, 2), expected[:, 0], atol=1e-6)


def test_triangulation_ignores_a_bad_view() -> None:
    views = ring_of_cameras()
    p_world = np.random.default_rng(0).uniform(-80, 80, (5, 17, 3))
    points = np.stack([_project(view, p_world)[0] for view in views])
    points[3] += 150.0
    points = np.concatenate([points, np.full((9, 5, 17, 1), 0.8)], -1)
    # One view of nine, off by half a metre, may move the points by millimetres only.
    assert np.linalg.norm(triangulate(views, points) - p_world, axis=-1).max() < 0.5


def test_fit_recovers_the_simulated_parameters() -> None:
    noise = dataclasses.replace(load_detector_noise(), swap_per_s=np.zeros(4))
    views, frames = 40, 300
    view = ClearView(
        points_px=torch.linspace(200, 1500, 34).view(17, 2).expand(views, frames, 17, 2),
        depth=torch.full((views, frames, 17), 4.0),
        scale_px=torch.full((views, frames), 280.0),
        image_size_px=torch.tensor([1920.0, 1920.0]).expand(views, frames, 2),
    )
    points = corrupt_keypoints(view, torch.Generator().manual_seed(0), noise, CALM).numpy()
    seen = np.zeros((views, frames, 17))
    found = fit([Observation("simulated", view, points[..., :2], points[..., 2], seen)])
    for name, tolerance in {
        "drift_m": 0.2, "drift_correlation": 0.05, "tail": 0.2, "tail_correlation": 0.03,
        "confidence_error": 0.3, "confidence_correlation": 0.05,
    }.items():  # fmt: skip
        given, got = np.asarray(getattr(noise, name)), np.asarray(getattr(found, name))
        assert np.median(got / given) == pytest.approx(1, abs=tolerance), name
    np.testing.assert_allclose(
        found.confidence_visible[:, 16], noise.confidence_visible[:, 16], atol=0.05
    )
    assert found.swap_per_s.max() < 0.01
