"""The plain regression baseline: the same transformer, from the condition to the motion at once."""

from __future__ import annotations

import dataclasses

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule


class Regressor(Denoiser):
    """A denoiser that sees neither the noisy motion nor the timestep.

    Weights, losses and the training loop are those of the denoiser; sampled in any number of steps
    it gives its one answer, because every sampler ends at the last clean estimate.

    Args:
        config: of the network.
        schedule: whose last timestep the network is always shown.
    """

    def __init__(self, config: DenoiserConfig, schedule: NoiseSchedule) -> None:
        super().__init__(config, schedule)
        self.last_timestep = schedule.T - 1

    def forward(
        self,
        x_t: Float[Tensor, "batch frames channels"],
        t: Int[Tensor, " batch"] | Int[Tensor, "batch frames"],
        condition: Float[Tensor, "batch frames c"],
        valid: Bool[Tensor, "batch frames"] | None = None,
    ) -> Float[Tensor, "batch frames channels"]:
        """See :meth:`Denoiser.forward`; ``x_t`` and ``t`` give the shape only."""
        last = torch.full_like(t, self.last_timestep)
        return super().forward(torch.zeros_like(x_t), last, condition, valid)


def is_regression(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint was trained as plain regression, by its provenance."""
    provenance = checkpoint.provenance
    settings = provenance.get("settings", {})
    flagged = isinstance(settings, dict) and bool(settings.get("regression", False))
    return provenance.get("kind") == "regression" or flagged


def as_trained(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with the network it was trained as: a regressor's is read as a denoiser."""
    if not is_regression(checkpoint):
        return checkpoint
    denoiser = checkpoint.denoiser
    regressor = Regressor(denoiser.config, checkpoint.schedule)
    regressor.load_state_dict(denoiser.state_dict())
    return dataclasses.replace(checkpoint, denoiser=regressor.eval().requires_grad_(False))
