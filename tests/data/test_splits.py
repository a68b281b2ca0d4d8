"""Splits by name: AIST++ (project, thesis, cross-modal) and AMASS."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimoflow.data import splits
from vimoflow.errors import InputError
from vimoflow.formats.aistpp_files import read_camera_mapping, read_name_list


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


def test_the_cross_modal_split_of_the_real_files(shared_data: Path) -> None:
    split = splits.read_crossmodal_split(shared_data / "aistpp")
    assert (len(split.train), len(split.validation), len(split.test)) == (980, 0, 20)
    ignored = read_name_list(shared_data / "aistpp" / "splits" / "ignore_list.txt")
    assert not ignored & split.test and ignored & split.train  # reading those is refused
    names = {part: [splits.parse_aist_name(n) for n in getattr(split, part)]
             for part in ("train", "test")}  # fmt: skip
    # What makes it cross-modal: no music of the test part is heard in training.
    assert not {n.music for n in names["test"]} & {n.music for n in names["train"]}
    assert split.of("gBR_sBM_cAll_d04_mBR0_ch02") == "test"
    assert split.of("gWA_sFM_cAll_d25_mWA4_ch05") == "train"
    assert split.of("gBR_sBM_cAll_d04_mBR0_ch01") is None
    for name in splits.AISTPP_VALIDATION:
        assert split.of(name) == "train"  # why the split cannot be scored with three sequences


def write_splits(folder: Path, **parts: str) -> Path:
    (folder / "splits").mkdir()
    for part, names in parts.items():
        (folder / "splits" / f"crossmodal_{part}.txt").write_text(names)
    return folder


def test_the_cross_modal_split_with_a_validation_part(tmp_path: Path) -> None:
    split = splits.read_crossmodal_split(
        write_splits(tmp_path, train="a\nb\n", val="c", test="d\n")
    )
    assert [split.of(name) for name in "abcde"] == ["train", "train", "validation", "test", None]


def test_a_cross_modal_split_that_leaks_or_lacks_a_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'b' is in the training part"):
        splits.read_crossmodal_split(write_splits(tmp_path, train="a b", test="b"))
    (tmp_path / "splits" / "crossmodal_test.txt").unlink()
    with pytest.raises(InputError, match=r"crossmodal_test\.txt"):
        splits.read_crossmodal_split(tmp_path)


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
