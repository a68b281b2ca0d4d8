"""Skeleton strips: what the rows hold, and pictures that show it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from lab.cli.figures import FIGURES as app
from lab.figures.drawing import strip_case
from lab.figures.strips import (
    StripRow,
    Strips,
    draw_strip,
    make_strips,
)
from vimoflow.data.recording import Recording
from vimoflow.data.shards import write_shard
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.running import Case
from vimoflow.motion.clip import Motion

FRAMES = 14
SCHEDULE = NoiseSchedule()
PLAIN = Normalization(torch.zeros(151), torch.ones(151))


def swaying(seed: int, frames: int = FRAMES) -> Motion:
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    poses = 0.4 * np.sin(rng.uniform(1, 6, (24, 3)) * time + rng.uniform(0, 6, (24, 3)))
    trans = np.array([0.3, 0.93, -0.2]) + time[:, :, 0] * [0.5, 0.0, 0.0]
    contacts = np.ones((frames, 4), np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), 30.0, contacts)


@pytest.fixture(scope="module")
def case() -> Case:
    points = np.random.default_rng(0).uniform(100, 400, (FRAMES, 17, 3)).astype(np.float32)
    points[..., 2] = 0.9
    truth = np.zeros((FRAMES, 17, 3), np.float32)
    return Case("dance", "c", "", points, swaying(0), truth)


class Oracle(Denoiser):
    """Knows the answer, plus an error."""

    def __init__(self, answer: torch.Tensor, error: float = 0.0) -> None:
        super().__init__(DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1))
        self.answer, self.error = answer, error

    def forward(self, x_t, t, condition, valid=None):
        return self.answer.expand_as(x_t) + self.error


def features_of(case: Case) -> torch.Tensor:
    from lab.figures.strips import _case_features

    return _case_features(case)


def test_a_perfect_denoiser_gives_the_truth_in_every_row(case):
    strips = make_strips(Oracle(features_of(case)), PLAIN, SCHEDULE, case, (0, 40, 999))
    assert [row.label for row in strips.predictions] == ["t = 0", "t = 40", "t = 999"]
    for rows in (strips.predictions, strips.samples):
        assert max(strips.errors_mm(rows)) < 1e-2
    x, z = strips.truth.joints[0, 0, 0], strips.truth.joints[0, 0, 2]
    assert abs(x) < 1e-6 and abs(z) < 1e-6 and strips.truth.joints[-1, 0, 0] > 0.2
    expected = case.truth.joint_positions - case.truth.joint_positions[:1, :1] * (1, 0, 1)
    np.testing.assert_allclose(strips.truth.joints, expected, atol=1e-4)


def test_samples_follow_the_seed(case):
    torch.manual_seed(0)
    model = Denoiser(DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1))
    a, b, c = (make_strips(model, PLAIN, SCHEDULE, case, (300,), seed) for seed in (1, 1, 2))
    assert np.array_equal(a.samples[0].joints, b.samples[0].joints)
    assert not np.array_equal(a.samples[0].joints, c.samples[0].joints)
    assert not np.array_equal(a.samples[0].joints, a.predictions[0].joints)


def test_errors_ignore_the_root(case):
    truth = StripRow("truth", case.truth.joint_positions)
    moved = StripRow("moved", truth.joints + 1.0)
    bent = truth.joints.copy()
    bent[:, 5] += (0.0, 0.24, 0.0)
    found = Strips(truth, (), ()).errors_mm((moved, StripRow("bent", bent)))
    assert found == pytest.approx((0.0, 10.0), abs=1e-3)


@pytest.mark.parametrize("timesteps", [(), (1000,), (-1, 5)])
def test_timesteps_that_do_not_exist_are_refused(case, timesteps):
    with pytest.raises(ConfigError, match="0 to 999"):
        make_strips(Oracle(features_of(case)), PLAIN, SCHEDULE, case, timesteps)


def colours(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where it is clearly blue (left) and orange (right)."""
    r, g, b = (picture[..., k].astype(int) for k in range(3))
    return (b > r + 60) & (b > g + 30), (r > b + 60) & (r > g + 40)


def test_a_figure_that_faces_us_has_its_left_side_on_our_right():
    rest = Motion(np.zeros((1, 24, 3)), np.array([[0.0, 0.93, 0.0]]), 30.0, np.ones((1, 4)))
    left, right = colours(draw_strip([StripRow("rest", rest.joint_positions)]))
    assert left.sum() > 100 and right.sum() > 100
    assert np.nonzero(left)[1].mean() > np.nonzero(right)[1].mean() + 20
    rows = np.nonzero(left | right)[0]
    assert np.ptp(rows) > 100  # it stands upright


def test_columns_spread_over_the_clip_and_heights_are_kept(case):
    joints = np.zeros((30, 24, 3)) + swaying(1, 30).joint_positions
    low, high = joints.copy(), joints.copy()
    high[..., 1] += 0.2
    one = draw_strip([StripRow("a", low)], columns=4)
    assert one.shape == draw_strip([StripRow("a", high)], columns=4).shape
    tops = [np.nonzero((p < 120).all(-1))[0].min() for p in
            (one, draw_strip([StripRow("a", high)], columns=4))]  # fmt: skip
    assert tops[1] < tops[0] - 10
    assert draw_strip([StripRow("a", low)] * 3, columns=4).shape[0] == 3 * one.shape[0]
    assert draw_strip([StripRow("a", low[:2])]).shape[1] < one.shape[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    clips = [Recording(name, "plain", "validation", swaying(i)) for i, name in enumerate("ab")]
    write_shard(clips, folder, "CC0", "https://example.org")
    return folder


def test_the_command_writes_three_pictures_and_their_errors(data, tmp_path):
    model = Denoiser(DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)).eval()
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(Checkpoint("tiny", model, PLAIN, SCHEDULE, "", {}), path)
    arguments = ["strips", "-o", str(tmp_path / "out"), "--data", str(data), "--checkpoint"]
    result = CliRunner().invoke(
        app, [*arguments, str(path), "--timesteps", "5,60", "--clip", "b"], catch_exceptions=False
    )
    assert result.exit_code == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"truth.png", "predictions.png", "samples.png", "strips.json"}
    numbers = json.loads((tmp_path / "out" / "strips.json").read_text())
    assert numbers["clip"] == "b" and numbers["timesteps"] == [5, 60]
    assert len(numbers["predictions_mm"]) == len(numbers["samples_mm"]) == 2
    with Image.open(tmp_path / "out" / "samples.png") as image:
        image.load()
        assert image.height == 2 * 190


def test_a_clip_or_timesteps_that_cannot_be_are_one_line(data, tmp_path):
    with pytest.raises(ConfigError, match="'zebra'"):
        strip_case(data, "zebra")
    assert strip_case(data).name == "a"
    arguments = ["strips", "-o", str(tmp_path), "--data", str(data), "--timesteps", "5,x"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ConfigError) and "'5,x'" in str(result.exception)
