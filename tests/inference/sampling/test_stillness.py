"""What trembles in somebody who is still goes away, what moves stays."""

from __future__ import annotations

import numpy as np

from vimoflow.inference.sampling.stillness import stilled
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint

FRAMES = 120


def _motion(poses: np.ndarray, trans: np.ndarray | None = None) -> Motion:
    place = np.tile([0.0, 0.95, 0.0], (FRAMES, 1)) if trans is None else trans
    return Motion(poses, place.astype(np.float32), 30.0, np.ones((FRAMES, 4), np.float32))


def _acceleration(motion: Motion) -> float:
    return float(np.linalg.norm(np.diff(motion.joint_positions, n=2, axis=0), axis=-1).mean())


def test_somebody_still_trembles_a_fifth_as_much_and_stays_where_he_is() -> None:
    rng = np.random.default_rng(0)
    standing = rng.normal(0, 0.2, (1, 24, 3)).repeat(FRAMES, axis=0)
    trembling = _motion((standing + rng.normal(0, 0.01, (FRAMES, 24, 3))).astype(np.float32))
    calm = stilled(trembling)
    assert _acceleration(calm) < 0.2 * _acceleration(trembling)
    truth = _motion(standing.astype(np.float32)).joint_positions
    off = [np.linalg.norm(one.joint_positions - truth, axis=-1).mean() for one in (calm, trembling)]
    assert off[0] < 0.6 * off[1]


def test_kicks_steps_and_their_timing_stay() -> None:
    """A leg swings three times in two seconds while the person walks."""
    poses = np.zeros((FRAMES, 24, 3), np.float32)
    phase = 2 * np.pi * 0.75 * np.arange(FRAMES) / 30
    poses[:, joint("left_hip"), 0] = 0.9 * np.sin(phase)
    walk = np.stack((np.zeros(FRAMES), np.full(FRAMES, 0.95), np.arange(FRAMES) / 30 * 1.3), 1)
    kicking = _motion(poses, walk)
    kept = stilled(kicking)
    off = np.linalg.norm(kept.joint_positions - kicking.joint_positions, axis=-1)
    assert off[10:-10].max() < 0.015 and abs(off[10:-10].mean()) < 0.003
    assert _acceleration(kept) > 0.93 * _acceleration(kicking)


def test_a_frame_or_two_and_nothing_but_stillness_are_kept() -> None:
    still = _motion(np.full((FRAMES, 24, 3), 0.1, np.float32))
    np.testing.assert_allclose(stilled(still).poses, still.poses, atol=1e-5)
    for frames in (1, 2):
        short = Motion(still.poses[:frames], still.trans[:frames], 30.0, still.contacts[:frames])
        np.testing.assert_allclose(stilled(short).joint_positions, short.joint_positions, atol=1e-5)
