"""A regression transformer as a baseline: one pass, in the same table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.errors import CheckpointError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion


def is_regression(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint was trained as plain regression, by its provenance."""
    provenance = checkpoint.provenance
    settings = provenance.get("settings", {})
    flagged = isinstance(settings, dict) and bool(settings.get("regression", False))
    return provenance.get("kind") == "regression" or flagged


class _OneShot(Denoiser):
    """A denoiser asked from the highest noise and an empty motion, whatever it is given."""

    def __init__(self, denoiser: Denoiser, last_timestep: int) -> None:
        nn.Module.__init__(self)  # no weights of its own
        self.denoiser, self.last_timestep = denoiser, last_timestep
        self.config = denoiser.config

    def forward(
        self, x_t: Tensor, t: Tensor, condition: Tensor, valid: Tensor | None = None
    ) -> Tensor:
        latest = torch.full_like(t, self.last_timestep)
        out: Tensor = self.denoiser(torch.zeros_like(x_t), latest, condition, valid)
        return out


def regression_motions(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    options: SamplingOptions | None = None,
) -> list[Motion]:
    """The regression transformer's answers: one pass, windows and refinement as for the model.

    Raises:
        CheckpointError: the checkpoint was not trained as regression; its one-pass answer would
            say nothing.
    """
    if not is_regression(checkpoint):
        raise CheckpointError(
            f"{checkpoint.name}: not a regression checkpoint; train one with the regression recipe"
        )
    options = dataclasses.replace(
        options or SamplingOptions(), steps=1, sampler="ddim", guidance=0.0
    )
    network = _OneShot(checkpoint.denoiser, checkpoint.schedule.T - 1)
    return predict(dataclasses.replace(checkpoint, denoiser=network), cases, options)
