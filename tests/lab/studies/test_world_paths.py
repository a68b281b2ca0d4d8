"""World paths of virtual and of rendered clips, and the scenes that are rendered for them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from benchmark_examples import FAST, swaying, tiny_checkpoint, write_shards
from lab.studies.rendered_paths import moving_scenes
from lab.studies.world_paths import KINDS, filmed, length_error, way_m, world_table
from vimoflow.data.shards import read_shards
from vimoflow.evaluation.benchmark.benchmark_file import ClipSet, Manifest
from vimoflow.geometry.cameras import project
from vimoflow.motion.clip import Motion

MANIFEST = Manifest("ways", (ClipSet("plain", source="noisy"),))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return read_shards(write_shards(tmp_path_factory.mktemp("shards")), "validation")


def walking(metres: float) -> Motion:
    """Somebody who sways and goes straight ahead."""
    still = swaying(90, 0)
    ahead = np.linspace(0, metres, 90, dtype=np.float32)
    return dataclasses.replace(
        still, trans=still.trans + np.stack((0 * ahead, 0 * ahead, ahead), 1)
    )


def test_a_way_is_as_long_as_it_is_and_swaying_is_none() -> None:
    assert way_m(walking(0)) < 0.2 and way_m(walking(3)) == pytest.approx(3, rel=0.15)
    assert length_error(walking(3), walking(4)) == pytest.approx(0.25, abs=0.03)
    assert np.isnan(length_error(walking(3), walking(0)))


def test_every_kind_of_camera_films_every_clip(shards) -> None:
    rows = filmed(tiny_checkpoint(), MANIFEST, shards, FAST, KINDS[::4])
    assert [row.kind for row in rows] == ["still", "following"]
    assert [len(row.cases) for row in rows] == [4, 4]
    assert all(
        len(m) == len(c.truth) for row in rows for m, c in zip(row.motions, row.cases, strict=True)
    )
    lines = world_table(rows).splitlines()
    assert len(lines) == 4 and lines[2].startswith("| still | 4 | ")
    assert "| 4 | nan" not in lines[3]


def test_all_are_followed_and_the_persons_are_in_the_pictures(shards) -> None:
    scenes = moving_scenes(MANIFEST, shards)
    assert [scene.camera_kind for scene in scenes] == list(KINDS) * 4
    assert len({scene.name for scene in scenes}) == len(scenes)
    for scene in scenes:
        joints = torch.from_numpy(scene.motion.joint_positions).float()
        points, depth = project(scene.camera, joints)
        inside = ((points > 0) & (points < scene.size_px)).all(-1)
        assert float(inside.float().mean()) > 0.9 and float(depth.min()) > 0.5
    still = next(scene for scene in scenes if scene.camera_kind == "still")
    assert np.ptp(still.camera.t_camera_world.numpy(), axis=0).max() == 0
