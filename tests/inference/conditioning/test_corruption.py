"""Simulated detections: exact where they must be, and with the statistics they were given."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from vimoflow.geometry.cameras import Camera
from vimoflow.inference.conditioning.corruption import (
    ClearView,
    CorruptionSettings,
    corrupt_keypoints,
    view_through,
)
from vimoflow.inference.conditioning.detector_noise import DetectorNoise, load_detector_noise
from vimoflow.inference.conditioning.occlusion import hidden_share
from vimoflow.inference.conditioning.random_processes import autoregressive, randn_series
from vimoflow.motion.kinematics import coco_points
from vimoflow.motion.skeleton import MIRROR_COCO, coco, load_skeleton

QUIET = CorruptionSettings(
    severity_spread=0.0, swap_rate=0.0, long_swap_per_s=0.0, joint_gap_per_s=0.0,
    group_gap_per_s=0.0, frame_gap_per_s=0.0, long_gap_share=0.0, mediapipe_share=0.0,
    binary_share=0.0, exponent_spread=0.0,
)  # fmt: skip


def standing(clips: int, frames: int, yaw: float = 0.0) -> ClearView:
    """A figure in the rest pose, turned by yaw (0 faces the camera), 4 m from a level camera."""
    skeleton = load_skeleton()
    p_rest = torch.tensor(skeleton.rest_positions(), dtype=torch.float32)
    eye = torch.eye(3).expand(24, 3, 3)
    points = coco_points(eye, p_rest)
    turn = torch.tensor(
        [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    )
    points = (points @ turn.T).expand(clips, frames, 17, 3)
    # At z = +4, looking along -Z: image right is +X, image down is -Y.
    camera = Camera(
        torch.diag(torch.tensor([1.0, -1, -1])).expand(clips, frames, 3, 3),
        torch.tensor([0.0, 0, 4]).expand(clips, frames, 3),
        torch.full((clips, frames), 800.0),
        torch.tensor([640.0, 480]).expand(clips, frames, 2),
    )
    return view_through(camera, points)


def plain_noise(**changes: object) -> DetectorNoise:
    """Only drift and white noise, always confident."""
    zero, sure = np.zeros(17), np.ones((17, 5))
    noise = DetectorNoise(
        bias_mean_m=np.zeros((17, 2)), bias_std_m=zero, drift_m=zero, drift_correlation=zero,
        white_m=zero, tail=zero, tail_correlation=0.9, hidden_gain=zero, hidden_tail=zero,
        confidence_visible=sure, confidence_hidden=sure, confidence_error=zero,
        confidence_correlation=zero, swap_names=("body", "legs"), swap_per_s=np.zeros(2),
        swap_s=np.ones(2),
    )  # fmt: skip
    return dataclasses.replace(noise, **changes)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def error_m(view: ClearView, points: torch.Tensor) -> torch.Tensor:
    return (points[..., :2] - view.points_px) / view.scale_px[..., None, None]


def test_projection_scale_is_pixels_per_metre() -> None:
    view = standing(1, 2)
    shoulders = [coco("left_shoulder"), coco("right_shoulder")]
    width_px = view.points_px[0, 0, shoulders, 0].diff().abs()
    offsets = load_skeleton().rest_positions()
    width_m = abs(offsets[16, 0] - offsets[17, 0])
    assert width_px.item() == pytest.approx(width_m * view.scale_px[0, 0].item(), rel=0.02)
    # Facing the camera, the figure's left is at the image's right.
    assert view.points_px[0, 0, shoulders[0], 0] > view.points_px[0, 0, shoulders[1], 0]
    np.testing.assert_allclose(view.image_size_px[0, 0], [1280, 960])


def test_zero_severity_is_exact() -> None:
    view = standing(2, 5)
    points = corrupt_keypoints(view, generator(), settings=CorruptionSettings(severity=0.0))
    assert torch.equal(points[..., :2], view.points_px)
    assert (points[..., 2] == 1).all()


def test_small_severity_means_small_errors_and_high_confidence() -> None:
    view = standing(32, 60)
    low, full = (
        corrupt_keypoints(view, generator(), settings=dataclasses.replace(QUIET, severity=s))
        for s in (0.1, 1.0)
    )
    small, large = (error_m(view, p).norm(dim=-1).median().item() for p in (low, full))
    assert small == pytest.approx(0.1 * large, rel=0.05)
    assert low[..., 2].min() >= 0.9 - 1e-6


def test_deterministic_and_missing_points_are_zero() -> None:
    view = standing(64, 90, yaw=2.0)
    first, second = (corrupt_keypoints(view, generator(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, corrupt_keypoints(view, generator(4)))
    assert torch.isfinite(first).all()
    assert ((first[..., 2] >= 0) & (first[..., 2] <= 1)).all()
    missing = first[..., 2] == 0
    assert 0.01 < missing.float().mean() < 0.3
    assert (first[missing] == 0).all()


def test_errors_scale_with_the_person() -> None:
    view = standing(4, 30)
    doubled = ClearView(view.points_px * 2, view.depth, view.scale_px * 2, view.image_size_px * 2)
    small, large = (corrupt_keypoints(v, generator()) for v in (view, doubled))
    torch.testing.assert_close(small[..., :2] * 2, large[..., :2], atol=1e-2, rtol=1e-5)
    torch.testing.assert_close(small[..., 2], large[..., 2], atol=1e-5, rtol=1e-5)


def test_autoregressive_is_stationary_with_the_given_correlation() -> None:
    like = torch.zeros(1)
    correlation = torch.tensor([0.0, 0.5, 0.95])
    series = autoregressive(randn_series((4000, 40, 3), generator(), like), correlation)
    torch.testing.assert_close(series.std(0), torch.ones(40, 3), atol=0.06, rtol=0)
    lagged = (series[:, :-1] * series[:, 1:]).mean((0, 1))
    torch.testing.assert_close(lagged, correlation, atol=0.03, rtol=0)


def test_noise_has_the_given_size_and_correlation() -> None:
    drift, white, correlation = 0.02, 0.01, 0.8
    noise = plain_noise(
        drift_m=np.full(17, drift),
        white_m=np.full(17, white),
        drift_correlation=np.full(17, correlation),
    )
    view = standing(200, 60)
    error = error_m(view, corrupt_keypoints(view, generator(), noise, QUIET))
    variance = drift**2 + white**2
    assert error.std().item() == pytest.approx(math.sqrt(variance), rel=0.03)
    lagged = (error[:, :-1] * error[:, 1:]).mean() / error.square().mean()
    assert lagged.item() == pytest.approx(correlation * drift**2 / variance, abs=0.02)


def test_bias_is_constant_in_a_clip() -> None:
    noise = plain_noise(bias_std_m=np.full(17, 0.03), bias_mean_m=np.tile([0.0, -0.1], (17, 1)))
    view = standing(300, 4)
    error = error_m(view, corrupt_keypoints(view, generator(), noise, QUIET))
    torch.testing.assert_close(error, error[:, :1].expand_as(error), atol=1e-4, rtol=0)
    assert error[..., 0].std().item() == pytest.approx(0.03, rel=0.05)
    assert error[..., 1].mean().item() == pytest.approx(-0.1, abs=0.003)


def test_tail_makes_errors_heavy_tailed() -> None:
    def kurtosis(tail: float) -> float:
        noise = plain_noise(white_m=np.full(17, 0.01), tail=np.full(17, tail))
        view = standing(100, 60)
        error = error_m(view, corrupt_keypoints(view, generator(), noise, QUIET))
        return float(error.pow(4).mean() / error.square().mean() ** 2)

    assert kurtosis(0.0) == pytest.approx(3, abs=0.1)
    # A normal with a log-normal factor of spread s has kurtosis 3 exp(4 s^2).
    assert kurtosis(0.4) == pytest.approx(3 * math.exp(4 * 0.4**2), rel=0.15)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"frame_gap_per_s": 0.2, "frame_gap_s": 0.5}, 1 - math.exp(-0.1)),
        ({"joint_gap_per_s": 0.1, "joint_gap_s": 1.0}, 1 - math.exp(-0.1)),
        ({"long_gap_share": 1.0, "long_gap_s": (1.0, 1.0)}, 0.2 * 0.9),
    ],
)
def test_share_of_gaps(change: dict[str, object], expected: float) -> None:
    settings = dataclasses.replace(QUIET, **change)
    points = corrupt_keypoints(standing(600, 150), generator(), plain_noise(), settings)
    share = (points[..., 2] == 0).float().mean().item()
    assert share == pytest.approx(expected, rel=0.15)


def test_swapped_points_are_those_of_the_other_side() -> None:
    noise = plain_noise(swap_per_s=np.array([0.0, 0.2]), swap_s=np.array([1.0, 0.5]))
    view = standing(200, 90)
    points = corrupt_keypoints(view, generator(), noise, dataclasses.replace(QUIET, swap_rate=1.0))[
        ..., :2
    ]
    mirrored = view.points_px[:, :, list(MIRROR_COCO)]
    same, swapped = ((points - p).abs().amax(-1) < 0.01 for p in (view.points_px, mirrored))
    assert (same | swapped).all()
    knees = [coco("left_knee"), coco("right_knee")]
    assert swapped[..., knees].float().mean().item() == pytest.approx(0.1, rel=0.3)
    assert torch.equal(swapped[..., knees[0]], swapped[..., knees[1]])
    assert same[..., :11].all()  # face and arms are not in the group "legs"


def test_confidence_falls_with_the_expected_error() -> None:
    view = standing(100, 60, yaw=1.2)
    points = corrupt_keypoints(view, generator(), settings=QUIET)
    for limb in ("elbow", "wrist", "ankle"):
        index = [coco(f"left_{limb}"), coco(f"right_{limb}")]
        confidence = points[..., index, 2].flatten()
        size = error_m(view, points)[..., index, :].norm(dim=-1).flatten()
        order = confidence.argsort(descending=True)
        medians = [chunk.median().item() for chunk in size[order].chunk(4)]
        assert medians == sorted(medians)
        assert medians[-1] > 1.3 * medians[0]


@pytest.mark.parametrize(("share", "low", "high"), [("mediapipe_share", 0.9, 1.0), ("", 0.5, 0.9)])
def test_styles_of_confidence(share: str, low: float, high: float) -> None:
    settings = dataclasses.replace(QUIET, **({share: 1.0} if share else {}))
    points = corrupt_keypoints(standing(64, 60), generator(), settings=settings)
    assert low < points[:, :, 5:, 2].median().item() <= high


def test_binary_confidence_is_zero_or_one() -> None:
    settings = dataclasses.replace(QUIET, binary_share=1.0)
    points = corrupt_keypoints(standing(64, 60, yaw=3.0), generator(), settings=settings)
    assert set(points[..., 2].unique().tolist()) == {0.0, 1.0}


def test_points_outside_the_image_are_missing_or_doubtful() -> None:
    view = standing(40, 20)
    cut = dataclasses.replace(view, points_px=view.points_px - torch.tensor([0.0, 400.0]))
    outside = cut.points_px[0, 0, :, 1] < 0
    assert outside[:5].all() and not outside.all()
    missing = corrupt_keypoints(
        cut, generator(), settings=dataclasses.replace(QUIET, outside_missing_share=1.0)
    )
    assert (missing[:, :, outside, 2] == 0).all()
    doubted = corrupt_keypoints(
        cut, generator(), settings=dataclasses.replace(QUIET, outside_missing_share=0.0)
    )
    assert (doubted[:, :, outside, 2] <= 0.2).all()
    assert doubted[:, :, ~outside, 2].median() > 0.5


def test_a_point_behind_the_camera_is_missing() -> None:
    view = standing(2, 4)
    depth = view.depth.clone()
    depth[:, :, 9] = -1.0
    points = corrupt_keypoints(dataclasses.replace(view, depth=depth), generator(), settings=QUIET)
    assert (points[:, :, 9] == 0).all()


def test_the_body_hides_what_is_behind_it() -> None:
    def hidden(yaw: float) -> torch.Tensor:
        view = standing(1, 1, yaw)
        return hidden_share(view.points_px, view.depth, view.scale_px)[0, 0]

    front, back, side = hidden(0.0), hidden(math.pi), hidden(math.pi / 2)
    assert front.max() < 0.3
    assert back[:3].min() > 0.7  # nose and eyes
    assert back[5:].max() < 0.3
    # Facing the image's right, the figure shows its right side and hides the left one behind it.
    for near, far in ((coco(f"right_{p}"), coco(f"left_{p}")) for p in ("ear", "shoulder")):
        assert side[near] < 0.3 and side[far] > 0.7


def test_shipped_parameters_make_sense() -> None:
    noise = load_detector_noise()
    mirror = list(MIRROR_COCO)
    np.testing.assert_allclose(noise.drift_m, noise.drift_m[mirror], atol=1e-4)
    assert (noise.drift_m > 0.003).all() and (noise.drift_m < 0.05).all()
    assert (np.diff(noise.confidence_visible, axis=-1) >= 0).all()
    assert (noise.confidence_hidden.mean(-1) < noise.confidence_visible.mean(-1)).all()
    wrist, hip = coco("left_wrist"), coco("left_hip")
    assert noise.tail[wrist] > noise.tail[hip]
