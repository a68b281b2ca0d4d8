"""The ground-truth row of AIST++, as far as the sequences at hand allow."""

from __future__ import annotations

import math

import pytest

from lab.studies.published_rows import truth_rows, truth_table
from vimoflow.errors import InputError


def test_the_rows_say_how_far_they_compare(shared_data):
    rows = truth_rows(shared_data / "aistpp" / "motions")
    table = truth_table(rows)
    assert [row.metric for row in rows] == ["PFC", "Div_k", "Div_g", "beat alignment"]
    assert 0.3 < rows[0].value < 4 and rows[0].low <= rows[0].value <= rows[0].high
    assert "too few for a FID" in table and "no music at hand" in table
    assert math.isnan(rows[3].value) and rows[3].n == 0


def test_a_folder_without_motions_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no AIST"):
        truth_rows(tmp_path)
