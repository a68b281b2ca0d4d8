"""Training: learns, stops safely, goes on where it stopped, ships under 20 MB."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import pytest
import torch

from music_examples import swinging
from vimoflow.diffusion.checkpoint import load_checkpoint, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.errors import CheckpointError
from vimoflow.music.music_model import denoiser_from_video, load_music_model, music_config
from vimoflow.music.training import music_recipe, train_music
from vimoflow.training.learner import Learner
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_options import RunOptions
from vimoflow.training.state import STATE

DANCES = [swinging("a", 90), swinging("b", 70)]
QUICK = RunOptions(compile=False, workers=0, part_frames=60)


def tiny_recipe(steps: int) -> Recipe:
    return dataclasses.replace(
        music_recipe(steps), frames=(60,), batch_frames=120, warmup_steps=1, decay=0.0,
        model=DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1, condition_channels=37),
    )  # fmt: skip


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path, "music").denoiser.state_dict()


def test_a_resumed_run_is_the_run_bit_for_bit(tmp_path):
    whole = train_music(DANCES, tmp_path / "whole", options=QUICK, recipe=tiny_recipe(4))
    train_music(DANCES, tmp_path / "parts", options=QUICK, recipe=tiny_recipe(2))
    options = dataclasses.replace(QUICK, resume=True)
    parts = train_music(DANCES, tmp_path / "parts", options=options, recipe=tiny_recipe(4))
    first, second = weights(whole), weights(parts)
    assert all(torch.equal(first[key], second[key]) for key in first)
    model = load_music_model(parts)
    assert model.checkpoint.provenance["steps"] == 4 and model.channels == 37
    with pytest.raises(CheckpointError, match="rematch"):
        train_music(DANCES, tmp_path / "parts", "music", (), options, tiny_recipe(6), rematch=5)


def test_a_signal_ends_the_run_after_the_step_with_its_state(tmp_path, monkeypatch):
    learn = Learner.learn

    def interrupted(self: Learner, micro_batches):
        if self.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return learn(self, micro_batches)

    monkeypatch.setattr(Learner, "learn", interrupted)
    path = train_music(DANCES, tmp_path, options=QUICK, recipe=tiny_recipe(50))
    assert load_music_model(path).checkpoint.provenance["steps"] == 2
    assert (tmp_path / STATE).is_file()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_model_that_ships_is_small():
    parameters = sum(p.numel() for p in Denoiser(music_config()).parameters())
    assert 4 * parameters < 20e6


def test_the_motion_side_of_a_video_model_is_taken_over_and_its_ears_are_not():
    video = load_checkpoint("small")
    taken = denoiser_from_video(video, Denoiser(music_config())).state_dict()
    own = video.denoiser.state_dict()
    body = [key for key in taken if not key.startswith("encoder.")]
    assert body and all(torch.equal(taken[key], own[key]) for key in body)
    assert taken["encoder.pose_in.weight"].shape[1] == 37
    with pytest.raises(CheckpointError, match="other sizes"):
        denoiser_from_video(video, Denoiser(dataclasses.replace(music_config(), width=64)))


def test_a_video_checkpoint_does_not_hear(tmp_path):
    with pytest.raises(CheckpointError, match="for video, not for music"):
        load_music_model("small")
    model = load_music_model(train_music(DANCES, tmp_path, options=QUICK, recipe=tiny_recipe(1)))
    record = {**model.checkpoint.provenance, "music": {"name": "x", "mean": [0.0], "std": [1.0]}}
    bad = tmp_path / "bad.safetensors"
    save_checkpoint(dataclasses.replace(model.checkpoint, provenance=record), bad)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_music_model(bad)
