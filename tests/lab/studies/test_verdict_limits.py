"""The study of the verdict: severities, and the figures of a limit."""

from __future__ import annotations

import numpy as np

from lab.studies.verdict_limits import judged, limits_table
from tests.benchmark_examples import tiny_checkpoint
from tests.lab.studies.test_side_exchanges import SETS


def test_a_limit_that_tells_all_apart_and_one_that_flags_everybody() -> None:
    table = limits_table(np.array([0.25, 0.25, 0.9, 0.9]), np.array([50.0, 60.0, 90.0, 200.0]))
    assert "AUC 1.000" in table
    assert "risk above 0.2: 100% flagged, precision 0.50, recall 1.00" in table
    assert "risk above 0.5: 50% flagged, precision 1.00, recall 1.00" in table


def test_what_is_judged_has_a_risk_and_an_error() -> None:
    risks, errors = judged(tiny_checkpoint(), SETS[0].cases, lambda *_: None)
    assert 0 <= risks[0] <= 1 and len(errors) == 1
