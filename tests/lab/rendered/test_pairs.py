"""Training pairs, with grey frames in place of the drawing."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy import sparse

from benchmark_examples import swaying
from lab.rendered import pairs
from lab.rendered.bodies import Body
from lab.rendered.clips import load_arrays, save_arrays
from lab.rendered.rendering import Frame, Studio
from lab.rendered.scenes import PAIR_SIZE_PX, choose_scenes
from vimoflow.data.batches import BatchSettings, WindowSource, make_batch
from vimoflow.data.recording import Recording
from vimoflow.data.shards import read_shards, write_shard
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import camera_heading, project
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics


class _Grey(Studio):
    filmed: ClassVar[list[str]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def film(self, scene, body):
        self.filmed.append(scene.name)
        for _ in range(len(scene.motion)):
            picture = np.full((PAIR_SIZE_PX, PAIR_SIZE_PX, 3), 99, np.uint8)
            yield Frame(picture, np.zeros((9, 9)), np.zeros((3, 3)))


@pytest.fixture
def shards(tmp_path):
    (tmp_path / "shards").mkdir()
    rows = [Recording(f"r{i}", "c", "train", swaying(20, i)) for i in range(2)]
    write_shard(rows, tmp_path / "shards", "CC BY 4.0", "https://example.org")
    return read_shards(tmp_path / "shards", "train")


@pytest.fixture
def filmed(monkeypatch, shards, tmp_path):
    _Grey.filmed = []
    empty = sparse.csr_matrix((17, 3))
    body = Body(np.zeros((3, 3)), np.array([[0, 1, 2]]), np.zeros(3, int), empty, empty)
    monkeypatch.setattr(pairs, "Studio", _Grey)
    monkeypatch.setattr(pairs, "load_people", lambda folder, shapes: [body])
    pairs.film_pairs(shards, tmp_path, 2)
    return tmp_path


def test_what_is_there_is_not_filmed_again(filmed, shards):
    assert len(_Grey.filmed) == 2
    pairs.film_pairs(shards, filmed, 3)
    assert len(_Grey.filmed) == 3


def test_a_pair_knows_its_camera(filmed, shards):
    scenes = choose_scenes(shards, 100, 5000, ("static anyhow",), 1)
    for path, scene in zip(sorted(filmed.glob("pair-*.npz")), scenes, strict=True):
        found = load_arrays(path, pairs._ARRAYS)
        R = scene.camera.R_camera_world[0]
        assert found["heading"] == pytest.approx(float(camera_heading(R)))
        np.testing.assert_allclose(found["lens"][3:], -R[:, 1], atol=1e-6)
        np.testing.assert_allclose(found["lens"][:3], [scene.camera.focal_px[0], 200, 200])
        np.testing.assert_array_equal(found["poses"], scene.motion.poses)
        assert (found["points_px"][..., 2] == 0).all()  # nobody is in a grey picture


def test_pairs_are_windows_with_their_own_2d(filmed, shards):
    (filmed / "packed").mkdir()
    with pytest.raises(InputError, match="nobody"):
        pairs.pack_pairs(filmed, shards, filmed / "packed")
    scenes = choose_scenes(shards, 100, 5000, ("static anyhow",), 1)
    for path, scene in zip(sorted(filmed.glob("pair-*.npz")), scenes, strict=True):
        found = load_arrays(path, pairs._ARRAYS)
        motion = Motion(found["poses"], found["trans"], 30.0, found["contacts"])
        R, p = forward_kinematics(
            torch.from_numpy(motion.local_rotations).float(), torch.from_numpy(motion.trans).float()
        )
        px = project(scene.camera, coco_points(R, p))[0].numpy()
        seen = np.concatenate((px, np.ones_like(px[..., :1])), axis=-1)
        save_arrays(path, found | {"points_px": seen.astype(np.float32)})
    entry = pairs.pack_pairs(filmed, shards, filmed / "packed")
    assert (entry.corpus, entry.recordings, entry.frames) == ("rendered", 2, 40)
    assert entry.allows_commercial_use
    for shard in shards:  # of a corpus with other terms
        barred = dataclasses.replace(shard.entry, licence="CC BY-NC 4.0")
        closed = [dataclasses.replace(shard, entry=barred)]
        assert pairs.pack_pairs(filmed, closed, filmed / "packed").bars_commercial_use
        other = [dataclasses.replace(shard, entry=dataclasses.replace(barred, corpus="d"))]
        with pytest.raises(InputError):
            pairs.pack_pairs(filmed, other, filmed / "packed")
    assert pairs.pack_pairs(filmed, shards, filmed / "packed") == entry
    source = WindowSource(read_shards(filmed / "packed", "train"))
    settings = BatchSettings(real_2d=1.0)
    batch = make_batch(source, 8, 16, torch.Generator().manual_seed(0), settings)
    assert (batch.condition.pose[..., 2] == 1).all()  # no noise, no gaps: the pair's own points
