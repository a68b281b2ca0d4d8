"""Runs that are killed, stopped or cannot save end as if nothing had happened, or say so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vimoflow.errors import CheckpointError
from vimoflow.training.state import (
    STATE,
    TrainingState,
    load_state,
    require_same_settings,
    save_state,
)


def run(mode: str, shards: Path, output: Path) -> str:
    """What a script with tiny runs prints."""
    command = [sys.executable, str(Path(__file__).with_name("runs.py")), mode, shards, output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def content_of(folder: Path) -> dict:
    return torch.load(folder / STATE, weights_only=True)


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(shards, tmp_path):
    printed = run("killed", shards, tmp_path)
    moments = json.loads(printed.splitlines()[-1])
    assert len(moments) == 3 and min(moments) >= 2
    expected, found = content_of(tmp_path / "undisturbed"), content_of(tmp_path / "killed")
    assert expected["step"] == found["step"] == 8
    for part in ("model", "average"):
        assert all(torch.equal(found[part][k], v) for k, v in expected[part].items())
    kept = found["optimizer"]["state"]
    for index, state in expected["optimizer"]["state"].items():
        assert all(torch.equal(kept[index][k], v) for k, v in state.items())
    assert found["guard"] == expected["guard"]
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("undisturbed", "killed")]
    rows = [[json.loads(line) for line in text.splitlines()] for text in logs]
    assert [row["step"] for row in rows[1]] == list(range(1, 9))
    assert [row["simple"] for row in rows[1]] == [row["simple"] for row in rows[0]]
    finished = {path.name for path in (tmp_path / "killed").iterdir()}
    assert finished == {STATE, "log.jsonl", "run.safetensors"}


def test_a_full_disk_is_one_line_and_the_last_state_stays(shards, tmp_path):
    printed = run("full_disk", shards, tmp_path).strip().splitlines()[-1]
    assert "cannot save the state" in printed and "is kept" in printed and STATE in printed
    assert load_state(tmp_path / STATE, torch.device("cpu")).step == 1
    assert not list(tmp_path.glob("*.partial"))


def small_state(step: int = 3) -> TrainingState:
    weights = {"w": torch.arange(4000.0)}
    return TrainingState(
        step, 1.5, {"seed": 0}, None, weights, weights, {}, {}, torch.zeros(2), torch.ones(2)
    )


def test_a_state_comes_back_as_it_was(tmp_path):
    save_state(small_state(), tmp_path / STATE)
    found = load_state(tmp_path / STATE, torch.device("cpu"))
    assert (found.step, found.seconds, found.settings, found.origin) == (3, 1.5, {"seed": 0}, None)
    assert torch.equal(found.model["w"], torch.arange(4000.0))
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


@pytest.mark.parametrize("damage", ["empty", "other", "cut", "bit"])
def test_a_torn_state_is_one_line(tmp_path, damage):
    path = tmp_path / STATE
    save_state(small_state(), path)
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[content.find(torch.tensor(2000.0).numpy().tobytes())] ^= 1
    content = {"empty": b"", "other": b"not a state", "cut": content[:-3000]}.get(damage, content)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged") as caught:
        load_state(path, torch.device("cpu"))
    assert "\n" not in str(caught.value) and STATE in str(caught.value)


def test_no_state_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match="no state to resume"):
        load_state(tmp_path / STATE, torch.device("cpu"))


def test_a_state_of_another_version_is_one_line(tmp_path):
    torch.save({"step": 1}, tmp_path / STATE)
    with pytest.raises(CheckpointError, match="another version"):
        load_state(tmp_path / STATE, torch.device("cpu"))


def test_going_on_with_other_settings_names_the_setting(tmp_path):
    require_same_settings(tmp_path, {"a": 1, "b": [2]}, {"a": 1, "b": [2]})
    with pytest.raises(CheckpointError, match=r"another 'b' \(\[2\] before, \[3\] now\)"):
        require_same_settings(tmp_path, {"a": 1, "b": [2]}, {"a": 1, "b": [3]})
    with pytest.raises(CheckpointError, match="another 'c'"):
        require_same_settings(tmp_path, {"a": 1}, {"a": 1, "c": 3})
