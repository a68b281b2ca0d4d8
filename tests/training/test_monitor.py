"""The monitor: what it adds up, which bands it knows, and that it always sees a collapse."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.features import LAYOUT, decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.training.losses import frame_losses
from vimoflow.training.monitor import Monitor, Report
from vimoflow.training.quantities import QUANTITIES, Band

ONE = torch.tensor(1.0)


def moving(seed: int, batch: int = 4, frames: int = 12) -> Tensor:
    """Features of clips that sway about poses of their own."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.5 * torch.randn(batch, 1, 24, 3, generator=generator)
    speed = 0.2 * torch.randn(batch, 1, 24, 3, generator=generator)
    R = axis_angle_to_matrix(pose + speed * torch.arange(frames)[:, None, None])
    root = torch.tensor([0.0, 0.9, 0.0]).expand(batch, frames, 3)
    return encode_features(R, torch.ones(batch, frames, 4), root)


def observe(
    monitor: Monitor, predicted: Tensor, target: Tensor, t: Tensor, valid: Tensor | None = None
) -> None:
    R, _, root = decode_features(target)
    joints = forward_kinematics(R, root)[1]
    losses = frame_losses(predicted, target, predicted, target, joints)
    valid = torch.ones(t.shape, dtype=torch.bool) if valid is None else valid
    monitor.observe(losses, predicted, predicted, target, t, valid, ONE, ONE)


def seen(predicted: Tensor, target: Tensor, t: Tensor, valid: Tensor | None = None) -> Report:
    monitor = Monitor(settle_steps=10)
    observe(monitor, predicted, target, t, valid)
    return monitor.report(11)


def test_losses_are_means_over_valid_frames_of_all_steps():
    monitor = Monitor()
    sums, pair_sums = {}, [0.0, 0]
    for seed, frames in ((1, 5), (2, 9)):
        target, predicted = moving(seed, 2, frames), moving(seed + 10, 2, frames)
        valid = torch.ones(2, frames, dtype=torch.bool)
        valid[1, 3:] = False
        t = torch.full((2, frames), 500)
        observe(monitor, predicted, target, t, valid)
        d = predicted - target
        for b in range(2):
            for f in range(frames):
                if valid[b, f]:
                    row = [float(x) for x in d[b, f]]
                    value = sum(x * x for x in row) / 151
                    sums.setdefault("simple", []).append(value)
                    sums.setdefault("root", []).append(sum(x * x for x in row[148:]))
                if f + 1 < frames and valid[b, f + 1]:
                    change = d[b, f + 1, :144] - d[b, f, :144]
                    pair_sums[0] += sum(float(x) ** 2 for x in change)
                    pair_sums[1] += 1
    values = monitor.report(1).values
    for name, rows in sums.items():
        assert values[name] == pytest.approx(sum(rows) / len(rows), rel=1e-4)
    assert values["rotation_velocity"] == pytest.approx(pair_sums[0] / pair_sums[1], rel=1e-4)
    assert values["total"] == values["gradient_norm"] == 1.0
    assert monitor.report(2).values == {}  # a report starts afresh


def test_the_x0_error_is_split_by_tenths_of_t():
    target = moving(0, 2, 4)
    predicted = target.clone()
    t = torch.tensor([[0, 99, 100, 550], [999, 950, 901, 599]])
    predicted[0, 2] += 1.0  # t = 100
    predicted[1, :3] += 2.0  # the last tenth
    error = seen(predicted, target, t).x0_error
    assert error[0] == pytest.approx(0, abs=1e-9) and error[5] == pytest.approx(0, abs=1e-9)
    assert error[1] == pytest.approx(1.0) and error[9] == pytest.approx(4.0)
    assert all(math.isnan(error[k]) for k in (2, 3, 4, 6, 7, 8))


def test_root_scale_and_prediction_spread():
    target = moving(3)
    t = torch.full((4, 12), 900)
    predicted = target.clone()
    predicted[..., LAYOUT.root] *= 3.0
    values = seen(predicted, target, t).values
    assert values["root_scale"] == pytest.approx(3.0, rel=1e-5)
    assert values["prediction_std"] == pytest.approx(float(predicted.std(correction=0)), rel=1e-5)
    assert values["motion_ratio"] == pytest.approx(1.0, rel=1e-6)
    assert values["pose_ratio"] == pytest.approx(1.0, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    batch=st.integers(1, 4),
    frames=st.integers(2, 20),
    scale=st.floats(0.0, 3.0),
    same=st.booleans(),
    per_frame=st.booleans(),
)
def test_frozen_predictions_are_always_caught(seed, batch, frames, scale, same, per_frame):
    """Whatever pose they froze at, for each clip or for all, and however timesteps are drawn."""
    generator = torch.Generator().manual_seed(seed)
    target = moving(seed, batch, frames)
    pose = scale * torch.randn(1 if same else batch, 1, 151, generator=generator)
    predicted = pose.expand(batch, frames, 151).clone()
    t = torch.randint(1000, (batch, frames if per_frame else 1), generator=generator)
    t = t.expand(batch, frames).clone()
    t[0, :2] = 950  # over a report's steps there is always something late
    report = seen(predicted, target, t)
    assert report.collapsed
    assert any("collapse to static poses" in str(alert) for alert in report.alerts)
    assert any("lambda_vel" in str(alert) for alert in report.alerts)


