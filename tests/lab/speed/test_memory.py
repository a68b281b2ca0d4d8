"""Memory is measured in fresh processes, on keypoints of any length."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lab.speed import memory
from vimoflow.keypoints.sequence import Keypoints2D


def test_keypoints_are_played_forth_and_back() -> None:
    points = np.zeros((4, 17, 3))
    points[:, :, 0] = np.arange(4)[:, None]
    longer = memory._lengthened(Keypoints2D(points, np.arange(4) / 30, (64, 48)), 11)
    assert longer.points[:, 0, 0].tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2]
    np.testing.assert_allclose(np.diff(longer.timestamps), 1 / 30)


def test_a_run_says_what_it_took(swaying_keypoints, tmp_path: Path) -> None:
    from vimoflow.keypoints.formats import write_keypoints_json

    write_keypoints_json(swaying_keypoints(20, 30.0), tmp_path / "a.json")
    assert 100 < memory._peak_mb(tmp_path / "a.json", ["npz"]) < 2000
