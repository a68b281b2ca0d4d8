"""A fit tells the size of errors from signs, for recordings that it has not seen."""

from __future__ import annotations

import numpy as np

from lab.fitting.detector_doubt import Signs, held_out, report, roc_area


def _found(seed: int = 0, n: int = 4000) -> tuple[Signs, np.ndarray]:
    """Errors whose typical size one of three signs tells, and that size."""
    rng = np.random.default_rng(seed)
    signs = rng.normal(size=(n, 3))
    size = np.exp(-3.5 + signs[:, 1])
    error = size * rng.gamma(2.0, 1.0, n)  # of Laplace's density in the plane
    return Signs(signs, error, np.ones(n), rng.integers(0, 8, n)), size


def test_sizes_of_errors_are_told_as_they_are() -> None:
    found, size = _found()
    doubt = held_out(found)
    assert np.corrcoef(np.log(doubt), np.log(size))[0, 1] > 0.95
    assert abs(np.log(doubt / size).mean()) < 0.15
    failed = found.error_m > 0.17
    assert roc_area(doubt, failed) > roc_area(size, failed) - 0.02


def test_the_area_under_the_curve() -> None:
    true = np.array([False, False, True, True])
    assert roc_area(np.array([1.0, 2.0, 3.0, 4.0]), true) == 1.0
    assert roc_area(np.array([4.0, 3.0, 2.0, 1.0]), true) == 0.0
    assert roc_area(np.ones(4), true) == 0.5


def test_the_report_says_how_many_failed() -> None:
    found, size = _found()
    share = (found.error_m > 0.17).mean()
    assert report(found, size).startswith(f"{share:.1%} of the points")
