"""Scores of filled gaps against transcriptions of the published definitions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lab.studies.gap_filling import interpolated
from lab.studies.gap_scores import (
    CONTEXT,
    PositionScale,
    l2p,
    l2q,
    markdown_table,
    npss,
    score_filler,
)
from motion_examples import swinging_motion

CLIPS, FRAMES = 3, 16


@pytest.fixture
def rotations():
    """Smooth, so that quaternions are continuous, and all within a quarter turn of the identity."""
    rng = np.random.default_rng(0)
    time = np.linspace(0, 1, FRAMES)[None, :, None, None]

    def draw():
        size = rng.uniform(-0.4, 0.4, (2, CLIPS, 1, 24, 3))
        vectors = size[0] + size[1] * np.sin(6 * time + rng.uniform(0, 6, (CLIPS, 1, 24, 1)))
        return Rotation.from_rotvec(vectors.reshape(-1, 3))

    return draw(), draw()


def matrices(rotation: Rotation) -> torch.Tensor:
    return torch.from_numpy(rotation.as_matrix().reshape(CLIPS, FRAMES, 24, 3, 3))


def quaternions(rotation: Rotation) -> np.ndarray:
    return rotation.as_quat(canonical=True).reshape(CLIPS, FRAMES, 24, 4)


def test_l2q_is_harveys(rotations):
    p, t = map(quaternions, rotations)
    literal = 0.0
    for clip in range(CLIPS):
        for frame in range(FRAMES):
            squared = 0.0
            for j in range(24):
                for k in range(4):
                    squared += (p[clip, frame, j, k] - t[clip, frame, j, k]) ** 2
            literal += np.sqrt(squared) / (CLIPS * FRAMES)
    assert l2q(*map(matrices, rotations)) == pytest.approx(literal, rel=1e-6)


def test_l2p_is_harveys():
    rng = np.random.default_rng(1)
    p, t = rng.normal(size=(2, CLIPS, FRAMES, 24, 3))
    mean, std = rng.normal(size=(24, 3)), rng.uniform(0.1, 2, (24, 3))
    literal = np.mean(
        [
            np.sqrt(np.sum((((p[c, f] - mean) / std) - ((t[c, f] - mean) / std)) ** 2))
            for c in range(CLIPS)
            for f in range(FRAMES)
        ]
    )
    scale = PositionScale(torch.from_numpy(mean), torch.from_numpy(std))
    assert l2p(torch.from_numpy(p), torch.from_numpy(t), scale) == pytest.approx(literal)


def test_npss_is_gopalakrishnans(rotations):
    p, t = (quaternions(r).reshape(CLIPS, FRAMES, -1) for r in rotations)
    weighted = weights = 0.0
    for clip in range(CLIPS):
        for channel in range(p.shape[-1]):
            power_t = np.abs(np.fft.fft(t[clip, :, channel])) ** 2
            power_p = np.abs(np.fft.fft(p[clip, :, channel])) ** 2
            cdf_t = np.cumsum(power_t / np.sum(power_t))
            cdf_p = np.cumsum(power_p / np.sum(power_p))
            weighted += np.sum(power_t) * np.linalg.norm(cdf_p - cdf_t, ord=1)
            weights += np.sum(power_t)
    assert npss(*map(matrices, rotations)) == pytest.approx(weighted / weights, rel=1e-5)


def test_the_truth_scores_zero_whatever_sign_its_quaternions_have(rotations):
    turned = Rotation.from_rotvec([0.0, 3.1, 0.0]) * rotations[0]  # near half turns: signs jump
    R = matrices(turned)
    assert l2q(R, R.clone()) == 0.0
    assert npss(R, R.clone()) == 0.0


def test_interpolation_does_not_look_into_the_gap():
    motion = swinging_motion(80)
    spoilt = dataclasses.replace(motion, poses=motion.poses.copy(), trans=motion.trans.copy())
    spoilt.poses[30:50], spoilt.trans[30:50] = 1.0, 9.0
    a, b = interpolated(motion, 30, 50), interpolated(spoilt, 30, 50)
    assert np.array_equal(a.poses, b.poses) and np.array_equal(a.trans, b.trans)
    line = np.diff(a.trans[29:51], axis=0)
    assert np.allclose(line, line[0])


def test_scores_of_the_truth_and_of_interpolation():
    clips = [swinging_motion(2 * CONTEXT + 15), swinging_motion(2 * CONTEXT + 15)]
    scale = PositionScale(torch.zeros(24, 3), torch.ones(24, 3))
    truth = score_filler("truth", lambda motion, a, b: motion, clips, scale)
    line = score_filler("interpolation", interpolated, clips, scale)
    assert truth.l2p == truth.l2q == truth.npss == truth.mpjpe_mm == 0.0
    assert min(line.l2p, line.l2q, line.npss, line.mpjpe_mm) > 0
    assert line.join_jerk > truth.join_jerk
    table = markdown_table([truth, line])
    assert "| 0.5 s | interpolation |" in table and "100 %" in table
