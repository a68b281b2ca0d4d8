"""The run's log: JSON lines, TensorBoard events, and a line that can be read."""

from __future__ import annotations

import json
import math
import sys

import pytest

from vimoflow.errors import ConfigError, OutputError
from vimoflow.training.held_out import HeldOutErrors
from vimoflow.training.monitor import Alert, Report
from vimoflow.training.quantities import QUANTITIES
from vimoflow.training.run_log import LOG, TENSORBOARD, RunLog, read_log

MOTION = next(q for q in QUANTITIES if q.name == "motion_ratio")
ALERT = Alert(MOTION, 0.01, "below")
TENTHS = (*(0.1 * k for k in range(1, 10)), math.nan)


def report(step: int, alerts: tuple[Alert, ...] = ()) -> Report:
    values = {"total": 1.23456789, "joints": 0.02, "motion_ratio": 0.01, "root_scale": math.nan}
    return Report(step, values, TENTHS, alerts, alerts)


def test_rows_are_json_and_the_line_says_what_is_wrong(tmp_path):
    log = RunLog(tmp_path, steps=100)
    text = log.report(report(10, (ALERT,)), seconds=12.34)
    line, alert = text.splitlines()
    assert line.startswith("step 10/100 12 s | total 1.23 joints 0.02")
    assert "motion_ratio 0.01↓" in line and line.endswith("0.90 -")
    assert "collapse to static poses" in alert and "lambda_vel" in alert
    log.report(report(20), 20.0)
    first, second = (json.loads(row) for row in (tmp_path / LOG).read_text().splitlines())
    assert first["step"] == 10 and first["seconds"] == 12.3 and first["total"] == 1.2346
    assert first["root_scale"] is None and first["x0_error"][9] is None
    assert first["collapsed"] is True and "alerts" in first
    assert "collapsed" not in second and "alerts" not in second


def test_a_resumed_run_drops_what_came_after_its_state(tmp_path):
    log = RunLog(tmp_path, steps=100)
    for step in (10, 20, 30):
        log.report(report(step), float(step))
    with (tmp_path / LOG).open("a") as file:
        file.write('{"step": 40, "tot')  # killed while writing
    RunLog(tmp_path, steps=100, first_step=20).report(report(25), 25.0)
    assert [row["step"] for row in read_log(tmp_path / LOG)] == [10, 20, 25]
    RunLog(tmp_path, steps=100)
    assert read_log(tmp_path / LOG) == []


def test_tensorboard_holds_scalars(tmp_path):
    pytest.importorskip("tensorboardX")
    log = RunLog(tmp_path, steps=100, tensorboard=True)
    log.report(report(10, (ALERT,)), 1.0)
    errors = HeldOutErrors((0.5,) * 10, (50.0,) * 10)
    assert "held out: x0 error 0.5, joints" in log.held_out(10, errors)
    log.close()
    (events,) = (tmp_path / TENSORBOARD).iterdir()
    content = events.read_bytes()
    for tag in ("loss/total", "monitor/motion_ratio", "x0_error/t00-10", "held_out/x0"):
        assert tag.encode() in content
    assert b"x0_error/t90-100" not in content  # nothing was seen there
    rows = read_log(tmp_path / LOG)
    assert rows[1]["held_out_joints_mm"] == [50.0] * 10


def test_without_tensorboardx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ConfigError, match=r"\[train\]"):
        RunLog(tmp_path, steps=1, tensorboard=True)


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / LOG).mkdir()
    with pytest.raises(OutputError) as caught:
        RunLog(tmp_path, steps=1).report(report(1), 1.0)
    assert "\n" not in str(caught.value) and LOG in str(caught.value)
