"""Damage to the 2D: what each kind does to the points, and the curves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from benchmark_examples import FAST, swaying, tiny_checkpoint
from lab.studies.robustness import (
    DAMAGES,
    Filmed,
    film,
    robustness_curves,
)
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.inference.conditioning.encoding import person_size_px

KINDS = {damage.name: damage for damage in DAMAGES}


@pytest.fixture(scope="module")
def case() -> Case:
    empty = np.zeros((60, 17, 3), np.float32)
    return Case("n", "a", "", empty, swaying(60, 0), empty)


@pytest.fixture(scope="module")
def clip(case) -> Filmed:
    return film(case, 3)


def damaged(clip: Filmed, name: str, level: float) -> Case:
    return KINDS[name].apply(clip, float(level), np.random.default_rng(0))


def test_the_picture_is_the_cameras_not_the_one_before(case):
    """Who stands in the middle of it is not taken for somebody at its edge."""
    elsewhere = film(dataclasses.replace(case, image_size_px=(100.0, 9000.0)), 3)
    assert elsewhere.case.image_size_px == tuple(2 * elsewhere.camera.center_px[0].numpy())


@pytest.mark.parametrize("name", KINDS)
def test_the_first_level_does_nothing(clip, name):
    found = damaged(clip, name, KINDS[name].levels[0])
    np.testing.assert_allclose(found.points_px, clip.case.points_px, atol=1e-2)
    assert found.static_camera and (found.points_px[..., 2] == 1).all()


@pytest.mark.parametrize("name", KINDS)
def test_the_truth_is_never_damaged(clip, name):
    found = damaged(clip, name, KINDS[name].levels[-1])
    assert found.truth is clip.case.truth and found.points_px.shape == (60, 17, 3)
    assert not np.array_equal(found.points_px, clip.case.points_px)


def test_the_stated_share_is_missing(clip):
    seen = damaged(clip, "dropped frames", 50).points_px[..., 2].any(axis=1)
    assert seen.mean() == 0.5 and np.abs(np.diff(seen.astype(int))).sum() <= 6
    seen = damaged(clip, "dropped joints", 47).points_px[..., 2]
    assert np.ptp(seen, axis=0).max() == 0 and seen[0].sum() == 9
    y, seen = clip.case.points_px[0, :, 1], damaged(clip, "truncation", 50).points_px[0, :, 2] > 0
    assert 4 < seen.sum() < 14 and y[seen].max() < y[~seen].min()


def test_noise_is_as_large_as_stated(clip):
    error = (damaged(clip, "noise", 40).points_px - clip.case.points_px)[..., :2]
    size = float(person_size_px(torch.from_numpy(clip.case.points_px)))
    assert error.std() / size == pytest.approx(0.040, rel=0.1)


def test_a_cut_moves_the_camera_in_the_second_half_only(clip):
    found = damaged(clip, "cut", 180)
    assert not found.static_camera
    moved = np.abs(found.points_px - clip.case.points_px)[..., 0].max(axis=1)
    assert moved[:30].max() < 1e-2 and moved[30:].min() > 1


def test_a_circling_camera_moves_ever_further(clip):
    found = damaged(clip, "camera motion", 40)
    away = np.abs(found.points_px - clip.case.points_px)[..., 0].mean(axis=1)
    assert away[0] < 1e-2 and away[10] < away[30] < away[59]


def test_a_slow_video_keeps_its_frames_and_mixes_between_them(clip):
    found, exact = damaged(clip, "frame rate", 3).points_px, clip.case.points_px
    np.testing.assert_allclose(found[::3], exact[::3], rtol=1e-4)
    np.testing.assert_allclose(found[1], (2 * exact[0] + exact[3]) / 3, rtol=1e-3)


def test_curves_start_at_one_point_and_repeat_themselves(case, monkeypatch):
    chosen = tuple(KINDS[name] for name in ("noise", "truncation"))
    monkeypatch.setattr("lab.studies.robustness.DAMAGES", chosen)
    told = []
    curves, again = (
        robustness_curves(
            tiny_checkpoint(), [case, case], FAST, progress=lambda *done: told.append(done)
        )
        for _ in (0, 1)
    )
    assert curves == again and told[-1] == (9, 9)
    assert [len(curve.points) for curve in curves] == [5, 4]
    starts = [curve.points[0].pa_mpjpe.value for curve in curves]
    assert starts[0] == pytest.approx(starts[1]) and curves[0].points[0].pa_mpjpe.n == 1
    with pytest.raises(InputError):
        robustness_curves(tiny_checkpoint(), [], FAST)
