"""Splits by name: that of AMASS, and a tenth held out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimoflow.data import splits


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("CMU/01/01_01_poses", "train"), ("KIT/3/a", "train"), ("a file", "train"),
        ("MPI_HDM05/bk/HDM_bk_01-01_01_120_poses", "validation"), ("HDM05/bk/a", "validation"),
        ("SFU/0005/a", "validation"), ("HumanEva/S1/Box_1_poses", "validation"),
        ("Transitions_mocap/mazen_c3d/a", "test"), ("SSM/20160330_03333/a", "test"),
    ],
)  # fmt: skip
def test_amass_is_split_by_data_set(name: str, part: str) -> None:
    assert splits.amass_split(name) == part


@given(st.sets(st.text("abcd_123 ", min_size=1, max_size=6), min_size=2, max_size=60))
def test_a_tenth_is_held_out_whatever_the_order(names: set[str]) -> None:
    shuffled = sorted(names)
    random.Random(len(names)).shuffle(shuffled)
    found = splits.held_out(sorted(names))
    assert found == splits.held_out(shuffled)
    assert found < names  # at least one, never all


def test_takes_of_one_name_stay_together_and_the_share_is_a_tenth() -> None:
    names = [f"{kind}_{n:02d}{end}" for kind in "abcdefghijklmnopqrst" for n in range(5)
             for end in ("", "_mirror")]  # fmt: skip
    found = splits.held_out(names)
    assert len(found) == 20
    assert {name for name in names if name[0] in {one[0] for one in found}} == found
    assert splits.held_out(["alone"]) == frozenset()
    assert len(splits.held_out([f"take{n}" for n in range(30)])) == 3
