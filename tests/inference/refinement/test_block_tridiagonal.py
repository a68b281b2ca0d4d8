"""The sweep solves what a dense solver solves."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.inference.refinement.block_tridiagonal import solve_block_tridiagonal


def system(frames: int, n: int, sides: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A random symmetric positive definite matrix of coupled neighbours, and right hand sides."""
    rng = np.random.default_rng(seed)
    factor = np.zeros((frames * n, frames * n))
    for t in range(frames):
        rows = slice(t * n, (t + 1) * n)
        factor[rows, rows] = rng.normal(size=(n, n)) + 3 * np.eye(n)
        factor[rows, rows.stop : rows.stop + n] = rng.normal(size=(n, n))[:, : n * (t < frames - 1)]
    return factor.T @ factor, rng.normal(size=(frames * n, sides))


def blocks(A: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    frames = len(A) // n
    out = np.zeros((frames, 2 * n + b.shape[1], n))
    for t in range(frames):
        rows = slice(t * n, (t + 1) * n)
        out[t, :n], out[t, 2 * n :] = A[rows, rows].T, b[rows].T
        if t < frames - 1:
            out[t, n : 2 * n] = A[rows, rows.stop : rows.stop + n].T
    return out


@pytest.mark.parametrize(("frames", "n", "sides"), [(1, 3, 1), (2, 1, 2), (7, 5, 4), (40, 3, 9)])
def test_solves_as_a_dense_solver_does(frames: int, n: int, sides: int) -> None:
    A, b = system(frames, n, sides)
    x = solve_block_tridiagonal(blocks(A, b, n)).swapaxes(1, 2).reshape(-1, sides)
    np.testing.assert_allclose(x, np.linalg.solve(A, b), rtol=1e-6, atol=1e-9)


def test_refuses_what_is_not_positive_definite() -> None:
    A, b = system(4, 3, 2)
    A[5, 5] = -1.0
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        solve_block_tridiagonal(blocks(A, b, 3))
