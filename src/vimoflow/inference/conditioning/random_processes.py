"""Random numbers in time: autoregressive noise and events that last a while."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def rand(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Float[Tensor, "..."]:
    """Uniform in [0, 1), on the device and of the type of ``like``."""
    return torch.rand(shape, generator=generator, device=like.device, dtype=like.dtype)


def randn(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Float[Tensor, "..."]:
    """Standard normal, on the device and of the type of ``like``."""
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def randn_series(
    shape: tuple[int, ...], generator: torch.Generator, like: Tensor
) -> Float[Tensor, "batch frames *rest"]:
    """``randn``, but with whole frames together in memory, as :func:`autoregressive` likes it."""
    return randn((shape[1], shape[0], *shape[2:]), generator, like).transpose(0, 1)


def autoregressive(
    white: Float[Tensor, "batch frames *rest"], correlation: Float[Tensor, "..."]
) -> Float[Tensor, "batch frames *rest"]:
    """White noise made a stationary first-order process of the same variance, in place.

    Args:
        white: independent numbers of variance one.
        correlation: between neighbouring frames, broadcast to (batch *rest).
    """
    series = white.transpose(0, 1)
    series[1:] *= (1 - correlation**2).sqrt()
    factor = correlation.expand(series.shape[1:]).contiguous()
    for now, before in zip(series[1:], series[:-1], strict=True):
        now.addcmul_(before, factor)
    return white


def intervals(
    like: Float[Tensor, "batch frames *rest"],
    rate_per_s: Float[Tensor, "kinds"],
    mean_s: Float[Tensor, "kinds"],
    generator: torch.Generator,
    fps: float,
) -> Bool[Tensor, "batch frames kinds"]:
    """When events of several kinds go on: begun at a rate, exponentially long, a frame at least.

    Events may have begun before the clip.
    """
    clips, frames = like.shape[:2]
    # A fixed number of candidates, each real with a small chance: nearly a Poisson process.
    expected = float(rate_per_s.max()) * frames / fps
    slots = max(2, math.ceil(4 * expected))
    draws = rand((3, slots, clips, 1, len(rate_per_s)), generator, like)
    length = (-mean_s * fps * torch.log1p(-draws[0] * (1 - 1e-6))).clamp(min=1)
    window = frames + length
    start = draws[1] * window - length
    happens = draws[2] < rate_per_s / fps * window / slots
    end = torch.where(happens, start + length, -torch.inf)
    frame = torch.arange(frames, device=like.device, dtype=like.dtype)[:, None]
    return ((frame >= start) & (frame < end)).any(0)


def spread_over_points(
    active: Bool[Tensor, "batch frames groups"], groups: Sequence[Sequence[int]]
) -> Float[Tensor, "batch frames 17"]:
    """How many of the active events concern each COCO point; ``groups`` lists their points."""
    members = torch.zeros(len(groups), 17, device=active.device)
    for row, group in enumerate(groups):
        members[row, list(group)] = 1
    return active.to(members.dtype) @ members
