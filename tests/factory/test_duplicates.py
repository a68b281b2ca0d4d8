"""Near-duplicates: what is one, and which of them stays."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark_examples import swaying
from vimoflow.factory.duplicates import (
    duplicates_of,
    motion_descriptor,
    motion_distance_mm,
    picture_distance,
    picture_hashes,
    same_motions,
    same_videos,
)
from vimoflow.factory.pictures import Picture, encoded, shrunk
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    rotation_about,
)
from vimoflow.motion.clip import Motion


def turned(motion, radians):
    """The same motion filmed by a camera elsewhere."""
    turn = rotation_about("y", torch.tensor(radians, dtype=torch.float64))
    poses = motion.poses.copy()
    root = axis_angle_to_matrix(torch.from_numpy(poses[:, 0]).double())
    poses[:, 0] = matrix_to_axis_angle(turn @ root).numpy()
    trans = (motion.trans @ turn.numpy().T).astype(np.float32) + np.float32(3)
    return dataclasses.replace(motion, poses=poses, trans=trans)


def part(motion, first, end):
    return Motion(
        motion.poses[first:end], motion.trans[first:end], 30.0, motion.contacts[first:end]
    )


def test_place_and_heading_do_not_count():
    motion = swaying(90, 0)
    apart = motion_distance_mm(motion_descriptor(motion), motion_descriptor(turned(motion, 1.3)))
    assert apart < 1e-2


def test_a_shift_in_time_is_found():
    motion = swaying(240, 1)
    a, b = motion_descriptor(part(motion, 0, 150)), motion_descriptor(part(motion, 60, 210))
    assert motion_distance_mm(a, b) < 1e-3
    assert motion_distance_mm(a, b) == motion_distance_mm(b, a)
    assert motion_distance_mm(a, motion_descriptor(part(motion, 150, 240))) > 25


def test_same_motions_are_found_among_others():
    motions = {str(i): swaying(150, i) for i in range(6)}
    motions["copy"] = turned(part(swaying(210, 2), 45, 195), -0.7)
    found = same_motions({name: motion_descriptor(m) for name, m in motions.items()})
    assert found == [("2", "copy")]
    assert same_motions({}) == []


def pictures(seed, count, size=144, noise=0.0):
    """A scene in which a bright patch wanders."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 255, (12, 12, 3)).repeat(12, 0).repeat(12, 1)
    found = []
    for i in range(count):
        rgb = ground.copy()
        rgb[20 + 8 * (i % 9) : 60 + 8 * (i % 9), 10 * (i % 11) : 10 * (i % 11) + 30] = 255
        rgb = np.clip(rgb + rng.normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)
        found.append(Picture(0.5 * i, encoded(shrunk(rgb, size / 144)), 1.0))
    return found


def test_scaled_noisy_and_shortened_copies_are_the_same_video():
    hashes = {
        "long": picture_hashes(pictures(0, 10)),
        "copy": picture_hashes(pictures(0, 10, size=100, noise=2.0)[3:]),
        "other": picture_hashes(pictures(1, 10)),
    }
    assert same_videos(hashes) == [("copy", "long")]
    assert picture_distance(hashes["long"], hashes["other"]) > 40


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            st.permutations([str(i) for i in range(n)]),
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12),
        )
    ),
    st.randoms(),
)
def test_who_stays_does_not_depend_on_the_order_of_pairs(case, random):
    ranked, rows = case
    pairs = [(str(a), str(b)) for a, b in rows if a != b]
    gone = duplicates_of(ranked, pairs)
    shuffled = [pair[::-1] for pair in pairs]
    random.shuffle(shuffled)
    assert duplicates_of(ranked, shuffled) == gone
    staying = set(ranked) - set(gone)
    same = {frozenset(pair) for pair in pairs}
    assert not any(frozenset(pair) in same for pair in itertools.combinations(staying, 2))
    for name, other in gone.items():
        assert other in staying and frozenset((name, other)) in same
        assert ranked.index(other) < ranked.index(name)


@pytest.mark.parametrize("overlap", [0.5, 1.0])
def test_distance_is_symmetric(overlap):
    a, b = motion_descriptor(swaying(60, 3)), motion_descriptor(swaying(90, 4))
    assert motion_distance_mm(a, b, overlap) == motion_distance_mm(b, a, overlap)
