"""Time series: resampling and gap handling along the first axis."""

from __future__ import annotations

import torch
from jaxtyping import Float
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
