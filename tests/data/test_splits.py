"""The split of AMASS by name."""

from __future__ import annotations

import pytest

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
