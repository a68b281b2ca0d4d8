"""Kinetic and geometric features against literal, slow formulations of their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lab.distributions.dance_features import (
    geometric_features,
    kinetic_features,
    published_input,
)
from vimoflow.errors import InputError
from vimoflow.motion.skeleton import joint, load_skeleton


def dance(seed: int, frames: int = 14) -> np.ndarray:
    """The rest pose with every joint moving by itself, so that all relations come and go."""
    rng = np.random.default_rng(seed)
    rest = load_skeleton().rest_positions() + np.array([0, 0.9, 0])
    t = np.arange(frames)[:, None, None] / 60
    wave = np.sin(rng.uniform(2, 25, (24, 3)) * t + rng.uniform(0, 6, (24, 3)))
    return rest + rng.uniform(0.02, 0.45, (24, 1)) * wave


def literal_kinetic(p: np.ndarray, slip: bool) -> list[float]:
    frames, dt, features = len(p), 1 / 60, []
    for j in range(24):
        horizontal = vertical = expenditure = 0.0
        for i in range(1, frames):
            steps = [(p[k, j] - p[k - 1, j]) / dt for k in range(i - 2, i + 3) if 1 <= k < frames]
            v = sum(steps) / len(steps)
            horizontal += v[0] ** 2 + v[2] ** 2
            vertical += v[1] ** 2
            changes = []
            for k in range(i - 2, i + 3):
                if k >= 1 and k + 1 < frames:
                    after = (p[k + 1, j] - p[k, j]) / dt
                    before = p[k, j] - p[k - 1, j] / dt if slip else (p[k, j] - p[k - 1, j]) / dt
                    changes.append((after - before) / dt)
            expenditure += math.hypot(*(sum(changes) / len(changes)))
        features += [x / (frames - 1) for x in (horizontal, vertical, expenditure)]
    return features


@pytest.mark.parametrize("frames", [3, 4, 6, 14])
@pytest.mark.parametrize("variant", ["as published", "corrected"])
def test_kinetic_features_are_the_literal_loops(frames, variant):
    p = dance(frames, frames)
    expected = literal_kinetic(p, slip=variant == "as published")
    ours = kinetic_features(torch.from_numpy(p), 60.0, variant)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_kinetic_features_of_known_motion():
    t = torch.arange(60, dtype=torch.float64) / 60
    p = torch.zeros(60, 24, 3, dtype=torch.float64)
    p[..., 0] = 2 * t[:, None]
    p[..., 1] = 0.5 * t[:, None]
    features = kinetic_features(p, 60.0, "corrected").unflatten(-1, (24, 3))
    expected = torch.tensor([4.0, 0.25, 0.0]).double().expand(24, 3)
    torch.testing.assert_close(features, expected, atol=1e-8, rtol=0)
    parabola = torch.zeros_like(p)
    parabola[..., 2] = 1.5 * t[:, None] ** 2
    expenditure = kinetic_features(parabola, 60.0, "corrected")[2::3]
    np.testing.assert_allclose(expenditure, 3.0, rtol=1e-8)
    half = kinetic_features(parabola[::2], 30.0, "corrected")[2::3]
    np.testing.assert_allclose(half, 3.0, rtol=1e-8)  # the rate is not part of the answer


def literal_geometric(p: np.ndarray) -> list[float]:
    """Müller's relations, each written out by hand."""
    h = math.dist((0.199113, 0.236808, -0.018070), (0.454445, 0.221159, -0.041017))
    shoulders = math.dist((0.199113, 0.236808, -0.018070), (-0.191692, 0.236929, -0.012306))
    hips = math.dist((0.056408, -0.323069, 0.010920), (-0.062483, -0.331302, 0.015041))
    rows = []
    for now, was in zip(p[1:], p[:-1], strict=True):

        def at(name, now=now):
            return now[joint(name)]

        def speed(name, about=None, now=now, was=was):
            move = now[joint(name)] - was[joint(name)]
            if about is not None:
                move = move - (now[joint(about)] - was[joint(about)])
            return move * 120

        def toward(v, direction):
            return float(v @ direction / math.hypot(*direction))

        def plane(a, b, c, name):
            normal = np.cross(at(c) - at(a), at(b) - at(a))
            return toward(at(name) - at(a), normal)

        def angle(a, b, c, d):
            u, v = at(b) - at(a), at(d) - at(c)
            return math.degrees(math.acos(u @ v / (math.hypot(*u) * math.hypot(*v))))

        def front(hip, other):
            return np.cross(at(other) - at("neck"), at(hip) - at("neck"))

        low = now[:, 1].min()
        chest_up = at("neck") - at("spine3")
        trunk = at("spine3") - at("spine1")
        chest_speed = toward(speed("spine3", "spine1"), trunk)
        lean = at("pelvis") - at("neck")
        tilt = math.degrees(math.acos(lean[1] / math.hypot(*lean)))
        left_to_right = at("right_wrist") - at("left_wrist")
        rows.append([
            toward(speed("right_wrist", "neck"), front("right_hip", "left_hip")) > 1.8 * h,
            toward(speed("left_wrist", "neck"), front("left_hip", "right_hip")) > 1.8 * h,
            toward(at("right_wrist") - at("neck"), chest_up) > 0.2 * h,
            toward(at("left_wrist") - at("neck"), chest_up) > 0.2 * h,
            chest_speed > 1.8 * h,
            chest_speed > 1.8 * h,
            0 < angle("right_elbow", "right_shoulder", "right_elbow", "right_wrist") < 110,
            0 < angle("left_elbow", "left_shoulder", "left_elbow", "left_wrist") < 110,
            toward(left_to_right, at("right_shoulder") - at("left_shoulder")) > 2.5 * shoulders,
            toward(speed("right_wrist", "left_wrist"), left_to_right) > 1.4 * h,
            toward(speed("left_wrist", "right_wrist"), at("pelvis") - at("right_wrist")) > 1.4 * h,
            toward(speed("right_wrist", "left_wrist"), at("pelvis") - at("left_wrist")) > 1.4 * h,
            math.hypot(*speed("right_wrist")) > 2.5 * h,
            math.hypot(*speed("left_wrist")) > 2.5 * h,
            plane("pelvis", "left_hip", "left_foot", "right_ankle") > 0.38 * h,
            plane("pelvis", "right_hip", "right_foot", "left_ankle") > 0.38 * h,
            at("right_ankle")[1] - low > 1.2 * h,
            at("left_ankle")[1] - low > 1.2 * h,
            toward(at("right_ankle") - at("left_ankle"), at("right_hip") - at("left_hip"))
            > 2.1 * hips,
            0 < angle("right_knee", "right_hip", "right_knee", "right_ankle") < 110,
            0 < angle("left_knee", "left_hip", "left_knee", "left_ankle") < 110,
            math.hypot(*speed("right_ankle")) > 2.5 * h,
            math.hypot(*speed("left_ankle")) > 2.5 * h,
            25 < angle("neck", "pelvis", "right_shoulder", "right_elbow") < 180,
            25 < angle("neck", "pelvis", "left_shoulder", "left_elbow") < 180,
            50 < angle("neck", "pelvis", "right_hip", "right_knee") < 180,
            50 < angle("neck", "pelvis", "left_hip", "left_knee") < 180,
            plane("right_ankle", "neck", "left_ankle", "pelvis") > 0.5 * h,
            70 < tilt < 110,
            at("right_wrist")[1] - low < 1.2 * h,
            at("left_wrist")[1] - low < 1.2 * h,
            math.hypot(*speed("pelvis")) > 2.3 * h,
        ])  # fmt: skip
    return np.mean(rows, axis=0).tolist()