def test_the_mean_pose_is_caught_even_when_it_sways():
    target = moving(5, 16)
    predicted = target.mean(0, keepdim=True) + 0.1 * (target - target.mean((0, 1), keepdim=True))
    predicted = predicted.mean(1, keepdim=True) + 0.1 * torch.randn(16, 12, 151) * 0.1
    report = seen(predicted, target, torch.full((16, 12), 900))
    assert report.collapsed and report.values["pose_ratio"] < 0.15


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_good_predictions_are_no_collapse(noise):
    target = moving(6)
    predicted = 0.85 * target + noise * torch.randn(target.shape)
    assert not seen(predicted, target, torch.full((4, 12), 900)).collapsed


def test_noise_that_is_let_through_at_small_t_does_not_hide_a_collapse():
    target = moving(7)
    predicted = torch.zeros_like(target)
    t = torch.full((4, 12), 100)
    predicted[:2] = target[:2] + torch.randn(2, 12, 151)
    t[2:] = 900
    assert seen(predicted, target, t).collapsed


def test_nothing_is_judged_before_the_run_has_settled():
    target = moving(8)
    monitor = Monitor(settle_steps=300)
    observe(monitor, torch.zeros_like(target), target, torch.full((4, 12), 900))
    assert monitor.report(300).alerts == ()
    observe(monitor, torch.zeros_like(target), target, torch.full((4, 12), 900))
    assert monitor.report(350).collapsed


def test_an_alert_comes_once_each_time_a_band_is_left():
    target, t = moving(9), torch.full((4, 12), 900)
    monitor = Monitor(settle_steps=0)
    told = []
    for step, factor in enumerate((0.0, 0.0, 0.9, 0.0), start=1):
        observe(monitor, factor * target, target, t)
        report = monitor.report(step)
        names = {alert.quantity.name for alert in report.alerts}
        told.append("motion_ratio" in names)
        assert report.collapsed == (factor == 0.0)
    assert told == [True, False, False, True]


def test_a_loss_that_is_not_finite_is_an_alert():
    target = moving(10)
    report = seen(target, target, torch.full((4, 12), 100))
    assert not any(a.quantity.name == "total" for a in report.active)
    monitor = Monitor(settle_steps=0)
    R, _, root = decode_features(target)
    losses = frame_losses(target, target, target, target, forward_kinematics(R, root)[1])
    t, valid = torch.full((4, 12), 100), torch.ones(4, 12, dtype=torch.bool)
    monitor.observe(losses, target, target, target, t, valid, ONE * math.nan, ONE)
    assert "learning rate" in str(monitor.report(1).alerts[0])


def test_the_thesis_bands_stand_beside_the_measured_ones():
    bands = {q.name: q for q in QUANTITIES}
    assert (bands["joints"].thesis, bands["joints"].limits) == (Band(0.01, 0.02), Band(0.01, 0.03))
    assert bands["rotation_velocity"].thesis == Band(0.05, 0.10)
    assert bands["rotation_velocity"].limits == Band(0.01, 0.15)
    foot = bands["foot"]  # ours is a mean over the four that the thesis adds up
    assert foot.thesis == Band(1e-4 / 4, 1e-3 / 4) and foot.limits == Band(1e-4 / 4, 0.01 / 4)
    for quantity in QUANTITIES:
        assert quantity.reduction
        if quantity.limits is not None:
            assert quantity.below and quantity.above
        if quantity.thesis is not None:
            assert quantity.measured is not None


def test_two_processes_report_what_one_would():
    target, predicted = moving(11), moving(12)
    t = torch.randint(1000, (4, 12), generator=torch.Generator().manual_seed(0))
    whole, halves = Monitor(), [Monitor(), Monitor()]
    observe(whole, predicted, target, t)
    sent = []
    for monitor, rows in zip(halves, (slice(0, 1), slice(1, 4)), strict=True):
        observe(monitor, predicted[rows], target[rows], t[rows])
    halves[0].report(1, lambda x: sent.append(x) or x)
    together = halves[1].report(1, lambda x: x + sent[0])
    expected = whole.report(1)
    assert together.values == pytest.approx(expected.values, rel=1e-6)
    assert together.x0_error == pytest.approx(expected.x0_error, rel=1e-6, nan_ok=True)
