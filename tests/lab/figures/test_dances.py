"""Strips of motions."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lab.figures.dances import write_motion_strips
from lab.music.beat_tests import motion_of
from music_examples import swinging
from vimoflow.errors import InputError


def test_a_recorded_motion_and_a_file_have_a_row_each(shards, tmp_path):
    motion_of(swinging("a", 60)).save(tmp_path / "a.npz")
    write_motion_strips(shards, "open0", [tmp_path / "a.npz"], tmp_path / "a.png", (0.0, 0.5, 9.0))
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(float)
    assert picture.shape == (340, 390, 3)
    assert np.abs(picture[:170] - picture[170:]).mean() > 1
    with pytest.raises(InputError, match="is called odd"):
        write_motion_strips(shards, "odd", [], tmp_path / "b.png", (0.0,))
