"""Time series: resampling, and runs of frames, along the first axis."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor


def linear_resample(
    values: Float[Tensor, " frames *rest"],
    times: Float[Tensor, " frames"],
    new_times: Float[Tensor, " new"],
) -> Float[Tensor, " new *rest"]:
    """Linear interpolation from ``times`` (increasing, seconds) to others; the ends are held."""
    if len(times) == 1:
        return values.expand(len(new_times), *values.shape[1:]).clone()
    clamped = new_times.clamp(times[0], times[-1])
    right = torch.searchsorted(times, clamped, right=True).clamp(1, len(times) - 1)
    left = right - 1
    weight = (clamped - times[left]) / (times[right] - times[left])
    weight = weight.to(values.dtype).reshape(-1, *([1] * (values.ndim - 1)))
    return torch.lerp(values[left], values[right], weight)


def runs_of_true(flags: Bool[np.ndarray, " frames"]) -> list[tuple[int, int]]:
    """(first, end) of every unbroken run of true values, ``end`` being the first after it."""
    edges = np.flatnonzero(np.diff(np.pad(flags.astype(np.int8), 1)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def longest_run(flags: Bool[np.ndarray, " frames"]) -> slice:
    """The longest run of true values, the first of equals; empty where none is true."""
    runs = [(0, 0), *runs_of_true(flags)]
    return slice(*max(runs, key=lambda run: run[1] - run[0]))
