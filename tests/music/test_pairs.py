"""Dances with their music: which file is whose."""

from __future__ import annotations

import pytest

from vimoflow.errors import InputError
from vimoflow.music.pairs import find_music, read_dances


def test_music_is_found_by_the_recordings_name_and_by_the_aist_piece(tmp_path):
    (tmp_path / "mJS2.mp3").touch()
    assert find_music(tmp_path, "gJS_sBM_cAll_d03_mJS2_ch07") == tmp_path / "mJS2.mp3"
    assert find_music(tmp_path, "gBR_sBM_cAll_d04_mBR2_ch08") is None
    (tmp_path / "DANCE_C_1.wav").touch()
    assert find_music(tmp_path, "DANCE_C_1") == tmp_path / "DANCE_C_1.wav"


def test_no_pairs_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no recording has music"):
        read_dances(tmp_path, tmp_path)
