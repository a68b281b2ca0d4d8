"""World errors: what alignment forgives, by properties, scipy and known offsets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics import paired as metrics
from vimoflow.evaluation.metrics.trajectories import (
    align_by_yaw,
    root_error,
    rte,
    w_mpjpe,
    wa_mpjpe,
)
from vimoflow.geometry.rotations import rotation_about

seeds = st.integers(0, 2**31 - 1)
quick = settings(max_examples=8, deadline=None)


def walk(seed: int, frames: int = 230) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    steps = 0.03 * torch.randn(frames, 1, 3, generator=generator, dtype=torch.float64)
    body = torch.randn(1, 6, 3, generator=generator, dtype=torch.float64)
    return steps.cumsum(0) + 0.4 * body


def yawed(points: torch.Tensor, yaw: float, shift: tuple[float, float, float]) -> torch.Tensor:
    turn = rotation_about("y", torch.tensor(yaw, dtype=torch.float64))
    return points @ turn.T + torch.tensor(shift, dtype=torch.float64)


@quick
@given(seeds, st.floats(-3.1, 3.1))
def test_yaw_and_place_are_forgiven(seed, yaw):
    truth = walk(seed)
    moved = yawed(truth, yaw, (3.0, 0.4, -7.0))
    for error in (w_mpjpe(moved, truth), wa_mpjpe(moved, truth), rte(moved[:, 0], truth[:, 0])):
        assert float(error) < 1e-6


@quick
@given(seeds)
def test_size_and_tilt_are_forgiven_by_the_published_alignment_alone(seed):
    truth = walk(seed)
    tilt = torch.tensor(Rotation.from_euler("x", 0.3).as_matrix())
    moved = 1.2 * truth @ tilt.T
    assert float(wa_mpjpe(moved, truth, "similarity")) < 1e-6
    assert float(w_mpjpe(moved, truth, "similarity")) < 1e-6
    assert float(wa_mpjpe(moved, truth)) > 10
    assert float(w_mpjpe(moved, truth)) > 10
    # RTE is rigid: the tilt goes, the size stays.
    assert float(root_error((truth @ tilt.T)[:, 0], truth[:, 0], "similarity")) < 1e-6
    assert float(root_error(moved[:, 0], truth[:, 0], "similarity")) > 1


@quick
@given(seeds)
def test_the_yaw_is_the_best_one(seed):
    p, q = walk(seed, 9).flatten(0, 1), walk(seed + 1, 9).flatten(0, 1)
    aligned = align_by_yaw(p, q)

    def cost(yaw):
        turned = yawed(p, yaw, (0, 0, 0))
        turned = turned - turned.mean(0) + q.mean(0)
        return float((turned - q).square().sum())

    coarse = min(np.linspace(-3.2, 3.2, 9), key=cost)
    best = minimize_scalar(cost, bounds=(coarse - 0.9, coarse + 0.9), method="bounded").fun
    assert float((aligned - q).square().sum()) == pytest.approx(best, rel=1e-6)


def test_rigid_alignment_agrees_with_scipy():
    p, q = walk(1, 30)[:, 0], walk(2, 30)[:, 0]
    aligned = metrics.align_by_similarity(p, q, scaled=False)
    a, b = p - p.mean(0), q - q.mean(0)
    rotation, _ = Rotation.align_vectors(b.numpy(), a.numpy())
    np.testing.assert_allclose(aligned, rotation.apply(a.numpy()) + q.mean(0).numpy(), atol=1e-8)


def test_w_mpjpe_is_the_literal_loop():
    prediction, truth = walk(3), walk(4)
    errors = []
    for start in (0, 100, 200):
        p, q = prediction[start : start + 100], truth[start : start + 100]
        moved = align_by_yaw(p.flatten(0, 1), q.flatten(0, 1), slice(0, 12)).view_as(p)
        errors += (moved - q).norm(dim=-1).flatten().tolist()
    assert float(w_mpjpe(prediction, truth)) == pytest.approx(1000 * np.mean(errors), rel=1e-12)


def test_drift_shows_in_w_more_than_in_wa():
    truth = walk(5)
    drift = torch.linspace(0, 1, 230, dtype=torch.float64)[:, None, None] * torch.tensor(
        [1.0, 0, 0]
    )
    w, wa = float(w_mpjpe(truth + drift, truth)), float(wa_mpjpe(truth + drift, truth))
    assert w > 1.5 * wa > 10


def test_rte_is_per_cent_of_the_way():
    t = torch.linspace(0, 4, 101, dtype=torch.float64)
    truth = torch.stack((t, torch.ones_like(t), torch.zeros_like(t)), -1)
    raised = truth + torch.where(t < 2, -0.1, 0.1)[:, None] * torch.tensor([0.0, 1.0, 0.0])
    assert float(rte(raised, truth)) == pytest.approx(100 * 0.1 / 4, rel=0.01)
    still = torch.ones(10, 3, dtype=torch.float64)
    assert math.isnan(float(rte(still, still)))
    assert float(root_error(still, still)) == 0


def test_a_batch_gives_what_its_clips_give():
    prediction = torch.stack([walk(i) for i in range(3)])
    truth = torch.stack([walk(9 + i) for i in range(3)])
    for metric in (w_mpjpe, wa_mpjpe):
        alone = torch.stack([metric(p, t) for p, t in zip(prediction, truth, strict=True)])
        torch.testing.assert_close(metric(prediction, truth), alone)


def test_bad_input_is_refused():
    good, broken = walk(6), walk(7)
    broken[5, 2, 1] = math.nan
    with pytest.raises(InputError, match="not finite"):
        w_mpjpe(broken, good)
    with pytest.raises(InputError, match="at least 2"):
        wa_mpjpe(good[:1], good[:1])
    with pytest.raises(InputError, match="at least 2"):
        rte(good[:1, 0], good[:1, 0])
