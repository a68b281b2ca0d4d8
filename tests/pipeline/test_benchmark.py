"""The benchmark: clocks where the stages are, tables, and old figures beside new ones."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vimoflow.errors import InputError
from vimoflow.pipeline.benchmark import read_old, table
from vimoflow.pipeline.stage_times import _AFTER_LOADING, _BEFORE_LOADING, Clocks

_DOCUMENT = {
    "wall_s": 12.0,
    "real_time_factor": 1.2,
    "wall_by_bare_detector": 1.5,
    "peak_memory_mb": 640.0,
    "stages_s": {"decode": 2.0, "network": 0.25},
    "ceilings": {"bare detector, s": 8.0},
}


@pytest.mark.parametrize(("module", "name", "stage"), [*_BEFORE_LOADING, *_AFTER_LOADING])
def test_every_stage_is_where_its_clock_goes(module: str, name: str, stage: str) -> None:
    assert callable(functools.reduce(getattr, name.split("."), importlib.import_module(module)))


def test_clocks_add_up_calls_and_count_those_that_fail() -> None:
    clocks = Clocks()

    def wait(path: Path) -> Path:
        time.sleep(0.02)
        if path.suffix == ".bad":
            raise ValueError
        return path

    timed = clocks.timed("motion", wait)
    assert timed(Path("a.bvh")) == Path("a.bvh")
    timed(Path("b.bvh"))
    with pytest.raises(ValueError):
        timed(Path("c.bad"))
    assert set(clocks.seconds) == {"motion.bvh", "motion.bad"}
    assert 0.04 <= clocks.seconds["motion.bvh"] < 0.4 and clocks.seconds["motion.bad"] >= 0.02


def test_stages_of_a_real_run(keypoint_file, tmp_path: Path) -> None:
    settings = {
        "video": str(keypoint_file(12)),
        "output": str(tmp_path / "out"),
        "options": {"formats": ["npz", "bvh", "mp4"], "threads": 1},
        "process_start": time.time(),
    }
    command = [sys.executable, "-m", "vimoflow.pipeline.stage_times", json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    named = {"network", "refinement", "feet", "motion.npz", "motion.bvh", "preview.mp4", "encode"}
    assert named <= set(found["stages"]) and all(s >= 0 for s in found["stages"].values())
    waited = sum(found["stages"][name] for name in named)
    assert 0 < waited < found["wall_s"] and found["threads"] == 1


def test_a_table_with_and_without_old_figures() -> None:
    lines = table(_DOCUMENT).splitlines()
    assert "| whole, s | 12.00 |" in lines and "| decode (beside others), s | 2.00 |" in lines
    old = _DOCUMENT | {"wall_s": 24.0, "stages_s": {"network": 0.5}}
    lines = table(_DOCUMENT, old).splitlines()
    assert "| whole, s | 12.00 | 24.00 | 0.500 |" in lines
    assert "| network, s | 0.250 | 0.500 | 0.500 |" in lines
    assert "| decode (beside others), s | 2.00 |  |  |" in lines


@pytest.mark.parametrize("text", ["", "[]", '{"wall_s": 1}'])
def test_what_is_no_measurement_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(InputError, match=r"old\.json"):
        read_old(tmp_path / "old.json")
