"""A motion brought to the floor, with contacts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab.corpora.floors import drifting_floor
from vimoflow.motion.canonical import Floor, canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import fit_floor, sole_heights


def stand(height: np.ndarray, floor: Floor = fit_floor) -> Motion:
    """The T-pose at root heights (frames,)."""
    root = torch.zeros(len(height), 3, dtype=torch.float64)
    root[:, 1] = torch.from_numpy(height)
    root[:, 0] = 0.4
    rotations = torch.eye(3, dtype=torch.float64).repeat(len(height), 24, 1, 1)
    return canonical_motion(rotations, root, 30.0, floor)


def lowest(motion: Motion) -> np.ndarray:
    return sole_heights(torch.from_numpy(motion.joint_positions)).amin(-1).numpy()


@pytest.mark.parametrize("height", [-0.8, 0.0, 3.0])
def test_it_stands_on_the_floor_wherever_it_was(height: float) -> None:
    motion = stand(np.full(40, height))
    np.testing.assert_allclose(lowest(motion), 0, atol=1e-5)
    np.testing.assert_allclose(motion.trans[:, [0, 2]], [[0.4, 0.0]] * 40, atol=1e-6)
    assert motion.contacts.min() == 1 and motion.fps == 30.0
    assert motion.poses.dtype == motion.trans.dtype == motion.contacts.dtype == np.float32


def test_a_level_floor_keeps_a_jump_and_labels_it() -> None:
    height = np.zeros(60)
    height[20:30] = 0.4
    motion = stand(height)
    np.testing.assert_allclose(lowest(motion), height, atol=1e-5)
    np.testing.assert_array_equal(motion.contacts[:, 0], height == 0)


def test_a_drifting_floor_is_taken_out() -> None:
    drift = 0.3 * np.sin(np.linspace(0, 5, 240))
    assert np.abs(lowest(stand(drift, drifting_floor))).max() < 0.08  # slope times half a window
    assert np.abs(lowest(stand(drift))).max() > 0.2
