"""Quality figures against motions and cameras whose errors are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.pipeline.quality import Quality, measure_quality

PX_PER_METRE = 200.0


def sliding(frames: int = 60, fps: float = 30.0, metres_per_frame: float = 0.0) -> Motion:
    """A swinging figure whose feet, said to be in contact, slide sideways."""
    poses = np.zeros((frames, 24, 3))
    poses[:, 16:20, 2] = np.sin(np.arange(frames) / 5)[:, None]
    trans = np.zeros((frames, 3))
    trans[:, 0], trans[:, 1] = metres_per_frame * np.arange(frames), 0.95
    return Motion(poses, trans, fps, np.ones((frames, 4)))


def seen_by_affine_camera(motion: Motion) -> Keypoints2D:
    R, p = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans)
    )
    camera = np.array([[0.9, 0.1, 0.3], [0.05, -1.0, 0.1]]) * PX_PER_METRE
    points = np.concatenate(
        (coco_points(R, p).numpy() @ camera.T + 400, np.ones((*R.shape[:1], 17, 1))), -1
    )
    return Keypoints2D(points, motion.timestamps, (800, 800))


def hidden(keypoints: Keypoints2D, rows: slice) -> Keypoints2D:
    points = keypoints.points.copy()
    points[rows] = 0
    return dataclasses.replace(keypoints, points=points)


def test_reprojection_is_nothing_through_a_true_camera_and_grows_with_noise():
    motion = sliding()
    keypoints = seen_by_affine_camera(motion)
    perfect = measure_quality(motion, keypoints)
    assert perfect.reprojection_px < 1e-6
    noise = np.random.default_rng(0).normal(size=(60, 17, 2)) * 5
    points = keypoints.points.copy()
    points[..., :2] += noise
    noisy = measure_quality(motion, dataclasses.replace(keypoints, points=points))
    assert noisy.reprojection_px == pytest.approx(np.linalg.norm(noise, axis=-1).mean(), rel=0.05)
    assert noisy.reprojection_percent == pytest.approx(
        100 * noisy.reprojection_px / (1.7 * PX_PER_METRE), rel=0.2
    )


def test_keypoints_that_were_not_seen_do_not_count():
    motion = sliding()
    keypoints = hidden(seen_by_affine_camera(motion), slice(10, 20))
    quality = measure_quality(motion, keypoints)
    assert quality.reprojection_px < 1e-6
    assert quality.seen_percent == quality.frames_seen_percent == pytest.approx(100 * 50 / 60)
    assert quality.filled == ((round(10 / 30, 3), round(19 / 30, 3)),)


def test_gaps_at_both_ends():
    motion = sliding()
    keypoints = hidden(hidden(seen_by_affine_camera(motion), slice(0, 3)), slice(57, 60))
    filled = measure_quality(motion, keypoints).filled
    assert filled == ((0.0, round(2 / 30, 3)), (1.9, round(59 / 30, 3)))


def test_foot_slide_is_the_feet_s_own_speed():
    still = measure_quality(sliding(), seen_by_affine_camera(sliding()))
    assert still.foot_slide_mm == pytest.approx(0, abs=1e-9)
    motion = sliding(metres_per_frame=0.004)
    moving = measure_quality(motion, seen_by_affine_camera(motion))
    assert moving.foot_slide_mm == pytest.approx(4, rel=1e-6)


def test_one_frame_has_no_movement_to_measure():
    motion = sliding(1)
    quality = measure_quality(motion, seen_by_affine_camera(motion))
    assert quality.foot_slide_mm is None and quality.jitter is None and quality.filled == ()


def test_nothing_seen_is_nothing_measured():
    motion = sliding()
    keypoints = hidden(seen_by_affine_camera(motion), slice(None))
    quality = measure_quality(motion, keypoints)
    assert isinstance(quality, Quality) and quality.reprojection_px is None
    assert quality.seen_percent == 0 and quality.filled == ((0.0, round(59 / 30, 3)),)
