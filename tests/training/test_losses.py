"""The training losses against slow, literal transcriptions of their definitions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.features import LAYOUT, decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint
from vimoflow.training.losses import FrameLosses, frame_losses, pairwise, weighted_mean

BATCH, FRAMES = 2, 5


def random_features(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    R = axis_angle_to_matrix(0.5 * torch.randn(BATCH, FRAMES, 24, 3, generator=generator))
    contacts = (torch.rand(BATCH, FRAMES, 4, generator=generator) < 0.7).float()
    return encode_features(R, contacts, torch.randn(BATCH, FRAMES, 3, generator=generator))


def joints_of(features: Tensor) -> Tensor:
    R, _, root = decode_features(features)
    return forward_kinematics(R, root)[1]


def losses_of(predicted: Tensor, target: Tensor) -> FrameLosses:
    normalized = predicted * 2 + 1, target * 2 + 1
    return frame_losses(*normalized, predicted, target, joints_of(target))


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    return random_features(1), random_features(2)


def frames():
    return ((b, f) for b in range(BATCH) for f in range(FRAMES))


def test_simple_is_the_mean_square_over_normalised_channels(pair):
    predicted, target = pair
    loss = losses_of(predicted, target).simple
    for b, f in frames():
        squares = [(2 * float(d)) ** 2 for d in predicted[b, f] - target[b, f]]
        assert float(loss[b, f]) == pytest.approx(sum(squares) / 151, rel=1e-4)


def test_joints_are_relative_to_the_pelvis(pair):
    predicted, target = pair
    loss = losses_of(predicted, target).joints
    p, q = joints_of(predicted), joints_of(target)
    for b, f in frames():
        total = 0.0
        for j in range(24):
            difference = (p[b, f, j] - p[b, f, 0]) - (q[b, f, j] - q[b, f, 0])
            total += sum(float(d) ** 2 for d in difference)
        assert float(loss[b, f]) == pytest.approx(total / 24, rel=1e-4)


def test_velocity_compares_steps_and_belongs_to_the_first_of_two_frames(pair):
    predicted, target = pair
    loss = losses_of(predicted, target).velocity
    p, q = joints_of(predicted), joints_of(target)
    for b, f in frames():
        total = 0.0
        for j in range(24):
            if f + 1 < FRAMES:
                difference = (p[b, f + 1, j] - p[b, f, j]) - (q[b, f + 1, j] - q[b, f, j])
                total += sum(float(d) ** 2 for d in difference)
        assert float(loss[b, f]) == pytest.approx(total / 24, rel=1e-4)


def test_foot_counts_steps_between_frames_that_are_both_in_contact(pair):
    predicted, target = pair
    loss = losses_of(predicted, target).foot
    p, contact = joints_of(predicted), target[..., LAYOUT.contacts]
    for b, f in frames():
        total = 0.0
        for k, name in enumerate(CONTACT_JOINTS):
            if f + 1 < FRAMES and contact[b, f, k] and contact[b, f + 1, k]:
                step = p[b, f + 1, joint(name)] - p[b, f, joint(name)]
                total += sum(float(d) ** 2 for d in step)
        assert float(loss[b, f]) == pytest.approx(total / 4, rel=1e-4)
    assert float(loss.sum()) > 0


def test_the_truth_has_no_loss_but_its_own_sliding(pair):
    _, target = pair
    losses = losses_of(target, target)
    for values in (losses.simple, losses.joints, losses.velocity):
        assert float(values.abs().max()) < 1e-9
    still = target[:, :1].repeat(1, FRAMES, 1)
    assert float(losses_of(still, still).foot.abs().max()) < 1e-9


def test_losses_have_finite_gradients_where_the_prediction_is_the_truth(pair):
    predicted = pair[1].clone().requires_grad_()
    losses = losses_of(predicted, pair[1])
    (losses.simple + losses.joints + losses.velocity + losses.foot).sum().backward()
    assert predicted.grad is not None and predicted.grad.isfinite().all()


def test_weighted_mean_counts_valid_frames_only():
    loss = torch.tensor([[1.0, 2.0, 100.0], [3.0, 100.0, 100.0]])
    weights = torch.tensor([[0.5, 1.0, 9.0], [2.0, 9.0, 9.0]])
    valid = torch.tensor([[True, True, False], [True, False, False]])
    expected = (0.5 * 1 + 1.0 * 2 + 2.0 * 3) / 3
    assert float(weighted_mean(loss, weights, valid)) == pytest.approx(expected)
    assert float(weighted_mean(loss, weights, torch.zeros_like(valid))) == 0.0


def test_pairs_take_the_smaller_weight_and_need_both_frames():
    weights = torch.tensor([[3.0, 1.0, 2.0, 5.0], [1.0, 2.0, 3.0, 4.0]])
    valid = torch.tensor([[True, True, True, True], [True, True, False, False]])
    before = valid.clone()
    pair_weights, pairs = pairwise(weights, valid)
    assert pair_weights[:, :3].tolist() == [[1.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    assert pairs.tolist() == [[True, True, True, False], [True, False, False, False]]
    assert torch.equal(valid, before)
