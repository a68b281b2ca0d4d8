"""Each gate on a motion with a known fault, and none on a motion without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from vimoflow.data.quality_gates import (
    LIMITS,
    Quality,
    exact_copies,
    gate_findings,
    measure_quality,
    near_copies,
    rejection,
)
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    rotation_about,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, JOINT_NAMES, joint, load_skeleton

FPS = 30.0


def standing_height() -> float:
    """Of the pelvis, metres, when the soles of the T-pose are on the floor."""
    rest = load_skeleton().rest_positions()
    feet = rest[[joint(name) for name in CONTACT_JOINTS], 1] - rest[0, 1]
    return float(np.max(standing_heights().numpy() - feet))


def motion(frames: int = 60, seed: int = 0, bend: float = 0.3) -> Motion:
    """Arms and spine swing, the legs stand still."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(frames)[:, None] / FPS
    poses = np.zeros((frames, 24, 3), dtype=np.float32)
    for name in JOINT_NAMES:
        if "shoulder" in name or "elbow" in name or "spine" in name:
            axis = rng.normal(size=3)
            poses[:, joint(name)] = bend * np.sin(3 * seconds + rng.uniform(0, 6)) * axis
    trans = np.tile(np.float32([0, standing_height(), 0]), (frames, 1))
    return Motion(poses, trans, FPS, np.ones((frames, 4), dtype=np.float32))


def moved(given: Motion, by: np.ndarray) -> Motion:
    return dataclasses.replace(given, trans=(given.trans + by).astype(np.float32))


def gates(*qualities: Quality) -> dict[str, int]:
    names = [f"take {i}" for i in range(len(qualities))]
    return {found.gate: found.recordings for found in gate_findings(names, qualities)}


def test_a_good_recording_passes() -> None:
    quality = measure_quality(motion())
    assert rejection(quality) is None and gates(quality) == {}
    assert quality.frozen_share == 0 and quality.slide_mps == pytest.approx(0, abs=1e-4)
    assert quality.sole_low_m == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("field", ["poses", "trans", "contacts"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_rejected(field: str, value: float) -> None:
    given = motion()
    getattr(given, field)[7] = value
    assert "NaN" in (rejection(measure_quality(given)) or "")


def test_a_single_frame_is_rejected() -> None:
    assert "single frame" in (rejection(measure_quality(motion(frames=1))) or "")


@pytest.mark.parametrize("frozen", [5, 20, 50])
def test_frozen_frames_are_measured_and_reported_and_statues_rejected(frozen: int) -> None:
    """``frozen`` repeats among 60 frames, hence 59 steps."""
    given = motion()
    given.poses[3 : 3 + frozen] = given.poses[2]
    quality = measure_quality(given)
    assert quality.frozen_s == pytest.approx(frozen / FPS)
    assert quality.frozen_share == pytest.approx(frozen / 59)
    assert (rejection(quality) is not None) == (frozen == 50)
    assert ("frozen" in gates(quality)) == (frozen > 5)


def test_a_teleport_is_a_jump_and_many_are_rejected() -> None:
    quality = measure_quality(moved(motion(200), np.eye(1, 200, 80).T * [1.2, 0, 0]))
    assert quality.jumps == 2  # there and back, at 36 m/s
    assert quality.impossible_share == pytest.approx(2 / 199)
    assert gates(quality)["jumps"] == 1
    assert "faster than any body" in (rejection(quality) or "")


def test_a_fast_hand_is_only_reported() -> None:
    given = motion(200)
    given.poses[100, joint("left_shoulder")] += [0, 0, 2.0]
    quality = measure_quality(given)
    assert quality.jumps == 2 and rejection(quality) is None


@pytest.mark.parametrize("height", [-0.2, -0.08, 0.0, 0.05, 0.15, 3.0])
def test_the_floor_is_where_the_soles_are(height: float) -> None:
    quality = measure_quality(moved(motion(), np.array([0.0, height, 0.0])))
    level = measure_quality(motion())
    assert quality.sole_low_m - level.sole_low_m == pytest.approx(height, abs=1e-4)
    assert quality.sole_high_m - level.sole_high_m == pytest.approx(height, abs=1e-4)
    assert rejection(quality) is None
    assert ("floor" in gates(quality)) == (height in (-0.2, -0.08, 0.15, 3.0))


@pytest.mark.parametrize("speed", [0.1, 0.8, 2.0])
def test_foot_slide_is_the_speed_of_a_gliding_figure(speed: float) -> None:
    path = np.arange(60)[:, None] / FPS * speed * [0.6, 0.0, 0.8]
    quality = measure_quality(moved(motion(), path))
    assert quality.slide_mps == pytest.approx(speed, abs=0.01)
    assert ("foot slide" in gates(quality)) == (speed > LIMITS.slide_mps)


def test_feet_in_the_air_do_not_slide() -> None:
    path = np.arange(60)[:, None] / FPS * [3.0, 0.0, 0.0] + [0.0, 0.5, 0.0]
    assert measure_quality(moved(motion(), path)).slide_mps == 0


def turned(given: Motion, yaw: float, ground: tuple[float, float]) -> Motion:
    turn = rotation_about("y", torch.tensor(yaw, dtype=torch.float64))
    root = turn @ axis_angle_to_matrix(torch.from_numpy(given.poses[:, 0]).double())
    poses = given.poses.copy()
    poses[:, 0] = matrix_to_axis_angle(root).numpy()
    trans = given.trans @ turn.numpy().T + [ground[0], 0.0, ground[1]]
    return dataclasses.replace(given, poses=poses, trans=trans.astype(np.float32))


def test_a_copy_elsewhere_facing_elsewhere_is_a_near_copy() -> None:
    first = measure_quality(motion(seed=1))
    again = measure_quality(turned(motion(seed=1), 2.0, (3.0, -1.0)))
    np.testing.assert_allclose(again.fingerprint, first.fingerprint, atol=1e-4)
    other = measure_quality(motion(seed=2, bend=0.9))
    longer = measure_quality(motion(frames=70, seed=1))
    found = near_copies([first, other, again, longer])
    assert found.tolist() == [False, False, True, False]
    assert exact_copies([first, other, again], [False] * 3) == {}
    assert gates(first, other, again) == {"near-copies": 1}


def test_near_copies_are_the_same_in_any_number_of_blocks() -> None:
    rng = np.random.default_rng(0)
    base = measure_quality(motion())
    points = rng.normal(0, 0.4, (700, len(base.fingerprint))).astype(np.float32)
    points[650] = points[3] + 0.01  # another block
    points[651] = points[650]
    points[652] = points[4] + 0.1
    rows = [dataclasses.replace(base, fingerprint=p) for p in points]
    assert np.flatnonzero(near_copies(rows)).tolist() == [650, 651]


def test_of_exact_copies_the_first_stays_or_the_one_held_out() -> None:
    a, b = measure_quality(motion(seed=1)), measure_quality(motion(seed=2))
    assert exact_copies([a, b, a, b, a], [False] * 5) == {2: 0, 3: 1, 4: 0}
    assert exact_copies([a, b, a], [False, False, True]) == {0: 2}
