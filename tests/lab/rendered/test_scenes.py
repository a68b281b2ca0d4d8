"""What is filmed: by seed, over all corpora, with the person in the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark_examples import swaying
from lab.rendered.scenes import SIZE_PX, choose_scenes
from vimoflow.data.recording import Recording
from vimoflow.data.shards import read_shards, write_shard
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import project


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    for corpus, lengths in (("long", (130, 140, 100, 12)), ("short", (40, 95))):
        rows = [
            Recording(f"{corpus}{i}", corpus, "validation", swaying(n, i), group="ab"[i % 2])
            for i, n in enumerate(lengths)
        ]
        write_shard(rows, folder, "CC BY 4.0", "https://example.org")
    return read_shards(folder, "validation")


def test_the_same_seed_films_the_same(shards):
    first, again, other = (choose_scenes(shards, 4, seed) for seed in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        assert (a.name, a.recording, a.first, a.light, a.occluder) == (
            b.name, b.recording, b.first, b.light, b.occluder,
        )  # fmt: skip
        assert torch.equal(a.camera.R_camera_world, b.camera.R_camera_world)
        assert np.array_equal(a.motion.poses, b.motion.poses)
    assert any(
        not torch.equal(a.camera.t_camera_world[:1], b.camera.t_camera_world[:1])
        for a, b in zip(first, other, strict=True)
    )


def test_corpora_take_turns_and_no_recording_comes_twice(shards):
    scenes = choose_scenes(shards, 99, 0)
    assert [scene.corpus for scene in scenes[:4]] == ["long", "short", "long", "short"]
    names = [scene.recording for scene in scenes]
    assert len(set(names)) == len(names) == 5 and "long3" not in names  # 0.4 s is too short
    assert {scene.group for scene in scenes[:3:2]} == {"a", "b"}
    assert all(len(s.motion) <= 120 and abs(s.motion.trans[0, [0, 2]]).max() < 1e-6 for s in scenes)


def test_the_person_is_in_the_picture_unless_the_camera_is_near(shards):
    for seed in range(4):
        for scene in choose_scenes(shards, 5, seed):
            joints = torch.from_numpy(scene.motion.joint_positions).float()
            px, depth = project(scene.camera, joints)
            assert float(depth.min()) > 0.3
            inside = ((px > 0) & (px < SIZE_PX)).all(-1).float().mean()
            assert float(inside) > (0.4 if scene.camera_kind == "static near" else 0.95)


def test_still_cameras_stand_still_and_others_move(shards):
    for seed in range(4):
        for scene in choose_scenes(shards, 5, seed):
            t = scene.camera.t_camera_world
            R = scene.camera.R_camera_world
            moved = float((t - t[0]).abs().max() + (R - R[0]).abs().max())
            assert (moved < 1e-4) == scene.camera_kind.startswith("static")


def test_nothing_stands_inside_the_person(shards):
    found = [s for seed in range(6) for s in choose_scenes(shards, 5, seed) if s.occluder]
    assert found
    for scene in found:
        away = scene.motion.joint_positions[..., [0, 2]] - scene.occluder.center_xz
        assert np.linalg.norm(away, axis=-1).min() > 0.3


def test_nothing_to_film_is_refused(shards):
    with pytest.raises(InputError, match="half a second"):
        choose_scenes([], 3, 0)
