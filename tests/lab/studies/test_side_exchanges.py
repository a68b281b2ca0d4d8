"""What the study of mending damages, finds and counts."""

from __future__ import annotations

import numpy as np

from lab.studies.side_exchanges import (
    GROUPS,
    MendingRow,
    found_exchanges,
    mending_rows,
    mending_table,
)
from tests.benchmark_examples import FAST, swaying, tiny_checkpoint
from tests.keypoints.test_mending import swaying as keypoints
from vimoflow.evaluation.benchmark.benchmark_file import NamedCases
from vimoflow.evaluation.benchmark.cases import Case

FRAMES = 90
SETS = [
    NamedCases(
        "sway",
        (
            Case(
                "n", "a", "", keypoints(FRAMES).points.astype(np.float32),
                swaying(FRAMES, 0), np.zeros((FRAMES, 17, 3), np.float32),
            ),
        ),
    )
]  # fmt: skip


def test_exchanges_of_somebody_plainly_seen_are_all_found() -> None:
    found = found_exchanges(SETS)
    assert {what for what, _ in found} == set(GROUPS)
    for one in found.values():
        assert one.made == one.made_found > 3 and one.found == one.found_made


def test_a_row_is_the_same_mended_or_not_where_nothing_is_wrong() -> None:
    rows = mending_rows(tiny_checkpoint(), SETS, FAST, lambda *_: None)
    assert rows[0].given == rows[0].given_mended and rows[0].exchanged == 0
    assert str(MendingRow("x", 1, 0.1, 50.0, 50.2, 70.0, 60.0)).endswith("| 70.0 | -10.00 |")
    assert "recall" in mending_table(rows, found_exchanges(SETS))
