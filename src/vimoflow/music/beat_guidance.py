"""Dances that halt on the beat while they are drawn: guidance by the music's beats themselves.

At every denoising step the clean estimate gives way to the motion nearest to it that hardly moves
at the beats; the network then makes a dance of that. Nothing is trained for it, as in loss-guided
diffusion (Song et al. 2023), but the nearest motion is exact here, not a step along a gradient.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_SIGMA = 1.5  # frames around a beat that count


def weights_at(
    beats: Float[np.ndarray, " beats"], frames: int, strength: float
) -> Float[Tensor, " frames"]:
    """What moving from each frame to the next costs.

    Args:
        beats: their places, frames.
        frames: how many.
        strength: the cost at a beat, beside 1 for being a unit away from the estimate.
    """
    away = np.abs(np.arange(frames)[:, None] - beats).min(1, initial=np.inf)
    return torch.from_numpy(strength * np.exp(-np.square(away / _SIGMA) / 2)).float()


def halting(
    features: Float[Tensor, "*batch frames c"], weights: Float[Tensor, "*batch frames"]
) -> Float[Tensor, "*batch frames c"]:
    """The least of ``|y - x|^2 + sum_t w_t |y_(t+1) - y_t|^2``, a tridiagonal system.

    Args:
        features: x, of one scale in all frames.
        weights: w; the last of each row is not used.
    """
    from scipy.linalg import solveh_banded

    rows = features.detach().cpu().double().reshape(-1, *features.shape[-2:]).numpy()
    costs = weights.cpu().double().reshape(len(rows), -1)[:, :-1].numpy()
    out = np.empty_like(rows)
    for row, (x, w) in enumerate(zip(rows, costs, strict=True)):
        beside = np.pad(-w, (1, 0))
        diagonal = 1 + np.pad(w, (1, 0)) + np.pad(w, (0, 1))
        out[row] = solveh_banded(np.stack((beside, diagonal)), x)
    return torch.from_numpy(out).to(features).reshape(features.shape)
