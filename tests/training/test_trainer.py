"""The trainer on tiny data: it logs, saves, resumes exactly, and refuses what does not fit."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from vimoflow.data.manifest import file_sha256, write_manifest
from vimoflow.data.shards import read_manifest
from vimoflow.diffusion.checkpoint import Normalization, load_checkpoint
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.errors import CheckpointError, ConfigError, InputError
from vimoflow.training import starting
from vimoflow.training.recipes import RECIPES, Recipe
from vimoflow.training.run_log import LOG
from vimoflow.training.run_options import RunOptions
from vimoflow.training.state import STATE
from vimoflow.training.trainer import train

TINY = Recipe(
    model=DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1),
    frames=(12, 24),
    shares=(0.7, 0.3),
    batch_frames=48,
    steps=3,
    warmup_steps=2,
)
QUICK = RunOptions(compile=False, workers=0)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """A tiny recipe, and nothing to measure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", TINY)
        plain = Normalization(torch.zeros(151), torch.ones(151))
        patch.setattr(starting, "measure_normalization", lambda *_: plain)
        yield


@pytest.fixture(scope="module")
def undisturbed(quick, shards, tmp_path_factory) -> Path:
    """The folder of a run of three steps."""
    folder = tmp_path_factory.mktemp("run") / "out"
    train("tiny", shards, folder, QUICK)
    return folder


def state_of(folder: Path) -> dict:
    return torch.load(folder / STATE, weights_only=True)


def test_a_run_leaves_a_checkpoint_with_provenance_and_terms(undisturbed):
    checkpoint = load_checkpoint(undisturbed / "tiny.safetensors")
    assert checkpoint.name == "tiny" and checkpoint.denoiser.config == TINY.model
    assert checkpoint.terms.startswith("Non-commercial use only")
    provenance = checkpoint.provenance
    assert provenance["recipe"] == "tiny" and provenance["steps"] == 3
    assert provenance["settings"]["learning_rate"] == TINY.learning_rate
    assert provenance["processes"] == 1 and provenance["started_from"] is None
    assert [row["corpus"] for row in provenance["data"]] == ["closed", "open"]
    assert {path.name for path in undisturbed.iterdir()} == {"tiny.safetensors", STATE, LOG}


