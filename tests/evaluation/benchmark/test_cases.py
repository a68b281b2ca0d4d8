"""Cases: real and virtual views, the truth turned to the camera, what is refused."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark_examples import HEADINGS, write_shards
from vimoflow.data.shards import Shard, read_shards
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import (
    real_case,
    require_usable,
    turned,
    validation_cases,
    virtual_case,
)
from vimoflow.geometry.rotations import heading_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def shards(folder) -> dict[str, Shard]:
    return {shard.entry.corpus: shard for shard in read_shards(folder, "validation")}


def test_every_real_view_is_a_case_over_its_whole_length(shards):
    shard = shards["filmed"]
    cases = validation_cases([shard], limit=5, seed=0, longest=10)
    assert [case.name for case in cases] == ["filmed0"] * 3 + ["filmed1"] * 3
    assert [len(case.truth) for case in cases] == [20] * 3 + [30] * 3
    for case, start in zip(cases, shard.view_starts, strict=True):
        rows = shard.keypoints[start : start + len(case.truth)]
        assert np.array_equal(case.points_px, rows) and case.static_camera


def test_the_truth_is_turned_against_the_cameras_heading(shards):
    shard = shards["filmed"]
    cases = validation_cases([shard], limit=1, seed=0)
    pelvis = [torch.from_numpy(case.truth.local_rotations[:, 0]) for case in cases]
    turned = [(heading_of(pelvis[0]) - heading_of(R)) for R in pelvis]
    for found, expected in zip(turned, HEADINGS, strict=True):
        difference = torch.remainder(found - float(expected) + math.pi, 2 * math.pi) - math.pi
        assert float(difference.abs().max()) < 1e-5
    # The triangulated points turn along: the same heading about the same vertical axis.
    c, s = math.cos(1.0), math.sin(1.0)
    x, y, z = np.moveaxis(shard.coco_truth[:20], -1, 0)
    np.testing.assert_allclose(
        cases[1].truth_coco, np.stack([c * x - s * z, y, s * x + c * z], -1), atol=1e-5
    )


def test_a_virtual_case_is_the_same_every_time_and_cut_in_the_middle(shards):
    first = validation_cases([shards["plain"]], limit=9, seed=1, longest=28)
    again = validation_cases([shards["plain"]], limit=9, seed=1, longest=28)
    other = validation_cases([shards["plain"]], limit=9, seed=2, longest=28)
    assert [len(case.truth) for case in first] == [28, 28, 28, 26]  # run before walk
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.points_px, b.points_px) and a.static_camera == b.static_camera
        assert np.array_equal(a.truth.poses, b.truth.poses)
        assert not np.array_equal(a.points_px, c.points_px)
        assert (a.points_px[..., 2] > 0).mean() > 0.5
    longest = shards["plain"]
    height = longest.trans[longest.starts[3] + 5 : longest.starts[3] + 33, 1]
    np.testing.assert_allclose(first[2].truth.trans[:, 1], height, atol=1e-6)


def test_moving_cameras_are_told_from_static_ones(folder, shards):
    cases = [c for seed in range(8) for c in validation_cases([shards["plain"]], 9, seed)]
    assert 0 < sum(case.static_camera for case in cases) < len(cases)


def test_the_limit_holds_for_each_group(shards):
    cases = validation_cases([shards["plain"]], limit=2, seed=0)
    assert [(case.group, case.name) for case in cases] == [
        ("run", "plain1"), ("run", "plain3"), ("walk", "plain0"),
    ]  # fmt: skip


def test_exact_points_differ_from_noisy_ones_of_the_same_camera(shards):
    exact = virtual_case(shards["plain"], 1, 0, noisy=False)
    noisy = virtual_case(shards["plain"], 1, 0)
    assert (exact.points_px[..., 2] == 1).all() and exact.source == "truth"
    assert np.array_equal(exact.truth.poses, noisy.truth.poses)
    error = np.linalg.norm((noisy.points_px - exact.points_px)[..., :2], axis=-1)
    seen = noisy.points_px[..., 2] > 0
    assert 0 < np.median(error[seen]) < 60 < np.ptp(exact.points_px[..., 1])


def test_turning_a_motion_turns_its_joints(shards):
    motion = virtual_case(shards["plain"], 1, 0).truth
    c, s = math.cos(0.7), math.sin(0.7)
    x, y, z = np.moveaxis(motion.joint_positions, -1, 0)
    expected = np.stack((c * x + s * z, y, c * z - s * x), axis=-1)
    np.testing.assert_allclose(turned(motion, 0.7).joint_positions, expected, atol=1e-5)


def _nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[3] = np.nan
    return array


def test_unusable_clips_are_refused_by_name(shards):
    case = real_case(shards["filmed"], 0, 0)
    short = dataclasses.replace(
        case.truth, poses=case.truth.poses[:2], trans=case.truth.trans[:2],
        contacts=case.truth.contacts[:2], timestamps=case.truth.timestamps[:2],
    )  # fmt: skip
    bad = {
        "frames of 2D": dataclasses.replace(case, points_px=case.points_px[:-1]),
        "too few": dataclasses.replace(
            case, points_px=case.points_px[:2], truth_coco=case.truth_coco[:2], truth=short
        ),
        "NaN": dataclasses.replace(
            case, truth=dataclasses.replace(case.truth, trans=_nan(case.truth.trans))
        ),
    }
    require_usable([case])
    for words, wrong in bad.items():
        with pytest.raises(InputError, match=words) as error:
            require_usable([case, wrong])
        assert "filmed0 view 1" in str(error.value)
    with pytest.raises(InputError, match="no clip"):
        require_usable([])
