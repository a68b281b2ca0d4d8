"""Drawn motions without the trembling that is left of the noise."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.inference.sampling.joining import orthonormal

_SIGMA = 2.0  # frames at 30 fps: what is faster than 2 Hz is damped by half and more


def calmed(
    drawn: Float[Tensor, "batch frames 151"],
    likeliest: Float[Tensor, "batch frames 151"],
    valid: Bool[Tensor, "batch frames"] | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Drawn features whose way off the likeliest motion is smooth in time (a Gaussian's mean).

    A sampler of few steps leaves noise of a few degrees from frame to frame, which keypoints
    cannot tell from motion. The likeliest motion is steady and has the quick turns that were seen,
    so that these stay; what is smoothed is where a sample differs.
    """
    reach = math.ceil(3 * _SIGMA)
    steps = torch.arange(-reach, reach + 1, dtype=drawn.dtype, device=drawn.device)
    kernel = torch.exp(-0.5 * (steps / _SIGMA) ** 2)[None, None]
    known = torch.ones_like(drawn[..., :1]) if valid is None else valid[..., None].to(drawn)
    off = torch.cat([(drawn - likeliest) * known, known], dim=-1).transpose(1, 2)
    summed = F.conv1d(off.flatten(0, 1)[:, None], kernel, padding=reach)[:, 0]
    summed = summed.unflatten(0, off.shape[:2]).transpose(1, 2)
    smooth = summed[..., :-1] / summed[..., -1:].clamp(min=1e-6)
    return orthonormal(likeliest + smooth)
