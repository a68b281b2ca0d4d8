"""Vectors without PyTorch, which finding keypoints does not wait for."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def cross_matrix(v: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """The matrices that take the cross product with ``v`` from the left."""
    out = np.zeros((*v.shape, 3))
    out[..., (2, 0, 1), (1, 2, 0)] = v
    out[..., (1, 2, 0), (2, 0, 1)] = -v
    return out
