"""Threads: how many are free, and that their number does not change results."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.pipeline import threads
from vimoflow.pipeline.threads import CpuUse, free_cores


@pytest.mark.parametrize(
    ("others", "expected"), [(0.0, 4), (0.2, 4), (1.0, 3), (2.6, 1), (3.9, 1), (9.0, 1)]
)
def test_others_leave_what_they_do_not_use(monkeypatch, others: float, expected: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(threads, "own_cores", lambda: 4)
    before = CpuUse(10.0, 3.0, 100.0)
    after = CpuUse(12.0, 4.5, 100.0 + 1.5 + 2.0 * others)
    assert free_cores(before, after) == expected


def test_no_more_than_the_process_may_use_and_all_of_them_where_nothing_is_known(
    monkeypatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(threads, "own_cores", lambda: 2)
    assert free_cores(CpuUse(0.0, 0.0, 0.0), CpuUse(1.0, 0.0, 1.0)) == 2
    assert free_cores(CpuUse(0.0, 0.0, None), CpuUse(1.0, 0.0, None)) == 2
    assert free_cores(CpuUse(0.0, 0.0, 0.0), CpuUse(0.01, 0.0, 5.0)) == 2


def test_own_work_is_not_taken_for_that_of_others() -> None:
    before = CpuUse.now()
    while time.process_time() - before.own_s < 0.3:
        pass
    after = CpuUse.now()
    assert after.own_s - before.own_s >= 0.3
    if before.all_s is not None and after.all_s is not None:
        assert after.all_s - before.all_s > 0.2  # ticks of a hundredth


def test_sleeping_is_asked_for_before_the_runtime_loads() -> None:
    code = (
        "import os, sys\n"
        "from vimoflow.pipeline.generation import generate\n"
        "try: generate([], None)\n"
        "except Exception: pass\n"
        "print(os.environ.get('OMP_WAIT_POLICY'), os.environ.get('KMP_BLOCKTIME'))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP", "KMP"))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["PASSIVE", "0"]


def test_one_thread_and_two_agree(run, keypoint_file, tmp_path) -> None:
    source, found = keypoint_file(40), []
    for count in (1, 2):
        out = tmp_path / str(count)
        code, err = run("generate", source, "-o", out, "--threads", count, "--formats", "npz")
        assert code == 0, err
        found.append(load_motion_npz(out / "motion.npz").joint_positions)
    assert abs(found[0] - found[1]).max() < 1e-4
