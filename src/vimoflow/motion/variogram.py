"""How far apart feature values are at every distance in time, measured on training motion."""

from __future__ import annotations

import functools
from importlib import resources

import torch
from jaxtyping import Float
from safetensors.torch import load
from torch import Tensor

_FILE = "variogram.safetensors"
LAGS = 90  # frames at 30 fps; farther apart counts as that far


def measure_variogram(
    features: Float[Tensor, "clips frames channels"],
) -> Float[Tensor, "lags channels"]:
    """Half the mean squared difference of values 0 to ``LAGS - 1`` frames apart (Cressie 1993)."""
    values = [torch.zeros_like(features[0, 0])]
    for lag in range(1, LAGS):
        values.append((features[:, lag:] - features[:, :-lag]).square().mean((0, 1)) / 2)
    return torch.stack(values)


@functools.cache
def feature_variogram() -> Float[Tensor, "lags 151"]:
    """That of the features, as ``lab/fitting/variogram.py`` measured it."""
    data = resources.files("vimoflow.motion").joinpath(_FILE).read_bytes()
    return load(data)["variogram"]
