"""Levenberg-Marquardt for least squares along time: a few unknowns a frame, a few shared by all.

Rows of residuals depend on one frame's unknowns, on the next frame's, on shared ones (cameras, a
body's size, the floor's height) and on *summaries*: numbers that follow from all frames, such as
the scale that fits a clip best. Robust losses come in as weights that change with the residuals
(iteratively reweighted least squares, Holland and Welsch 1977). What a frame or a residual means is
not known here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import ThreadpoolController

from vimoflow.inference.refinement.block_tridiagonal import solve_block_tridiagonal

_DAMPING, _MOST_DAMPING = 1e-4, 1e8  # relative to the diagonal (Marquardt 1963)
_SPAN = 32  # frames linearised at once: their derivatives stay in the processor's cache


@dataclass(frozen=True)
class Unknowns:
    """A point of the search.

    Attributes:
        frames: what belongs to each frame.
        shared: what belongs to all of them.
    """

    frames: Float[np.ndarray, "f n"]
    shared: Float[np.ndarray, " k"]


@dataclass(frozen=True)
class Summary:
    """Derivatives of numbers that follow from all frames, as far as rows' frames have a part.

    Attributes:
        at: their places among all summaries.
        frames: by the frames' unknowns.
        border: these frames' part of their derivatives by what matters of the rows' border.
    """

    at: slice
    frames: Float[np.ndarray, "f q n"]
    border: Float[np.ndarray, "q c"]


@dataclass(frozen=True)
class Rows:
    """Residuals of neighbouring frames and their derivatives.

    Attributes:
        residual: values.
        weight: of their squares in the energy; depends on the residuals where a loss is robust.
        unknowns: those ``u`` of a frame's unknowns that matter.
        border: those ``c`` of the border that matter: the shared unknowns, then the summaries.
        by: derivatives by the frame's unknowns, then by the border.
        by_next: by the next frame's unknowns.
        summary: what follows from all frames.
    """

    residual: Float[np.ndarray, "f m"]
    weight: Float[np.ndarray, "f m"]
    unknowns: slice
    border: Int[np.ndarray, " c"]
    by: Float[np.ndarray, "f m uc"]
    by_next: Float[np.ndarray, "f m u"] | None = None
    summary: Summary | None = None


@dataclass(frozen=True)
class Prior:
    """Independent Gaussians, and a random walk along time, as inverse variances.

    Attributes:
        own: of each frame's unknowns around zero.
        step: of their change from each frame to the next; 0 where the chain is broken.
        shared: of the shared unknowns around ``center``.
    """

    own: Float[np.ndarray, " n"]
    step: Float[np.ndarray, "steps n"]
    shared: Float[np.ndarray, " k"]
    center: Float[np.ndarray, " k"]

    def energy(self, at: Unknowns) -> float:
        """Weighted squares."""
        steps = (np.square(np.diff(at.frames, axis=0)) * self.step).sum()
        own = np.square(at.frames).sum(0) @ self.own
        return float(own + steps + np.square(at.shared - self.center) @ self.shared)


@runtime_checkable
class Point(Protocol):
    """Residuals seen from one point of the search."""

    def energy(self) -> float:
        """What they add to what is minimised."""

    def rows(self, frames: slice) -> Iterator[Rows]:
        """The residuals of some frames, linearised; those of steps belong to the earlier frame."""


@runtime_checkable
class Problem(Protocol):
    """What is minimised: residuals and a prior."""

    @property
    def prior(self) -> Prior:
        """Where the unknowns are without any residuals."""

    @property
    def summaries(self) -> int:
        """How many numbers follow from all frames."""

    def at(self, unknowns: Unknowns) -> Point:
        """The residuals seen from there."""


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Attributes:
        unknowns: the point.
        energy: there, with the prior.
        steps: how often the normal equations were solved.
    """

    unknowns: Unknowns
    energy: float
    steps: int


def minimise(problem: Problem, start: Unknowns, steps: int, tolerance: float) -> Minimum:
    """The minimum that is reached from ``start``; never higher than the start.

    Args:
        problem: residuals and a prior.
        start: a first point.
        steps: how often the normal equations are solved at most.
        tolerance: the search ends when the energy can be expected to fall by less than this share
            of it, judged by how much two steps lowered it.
    """
    with _blas().limit(limits=1, user_api="blas"):
        return _minimised(problem, start, steps, tolerance)


@functools.cache
def _blas() -> ThreadpoolController:
    """To keep products on one thread: shared out, blocks of 51 x 51 wait a hundred times as long
    for threads as they take, where other programs want the cores as well."""
    return ThreadpoolController()


def _minimised(problem: Problem, start: Unknowns, steps: int, tolerance: float) -> Minimum:
    at, damping, solved, gain = start, _DAMPING, 0, 0.0
    point = problem.at(at)
    energy = point.energy() + problem.prior.energy(at)
    frames, unknowns = at.frames.shape
    equations = _NormalEquations(frames, unknowns, len(at.shared), problem.summaries)
    while solved < steps and damping < _MOST_DAMPING:
        equations.fill(problem.prior, at, point)
        trial = equations.solved(at, damping)
        solved += 1
        there = problem.at(trial)
        lower = there.energy() + problem.prior.energy(trial)
        if not lower < energy:
            damping *= 10
            continue
        gain, before = energy - lower, gain
        at, point, energy, damping = trial, there, lower, damping / 10
        # Gains shrink like a geometric series: what is its sum from here on?
        if gain < before and gain * gain / (before - gain) < tolerance * energy:
            break
    return Minimum(at, energy, solved)


