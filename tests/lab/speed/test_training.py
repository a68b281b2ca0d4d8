"""The benchmark counts what it says it counts; how fast things are is not tested."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from lab.speed import training as benchmark
from lab.speed.training import TrainingSpeed, measure_training
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_options import RunOptions
from vimoflow.training.starting import new_model

RECIPE = Recipe(
    model=DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1),
    frames=(12,),
    shares=(1.0,),
    batch_frames=48,
)


def test_both_loops_are_measured_on_the_same_steps(shards, monkeypatch):
    plain = Normalization(torch.zeros(151), torch.ones(151))
    monkeypatch.setattr(benchmark, "measure_normalization", lambda *_, **__: plain)
    monkeypatch.setitem(benchmark._PRODUCT_SIZE, "cpu", 64)
    options = RunOptions(compile=False, workers=0, precision="float32")
    speed = measure_training(RECIPE, shards, steps=2, rounds=1, options=options)
    assert speed.steps == 2 and 0 < speed.waiting < 1
    assert 0 < speed.product_share < 1 and speed.width_flop_per_s > 0
    seconds = 2 * 4 / speed.samples_per_s
    per_step = speed.flop_per_s * seconds / 2
    # Forward and backward of linear layers: six operations a weight and frame, and some attention.
    weights = sum(p.numel() for p in new_model(RECIPE).parameters() if p.ndim > 1)
    assert 4.5 < per_step / (48 * weights) < 9
    text = str(speed)
    assert f"{speed.ratio:.2f}x" in text and "waiting for data" in text and "cpu" in text


def test_a_product_is_counted_as_multiplications_and_additions():
    with FlopCounterMode(display=False) as counter:
        torch.ones(32, 32) @ torch.ones(32, 32)
    assert counter.get_total_flops() == 2 * 32**3
    assert benchmark.product_flop_per_s(torch.device("cpu"), torch.float32, 32, 2) > 0


def test_the_ratio_is_of_windows():
    assert TrainingSpeed("cpu", 1, 30.0, 0.0, 1.0, 2.0, 1.5, 0.5, 0.0, 10.0).ratio == 3.0
