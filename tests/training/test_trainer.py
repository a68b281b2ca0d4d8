"""The trainer on tiny data: it logs, saves, resumes exactly, and says under which terms."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
from pathlib import Path

import pytest
import torch

from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.errors import CheckpointError, InputError
from vimoflow.training import trainer
from vimoflow.training.recipes import RECIPES, Recipe
from vimoflow.training.statistics import measure_normalization
from vimoflow.training.trainer import rate_factor, step_seed, terms_of, train

TINY = Recipe(
    model=DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1),
    frames=(12, 60),
    shares=(0.7, 0.3),
    batch_frames=60,
    steps=6,
    warmup_steps=2,
)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """A tiny recipe, little to measure, and nothing compiled: that takes a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", TINY)
        patch.setattr(torch.nn.Module, "compile", lambda self: None)
        measure = functools.partial(measure_normalization, batches=1)
        patch.setattr(trainer, "measure_normalization", measure)
        yield


@pytest.fixture(scope="module")
def undisturbed(quick, shards, tmp_path_factory) -> Path:
    """The folder of a run of six steps."""
    folder = tmp_path_factory.mktemp("run") / "out"
    train("tiny", shards, folder)
    return folder


def state_of(folder: Path) -> dict:
    return torch.load(folder / trainer.STATE, weights_only=True)


def test_a_run_leaves_a_checkpoint_with_provenance_and_terms(undisturbed):
    checkpoint = load_checkpoint(undisturbed / "tiny.safetensors")
    assert checkpoint.name == "tiny" and checkpoint.denoiser.config == TINY.model
    assert checkpoint.terms.startswith("Non-commercial use only")
    provenance = checkpoint.provenance
    assert provenance["recipe"] == "tiny" and provenance["steps"] == 6
    assert provenance["settings"]["learning_rate"] == TINY.learning_rate
    assert [row["corpus"] for row in provenance["data"]] == ["closed", "open"]
    names = {path.name for path in undisturbed.iterdir()}
    assert names == {"tiny.safetensors", trainer.STATE, trainer.LOG}


def test_the_log_is_finite_json_with_the_step(undisturbed):
    rows = [json.loads(line) for line in (undisturbed / trainer.LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [6]
    expected = {"simple", "joints", "velocity", "foot", "total", "gradient_norm", "prediction_std"}
    assert expected <= rows[0].keys()
    assert all(math.isfinite(value) for value in rows[0].values())
    assert rows[0]["simple"] > 0.1 and rows[0]["gradient_norm"] > 0


def test_what_ships_is_the_average_of_the_weights(undisturbed):
    state = state_of(undisturbed)
    shipped = load_checkpoint(undisturbed / "tiny.safetensors").denoiser.state_dict()
    assert all(torch.equal(shipped[key], value) for key, value in state["ema"].items())
    assert any(not torch.equal(state["model"][key], value) for key, value in state["ema"].items())


def test_a_run_that_is_stopped_and_resumed_ends_with_the_same_bits(undisturbed, shards, tmp_path):
    moment = 1e-9  # minutes: stops after one step
    train("tiny", shards, tmp_path, minutes=moment)
    assert state_of(tmp_path)["step"] == 1
    train("tiny", shards, tmp_path, minutes=moment, resume=True)
    assert state_of(tmp_path)["step"] == 2
    train("tiny", shards, tmp_path, resume=True)
    expected, found = state_of(undisturbed), state_of(tmp_path)
    assert found["step"] == 6
    for part in ("model", "ema"):
        assert all(torch.equal(found[part][key], v) for key, v in expected[part].items())
    before = load_checkpoint(undisturbed / "tiny.safetensors")
    after = load_checkpoint(tmp_path / "tiny.safetensors")
    assert torch.equal(before.normalization.mean, after.normalization.mean)


def test_no_time_at_all_is_one_step(shards, tmp_path):
    train("tiny", shards, tmp_path, steps=3, minutes=0.0)
    assert state_of(tmp_path)["step"] == 1


def test_resuming_a_finished_run_changes_nothing(undisturbed, shards, tmp_path):
    (tmp_path / trainer.STATE).write_bytes((undisturbed / trainer.STATE).read_bytes())
    path = train("tiny", shards, tmp_path, resume=True)
    again, first = load_checkpoint(path), load_checkpoint(undisturbed / path.name)
    weights = first.denoiser.state_dict()
    assert all(torch.equal(v, weights[key]) for key, v in again.denoiser.state_dict().items())
    assert again.provenance["steps"] == 6


@pytest.mark.parametrize("content", [None, b"", b"not a state", b"PK\x03\x04 torn"])
def test_a_state_that_cannot_be_read_is_one_line(shards, tmp_path, content):
    if content is not None:
        (tmp_path / trainer.STATE).write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        train("tiny", shards, tmp_path, resume=True)
    assert "\n" not in str(caught.value) and trainer.STATE in str(caught.value)


def test_a_state_of_another_model_is_refused(undisturbed, shards, tmp_path, monkeypatch):
    (tmp_path / trainer.STATE).write_bytes((undisturbed / trainer.STATE).read_bytes())
    wider = dataclasses.replace(TINY, model=dataclasses.replace(TINY.model, width=32))
    monkeypatch.setitem(RECIPES, "tiny", wider)
    with pytest.raises(CheckpointError, match="cannot resume"):
        train("tiny", shards, tmp_path, resume=True)


def test_without_training_shards_there_is_nothing_to_train_on(tmp_path):
    with pytest.raises(InputError, match="no train shards"):
        train("tiny", tmp_path, tmp_path / "out")


def test_the_rate_warms_up_stays_and_falls_to_zero():
    recipe = dataclasses.replace(TINY, steps=1000, warmup_steps=100, decay=0.4)
    rate = [rate_factor(recipe, step) for step in range(1000)]
    assert rate[0] == pytest.approx(0.01) and rate[49] == pytest.approx(0.5)
    assert all(value == 1.0 for value in rate[99:601])
    assert rate[800] == pytest.approx(0.5)
    assert all(a > b for a, b in itertools.pairwise(rate[601:]))
    assert 0 < rate[-1] < 1e-4 and rate_factor(recipe, 1000) == pytest.approx(0.0, abs=1e-12)


def test_seeds_differ_between_steps_and_uses():
    seeds = {step_seed(seed, step, s) for seed in (0, 1) for step in range(500) for s in (0, 1)}
    assert len(seeds) == 2000


def test_terms_name_every_corpus_and_follow_the_strictest(shards):
    closed, open_ = read_shards(shards, "train")
    both = terms_of([closed, open_])
    assert both.startswith("Non-commercial use only")
    assert "closed: CC BY-NC 4.0" in both and "open: CC BY 4.0" in both
    assert "Non-commercial" not in terms_of([open_])
