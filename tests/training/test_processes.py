"""Two CPU processes (gloo), and micro-batches, give what one process gives in one go."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="module")
def results(shards, tmp_path_factory) -> Path:
    """Folder of runs by one process, by two, and by one in two micro-batches."""
    output = tmp_path_factory.mktemp("several")
    script = Path(__file__).with_name("runs.py")
    command = [sys.executable, str(script), "several", shards, output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return output


def load(path: Path) -> dict:
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize("other", ["two-0", "two-1", "micro-0"])
def test_gradients_and_weights_are_those_of_one_process(results, other):
    one, found = load(results / "one-0.pt"), load(results / f"{other}.pt")
    for step in range(2):
        # Where single gradients cancel, what rounding leaves is that of the others.
        floor = 1e-3 * max(float(g.abs().max()) for g in one["gradients"][step].values())
        for key, expected in one["gradients"][step].items():
            size = max(float(expected.abs().max()), floor)
            assert (found["gradients"][step][key] - expected).abs().max() <= 2e-4 * size, key
    assert all(torch.allclose(found["weights"][k], v, atol=1e-5) for k, v in one["weights"].items())


def test_processes_end_with_the_same_weights(results):
    first, second = load(results / "two-0.pt"), load(results / "two-1.pt")
    assert all(torch.equal(second["weights"][k], v) for k, v in first["weights"].items())


def test_the_monitor_sees_the_whole_batch(results):
    one = load(results / "one-0.pt")["values"]
    for other in ("two-0", "two-1", "micro-0"):
        found = load(results / f"{other}.pt")["values"]
        for key, expected in one.items():
            same = math.isclose(found[key], expected, rel_tol=1e-4, abs_tol=1e-7)
            assert same or math.isnan(expected), key


def test_a_whole_run_by_two_processes_writes_once(results):
    rows = [json.loads(line) for line in (results / "two" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    one, two = load(results / "one" / "state.pt"), load(results / "two" / "state.pt")
    assert all(torch.allclose(two["model"][k], v, atol=1e-5) for k, v in one["model"].items())
    assert (results / "two" / "run.safetensors").is_file()
