"""The fit finds the parameters that detections were simulated with, and is the likeliest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lab.fitting.detector_likelihood import log_likelihood
from lab.fitting.detector_noise import fit
from lab.fitting.detector_observations import Observation
from vimoflow.inference.conditioning.corruption import (
    ClearView,
    CorruptionSettings,
    corrupt_keypoints,
)
from vimoflow.inference.conditioning.detector_noise import load_detector_noise

CALM = CorruptionSettings(
    severity_spread=0.0, long_swap_per_s=0.0, joint_gap_per_s=0.0, group_gap_per_s=0.0,
    frame_gap_per_s=0.0, long_gap_share=0.0, mediapipe_share=0.0, binary_share=0.0,
    exponent_spread=0.0,
)  # fmt: skip


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


def test_the_likelihood_is_highest_at_the_noise_that_was_simulated() -> None:
    """In clips of one offset (none, as the likelihood is marginal) with errors of known size."""
    truth = dataclasses.replace(
        load_detector_noise(), bias_mean_m=np.zeros((17, 2)), bias_std_m=np.full(17, 1e-4)
    )
    rng = np.random.default_rng(0)
    views, frames = 8, 100
    sigma = np.hypot(truth.drift_m, truth.white_m)
    size = sigma * np.exp(truth.tail * rng.standard_normal((views, frames, 17)))
    error_m = size[..., None] * rng.standard_normal((views, frames, 17, 2))
    view = ClearView(
        points_px=torch.full((views, frames, 17, 2), 500.0),
        depth=torch.full((views, frames, 17), 4.0),
        scale_px=torch.full((views, frames), 280.0),
        image_size_px=torch.full((views, frames, 2), 1000.0),
    )
    clear = np.zeros((views, frames, 17))
    seen = Observation("simulated", view, 500 + 280 * error_m, clear + 1, clear)
    best = log_likelihood(seen, truth)
    for change in (
        {"white_m": truth.white_m * 2, "drift_m": truth.drift_m * 2},
        {"white_m": truth.white_m / 2, "drift_m": truth.drift_m / 2},
        {"tail": truth.tail + 0.4},
        {"tail": np.maximum(truth.tail - 0.4, 0.01)},
        {"bias_std_m": np.full(17, 0.1)},
    ):
        assert log_likelihood(seen, dataclasses.replace(truth, **change)) < best - 0.01
