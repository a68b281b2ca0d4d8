"""Where a run begins: random weights, a checkpoint's, or the state it was stopped in."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vimoflow.data.batches import WindowSource
from vimoflow.diffusion.checkpoint import Normalization, load_checkpoint
from vimoflow.errors import CheckpointError
from vimoflow.training.learner import Learner
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_options import RunOptions
from vimoflow.training.state import load_state, require_same_settings
from vimoflow.training.statistics import measure_normalization

_LAYER = re.compile(r"((?:encoder\.layers|blocks)\.\d+\.)")
_BRANCH_END = re.compile(r"attention\.out\.|mlp\.3\.")  # last products of the residual branches


@dataclass(frozen=True)
class Start:
    """A learner at the step where the run goes on.

    Attributes:
        seconds: spent so far.
        origin: record of the checkpoint the run started from, or None.
    """

    learner: Learner
    seconds: float = 0.0
    origin: dict[str, Any] | None = None


def fresh(recipe: Recipe, source: WindowSource, processes: Processes, options: RunOptions) -> Start:
    """Random weights, and a normalisation measured on the windows."""
    blank = torch.zeros(recipe.model.motion_channels)
    values = Normalization(blank, blank)
    if processes.first:  # by one process, so that all have the same bits
        values = measure_normalization(source, recipe.batches, recipe.seed)
    normalization = Normalization(*map(processes.from_first, (values.mean, values.std)))
    return Start(_learner(recipe, normalization, processes, options))


def from_checkpoint(path: Path, recipe: Recipe, processes: Processes, options: RunOptions) -> Start:
    """Weights and normalisation of a checkpoint.

    Where the recipe's network has more layers than the checkpoint's, the new ones begin as the
    identity: training goes on from where the smaller network was.

    Raises:
        CheckpointError: it is damaged, or not of the shape of the recipe's network.
    """
    checkpoint = load_checkpoint(path)
    learner = _learner(recipe, checkpoint.normalization, processes, options)
    try:
        weights = checkpoint.denoiser.state_dict()
        learner.model.load_state_dict({**_identity_layers(learner.model, weights), **weights})
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: not of the shape of the recipe's network, so training cannot start there"
        ) from error
    learner.average.load_state_dict(learner.model.state_dict())
    return Start(learner, origin={"checkpoint": path.name, **checkpoint.provenance})


def _identity_layers(model: nn.Module, known: Collection[str]) -> dict[str, Tensor]:
    """Weights of the layers that ``known`` has not, whose residual branches add nothing yet."""
    own = model.state_dict()
    layers = {match[1] for name in own if (match := _LAYER.match(name))}
    new = {layer for layer in layers if not any(name.startswith(layer) for name in known)}
    return {
        name: torch.zeros_like(value) if _BRANCH_END.search(name) else value
        for name, value in own.items()
        if (match := _LAYER.match(name)) and match[1] in new
    }


def resumed(
    path: Path,
    settings: dict[str, Any],
    recipe: Recipe,
    processes: Processes,
    options: RunOptions,
) -> Start:
    """The state a run was stopped in.

    Raises:
        CheckpointError: there is none, it is torn, or was made with other ``settings``.
    """
    state = load_state(path, processes.device)
    require_same_settings(path, state.settings, settings)
    normalization = Normalization(state.mean.cpu(), state.std.cpu())
    learner = _learner(recipe, normalization, processes, options)
    try:
        learner.model.load_state_dict(state.model)
        learner.average.load_state_dict(state.average)
        learner.optimizer.load_state_dict(state.optimizer)
        learner.guard.load_state_dict(state.guard)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: cannot resume from it ({reason})") from error
    learner.step = state.step
    return Start(learner, state.seconds, state.origin)


def _learner(
    recipe: Recipe, normalization: Normalization, processes: Processes, options: RunOptions
) -> Learner:
    return Learner(recipe, normalization, processes, options.precision, options.compile)
