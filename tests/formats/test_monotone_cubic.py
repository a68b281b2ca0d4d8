"""Monotone cubic curves against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from vimoflow.formats.monotone_cubic import monotone_cubic


@pytest.mark.parametrize("knots", [2, 3, 4, 12])
def test_agrees_with_scipy(knots: int) -> None:
    """With flats, turns and steep ends among the curves."""
    rng = np.random.default_rng(knots)
    x = np.cumsum(rng.uniform(0.05, 2.0, knots))
    y = np.round(rng.normal(size=(knots, 40)), 1) * rng.integers(0, 2, (knots, 40))
    at = np.linspace(x[0], x[-1], 101)
    np.testing.assert_allclose(monotone_cubic(x, y, at), PchipInterpolator(x, y)(at), atol=1e-12)
