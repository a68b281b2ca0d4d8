"""Detectors and formats of other packages, each one file: offered, used and named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from vimoflow.cli.main import APP
from vimoflow.errors import ConfigError
from vimoflow.keypoints.estimators import find_estimator, find_people_estimator
from vimoflow.registry import DETECTORS, FORMATS, Registry
from vimoflow.video import VideoWriter

DETECTOR = """
import numpy as np

class Scarecrow:
    name = "scarecrow-1"

    def estimate(self, frames):
        x = np.array([0, 1, -1, 2, -2, 8, -8, 16, -16, 20, -20, 5, -5, 5, -5, 5, -5]) + 80
        y = np.array([20, 18, 18, 19, 19, 30, 30, 40, 40, 50, 50, 60, 60, 80, 80, 100, 100])
        for _ in frames:
            yield np.stack([x, y, np.ones(17)], axis=1)

class Nothing:
    pass
"""
FORMAT = """
def write(motion, path):
    open(path, "w").write(f"{len(motion)} frames")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A detector and a format as packages of one file each, as pip would leave them."""
    for module, code, group, entry in (
        ("toy_detector", DETECTOR, "detectors", "scarecrow = toy_detector:Scarecrow"),
        ("toy_format", FORMAT, "formats", "toy = toy_format:write"),
    ):
        (tmp_path / f"{module}.py").write_text(code)
        about = tmp_path / f"{module}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[vimoflow.{group}]\n{entry}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "field.mp4", (160, 120), 30.0) as writer:
        for k in range(12):
            writer.write(np.full((120, 160, 3), 90, np.uint8), k / 30)
    return tmp_path / "field.mp4"


def test_they_are_offered_by_help_and_named_in_messages(installed: Path) -> None:
    text = CliRunner().invoke(APP, ["generate", "-h"]).output
    text = "".join(text.split())
    assert "|".join(DETECTORS.names) in text and ",toy." in text
    assert "scarecrow" in DETECTORS.names
    for registry, name in ((DETECTORS, "scarecrow"), (FORMATS, "toy")):
        with pytest.raises(ConfigError, match=f"'crow' is not one of .*{name}"):
            registry.require("crow")


def test_they_are_used_by_generate(installed: Path, video: Path) -> None:
    words = ["generate", str(video), "-o", str(installed / "out"), "--no-refine"]
    options = ["--estimator", "scarecrow", "--formats", "toy,npz"]
    result = CliRunner().invoke(APP, [*words, *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert (installed / "out" / "motion.toy").read_text() == "12 frames"
    record = json.loads((installed / "out" / "run.json").read_text())
    assert record["input"]["estimator"] == "scarecrow-1"


def test_a_class_named_by_hand_is_found_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "by_hand.py").write_text(DETECTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(tmp_path))])
    assert find_estimator("by_hand:Scarecrow")().name == "scarecrow-1"
    with pytest.raises(ConfigError, match="needs `name` and `estimate`"):
        find_estimator("by_hand:Nothing")()
    with pytest.raises(ConfigError, match="one person only"):
        find_people_estimator("by_hand:Scarecrow")()


@pytest.mark.parametrize("name", ["nowhere:Thing", "json:nothing", "json:", ":"])
def test_what_cannot_be_imported_is_a_line(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be imported") as caught:
        DETECTORS.require(name, "--estimator")
    assert str(caught.value).startswith("--estimator: ")


@pytest.mark.parametrize("registry", [DETECTORS, FORMATS], ids=lambda registry: registry.kind)
def test_everything_that_ships_is_there(registry: Registry) -> None:
    assert all(callable(registry.find(name)) for name in registry.names)


def test_the_table_in_the_docs_has_every_detector_and_format() -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "formats.md").read_text("utf-8")
    for name in (*DETECTORS.names, *FORMATS.names):
        assert f"| `{name}` |" in text, name
