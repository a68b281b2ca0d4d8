"""Options are checked before anything slow starts; the command's side is in tests/cli."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimoflow.errors import ConfigError
from vimoflow.pipeline.generate_options import Effort, GenerateOptions


def test_defaults_are_all_formats():
    options = GenerateOptions(output=Path("out"))
    assert options.formats == ("npz", "bvh", "glb", "html", "mp4")
    assert options.root == "free" and options.samples == 1


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("samples", 0, "--samples"),
        ("seed", -1, "--seed"),
        ("steps", 1001, "--steps"),
        ("guidance", float("nan"), "--guidance"),
        ("fps", float("inf"), "--fps"),
        ("start_s", -0.1, "--start"),
        ("end_s", 0.0, "--end"),
        ("height_m", 190.0, "--height"),
        ("formats", ("npz", "obj"), "--formats"),
        ("formats", (), "--formats"),
        ("region", (10, 0, 10, 5), "--region"),
        ("gravity", (0.0, 91.0), "--gravity"),
        ("gravity", (float("nan"), 0.0), "--gravity"),
        ("focal_mm", 0.0, "--focal"),
    ],
)
def test_senseless_values_name_the_option(field, value, named):
    with pytest.raises(ConfigError, match=named):
        GenerateOptions(output=Path("out"), **{field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("steps", 1), ("steps", 1000), ("guidance", 0.0), ("height_m", 0.3)]
)
def test_the_ends_of_a_range_are_allowed(field, value):
    assert getattr(GenerateOptions(output=Path("out"), **{field: value}), field) == value


def test_a_quality_is_a_detector_and_a_rate_that_single_options_override():
    efforts = {name: GenerateOptions(quality=name).effort for name in ("fast", "balanced", "best")}
    assert efforts["balanced"] == GenerateOptions().effort == Effort("mediapipe", 30.0, True)
    assert efforts["fast"].rate < efforts["balanced"].rate
    assert efforts["best"].estimator == "mediapipe-three"
    own = GenerateOptions(quality="best", estimator="rtmo", every_frame=True, refine=False)
    assert own.effort == Effort("rtmo", None, False)
