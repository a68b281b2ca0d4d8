"""Dances with their music: which file is whose."""

from __future__ import annotations

import numpy as np
import pytest

from music_examples import tone
from vimoflow.errors import InputError
from vimoflow.music.pairs import BEATS_ENDING, find_music, read_dances, read_motions_only


def test_music_is_found_by_the_recordings_name_and_by_the_aist_piece(tmp_path):
    (tmp_path / "mJS2.mp3").touch()
    assert find_music(tmp_path, "gJS_sBM_cAll_d03_mJS2_ch07") == tmp_path / "mJS2.mp3"
    assert find_music(tmp_path, "gBR_sBM_cAll_d04_mBR2_ch08") is None
    (tmp_path / "DANCE_C_1.wav").touch()
    assert find_music(tmp_path, "DANCE_C_1") == tmp_path / "DANCE_C_1.wav"


def test_no_pairs_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no recording has music"):
        read_dances(tmp_path, tmp_path)


def test_stated_beats_count_instead_of_those_found(shards, tmp_path, monkeypatch):
    pytest.importorskip("librosa")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stated = tone(tmp_path / "open0.wav", 3.0).with_suffix(BEATS_ENDING)
    stated.write_text("0.5\n0.1\n1.2\n99\n")
    (dance,) = read_dances(shards, tmp_path, in_step=True)
    assert dance.in_step and dance.corpus == "open" and len(dance) == 50
    np.testing.assert_allclose(dance.music_beats, [3, 15, 36])
    stated.write_text("soon")
    with pytest.raises(InputError, match="one a line"):
        read_dances(shards, tmp_path)


def test_recordings_without_music_are_read_alone(shards):
    dances = read_motions_only(shards, without=("closed*",))
    assert [d.name for d in dances] == ["open0", "open1"]
    assert all(d.music is None and not d.in_step for d in dances)
