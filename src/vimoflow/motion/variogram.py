"""How far apart feature values are at every distance in time, measured on training motion."""

from __future__ import annotations

import functools
from importlib import resources

from jaxtyping import Float
from safetensors.torch import load
from torch import Tensor

_FILE = "variogram.safetensors"
LAGS = 90  # frames at 30 fps; farther apart counts as that far


@functools.cache
def feature_variogram() -> Float[Tensor, "lags 151"]:
    """That of the features, as ``lab/fitting/variogram.py`` measured it."""
    data = resources.files("vimoflow.motion").joinpath(_FILE).read_bytes()
    return load(data)["variogram"]
