"""Tiny shards and a tiny checkpoint for the tests of the bench."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vimoflow.data.recording import Recording
from vimoflow.data.shards import write_shard
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion

FAST = SamplingOptions(steps=2, window=24, overlap=8, refine=False)
HEADINGS = np.array([0.0, 1.0, -2.0], dtype=np.float32)


def swaying(frames: int, seed: int) -> Motion:
    """All joints swing a little; both feet are always in contact."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    poses = 0.3 * np.sin(rng.uniform(1, 6, (24, 3)) * time + rng.uniform(0, 6, (24, 3)))
    poses[:, 0] *= 0.1
    trans = np.array([0.3, 0.93, -0.2]) + 0.05 * np.sin(2 * time[:, :, 0])
    contacts = np.ones((frames, 4), np.float32)
    return Motion(poses.astype(np.float32), trans.astype(np.float32), 30.0, contacts)


def write_shards(folder: Path) -> Path:
    """One corpus with three real views a recording, one without 2D and with two groups."""
    rng = np.random.default_rng(0)
    filmed = []
    for i, frames in enumerate((20, 30)):
        points = rng.uniform(100, 400, (3, frames, 17, 3)).astype(np.float32)
        points[..., 2] = 0.9
        truth = rng.normal(size=(frames, 17, 3)).astype(np.float32)
        filmed.append(
            Recording(
                f"filmed{i}", "filmed", "validation", swaying(frames, i), points, HEADINGS,
                coco_truth=truth,
            )
        )  # fmt: skip
    write_shard(filmed, folder, "CC BY 4.0", "https://example.org")
    groups = ("walk", "run", "run", "run")
    plain = [
        Recording(f"plain{i}", "plain", "validation", swaying(26 + 4 * i, 9 + i), group=group)
        for i, group in enumerate(groups)
    ]
    write_shard(plain, folder, "CC BY 4.0", "https://example.org")
    return folder


def tiny_checkpoint(seed: int = 0) -> Checkpoint:
    """An untrained denoiser: its motions mean nothing, but they are motions."""
    torch.manual_seed(seed)
    config = DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1)
    normalization = Normalization(torch.randn(151), torch.full((151,), 0.3))
    return Checkpoint("tiny", Denoiser(config).eval(), normalization, NoiseSchedule(), "", {})
