"""The paired metrics against other implementations, literal loops and their own invariances."""

from __future__ import annotations

import math

import jaxtyping
import numpy as np
import pytest
import roma
import scipy.spatial
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics import paired as metrics

seeds = st.integers(0, 2**31 - 1)
quick = settings(max_examples=25, deadline=None)


def motion(seed: int, frames: int = 6, joints: int = 24, batch: tuple[int, ...] = ()):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*batch, frames, joints, 3, generator=generator, dtype=torch.float64)


def similarity(seed: int, points: torch.Tensor, reflect: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    rotation = roma.random_rotmat(dtype=torch.float64, generator=generator)
    if reflect:
        rotation = rotation @ torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    scale = 0.2 + 3 * torch.rand(1, generator=generator, dtype=torch.float64)
    shift = torch.randn(3, generator=generator, dtype=torch.float64)
    return scale * points @ rotation.T + shift


@quick
@given(seeds)
def test_pa_ignores_a_similarity_of_every_frame(seed):
    truth, other = motion(seed), motion(seed + 1)
    moved = torch.stack([similarity(seed + i, frame) for i, frame in enumerate(other)])
    torch.testing.assert_close(metrics.pa_mpjpe(moved, truth), metrics.pa_mpjpe(other, truth))
    per_frame = torch.stack([similarity(seed + i, frame) for i, frame in enumerate(truth)])
    assert metrics.pa_mpjpe(per_frame, truth) < 1e-6
    assert metrics.pa_mpjpe_clip(per_frame, truth) > 1.0  # one similarity cannot undo six


@quick
@given(seeds)
def test_pa_over_the_clip_ignores_one_similarity(seed):
    truth, other = motion(seed), motion(seed + 1)
    moved = similarity(seed, other)
    torch.testing.assert_close(
        metrics.pa_mpjpe_clip(moved, truth), metrics.pa_mpjpe_clip(other, truth)
    )


@quick
@given(seeds)
def test_pa_does_not_forgive_a_reflection(seed):
    truth = motion(seed)
    mirrored = similarity(seed, truth, reflect=True)
    assert metrics.pa_mpjpe(mirrored, truth) > 50
    assert metrics.pa_mpjpe_clip(mirrored, truth) > 50


@quick
@given(seeds)
def test_alignment_agrees_with_scipy_where_no_reflection_helps(seed):
    target = motion(seed)[0]
    points = similarity(seed, target) + 0.05 * motion(seed + 1)[0]
    # scipy scales the target to unit norm; the squared residual is its disparity.
    _, _, disparity = scipy.spatial.procrustes(target.numpy(), points.numpy())
    aligned = metrics.align_by_similarity(points, target)
    norm = (target - target.mean(0)).square().sum()
    assert float((aligned - target).square().sum() / norm) == pytest.approx(disparity, rel=1e-9)


def umeyama(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Another derivation: Horn's quaternion eigenproblem for the rotation, then the scale."""
    p, q = points - points.mean(0), target - target.mean(0)
    S = p.T @ q
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = S
    K = np.array(
        [
            [xx + yy + zz, yz - zy, zx - xz, xy - yx],
            [yz - zy, xx - yy - zz, xy + yx, zx + xz],
            [zx - xz, xy + yx, yy - xx - zz, yz + zy],
            [xy - yx, zx + xz, yz + zy, zz - xx - yy],
        ]
    )
    w, x, y, z = np.linalg.eigh(K)[1][:, -1]
    R = scipy.spatial.transform.Rotation.from_quat([x, y, z, w]).as_matrix()
    rotated = p @ R.T
    return (rotated * q).sum() / (p * p).sum() * rotated + target.mean(0)


@quick
@given(seeds, st.booleans())
def test_alignment_agrees_with_horns_quaternions(seed, reflect):
    points, target = motion(seed)[0], motion(seed + 1)[0]
    if reflect:
        points = similarity(seed, target, reflect=True) + 0.1 * points
    aligned = metrics.align_by_similarity(points, target)
    np.testing.assert_allclose(aligned, umeyama(points.numpy(), target.numpy()), atol=1e-9)


def test_alignment_of_degenerate_points_is_finite():
    target = motion(1)[0]
    same = torch.ones_like(target)
    torch.testing.assert_close(
        metrics.align_by_similarity(same, target), target.mean(0).expand_as(target)
    )
    flat = motion(2)[0] * torch.tensor([1.0, 1.0, 0.0])
    torch.testing.assert_close(metrics.align_by_similarity(similarity(3, flat), flat), flat)


@pytest.mark.parametrize("root", [(0,), (11, 12), ()])
def test_mpjpe_is_the_literal_loop(root):
    prediction, truth = motion(3).numpy(), motion(4).numpy()
    errors = []
    for p, t in zip(prediction, truth, strict=True):
        shift_p = sum(p[j] for j in root) / len(root) if root else 0
        shift_t = sum(t[j] for j in root) / len(root) if root else 0
        errors += [math.dist(p[j] - shift_p, t[j] - shift_t) for j in range(24)]
    value = metrics.mpjpe(torch.from_numpy(prediction), torch.from_numpy(truth), root)
    assert float(value) == pytest.approx(1000 * np.mean(errors), rel=1e-12)


def test_errors_of_single_joints():
    truth = motion(20, batch=(2,))
    off = truth.clone()
    off[..., 7, 0] += 0.25
    errors = metrics.joint_errors(off, truth)
    assert errors.shape == (2, 24)
    torch.testing.assert_close(errors[:, 7], torch.full((2,), 250.0, dtype=torch.float64))
    assert float(errors[:, [0, 3, 23]].max()) == 0
    aligned = metrics.pa_joint_errors(off, truth)
    assert bool((aligned.argmax(-1) == 7).all()) and float(aligned[:, 7].max()) < 250
    turned = roma.rotvec_to_rotmat(torch.zeros(2, 6, 24, 3, dtype=torch.float64))
    other = turned.clone()
    quarter = torch.tensor([0.0, math.pi / 2, 0.0], dtype=torch.float64)
    other[:, :3, 5] = roma.rotvec_to_rotmat(quarter)  # in half of the frames
    angles = metrics.joint_rotation_errors(other, turned)
    torch.testing.assert_close(angles[:, 5], torch.full((2,), 45.0, dtype=torch.float64))
    assert float(angles.sum(-1).max()) == pytest.approx(45)


def test_a_model_without_contacts_slides_as_much():
    """Sliding is measured where the truth stands, so predicting no contact gains nothing."""
    feet = motion(21, joints=4)
    truth, none = torch.ones(6, 4), torch.zeros(6, 4)
    assert float(metrics.foot_slide(feet, truth, 30.0)) > 100
    assert float(metrics.contact_scores(none, truth).recall) == 0


def test_root_relative_error_ignores_where_the_figure_stands():
    prediction, truth = motion(5), motion(6)
    path = torch.randn(6, 1, 3, dtype=torch.float64)
    torch.testing.assert_close(
        metrics.mpjpe(prediction + path, truth), metrics.mpjpe(prediction, truth)
    )


@pytest.mark.parametrize("fps", [30.0, 60.0, 23.976])
def test_derivatives_of_known_curves(fps):
    t = torch.arange(40, dtype=torch.float64) / fps
    polynomial = torch.stack((1.5 * t**3, 2.0 * t**2, 7.0 * t), dim=-1)
    joints = polynomial[:, None, :].expand(-1, 24, -1)
    assert float(metrics.jitter(joints, fps)) == pytest.approx(9.0, rel=1e-6)  # 6 * 1.5
    parabola = joints * torch.tensor([0.0, 1.0, 1.0])
    assert float(metrics.acceleration(parabola, fps)) == pytest.approx(4.0, rel=1e-6)
    assert float(metrics.jitter(parabola, fps)) < 1e-5
    still = torch.zeros_like(parabola)
    assert float(metrics.acceleration_error(parabola, still, fps)) == pytest.approx(4.0, rel=1e-6)


def test_acceleration_error_is_the_literal_loop():
    prediction, truth, fps = motion(7), motion(8), 25.0
    errors = []
    for f in range(1, 5):
        for j in range(24):
            a, b = (
                (x[f + 1, j] - 2 * x[f, j] + x[f - 1, j]) * fps * fps for x in (prediction, truth)
            )
            errors.append(float((a - b).norm()))
    value = metrics.acceleration_error(prediction, truth, fps)
    assert float(value) == pytest.approx(np.mean(errors), rel=1e-12)


@quick
@given(seeds)
def test_foot_slide_is_the_literal_loop(seed):
    feet, fps = motion(seed, joints=4), 30.0
    generator = torch.Generator().manual_seed(seed)
    contacts = torch.rand(6, 4, generator=generator, dtype=torch.float64)
    steps = []
    for f in range(5):
        for j in range(4):
            if contacts[f, j] >= 0.5 and contacts[f + 1, j] >= 0.5:
                (x0, _, z0), (x1, _, z1) = feet[f, j].tolist(), feet[f + 1, j].tolist()
                steps.append(1000 * math.hypot(x1 - x0, z1 - z0))
    value = float(metrics.foot_slide(feet, contacts, fps))
    assert value == pytest.approx(np.mean(steps), rel=1e-9) if steps else math.isnan(value)


def test_foot_slide_is_per_frame_at_30_fps_whatever_the_rate():
    for fps in (30.0, 60.0, 120.0):
        t = torch.arange(50, dtype=torch.float64) / fps
        feet = torch.zeros(50, 4, 3, dtype=torch.float64)
        feet[..., 0] = 0.3 * t[:, None]  # 0.3 m/s sideways is 10 mm per frame at 30 fps
        feet[..., 1] = torch.sin(9 * t)[:, None]  # up and down is no sliding
        value = metrics.foot_slide(feet, torch.ones(50, 4), fps)
        assert float(value) == pytest.approx(10.0, rel=1e-9)


def test_floor_metrics_of_known_heights():
    points = torch.zeros(4, 3, 3, dtype=torch.float64)
    points[..., 1] = torch.tensor([[0.5, 0.6, -0.02], [0.7, 0.03, 0.9], [0.01, 0.5, 1], [1, 1, 1]])
    # Lowest points: -20, 30, 10 and 1000 mm; the truth touches the floor in the first three frames.
    contacts = torch.tensor([[1.0, 0], [0, 0.5], [1, 1], [0, 0.4]])
    assert float(metrics.penetration(points)) == pytest.approx(20 / 4)
    assert float(metrics.penetration(points, sole_m=0.015)) == pytest.approx((35 + 5) / 4)
    assert float(metrics.floating(points, contacts)) == pytest.approx((0 + 30 + 10) / 3)
    assert float(metrics.floating(points, contacts, sole_m=0.015)) == pytest.approx(15 / 3)
    assert math.isnan(float(metrics.floating(points, torch.zeros(4, 2))))


@quick
@given(seeds, st.floats(0.001, math.pi - 0.001))
def test_mpjre_is_the_angle_between_rotations(seed, angle):
    generator = torch.Generator().manual_seed(seed)
    truth = roma.random_rotmat((2, 5, 24), dtype=torch.float64, generator=generator)
    axis = torch.nn.functional.normalize(motion(seed, 5), dim=-1)
    off = truth @ roma.rotvec_to_rotmat(angle * axis)
    torch.testing.assert_close(
        metrics.mpjre(off, truth), torch.full((2,), math.degrees(angle), dtype=torch.float64)
    )


@quick
@given(seeds)
def test_contact_scores_are_the_literal_counts(seed):
    generator = torch.Generator().manual_seed(seed)
    prediction, truth = torch.rand(2, 8, 4, generator=generator).round(decimals=1)
    pairs = [
        (p >= 0.5, t >= 0.5)
        for p, t in zip(prediction.flatten().tolist(), truth.flatten().tolist(), strict=True)
    ]
    hits = sum(p and t for p, t in pairs)
    scores = metrics.contact_scores(prediction, truth)
    predicted, true = sum(p for p, _ in pairs), sum(t for _, t in pairs)
    assert float(scores.precision) == pytest.approx(hits / predicted if predicted else math.nan)
    assert float(scores.recall) == pytest.approx(hits / true if true else math.nan)


def test_contact_scores_without_contacts_are_undefined():
    none, all_ = torch.zeros(8, 4), torch.ones(8, 4)
    assert math.isnan(float(metrics.contact_scores(none, all_).precision))
    assert math.isnan(float(metrics.contact_scores(all_, none).recall))


MOTION_METRICS = {
    "mpjpe": metrics.mpjpe,
    "pa_mpjpe": metrics.pa_mpjpe,
    "pa_mpjpe_clip": metrics.pa_mpjpe_clip,
    "acceleration_error": lambda p, t: metrics.acceleration_error(p, t, 30.0),
    "acceleration": lambda p, t: metrics.acceleration(p, 30.0),
    "jitter": lambda p, t: metrics.jitter(p, 30.0),
    "foot_slide": lambda p, t: metrics.foot_slide(p[..., :4, :], t[..., :4, 0], 30.0),
    "penetration": lambda p, t: metrics.penetration(p),
    "floating": lambda p, t: metrics.floating(p, t[..., :4, 0]),
}
PAIRED = sorted(MOTION_METRICS.keys() - {"acceleration", "jitter", "penetration"})


@pytest.mark.parametrize("name", MOTION_METRICS)
def test_a_batch_gives_what_its_clips_give(name):
    prediction, truth = motion(10, batch=(2, 3)), motion(11, batch=(2, 3))
    together = MOTION_METRICS[name](prediction, truth)
    assert together.shape == (2, 3) and together.dtype == torch.float64
    for i, j in np.ndindex(2, 3):
        alone = MOTION_METRICS[name](prediction[i, j], truth[i, j])
        torch.testing.assert_close(together[i, j], alone, equal_nan=True)


@pytest.mark.parametrize("name", MOTION_METRICS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(name, bad):
    good, broken = motion(12), motion(13)
    broken[3, 2, [0, 1]] = bad
    with pytest.raises(InputError, match="not finite"):
        MOTION_METRICS[name](broken, good)
    if name in PAIRED:
        with pytest.raises(InputError, match="not finite"):
            MOTION_METRICS[name](good, broken)


@pytest.fixture
def unchecked_shapes():
    """As users run it: without the tests' own shape checks in front of the functions."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("frames", [5, 1, 0])
def test_other_lengths_than_the_truths_are_refused(name, frames, unchecked_shapes):
    with pytest.raises(InputError, match=r"cannot be compared|without frames"):
        MOTION_METRICS[name](motion(14), motion(15)[:frames])


@pytest.mark.parametrize(
    ("name", "frames"),
    [("acceleration", 2), ("acceleration_error", 2), ("jitter", 3), ("foot_slide", 1)],
)
def test_too_few_frames_are_refused(name, frames):
    short, enough = motion(16, frames), motion(16, frames + 1)
    with pytest.raises(InputError, match="too few"):
        MOTION_METRICS[name](short, short)
    MOTION_METRICS[name](enough, enough)


@pytest.mark.parametrize("fps", [0.0, -30.0, math.nan, math.inf])
def test_senseless_frame_rates_are_refused(fps):
    with pytest.raises(InputError, match="frame rate"):
        metrics.jitter(motion(17), fps)
