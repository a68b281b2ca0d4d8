"""Splits by name: AIST++ and AMASS."""

from __future__ import annotations

import pytest

from vimoflow.data import splits


def test_the_project_keeps_two_sequences_apart() -> None:
    assert splits.project_split("gJS_sBM_cAll_d03_mJS2_ch07") == "validation"
    assert splits.project_split("gBR_sBM_cAll_d04_mBR2_ch08") == "validation"
    assert splits.project_split("gJS_sFM_cAll_d02_mJS4_ch09") == "train"


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
