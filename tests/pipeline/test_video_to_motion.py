"""The model as one object, with the checkpoint that ships."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.errors import CheckpointError, InputError
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.inference.conditioning.steadying import steadied
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.floor import fit_floor
from vimoflow.pipeline.video_to_motion import VideoToMotion, shots_seen

QUICK = SamplingOptions(steps=2, refine=False)


@pytest.fixture(scope="module")
def model() -> VideoToMotion:
    return VideoToMotion.from_pretrained()


def test_keypoints_become_a_motion_that_can_be_saved(model, swaying_keypoints, tmp_path):
    keypoints = swaying_keypoints(12)
    motion = model(keypoints)
    assert len(motion) == 12 and motion.fps == pytest.approx(30)
    np.testing.assert_allclose(motion.joints2d, keypoints.points, rtol=1e-6)
    assert motion.observed.all()
    for ending in ("npz", "bvh", "glb"):
        motion.save(tmp_path / f"a.{ending}")
    back = load_motion_npz(tmp_path / "a.npz")
    assert np.abs(back.joint_positions - motion.joint_positions).max() < 1e-5


def test_a_clock_that_starts_late_or_runs_unevenly(model, swaying_keypoints):
    keypoints = swaying_keypoints(40)
    times = 100 + np.cumsum(np.random.default_rng(0).uniform(0.01, 0.06, 40))
    uneven = dataclasses.replace(keypoints, timestamps=times)
    motion = model.sample(uneven, QUICK)[0]
    np.testing.assert_allclose(motion.timestamps, times - times[0])
    assert motion.fps == pytest.approx(39 / (times[-1] - times[0]))
    assert np.isfinite(motion.joint_positions).all()


def test_faster_keypoints_of_one_dance_give_nearly_the_same_motion(model, swaying_keypoints):
    """The model works at 30 Hz whatever the input's rate."""
    slow = model.sample(swaying_keypoints(31, 30.0), QUICK)[0]
    fast = model.sample(swaying_keypoints(121, 120.0), QUICK)[0]
    assert np.abs(fast.joint_positions[::4] - slow.joint_positions).max() < 1e-3


def test_a_sample_does_not_depend_on_how_many_are_drawn(model, swaying_keypoints):
    keypoints = swaying_keypoints(20)
    alone, first, second = (
        model.sample(keypoints, QUICK)[0],
        *model.sample(keypoints, QUICK, samples=2),
    )
    np.testing.assert_allclose(alone.joint_positions, first.joint_positions, atol=1e-4)
    assert np.abs(first.joint_positions - second.joint_positions).max() > 1e-3


def test_the_figure_stands_on_the_floor_over_the_origin(model, swaying_keypoints):
    motion = model.sample(swaying_keypoints(60), QUICK)[0]
    np.testing.assert_allclose(motion.trans[0, [0, 2]], 0, atol=1e-5)
    floor = fit_floor(torch.from_numpy(motion.joint_positions), motion.fps)
    assert abs(float(floor)) < 1e-3


def test_errors_name_what_is_wrong(model, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        model(tmp_path / "missing.mp4")
    with pytest.raises(CheckpointError, match="nonesuch"):
        VideoToMotion.from_pretrained("nonesuch")


def test_the_lens_that_a_pan_tells_is_told_to_the_network(model, swaying_keypoints):
    keypoints = swaying_keypoints(12)
    turn = Rotation.from_rotvec(np.outer(np.linspace(0, 0.2, 12), (0, 1, 0))).as_matrix()
    told = {}
    for focal in (None, 1.4):
        view = steadied(
            keypoints.points, keypoints.image_size, CameraPath(turn, np.ones(12), False, focal)
        )
        (shot,), _ = shots_seen(model.checkpoint, keypoints, keypoints.timestamps, (), view)
        told[focal] = shot.condition.view[0, 0]
    assert told[None][3] == 0 and told[1.4][3] == 1  # whether it is known
    assert told[1.4][2] < told[None][2]  # a longer lens sees from farther away
