"""Networks that are known by heart, to sample with."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vimoflow.diffusion.checkpoint import Checkpoint, Normalization
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.motion.features import LAYOUT


def checkpoint_of(denoiser: Denoiser) -> Checkpoint:
    normalization = Normalization(torch.zeros(151), torch.ones(151))
    return Checkpoint("test", denoiser.eval(), normalization, NoiseSchedule(), "", {})


class Echo(Denoiser):
    """Takes the noisy data for clean."""

    def __init__(self) -> None:
        super().__init__(DenoiserConfig(width=4, heads=1, blocks=1, encoder_layers=1))

    def forward(self, x_t, t, condition, valid=None):
        return x_t


class LowPass(Echo):
    """A smooth motion from noise; like a network, it sees nothing beyond its window."""

    def forward(self, x_t, t, condition, valid=None):
        kernel = torch.hann_window(17, periodic=False).expand(LAYOUT.size, 1, -1)
        return F.conv1d(x_t.mT, kernel, padding=8, groups=LAYOUT.size).mT


def condition_of(batch: int, frames: int, seed: int = 0) -> Condition:
    generator = torch.Generator().manual_seed(seed)
    track = torch.randn(batch, frames, 3, generator=generator)
    track[..., 2] = 1.0
    return Condition(torch.randn(batch, frames, 17, 3, generator=generator), track)
