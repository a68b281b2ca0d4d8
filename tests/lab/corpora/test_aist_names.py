"""Splits of AIST++ by name: the project's and the thesis'."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.corpora import aist_names
from lab.corpora.aistpp_files import read_camera_mapping
from vimoflow.errors import InputError


def test_names_are_taken_apart() -> None:
    parsed = aist_names.parse_aist_name("gBR_sBM_cAll_d04_mBR0_ch01")
    assert parsed == aist_names.AistName("gBR", "sBM", "cAll", "d04", "mBR0", "ch01")
    assert aist_names.parse_aist_name("gWA_sFM_c01_d25_mWA4_ch05").camera == "c01"


@pytest.mark.parametrize(
    "name", ["", "gBR", "gXX_sBM_cAll_d04_mBR0_ch01", "gBR_sBM_cAll_d04_mBR0_ch01.pkl", "a/gBR_sBM"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="no AIST"):
        aist_names.thesis_genre_split(name)


def test_the_thesis_tests_on_break_and_middle_hip_hop() -> None:
    found = {
        g: aist_names.thesis_genre_split(f"{g}_sBM_cAll_d04_m{g[1:]}0_ch01")
        for g in aist_names.GENRES
    }
    assert [genre for genre, part in found.items() if part == "test"] == ["gBR", "gMH"]
    assert sum(part == "train" for part in found.values()) == 8


def test_the_thesis_split_of_all_of_aistpp(shared_data: Path) -> None:
    names = read_camera_mapping(shared_data / "aistpp" / "cameras")
    parts = [aist_names.thesis_genre_split(name) for name in names]
    assert (parts.count("test"), parts.count("train")) == (141 + 141, 1408 - 282)


def test_the_project_keeps_two_sequences_apart() -> None:
    assert aist_names.project_split("gJS_sBM_cAll_d03_mJS2_ch07") == "validation"
    assert aist_names.project_split("gBR_sBM_cAll_d04_mBR2_ch08") == "validation"
    assert aist_names.project_split("gJS_sFM_cAll_d02_mJS4_ch09") == "train"