def test_geometric_features_are_the_relations_by_hand():
    seen = []
    for seed in range(8):
        p = dance(seed, 25)
        p[:, 0] *= (1, 1 - 0.8 * (seed % 3), 1)  # also lie and fold, so that the tilt changes
        ours = geometric_features(torch.from_numpy(p))
        np.testing.assert_allclose(ours, literal_geometric(p), atol=1e-12)
        seen.append(ours)
    values = torch.stack(seen)
    assert int((values.amax(0) > 0).sum()) >= 28  # nearly every relation held at some time


def test_batches_are_their_clips():
    clips = torch.stack([torch.from_numpy(dance(i)) for i in range(3)])
    for features in (kinetic_features, geometric_features):
        torch.testing.assert_close(features(clips)[1], features(clips[1]))


def test_published_input_starts_at_the_origin_at_60_fps():
    p = dance(1, 40)
    same = published_input(p, 60.0)
    np.testing.assert_allclose(same, p - p[:1, :1], atol=1e-12)
    slow = published_input(p[::2], 30.0)  # 20 frames at 30 fps last as long as 39 at 60
    assert len(slow) == 39
    np.testing.assert_allclose(slow[::2], p[::2] - p[:1, :1], atol=1e-9)
    assert np.abs(slow[3:-3].numpy() - (p - p[:1, :1])[3:36]).max() < 0.02
    assert len(published_input(p, 25.0)) == 94


def test_bad_input_is_refused():
    p = dance(2)
    p[3, 4, 1] = math.nan
    for bad in (p, p[:0]):
        with pytest.raises(InputError):
            published_input(bad, 60.0)
        with pytest.raises(InputError):
            kinetic_features(torch.from_numpy(bad))
        with pytest.raises(InputError):
            geometric_features(torch.from_numpy(bad))
    with pytest.raises(InputError, match="frame rate"):
        published_input(dance(3), 0.0)
