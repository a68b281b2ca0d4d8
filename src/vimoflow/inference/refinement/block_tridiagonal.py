"""Symmetric systems whose blocks couple neighbours only."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg.blas import dgemm, dsyrk, dtrsm
from scipy.linalg.lapack import dpotrf


def solve_block_tridiagonal(blocks: Float[np.ndarray, "f c n"]) -> Float[np.ndarray, "f r n"]:
    """Solutions x of A x = b, A symmetric and positive definite, by Cholesky along its diagonal.

    One sweep up, one down (George and Liu 1981, chapter 2), in place and with many right hand sides
    at once. A banded solver takes them one by one, which costs more than the factors.

    Args:
        blocks: of each frame the transposes of A's block (t, t), of its block (t, t + 1), and of
            the right hand sides; overwritten. The last frame's (t, t + 1) must be zero.

    Raises:
        numpy.linalg.LinAlgError: A is not positive definite.
    """
    n = blocks.shape[-1]
    if not n:
        return blocks
    before: np.ndarray | None = None
    for block in blocks:  # the transpose of a C array is what Fortran works on in place
        own, beyond, right = block[:n].T, block[n:].T, block[2 * n :].T
        if before is not None:
            dsyrk(-1.0, before[:, :n], beta=1.0, c=own, trans=1, lower=1, overwrite_c=1)
            dgemm(-1.0, before[:, :n], before[:, n:], 1.0, right, trans_a=1, overwrite_c=1)
        _, failed = dpotrf(own, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError("the normal equations are not positive definite")
        dtrsm(1.0, own, beyond, lower=1, overwrite_b=1)
        before = beyond
    after: np.ndarray | None = None
    for block in blocks[::-1]:
        right = block[2 * n :].T
        if after is not None:
            dgemm(-1.0, block[n : 2 * n].T, after, 1.0, right, overwrite_c=1)
        dtrsm(1.0, block[:n].T, right, lower=1, trans_a=1, overwrite_b=1)
        after = right
    return blocks[:, 2 * n :]
