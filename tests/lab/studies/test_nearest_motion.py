"""Training motion found by its 2D, on a tiny shard."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from lab.studies.nearest_motion import NearestSettings, nearest_training_motions
from vimoflow.data.recording import Recording
from vimoflow.data.shards import Shard, read_shards, write_shard
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case, turned
from vimoflow.evaluation.metrics import paired as metrics
from vimoflow.geometry.cameras import Camera, project
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics

LENGTHS = (70, 24, 90, 65)


def swaying(frames: int, seed: int) -> Motion:
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    poses = 0.5 * np.sin(rng.uniform(1, 4, (24, 3)) * time + rng.uniform(0, 6, (24, 3)))
    poses[:, 0] *= 0.1
    trans = np.array([0.3, 0.93, -0.2]) + np.array([0.3, 0, 0.2]) * time[:, 0]
    contacts = np.ones((frames, 4), np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), 30.0, contacts)


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> Shard:
    folder = tmp_path_factory.mktemp("shards")
    recordings = [Recording(f"r{i}", "toy", "train", swaying(n, i)) for i, n in enumerate(LENGTHS)]
    write_shard(recordings, folder, "CC0", "made here")
    return read_shards(folder, "train")[0]


def filmed(motion: Motion, yaw: float) -> Case:
    """The motion turned by the yaw, seen from 8 degrees above by a far camera."""
    truth = turned(motion, yaw)
    R, root = torch.from_numpy(truth.local_rotations), torch.from_numpy(truth.trans).double()
    points = coco_points(*forward_kinematics(R, root))
    c, s = math.cos(math.radians(8)), math.sin(math.radians(8))
    R_camera_world = torch.tensor([[1, 0, 0], [0, -c, s], [0, -s, -c]], dtype=torch.float64)
    position = torch.tensor([0.0, 0.9 + 60 * s, 60 * c], dtype=torch.float64)
    camera = Camera(
        R_camera_world, -R_camera_world @ position, torch.tensor(20_000.0).double(),
        torch.tensor([500.0, 500.0]).double(),
    )  # fmt: skip
    expanded = Camera(*(getattr(camera, f.name).expand(len(points), *getattr(camera, f.name).shape)
                        for f in dataclasses.fields(camera)))  # fmt: skip
    pixels, depth = project(expanded, points)
    assert bool((depth > 0).all())
    keypoints = np.concatenate((pixels.numpy(), np.full((len(points), 17, 1), 0.9)), -1)
    return Case("c", "toy", "", keypoints.astype(np.float32), truth, points.float().numpy())


def error(motion: Motion, case: Case) -> float:
    joints = torch.from_numpy(motion.joint_positions)
    return float(metrics.mpjpe(joints, torch.from_numpy(case.truth.joint_positions)))


def test_a_training_clip_is_found_from_any_side(shard):
    cases = [filmed(swaying(70, 0), 2 * math.pi * k / 24) for k in (0, 7, 18)]
    cases.append(filmed(swaying(90, 2), math.radians(15)))
    settings = NearestSettings(window=48, overlap=12)
    found = nearest_training_motions([shard], cases, settings)
    assert [len(m) for m in found] == [70, 70, 70, 90]
    for motion, case in zip(found, cases, strict=True):
        assert error(motion, case) < 5  # other clips are 350 mm away
        assert np.isfinite(motion.poses).all() and motion.fps == 30
        np.testing.assert_allclose(motion.trans[0, [0, 2]], 0, atol=0.05)


def test_the_path_of_windows_is_joined(shard):
    case = filmed(swaying(90, 2), 0.0)
    motion = nearest_training_motions([shard], [case], NearestSettings(window=48))[0]
    steps = np.linalg.norm(np.diff(motion.trans, axis=0), axis=-1)
    assert steps.max() < 0.05  # the truth walks 0.012 m a frame
    way = motion.trans[-1] - motion.trans[0]
    expected = case.truth.trans[-1] - case.truth.trans[0]
    assert np.linalg.norm(way - expected) < 0.3


def test_missing_points_do_not_count(shard):
    case = filmed(swaying(70, 0), 0.0)
    points = case.points_px.copy()
    points[:, [9, 10, 13]] = (9e3, 9e3, 0.0)
    blind = dataclasses.replace(case, points_px=points)
    assert error(nearest_training_motions([shard], [blind])[0], blind) < 5


def test_short_cases_have_a_library_of_their_own_length(shard):
    short = filmed(swaying(24, 1), 0.0)
    found = nearest_training_motions([shard], [short, filmed(swaying(70, 0), 0.0)])
    assert len(found[0]) == 24 and error(found[0], short) < 5
    with pytest.raises(InputError, match="as long as 100"):
        nearest_training_motions(
            [shard], [filmed(swaying(120, 0), 0.0)], NearestSettings(window=100)
        )
