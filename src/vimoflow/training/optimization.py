"""Optimizer, learning rate and averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from vimoflow.errors import ConfigError
from vimoflow.installation import install_command
from vimoflow.training.recipes import Recipe


def make_optimizer(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """Adan (Xie et al. 2022) with decoupled weight decay, as the thesis trains (section IV).

    Raises:
        ConfigError: pytorch-optimizer is missing.
    """
    try:
        from pytorch_optimizer import Adan
    except ImportError as error:
        raise ConfigError(
            f"training needs pytorch-optimizer: {install_command('train')}"
        ) from error
    return Adan(
        parameters,
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        weight_decouple=True,
    )


def rate_factor(recipe: Recipe, step: int) -> float:
    """Linear warm-up, constant, then a cosine to zero over the last ``decay`` of the run."""
    warm = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    start = recipe.steps * (1 - recipe.decay)
    done = min(1.0, max(0.0, (step - start) / max(1.0, recipe.steps - start)))
    return warm * 0.5 * (1 + math.cos(math.pi * done))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of the weights, faster while there is little to average."""
    decay = min(decay, (1 + step) / (10 + step))
    for mean, parameter in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(parameter, 1 - decay)
