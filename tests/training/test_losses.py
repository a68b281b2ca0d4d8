"""The training losses against slow, literal transcriptions of their definitions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vimoflow.errors import ConfigError
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.features import LAYOUT, decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint
from vimoflow.training.losses import (
    FrameLosses,
    LossOptions,
    LossWeights,
    frame_losses,
    pairwise,
    thesis_weights,
)

BATCH, FRAMES = 2, 5


def random_features(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    R = axis_angle_to_matrix(0.5 * torch.randn(BATCH, FRAMES, 24, 3, generator=generator))
    contacts = (torch.rand(BATCH, FRAMES, 4, generator=generator) < 0.7).float()
    return encode_features(R, contacts, torch.randn(BATCH, FRAMES, 3, generator=generator))


def joints_of(features: Tensor) -> Tensor:
    R, _, root = decode_features(features)
    return forward_kinematics(R, root)[1]


def losses_of(predicted: Tensor, target: Tensor, options: LossOptions | None = None) -> FrameLosses:
    normalized = predicted * 2 + 1, target * 2 + 1
    return frame_losses(*normalized, predicted, target, joints_of(target), options)


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


def test_pairs_take_the_smaller_weight_and_need_both_frames():
    weights = torch.tensor([[3.0, 1.0, 2.0, 5.0], [1.0, 2.0, 3.0, 4.0]])
    valid = torch.tensor([[True, True, True, True], [True, True, False, False]])
    before = valid.clone()
    pair_weights, pairs = pairwise(weights, valid)
    assert pair_weights[:, :3].tolist() == [[1.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    assert pairs.tolist() == [[True, True, True, False], [True, False, False, False]]
    assert torch.equal(valid, before)


def test_rotation_velocity_sums_squares_of_6d_differences(pair):
    predicted, target = pair
    loss = losses_of(predicted, target).rotation_velocity
    for b, f in frames():
        total = 0.0
        for c in range(144):
            if f + 1 < FRAMES:
                truth = float(target[b, f + 1, c]) - float(target[b, f, c])
                guess = float(predicted[b, f + 1, c]) - float(predicted[b, f, c])
                total += (truth - guess) ** 2
        assert float(loss[b, f]) == pytest.approx(total, rel=1e-4)


def test_root_and_contacts_are_squared_errors_of_their_channels(pair):
    predicted, target = pair
    losses = losses_of(predicted, target)
    for b, f in frames():
        root = [float(predicted[b, f, c] - target[b, f, c]) ** 2 for c in range(148, 151)]
        contacts = [float(predicted[b, f, c] - target[b, f, c]) ** 2 for c in range(144, 148)]
        assert float(losses.root[b, f]) == pytest.approx(sum(root), rel=1e-4)
        assert float(losses.contacts[b, f]) == pytest.approx(sum(contacts) / 4, abs=1e-6)


@pytest.mark.parametrize("mask", ["predicted", "learned"])
def test_the_foot_loss_masks_by_predicted_contacts(pair, mask):
    predicted, target = pair
    predicted = predicted.clone()
    predicted[..., LAYOUT.contacts] = 1.5 * torch.rand(
        BATCH, FRAMES, 4, generator=torch.Generator().manual_seed(3)
    )
    loss = losses_of(predicted, target, LossOptions(mask)).foot
    p = joints_of(predicted)
    for b, f in frames():
        total = 0.0
        for k, name in enumerate(CONTACT_JOINTS):
            if f + 1 < FRAMES:
                now, after = (min(1.0, float(predicted[b, g, 144 + k])) for g in (f, f + 1))
                step = p[b, f + 1, joint(name)] - p[b, f, joint(name)]
                # The thesis: || (FK(R_i+1) - FK(R_i)) f_i ||^2.
                factor = now**2 if mask == "learned" else now * after
                total += factor * sum(float(d) ** 2 for d in step)
        assert float(loss[b, f]) == pytest.approx(total / 4, rel=1e-4)


@pytest.mark.parametrize("mask", ["truth", "predicted", "learned"])
def test_only_the_learned_mask_teaches_contacts(pair, mask):
    predicted = (0.5 * pair[0] + 0.2).requires_grad_()
    losses_of(predicted, pair[1], LossOptions(mask, supervise_contacts=False)).foot.sum().backward()
    assert predicted.grad is not None
    assert bool((predicted.grad[..., LAYOUT.contacts] != 0).any()) == (mask == "learned")
    assert bool((predicted.grad[..., LAYOUT.rotations] != 0).any())


def test_unsupervised_contacts_count_nowhere_but_in_the_foot_loss(pair):
    predicted, target = pair
    other = predicted.clone()
    other[..., LAYOUT.contacts] += 3
    options = LossOptions(supervise_contacts=False)
    a, b = losses_of(predicted, target, options), losses_of(other, target, options)
    torch.testing.assert_close(a.simple, b.simple)
    assert float(b.contacts.abs().max()) == 0
    for index in frames():
        d = 2 * (predicted - target)[index]
        squares = [float(d[c]) ** 2 for c in range(151) if not 144 <= c < 148]
        assert float(a.simple[index]) == pytest.approx(sum(squares) / 147, rel=1e-4)


def test_the_thesis_lambdas_apply_to_its_own_sums(pair):
    predicted, target = pair
    losses = losses_of(predicted, target)
    w = thesis_weights(joints=0.1, velocity=0.02, foot=0.05)
    assert (w.joints, w.rotation_velocity, w.velocity) == (0.1, 0.02, 0.0)
    p, contact = joints_of(predicted), target[..., LAYOUT.contacts]
    both = contact[:, 1:] * contact[:, :-1]
    feet = p[:, :, [joint(name) for name in CONTACT_JOINTS]].diff(dim=1) * both[..., None]
    thesis_foot = 0.05 * feet.square().sum((-1, -2))
    torch.testing.assert_close(w.foot * losses.foot[:, :-1], thesis_foot)


def test_wrong_factors_and_options_are_refused():
    with pytest.raises(ConfigError, match="'velocity'"):
        LossWeights(velocity=-1.0)
    with pytest.raises(ConfigError, match="0 to 9"):
        LossOptions(projection_views=10)
