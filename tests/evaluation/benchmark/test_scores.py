"""All figures of one motion."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from benchmark_examples import swaying
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case, turned
from vimoflow.evaluation.benchmark.scores import Posed, Score, mean_score, measure, score
from vimoflow.motion.kinematics import coco_points, forward_kinematics


@pytest.fixture(scope="module")
def case() -> Case:
    truth = swaying(30, 0)
    R = torch.from_numpy(truth.local_rotations)
    points = coco_points(*forward_kinematics(R, torch.from_numpy(truth.trans).double()))
    zeros = np.zeros((30, 17, 3), np.float32)
    return Case("n", "a", "", zeros, truth, points.float().numpy())


def test_the_truth_has_no_error_against_itself(case):
    found = score(case.truth, case)
    wrong = (found.mpjpe, found.pa_mpjpe, found.pa_mpjpe_clip, found.root_error, found.wa_mpjpe)
    assert max(wrong) < 0.01 and found.mpjre < 1e-3 and found.acceleration_error < 0.01
    assert found.contact_precision == found.contact_recall == 1
    assert min(found.jitter, found.acceleration, found.foot_slide) > 0
    posed = Posed.of(case.truth)
    assert measure(posed, case, posed).limb_errors.max() < 0.01
    assert max(found.w_mpjpe, found.rte) < 0.01 and found.pfc > 0


def test_a_turned_and_moved_truth_has_an_error_only_without_alignment(case):
    away = turned(case.truth, math.pi)
    away = dataclasses.replace(away, trans=away.trans + np.float32(3))
    found = score(away, case)
    assert found.mpjpe > 100 and found.mpjre > 5
    assert max(found.pa_mpjpe, found.pa_mpjpe_clip, found.wa_mpjpe, found.root_error) < 0.01
    assert found.floating == pytest.approx(score(case.truth, case).floating + 3000, abs=0.1)
    assert found.jitter == pytest.approx(score(case.truth, case).jitter, rel=1e-3)


def test_what_cannot_be_measured_is_refused(case):
    poses = case.truth.poses.copy()
    poses[4] = np.nan
    with pytest.raises(InputError):
        score(dataclasses.replace(case.truth, poses=poses), case)
    with pytest.raises(InputError):
        score(swaying(29, 0), case)


def test_a_mean_leaves_nan_out():
    a, b = Score(mpjpe=1.0, jitter=4.0), Score(mpjpe=3.0)
    mean = mean_score([a, b])
    assert mean.mpjpe == 2 and mean.jitter == 4 and math.isnan(mean.foot_slide)
