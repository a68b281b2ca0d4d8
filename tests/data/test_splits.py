"""Splits by name: AIST++ (project, thesis, cross-modal) and AMASS."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimoflow.data import splits
from vimoflow.errors import InputError
from vimoflow.formats.aistpp import read_camera_mapping


def test_names_are_taken_apart() -> None:
    parsed = splits.parse_aist_name("gBR_sBM_cAll_d04_mBR0_ch01")
    assert parsed == splits.AistName("gBR", "sBM", "cAll", "d04", "mBR0", "ch01")
    assert splits.parse_aist_name("gWA_sFM_c01_d25_mWA4_ch05").camera == "c01"


@pytest.mark.parametrize(
    "name", ["", "gBR", "gXX_sBM_cAll_d04_mBR0_ch01", "gBR_sBM_cAll_d04_mBR0_ch01.pkl", "a/gBR_sBM"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="no AIST"):
        splits.thesis_genre_split(name)


def test_the_thesis_tests_on_break_and_middle_hip_hop() -> None:
    found = {
        g: splits.thesis_genre_split(f"{g}_sBM_cAll_d04_m{g[1:]}0_ch01") for g in splits.GENRES
    }
    assert [genre for genre, part in found.items() if part == "test"] == ["gBR", "gMH"]
    assert sum(part == "train" for part in found.values()) == 8


def test_the_thesis_split_of_all_of_aistpp(shared_data: Path) -> None:
    names = read_camera_mapping(shared_data / "aistpp" / "cameras")
    parts = [splits.thesis_genre_split(name) for name in names]
    assert (parts.count("test"), parts.count("train")) == (141 + 141, 1408 - 282)


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
