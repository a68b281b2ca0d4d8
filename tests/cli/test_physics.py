"""``vimoflow physics`` from files to files."""

from __future__ import annotations

import json
import sys

import pytest

from physics_examples import standing
from vimoflow.cli.main import main


def run(monkeypatch, *words) -> int:
    monkeypatch.setattr(sys, "argv", ["vimoflow", "physics", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_body_and_report(monkeypatch, tmp_path, capsys):
    pytest.importorskip("mujoco", reason="needs the extra [physics]")
    path, body, numbers = (tmp_path / name for name in ("motion.npz", "body.xml", "report.json"))
    standing().save(path)
    assert run(monkeypatch, "model", path, "-o", body, "--height", "1.5") == 0
    assert body.read_text().startswith("<mujoco")
    assert run(monkeypatch, "report", path, "-o", numbers) == 0
    assert "residual force percent" in capsys.readouterr().out
    assert json.loads(numbers.read_text())["summary"]["penetration_mm"] < 1


def test_without_mujoco_the_command_that_installs_it_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    assert run(monkeypatch, "model", "-o", tmp_path / "body.xml") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip install" in error and "[physics]" in error
    assert not (tmp_path / "body.xml").exists()


def test_clean_up(monkeypatch, tmp_path):
    pytest.importorskip("mujoco", reason="needs the extra [physics]")
    path, out = tmp_path / "motion.npz", tmp_path / "out"
    standing().save(path)
    assert run(monkeypatch, "clean", path, "-o", out, "--formats", "npz") == 0
    record = json.loads((out / "physics.json").read_text())
    assert record["succeeded"] and record["after"]["penetration_mm"] < 3
    assert (out / "motion.npz").exists()


def test_a_policy_is_trained_and_run_in_another_world(monkeypatch, tmp_path, capsys):
    pytest.importorskip("mujoco", reason="needs the extra [physics]")
    from vimoflow.physics import linear_feedback, policy_training

    monkeypatch.setattr(policy_training, "_STEPS", 20)
    monkeypatch.setattr(linear_feedback, "_BODIES", 16)
    path, policy, out = tmp_path / "stand.npz", tmp_path / "policy", tmp_path / "out"
    standing(6).save(path)
    assert run(monkeypatch, "train", path, "-o", policy, "--rounds", "1", "--terms", "mine") == 0
    names = {"policy.safetensors", "policy.onnx", "humanoid.xml", "README.md"}
    assert {file.name for file in policy.iterdir()} == names
    words = ("run", policy, "-o", out, "--formats", "npz", "--slope", "2,0", "--starts", "2")
    assert run(monkeypatch, *words) == 0
    record = json.loads((out / "run.json").read_text())
    assert record["world"]["slope"] == [2.0, 0.0] and len(record["seconds"]) == 2
    capsys.readouterr()
    assert run(monkeypatch, "run", policy, "-o", out, "--motion", "dance") == 2
    assert "knows stand" in capsys.readouterr().err
    assert run(monkeypatch, "run", tmp_path / "none", "-o", out) == 2
    assert "no such policy" in capsys.readouterr().err