class _NormalEquations:
    """Half the energy's second derivatives and half its first ones.

    The border holds the shared unknowns and then the summaries, which are unknowns of their own
    that are bound to the others (Lagrange multipliers). All that is of one frame lies side by side:
    its block, the block beyond it, the gradient, the border and the summaries.
    """

    def __init__(self, frames: int, n: int, k: int, q: int) -> None:
        z = k + q
        self.k, self.z = k, z
        self.blocks = np.empty((frames, 2 * n + 1 + z + q, n))
        self.diagonal, self.beyond = self.blocks[:, :n], self.blocks[:, n : 2 * n]
        self.right = self.blocks[:, 2 * n :]
        self.gradient, self.border = self.right[:, 0], self.right[:, 1 : 1 + z]
        self.summaries = self.right[:, 1 + z :]
        self.corner, self.border_gradient = np.empty((z, z)), np.empty(z)
        self.bind = np.empty((q, z))

    def fill(self, prior: Prior, at: Unknowns, point: Point) -> None:
        """The equations at a point."""
        for part in (self.blocks, self.corner, self.border_gradient, self.bind):
            part.fill(0)
        self.bind[:, self.k :] = np.eye(len(self.bind))
        self._add_prior(prior, at)
        for first in range(0, len(at.frames), _SPAN):
            span = slice(first, min(first + _SPAN, len(at.frames)))
            for rows in point.rows(span):
                self._add(rows, first)

    def _add_prior(self, prior: Prior, at: Unknowns) -> None:
        on, k = np.arange(at.frames.shape[1]), np.arange(self.k)
        self.diagonal[:, on, on] += prior.own
        self.diagonal[:-1, on, on] += prior.step
        self.diagonal[1:, on, on] += prior.step
        self.beyond[:-1, on, on] -= prior.step
        self.gradient[:] += prior.own * at.frames
        pull = np.diff(at.frames, axis=0) * prior.step
        self.gradient[:-1] -= pull
        self.gradient[1:] += pull
        self.corner[k, k] += prior.shared
        self.border_gradient[: self.k] += prior.shared * (at.shared - prior.center)

    def _add(self, rows: Rows, first: int) -> None:
        """Add rows whose first frame this is."""
        on, weight = rows.unknowns, rows.weight[..., None]
        own = rows.by.shape[-1] - len(rows.border)
        here = slice(first, first + len(rows.by))
        pull = (rows.by[..., :own] * weight).swapaxes(1, 2)
        products = pull @ rows.by
        self.diagonal[here, on, on] += products[..., :own]
        self.border[here, rows.border, on] += products[..., own:].swapaxes(1, 2)
        self.gradient[here, on] += (pull @ rows.residual[..., None])[..., 0]
        border = rows.by[..., own:].reshape(rows.residual.size, len(rows.border))
        weighted = (border * weight.reshape(-1, 1)).T
        self.border_gradient[rows.border] += weighted @ rows.residual.ravel()
        self.corner[np.ix_(rows.border, rows.border)] += weighted @ border
        if rows.by_next is not None:
            self._add_next(rows, rows.by_next, first)
        if rows.summary is not None:
            self.summaries[here, rows.summary.at] = rows.summary.frames
            self.bind[rows.summary.at, rows.border] -= rows.summary.border

    def _add_next(self, rows: Rows, by_next: Float[np.ndarray, "f m u"], first: int) -> None:
        """Add what rows say of the frames after theirs."""
        on, own = rows.unknowns, by_next.shape[-1]
        pull = (by_next * rows.weight[..., None]).swapaxes(1, 2)
        products = pull @ rows.by
        after = slice(first + 1, first + 1 + len(by_next))
        self.beyond[first : after.stop - 1, on, on] += products[..., :own]
        self.border[after, rows.border, on] += products[..., own:].swapaxes(1, 2)
        self.diagonal[after, on, on] += pull @ by_next
        self.gradient[after, on] += (pull @ rows.residual[..., None])[..., 0]

    def solved(self, at: Unknowns, damping: float) -> Unknowns:
        """Where the damped quadratic model has its minimum; the equations are used up."""
        n, k, z = at.frames.shape[1], self.k, self.z
        self.diagonal[:, np.arange(n), np.arange(n)] *= 1 + damping
        self.corner[np.arange(k), np.arange(k)] *= 1 + damping
        sides = self.right[:, 1:].copy()
        x = solve_block_tridiagonal(self.blocks)
        inner = np.tensordot(sides, x, axes=((0, 2), (0, 2)))
        by_border, by_summary = inner[:, 1 : 1 + z], inner[:, 1 + z :]
        system = np.block([
            [self.corner - by_border[:z], self.bind.T + by_summary[:z]],
            [self.bind + by_border[z:], -by_summary[z:]],
        ])  # fmt: skip
        known = np.concatenate((self.border_gradient - inner[:z, 0], inner[z:, 0]))
        found = np.linalg.solve(system, known)
        share = np.concatenate(([1.0], -found[:z], found[z:]))
        return Unknowns(at.frames - share @ x, at.shared - found[:k])
