"""Classifier-free guidance (Ho and Salimans 2022; thesis 3.3 iv)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vimoflow.errors import ConfigError

Denoise = Callable[[Tensor, Tensor], Tensor]
"""``(x_t, t) -> x0_hat``: (batch, frames, channels) and (batch,) to (batch, frames, channels)."""


def guided(
    denoise: Callable[[Tensor, Tensor, Tensor], Tensor], condition: Tensor, empty: Tensor, w: float
) -> Denoise:
    """A denoiser that answers ``(1 + w) D(x_t, t, condition) - w D(x_t, t, empty)``.

    Both are evaluated in one batch of twice the size. With ``w`` 0 the model never sees ``empty``.
    Guided rotations are no rotations: re-orthonormalise them.

    Args:
        denoise: the model, ``(x_t, t, condition) -> x0_hat``.
        condition: what to follow, for a batch.
        empty: "no condition", for a batch of the same size.
        w: strength; 0 is none. The thesis' w, which others call the guidance scale minus 1.

    Raises:
        ConfigError: ``w`` is negative or not finite.
    """
    if not (math.isfinite(w) and w >= 0.0):
        raise ConfigError(f"the guidance strength must be 0 or more, not {w:g}")
    if w == 0.0:
        return lambda x_t, t: denoise(x_t, t, condition)
    both = torch.cat((condition, empty))

    def guided_denoise(x_t: Tensor, t: Tensor) -> Tensor:
        x0_hat = denoise(torch.cat((x_t, x_t)), torch.cat((t, t)), both)
        conditional, unconditional = x0_hat.chunk(2)
        return (1.0 + w) * conditional - w * unconditional

    return guided_denoise
