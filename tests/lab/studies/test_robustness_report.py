"""Robustness curves as files."""

from __future__ import annotations

import json
import re

from lab.studies.robustness import Curve, CurvePoint
from lab.studies.robustness_report import write_curves
from vimoflow.evaluation.metrics.intervals import Estimate


def test_the_same_curves_give_the_same_files(tmp_path):
    estimate = Estimate(50.0, 40.0, 60.0, 3, 3)
    points = tuple(CurvePoint(x, estimate, estimate, estimate) for x in (0.0, 10.0))
    for name in "ab":
        text = write_curves([Curve("noise", "mm", points)], "bench: tiny", tmp_path / name)
    files = [{p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "ab"]
    assert files[0] == files[1]
    assert files[0]["robustness.png"].startswith(b"\x89PNG")
    assert files[0]["robustness.md"].decode("utf-8") == text
    table = re.search(r"(?:^\|.*\n)+", text, re.M)[0].splitlines()
    assert "## noise" in text and len({line.count("|") for line in table}) == 1
    assert table[-1].startswith("| 10 | 3 | 50.0 [40.0, 60.0] |")
    document = json.loads(files[0]["robustness.json"])
    assert document["curves"][0]["points"][1]["level"] == 10
