"""Where a run begins: random weights, a checkpoint's, or the state it was stopped in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, load_checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.regression import Regressor
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import CheckpointError
from vimoflow.training.growing import grown_weights
from vimoflow.training.learner import Learner
from vimoflow.training.material import Material
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.state import TrainingState
from vimoflow.training.statistics import measure_normalization


@dataclass(frozen=True)
class Start:
    """What a run begins with.

    Attributes:
        origin: record of the checkpoint the weights are from, or None.
    """

    model: Denoiser
    normalization: Normalization
    origin: dict[str, Any] | None = None


Taken = Callable[[Checkpoint, Recipe], Denoiser]
"""A recipe's network with what it can take from a checkpoint."""


def fresh(recipe: Recipe, material: Material, processes: Processes) -> Start:
    """Random weights, and a normalisation measured on the windows."""
    blank = torch.zeros(recipe.model.motion_channels)
    values = Normalization(blank, blank)
    if processes.first:  # by one process, so that all have the same bits
        values = measure_normalization(material, recipe.seed)
    normalization = Normalization(*map(processes.from_first, (values.mean, values.std)))
    return Start(new_model(recipe), normalization)


def new_model(recipe: Recipe) -> Denoiser:
    """The recipe's network with the random weights of its seed."""
    torch.manual_seed(recipe.seed)
    return (Regressor if recipe.regression else Denoiser)(recipe.model, NoiseSchedule())


def from_checkpoint(name_or_path: str | Path, recipe: Recipe, taken: Taken) -> Start:
    """Weights and normalisation of a checkpoint.

    Raises:
        CheckpointError: it is damaged, or not of the shape of the recipe's network.
    """
    checkpoint = load_checkpoint(name_or_path)
    origin = {"checkpoint": Path(name_or_path).name, **checkpoint.provenance}
    return Start(taken(checkpoint, recipe), checkpoint.normalization, origin)


def grown(checkpoint: Checkpoint, recipe: Recipe) -> Denoiser:
    """The recipe's network with all of the checkpoint's weights.

    A larger network begins as the same function, see ``training.growing``.

    Raises:
        CheckpointError: it cannot be grown to the recipe's shape.
    """
    model = new_model(recipe)
    try:
        model.load_state_dict(grown_weights(checkpoint.denoiser, model))
    except RuntimeError as error:
        raise CheckpointError(
            f"the checkpoint {checkpoint.name!r} is not of the shape of the recipe's network, so "
            "training cannot start there"
        ) from error
    return model


def restore(learner: Learner, state: TrainingState, path: Path) -> None:
    """Put a learner where a run was stopped.

    Raises:
        CheckpointError: the state, read from ``path``, does not fit.
    """
    try:
        learner.model.load_state_dict(state.model)
        learner.average.load_state_dict(state.average)
        learner.optimizer.load_state_dict(state.optimizer)
        learner.guard.load_state_dict(state.guard)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: cannot resume from it ({reason})") from error
    learner.step = state.step