def test_the_log_is_finite_json_with_the_step(undisturbed):
    rows = [json.loads(line) for line in (undisturbed / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 3]  # at once, and at the end
    expected = ["simple", "joints", "velocity", "foot", "total", "gradient_norm", "prediction_std"]
    assert all(math.isfinite(row[key]) for row in rows for key in expected)
    assert rows[0]["simple"] > 0.1 and rows[0]["gradient_norm"] > 0


def test_what_ships_is_the_average_of_the_weights(undisturbed):
    state = state_of(undisturbed)
    shipped = load_checkpoint(undisturbed / "tiny.safetensors").denoiser.state_dict()
    average, model = state["average"], state["model"]
    assert all(torch.equal(shipped[key], value) for key, value in average.items())
    assert any(not torch.equal(model[key], value) for key, value in average.items())


def test_a_run_that_is_stopped_and_resumed_ends_with_the_same_bits(undisturbed, shards, tmp_path):
    moment = dataclasses.replace(QUICK, minutes=0.0)  # one step
    train("tiny", shards, tmp_path, moment)
    assert state_of(tmp_path)["step"] == 1
    again = dataclasses.replace(QUICK, resume=True, workers=1)
    path = train("tiny", shards, tmp_path, again)
    expected, found = state_of(undisturbed), state_of(tmp_path)
    assert found["step"] == 3
    for part in ("model", "average"):
        assert all(torch.equal(found[part][key], v) for key, v in expected[part].items())
    finished = load_checkpoint(path).denoiser.state_dict()
    train("tiny", shards, tmp_path, dataclasses.replace(again, workers=0))  # nothing is left to do
    unchanged = load_checkpoint(path).denoiser.state_dict()
    assert all(torch.equal(unchanged[key], value) for key, value in finished.items())


def test_going_on_with_another_recipe_or_other_data_is_refused(undisturbed, shards, tmp_path):
    (tmp_path / STATE).write_bytes((undisturbed / STATE).read_bytes())
    resume = dataclasses.replace(QUICK, resume=True)
    wider = dataclasses.replace(TINY, model=dataclasses.replace(TINY.model, width=32))
    with pytest.raises(CheckpointError, match="cannot resume from it with another 'model'"):
        train(wider, shards, tmp_path, resume)
    with pytest.raises(CheckpointError, match="another 'data'"):
        train(TINY, shards, tmp_path, dataclasses.replace(resume, without=("open",)))


def test_starting_from_a_checkpoint_takes_its_weights_and_names_it(undisturbed, shards, tmp_path):
    path = undisturbed / "tiny.safetensors"
    options = dataclasses.replace(QUICK, init=path, steps=1, without=("closed",))
    slow = dataclasses.replace(TINY, learning_rate=1e-12, weight_decay=0.0)
    made = load_checkpoint(train(slow, shards, tmp_path, options, name="next"))
    before = load_checkpoint(path)
    for key, value in before.denoiser.state_dict().items():
        assert torch.allclose(made.denoiser.state_dict()[key], value, atol=1e-6)
    assert made.provenance["started_from"]["checkpoint"] == "tiny.safetensors"
    assert [row["corpus"] for row in made.provenance["data"]] == ["open"]
    assert made.terms.startswith("Non-commercial")  # what it started from has seen the other


def test_a_deeper_network_starts_as_the_checkpoint_it_grows_from(undisturbed, shards, tmp_path):
    model = TINY.model
    deeper = dataclasses.replace(
        model, encoder_layers=model.encoder_layers + 2, blocks=model.blocks + 1
    )
    slow = dataclasses.replace(TINY, model=deeper, learning_rate=1e-12, weight_decay=0.0)
    options = dataclasses.replace(QUICK, init=undisturbed / "tiny.safetensors", steps=1)
    grown = load_checkpoint(train(slow, shards, tmp_path, options)).denoiser.eval()
    before = load_checkpoint(undisturbed / "tiny.safetensors").denoiser.eval()
    generator = torch.Generator().manual_seed(0)
    x_t, condition = (torch.randn(2, 20, c, generator=generator) for c in (151, 58))
    t = torch.tensor([900, 50])
    assert sum(p.numel() for p in grown.parameters()) > sum(p.numel() for p in before.parameters())
    assert torch.allclose(grown(x_t, t, condition), before(x_t, t, condition), atol=1e-5)


def test_a_checkpoint_of_another_shape_is_one_line(undisturbed, shards, tmp_path):
    wider = dataclasses.replace(TINY, model=dataclasses.replace(TINY.model, width=32))
    options = dataclasses.replace(QUICK, init=undisturbed / "tiny.safetensors")
    with pytest.raises(CheckpointError, match="not of the shape") as caught:
        train(wider, shards, tmp_path, options)
    assert "\n" not in str(caught.value)


def test_a_corpus_can_be_left_out_and_the_terms_follow(shards, tmp_path):
    options = dataclasses.replace(QUICK, steps=1, without=("closed",))
    checkpoint = load_checkpoint(train("tiny", shards, tmp_path, options))
    assert checkpoint.terms.startswith("No corpus bars commercial use")
    assert "closed" not in checkpoint.terms
    with pytest.raises(ConfigError, match="openn"):
        train("tiny", shards, tmp_path, dataclasses.replace(options, without=("openn",)))


def test_commercial_leaves_out_what_may_not_be_used_so(shards, tmp_path):
    options = dataclasses.replace(QUICK, steps=1, commercial=True)
    checkpoint = load_checkpoint(train("tiny", shards, tmp_path, options))
    assert "closed" not in checkpoint.terms
    assert [row["corpus"] for row in checkpoint.provenance["data"]] == ["open"]


def test_without_training_shards_there_is_nothing_to_train_on(tmp_path):
    with pytest.raises(InputError, match="no train shards"):
        train("tiny", tmp_path, tmp_path / "out", QUICK)


def broken_copy(shards: Path, folder: Path) -> Path:
    """A copy of the shards to damage; the path of one of them."""
    for path in shards.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder / "open-train.safetensors"


@pytest.mark.parametrize("damage", ["missing", "torn"])
def test_a_missing_or_torn_shard_is_one_line(shards, tmp_path, damage):
    path = broken_copy(shards, tmp_path)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=path.name) as caught:
        train("tiny", tmp_path, tmp_path / "out", QUICK)
    assert "\n" not in str(caught.value)


def test_nan_in_a_shard_whose_checksum_is_right_is_one_line(shards, tmp_path):
    path = broken_copy(shards, tmp_path)
    with safe_open(path, framework="numpy") as file:
        text = file.metadata()
    arrays = load_file(path)
    arrays["poses"] = np.where(np.arange(72) == 3, np.float32(np.nan), arrays["poses"])
    save_file(arrays, path, metadata=text)
    entries = [
        dataclasses.replace(e, sha256=file_sha256(path)) if e.file == path.name else e
        for e in read_manifest(tmp_path)
    ]
    write_manifest(tmp_path, entries)
    with pytest.raises(InputError, match=rf"{path.name}: holds NaN"):
        train("tiny", tmp_path, tmp_path / "out", QUICK)


def test_a_recipe_file_with_a_wrong_field_is_one_line(shards, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "small"\nlearning_rat = 1e-3\n')
    with pytest.raises(ConfigError, match="learning_rat"):
        train(path, shards, tmp_path / "out", QUICK)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="accumulate"):
        RunOptions(accumulate=0)
    with pytest.raises(ConfigError, match="not both"):
        RunOptions(resume=True, init=Path("x"))


def test_stated_shares_are_drawn_written_down_and_kept_on_resuming(shards, tmp_path):
    options = dataclasses.replace(QUICK, shares={"open": 0.25})
    path = train("tiny", shards, tmp_path, options)
    shares = {row["corpus"]: row["share"] for row in load_checkpoint(path).provenance["data"]}
    assert shares["open"] == 0.25 and sum(shares.values()) == pytest.approx(1.0)
    with pytest.raises(CheckpointError):
        train("tiny", shards, tmp_path, dataclasses.replace(QUICK, resume=True))
