"""The comparison of BVH readers: the same numbers from all, on text that each accepts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.speed.reading import (
    compare_readers,
    find_bvh,
    without_positions_below_root,
)
from vimoflow.errors import InputError
from vimoflow.formats.bvh import read_bvh

CHANNELS = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
ROWS = "1.5 2 3 10 20 30  4 5.25 6 40 -50 60\n0 0 0 1e-3 0 0  7 8 9 70 80 -0.125\n"
TEXT = f"""HIERARCHY
ROOT hip
{{
  OFFSET 0 0 0
  {CHANNELS}
  JOINT knee
  {{
    OFFSET 0 10 0
    {CHANNELS}
    End Site
    {{
      OFFSET 0 5 0
    }}
  }}
}}
MOTION
Frames: 2
Frame Time: 0.04
{ROWS}"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.bvh"
    path.write_text(TEXT)
    return path


def test_the_changed_text_holds_the_same_numbers(file: Path) -> None:
    before = read_bvh(file)
    changed = without_positions_below_root(TEXT)
    assert changed.endswith(ROWS)
    file.write_text(changed)
    after = read_bvh(file)
    np.testing.assert_array_equal(after.values, before.values)
    assert [len(c) for c in after.channels] == [6, 3, 3, 0]


def test_both_libraries_are_compared(file: Path) -> None:
    pytest.importorskip("pybvh")
    pytest.importorskip("bvhio")
    pybvh, _, bvhio = compare_readers([file], repeats=2)
    assert (pybvh.library, pybvh.files, pybvh.changed) == ("pybvh", 1, 1)
    assert (bvhio.library, bvhio.files, bvhio.changed) == ("bvhio", 1, 0)
    assert pybvh.largest_difference < 1e-12 and bvhio.largest_difference < 1e-5
    assert pybvh.ratio > 0 and bvhio.ratio > 0


def test_files_are_spread_over_all_there_are(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.bvh").touch()
    assert [path.stem for path in find_bvh([tmp_path], 3)] == ["0", "4", "8"]
    assert find_bvh([tmp_path / "1.bvh"], 3) == [tmp_path / "1.bvh"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.bvh files"):
        find_bvh([tmp_path / "empty"], 3)
