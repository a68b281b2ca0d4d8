"""The cross product as a matrix, against numpy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vimoflow.geometry.vectors import cross_matrix


@given(st.integers(0, 10_000), st.sampled_from([(), (4,), (2, 3)]))
def test_it_is_numpys_cross_product(seed: int, batch: tuple[int, ...]) -> None:
    v, w = np.random.default_rng(seed).normal(size=(2, *batch, 3))
    assert np.allclose((cross_matrix(v) @ w[..., None])[..., 0], np.cross(v, w))
