"""Small dances, models and sounds for the tests of music."""

from __future__ import annotations

import dataclasses
import wave
from pathlib import Path

import numpy as np
import torch

from vimoflow.diffusion.checkpoint import Checkpoint, Normalization
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.geometry.rotations import matrix_to_sixd, rotation_about
from vimoflow.motion.skeleton import joint
from vimoflow.music.audio_features import RATE_HZ, with_beats
from vimoflow.music.music_model import MusicModel, MusicScale
from vimoflow.music.pairs import Dance


def tone(path: Path, seconds: float = 4.0, beat_s: float = 0.5, level: float = 0.6) -> Path:
    """Clicks on a quiet tone, as a wav."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = level * np.sin(2 * np.pi * 440 * t) * (0.1 + (t % beat_s < 0.03))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(sound, -1, 1) * 32000).astype("<i2").tobytes())
    return path


def swinging(
    name: str, frames: int = 300, period: int = 20, beat_at: int = 0, music: bool = True
) -> Dance:
    """Arms that swing, so that the body is still every half period; beats at those frames."""
    angle = 0.8 * torch.cos(2 * torch.pi * torch.arange(frames) / period)
    R = torch.eye(3).expand(frames, 24, 3, 3).clone()
    for side in ("left", "right"):
        R[:, joint(f"{side}_shoulder")] = rotation_about("z", angle)
    root = torch.tensor([0.0, 0.9, 0.0]).expand(frames, 3).clone()
    heard = torch.rand(frames, 37, generator=torch.Generator().manual_seed(1))
    heard = torch.from_numpy(
        with_beats(heard.numpy(), np.arange(beat_at, frames, period // 2) / 30)
    )
    return Dance(
        name, matrix_to_sixd(R).float(), root, torch.ones(frames, 4), heard if music else None
    )


def tiny_model(seed: int = 0, dances: tuple[str, ...] = ()) -> MusicModel:
    """A dance model of a few thousand weights, whose FiLM and outputs do something."""
    torch.manual_seed(seed)
    config = DenoiserConfig(
        width=16, heads=2, blocks=2, encoder_layers=1, condition_channels=37, estimate_std=0.1
    )
    denoiser = Denoiser(config, NoiseSchedule())
    with torch.no_grad():
        for parameter in denoiser.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    scale = MusicScale.fit([swinging("a")])
    record = {"music": dataclasses.asdict(scale), "dances": list(dances)}
    normalization = Normalization(torch.zeros(151), torch.ones(151))
    checkpoint = Checkpoint(
        "tiny", denoiser.eval().requires_grad_(False), normalization, NoiseSchedule(), "none",
        record,
    )  # fmt: skip
    return MusicModel(checkpoint, scale)
