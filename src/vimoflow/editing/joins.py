"""Generated frames joined to held ones: position, velocity and acceleration go through.

How far the generated sequence is from what is held is known beside a gap and made up for inside:
the correction is the one of least jerk that meets those offsets and dies away in between (inertial
blending, Bollo 2018, as one small least-squares problem for all gaps). Rotations are corrected in
the tangent space of the generated ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.sparse.linalg import splu
from torch import Tensor

from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

REACH_S = 0.3  # how softly a correction bends away from what it meets


class OffsetSpline:
    """Offsets that are known in some frames, continued into the others.

    Minimises the sum of squared third differences plus ``reach**-4`` times that of first ones: a
    spline under tension, which meets the known offsets with their velocity and acceleration and
    runs straight from one side of a gap to the other in between. With ``fade`` it also returns to
    zero within a few times ``reach`` frames.

    Args:
        known: where offsets are known; a pattern that many columns share is factorised once.
        reach: in frames.
        fade: whether corrections die away.
    """

    def __init__(
        self, known: Bool[Tensor, "frames columns"], reach: float, fade: bool = False
    ) -> None:
        self.known = known
        patterns, self.which = torch.unique(known, dim=1, return_inverse=True)
        energy = _energy(len(known), reach, fade)
        self.parts = [_Part.of(energy, pattern.numpy()) for pattern in patterns.T]

    def __call__(
        self, offsets: Float[Tensor, "*batch frames columns"]
    ) -> Float[Tensor, "*batch frames columns"]:
        """The offsets of all frames; known ones come out as they are, others are not looked at."""
        out = offsets.double().clone()
        for number, part in enumerate(self.parts):
            if not len(part.free):
                continue
            columns = torch.nonzero(self.which == number).flatten()
            values = out[..., columns].movedim(-2, 0)
            load = part.coupling @ values[part.fixed].flatten(1).numpy()
            filled = torch.from_numpy(-part.solve(np.ascontiguousarray(load)))
            values[part.free] = filled.reshape(-1, *values.shape[1:])
            out[..., columns] = values.movedim(0, -2)
        return out.to(offsets)


@dataclass(frozen=True)
class _Part:
    """The linear system of one pattern of known frames."""

    free: Tensor
    fixed: Tensor
    coupling: sparse.csr_matrix
    solve: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def of(cls, energy: sparse.csr_matrix, known: np.ndarray) -> _Part:
        free, fixed = np.flatnonzero(~known), np.flatnonzero(known)
        # Where nothing is known there is nothing to correct: a little weight on zero says so.
        inner = energy[free][:, free] + 1e-12 * sparse.eye(len(free))
        solve = splu(inner.tocsc()).solve if len(free) else _nothing
        return cls(torch.from_numpy(free), torch.from_numpy(fixed), energy[free][:, fixed], solve)


def _nothing(load: np.ndarray) -> np.ndarray:
    return load


def joined_rotations(
    R_generated: Float[Tensor, "frames joints 3 3"],
    R_held: Float[Tensor, "frames joints 3 3"],
    held: Bool[Tensor, "frames joints"],
    reach: float,
) -> Float[Tensor, "frames joints 3 3"]:
    """Local rotations that are the held ones where there are any and lead to them elsewhere."""
    offset = matrix_to_axis_angle(R_generated.transpose(-1, -2) @ R_held)
    spline = OffsetSpline(held[..., None].expand_as(offset).flatten(1), reach)
    offset = spline(offset.flatten(1)).unflatten(1, offset.shape[1:])
    joined = R_generated @ axis_angle_to_matrix(offset)
    return torch.where(held[..., None, None], R_held, joined)


def joined_root(
    generated: Float[Tensor, "frames 3"],
    held_root: Float[Tensor, "frames 3"],
    held: Bool[Tensor, "frames 3"],
    reach: float,
) -> Float[Tensor, "frames 3"]:
    """The same for the root's position."""
    offset = OffsetSpline(held, reach)(held_root - generated)
    return torch.where(held, held_root, generated + offset)


def _energy(frames: int, reach: float, fade: bool) -> sparse.csr_matrix:
    first = sparse.eye(frames, format="csr")
    energy = reach**-6 * first if fade else sparse.csr_matrix((frames, frames))
    if frames > 1:
        first = first[1:] - first[:-1]
        energy = energy + reach**-4 * first.T @ first
    if frames > 3:
        second = first[1:] - first[:-1]
        third = second[1:] - second[:-1]
        energy = energy + third.T @ third
    return energy.tocsr()
