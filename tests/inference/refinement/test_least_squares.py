"""Linear problems are solved exactly, robust ones go downhill; nothing is known of bodies here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from vimoflow.inference.refinement.least_squares import (
    Prior,
    Rows,
    Summary,
    Unknowns,
    minimise,
)

FRAMES, N, SHARED, ROWS, NUMBERS = 70, 4, 3, 5, 2  # more frames than are linearised at once


@dataclass(frozen=True)
class Linear:
    """r_t = b_t + A_t x_t + B_t x_(t+1) + C_t c + D_t y, where y = sum over t of S_t x_t, + T c."""

    seed: int
    prior: Prior
    summaries: int = NUMBERS

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        shapes = {
            "b": (FRAMES, ROWS), "A": (FRAMES, ROWS, N), "B": (FRAMES, ROWS, N),
            "C": (FRAMES, ROWS, SHARED), "D": (FRAMES, ROWS, NUMBERS), "S": (FRAMES, NUMBERS, N),
            "T": (NUMBERS, SHARED), "w": (FRAMES, ROWS),
        }  # fmt: skip
        parts = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        parts["w"] = np.abs(parts["w"])
        for name in "wS":
            parts[name][-1] = 0  # residuals of steps: the last frame has none
        object.__setattr__(self, "parts", parts)

    def dense(self) -> tuple[np.ndarray, np.ndarray]:
        """Residuals as one matrix of all unknowns and what they are at zero, weights taken in."""
        p = self.parts
        J = np.zeros((FRAMES, ROWS, FRAMES, N))
        t = np.arange(FRAMES)
        J[t, :, t] += p["A"]
        J[t[:-1], :, t[1:]] += p["B"][:-1]
        J += np.einsum("tmq,qsn->tmsn", p["D"], p["S"].swapaxes(0, 1))
        c = p["C"] + p["D"] @ p["T"]
        J = np.concatenate((J.reshape(FRAMES, ROWS, -1), c), axis=-1)
        root = np.sqrt(p["w"])
        return (J * root[..., None]).reshape(FRAMES * ROWS, -1), (p["b"] * root).ravel()

    def at(self, unknowns: Unknowns) -> _LinearAt:
        return _LinearAt(self, unknowns)


@dataclass(frozen=True)
class _LinearAt:
    of: Linear
    unknowns: Unknowns

    @property
    def residual(self) -> np.ndarray:
        p, x, c = self.of.parts, self.unknowns.frames, self.unknowns.shared
        y = np.einsum("tqn,tn->q", p["S"], x) + p["T"] @ c
        later = np.concatenate((x[1:], x[-1:]))
        moved = np.einsum("tmn,tn->tm", p["A"], x) + np.einsum("tmn,tn->tm", p["B"], later)
        return p["b"] + moved + p["C"] @ c + p["D"] @ y

    def energy(self) -> float:
        return float((self.of.parts["w"] * self.residual**2).sum())

    def rows(self, frames: slice) -> Iterator[Rows]:
        steps = slice(frames.start, min(frames.stop, FRAMES - 1))
        p = {name: x[steps] for name, x in self.of.parts.items() if name != "T"}
        own = np.zeros((NUMBERS, SHARED + NUMBERS))
        own[:, :SHARED] = self.of.parts["T"] * (frames.stop - frames.start) / FRAMES
        yield Rows(
            self.residual[steps], p["w"], slice(None), np.arange(SHARED + NUMBERS),
            np.concatenate((p["A"], p["C"], p["D"]), axis=-1), p["B"],
            Summary(slice(0, NUMBERS), p["S"], own),
        )  # fmt: skip


def prior() -> Prior:
    rng = np.random.default_rng(9)
    own, step, shared = (rng.uniform(0.5, 2.0, size) for size in (N, (FRAMES - 1, N), SHARED))
    step[20] = 0.0
    return Prior(own, step, shared, rng.normal(size=SHARED))


def test_a_linear_problem_is_solved_as_a_dense_solver_does() -> None:
    problem = Linear(0, prior())
    J, b = problem.dense()
    p = problem.prior
    steps = np.kron(np.diff(np.eye(FRAMES), axis=0), np.eye(N))
    chain = steps.T @ (p.step.reshape(-1, 1) * steps) + np.kron(np.eye(FRAMES), np.diag(p.own))
    H = J.T @ J
    H[: FRAMES * N, : FRAMES * N] += chain
    H[FRAMES * N :, FRAMES * N :] += np.diag(p.shared)
    g = J.T @ b
    g[FRAMES * N :] -= p.shared * p.center
    expected = -np.linalg.solve(H, g)
    found = minimise(problem, Unknowns(np.zeros((FRAMES, N)), np.zeros(SHARED)), 8, 0.0).unknowns
    np.testing.assert_allclose(found.frames.ravel(), expected[: FRAMES * N], atol=1e-6)
    np.testing.assert_allclose(found.shared, expected[FRAMES * N :], atol=1e-6)


@dataclass(frozen=True)
class Bent:
    """r = atan(x): full steps from beyond 1.4 go ever farther away."""

    prior: Prior
    summaries: int = 0

    def at(self, unknowns: Unknowns) -> _BentAt:
        return _BentAt(unknowns.frames)


@dataclass(frozen=True)
class _BentAt:
    x: np.ndarray

    def energy(self) -> float:
        return float(np.square(np.arctan(self.x)).sum())

    def rows(self, frames: slice) -> Iterator[Rows]:
        x = self.x[frames]
        by = (1 / (1 + x**2))[..., None] * np.eye(x.shape[1])
        yield Rows(np.arctan(x), np.ones_like(x), slice(None), np.arange(0), by)


def test_steps_that_lead_uphill_are_shortened() -> None:
    x = np.array([[3.0], [-5.0], [0.5]])
    weak = np.full(1, 1e-9)
    problem = Bent(Prior(weak, np.full((2, 1), 1e-9), np.zeros(0), np.zeros(0)))
    found = minimise(problem, Unknowns(x, np.zeros(0)), 60, 0.0)
    assert abs(found.unknowns.frames).max() < 1e-3
    energies = [minimise(problem, Unknowns(x, np.zeros(0)), k, 0.0).energy for k in range(12)]
    assert (np.diff(energies) <= 0).all()
    assert energies[0] == pytest.approx(np.square(np.arctan(x)).sum(), rel=1e-6)


def test_products_stay_on_one_thread_and_others_get_theirs_back() -> None:
    seen: list[int] = []

    class Watched(Bent):
        def at(self, unknowns: Unknowns) -> _BentAt:
            seen.extend(threads())
            return super().at(unknowns)

    def threads() -> list[int]:
        return [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]

    none = np.zeros(0)
    problem = Watched(Prior(np.ones(1), np.ones((2, 1)), none, none))
    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        minimise(problem, Unknowns(np.ones((3, 1)), none), 3, 0.0)
        assert threads() == before
    assert seen and set(seen) == {1}


def test_the_search_ends_when_little_is_left_to_gain() -> None:
    at = Unknowns(np.zeros((FRAMES, N)), np.zeros(SHARED))
    problem = Linear(1, prior())
    early, late = (minimise(problem, at, 50, tolerance) for tolerance in (1e-3, 0.0))
    assert early.steps <= 3 < late.steps
    assert early.energy < late.energy * (1 + 1e-3)
