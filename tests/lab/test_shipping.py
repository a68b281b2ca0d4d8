"""Weights in half precision load as themselves, rounded."""

from __future__ import annotations

from pathlib import Path

import torch

from lab.shipping import ship
from sampling_examples import checkpoint_of
from vimoflow.diffusion.checkpoint import load_checkpoint, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig


def test_a_shipped_checkpoint_is_half_as_large_and_nearly_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint = checkpoint_of(Denoiser(DenoiserConfig(width=32, heads=2, blocks=1)))
    save_checkpoint(checkpoint, tmp_path / "whole.safetensors")
    ship(tmp_path / "whole.safetensors", tmp_path / "half.safetensors")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.65 * sizes[0]
    loaded = load_checkpoint(tmp_path / "half.safetensors").denoiser.state_dict()
    for name, value in checkpoint.denoiser.state_dict().items():
        assert loaded[name].dtype == value.dtype
        torch.testing.assert_close(loaded[name], value, atol=1e-6, rtol=1e-3)
