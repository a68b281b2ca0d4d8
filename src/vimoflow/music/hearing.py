"""A dance model that hears one song, for what knows of motion only, such as editing."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.music.music_model import MusicModel

_WINDOW, _OVERLAP = 150, 50  # of editing.masked_denoising


def hearing(
    model: MusicModel, music: Float[Tensor, "frames c"], guidance: float = 0.0, samples: int = 1
) -> Checkpoint:
    """A checkpoint that ignores the 2D condition it is given and hears this music instead."""
    plan = WindowPlan.cover(len(music), _WINDOW, _OVERLAP)
    rows = plan.split(model.scale(music)[None].expand(samples, -1, -1)).flatten(0, 1)
    bound = _Hearing(model.checkpoint.denoiser, rows, guidance)
    return dataclasses.replace(model.checkpoint, denoiser=bound)


class _Hearing(Denoiser):
    """All windows of one song in their order, with guidance of its own."""

    def __init__(self, denoiser: Denoiser, rows: Tensor, guidance: float) -> None:
        torch.nn.Module.__init__(self)
        self.config = dataclasses.replace(denoiser.config, estimate_std=0.0)  # draws, no one pass
        self.inner = denoiser
        self.rows, self.guidance = rows, guidance

    def forward(
        self, x_t: Tensor, t: Tensor, condition: Tensor, valid: Tensor | None = None
    ) -> Tensor:
        """See :meth:`Denoiser.forward`."""
        ask = guided(
            lambda x, at, heard: self.inner(x, at, heard),
            self.rows,
            torch.zeros_like(self.rows),
            self.guidance,
        )
        return ask(x_t, t)
