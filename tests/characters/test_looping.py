"""Cycles that are found where they are, and begin again without a pop."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from character_examples import walk
from lab.figures.characters import node_worlds
from lab.rigs.rigged_figures import FIGURES, glb
from vimoflow import RetargetOptions, retarget
from vimoflow.characters.gltf_file import read_gltf
from vimoflow.characters.looping import best_cycle, repeated, trimmed
from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion


def noisy_walk(frames: int = 150, noise: float = 0.01) -> Motion:
    motion, rng = walk(frames=frames), np.random.default_rng(0)
    drift = np.cumsum(rng.normal(size=motion.poses.shape) * noise, axis=0) / np.sqrt(frames)
    return dataclasses.replace(motion, poses=(motion.poses + drift).astype(np.float32))


def test_a_walks_cycle_is_one_second() -> None:
    cycle = best_cycle(noisy_walk())
    assert cycle.end_s - cycle.start_s == pytest.approx(1.0, abs=0.04)
    assert cycle.gap_mm < 20


def test_a_cycle_begins_again_without_a_pop() -> None:
    """Steps from frame to frame over the seam are like those beside it, for all joints."""
    motion = repeated(best_cycle(noisy_walk(noise=0.05)).motion)
    points = motion.joint_positions
    jumps = np.linalg.norm(np.diff(points, 2, axis=0), axis=-1).max(1)
    seam = (len(motion) - 1) // 3
    assert jumps[seam - 1] <= 1.5 * np.median(jumps) + np.quantile(jumps, 0.9)
    period = points[seam : 2 * seam + 1]
    way = period[-1] - period[0]
    assert np.abs(way - way.mean(0)).max() < 1e-4


def test_standing_still_is_no_cycle() -> None:
    motion = walk(frames=60)
    still = dataclasses.replace(
        motion,
        poses=np.concatenate((np.repeat(motion.poses[:1], 60, 0), motion.poses)),
        trans=np.concatenate((np.repeat(motion.trans[:1], 60, 0), motion.trans)),
        contacts=np.concatenate((np.repeat(motion.contacts[:1], 60, 0), motion.contacts)),
        timestamps=np.arange(120) / 30,
    )
    assert best_cycle(still).start_s > 1.5


def test_a_loop_on_a_character(tmp_path: Path) -> None:
    """The file's first and last frames show one pose, feet included."""
    path = tmp_path / "hero.glb"
    path.write_bytes(glb(FIGURES["Unity, giant"]))
    options = RetargetOptions(loop=True, root="inplace")
    result = retarget(noisy_walk(), path, tmp_path / "out", options)
    assert result.cycle is not None
    file = read_gltf(result.files[0])
    frames = round((result.cycle.end_s - result.cycle.start_s) * 30) + 1
    ends = node_worlds(file, [0, frames - 1])
    assert np.abs(ends[0] - ends[1]).max() < 2e-3


def test_trimming() -> None:
    motion = walk(frames=60)
    part = trimmed(motion, 0.5, 1.0)
    assert len(part) == 16 and part.timestamps[0] == 0
    assert np.array_equal(part.poses, motion.poses[15:31])
    with pytest.raises(InputError, match=r"lasts 1\.97 s"):
        trimmed(motion, 5.0)
    with pytest.raises(InputError, match="too short"):
        best_cycle(trimmed(motion, 0.0, 0.5))
