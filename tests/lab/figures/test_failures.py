"""The worst clips: found among others, and drawn beside the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from lab.cli.figures import FIGURES as app
from lab.figures import failures
from lab.figures.failures import draw_failure, worst
from vimoflow.data.recording import Recording
from vimoflow.data.shards import write_shard
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.evaluation.benchmark.running import Case
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics


def bent(angle: float, frames: int = 12) -> Motion:
    """A standing figure with a bent left shoulder and knee."""
    poses = np.zeros((frames, 24, 3), np.float32)
    poses[:, 16, 2] = poses[:, 4, 0] = angle
    trans = np.tile(np.float32([0.0, 0.93, 0.0]), (frames, 1))
    return Motion(poses, trans, 30.0, np.ones((frames, 4), np.float32))


def case(name: str, corpus: str, group: str = "") -> Case:
    truth = bent(0.0)
    R, p = forward_kinematics(
        torch.from_numpy(truth.local_rotations).float(), torch.from_numpy(truth.trans).float()
    )
    points = np.ones((len(truth), 17, 3), np.float32)
    return Case(name, corpus, group, points, truth, coco_points(R, p).numpy())


def tiny() -> Checkpoint:
    model = Denoiser(DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)).eval()
    plain = Normalization(torch.zeros(151), torch.ones(151))
    return Checkpoint("tiny", model, plain, NoiseSchedule(), "", {})


@pytest.fixture
def found(monkeypatch) -> tuple[failures.Failure, ...]:
    asked = [case("a", "x"), case("b", "x"), case("c", "x", "floor"), case("d", "y")]
    answers = [bent(angle) for angle in (0.2, 0.9, 0.5, 1.3)]
    monkeypatch.setattr(failures, "predict", lambda *_: answers)
    return worst(tiny(), asked)


def test_each_corpus_and_group_has_its_worst_clip_and_the_worst_comes_first(found):
    assert [(f.corpus, f.case.name) for f in found] == [("y", "d"), ("x", "b"), ("x floor", "c")]
    assert found[0].pa_mpjpe_mm == score(found[0].motion, found[0].case).pa_mpjpe
    assert found[0].pa_mpjpe_mm > found[1].pa_mpjpe_mm > found[2].pa_mpjpe_mm > 0


def test_the_truth_is_drawn_above_the_estimate(found):
    picture = draw_failure(found[0], columns=3)
    upper, lower = np.split(picture, 2)
    assert (upper != lower).any()
    labels = slice(0, 90)
    assert not (upper[:, labels] == lower[:, labels]).all()


def test_the_command_writes_pictures_and_figures(tmp_path: Path):
    data = tmp_path / "shards"
    clips = [Recording(name, "plain", "validation", bent(i)) for i, name in enumerate("ab")]
    data.mkdir()
    write_shard(clips, data, "CC0", "https://example.org")
    save_checkpoint(tiny(), tmp_path / "tiny.safetensors")
    out = tmp_path / "out"
    arguments = ["failures", "-o", str(out), "--data", str(data), "--limit", "2"]
    result = CliRunner().invoke(
        app,
        [*arguments, "--checkpoint", str(tmp_path / "tiny.safetensors")],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    (one,) = json.loads((out / "failures.json").read_text())["failures"]
    assert one["corpus"] == "plain" and one["pa_mpjpe_mm"] > 0
    with Image.open(out / "plain.png") as image:
        assert image.height == 2 * 190
