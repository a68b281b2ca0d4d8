"""Every term's energy has the slope that its rows say, robust losses and summaries included."""

from __future__ import annotations

import numpy as np
import pytest

from vimoflow.inference.refinement.least_squares import Prior, Unknowns
from vimoflow.inference.refinement.posed_points import UNKNOWNS, Body, rotations
from vimoflow.inference.refinement.reprojection_derivatives import SUMMARIES
from vimoflow.inference.refinement.reprojection_error import View
from vimoflow.inference.refinement.terms import (
    FeetLevel,
    FeetRest,
    MotionProblem,
    SeenByCamera,
    Term,
    camera_of,
)

FRAMES, VIEWS, STEP = 7, 2, 1e-6
RNG = np.random.default_rng(0)
SHARED = camera_of(VIEWS - 1).stop


def view(number: int) -> View:
    weight = RNG.uniform(size=(FRAMES, 17))
    placed = np.arange(FRAMES) >= number  # the second camera is still from its second frame on
    return View(
        0.4 * RNG.normal(size=(FRAMES, 17, 2)), weight, RNG.normal(size=(FRAMES, 2)), placed
    )


TERMS: dict[str, list[Term]] = {
    "seen": [SeenByCamera(view(0), 0, 0.05, 0.15, 0.02)],
    "seen by two": [SeenByCamera(view(n), n, 0.05, 0.3, 0.5) for n in range(VIEWS)],
    "feet": [FeetRest(RNG.uniform(size=(FRAMES - 1, 4)), 0.02)],
    "level": [FeetLevel(RNG.uniform(size=(FRAMES, 2)), 0.02, 0.3)],
}
TERMS["all"] = [term for terms in TERMS.values() for term in terms][1:]
BODIES = {
    "body": Body(rotations(0.3 * RNG.normal(size=(FRAMES, 24, 3))), RNG.normal(size=(FRAMES, 3))),
}


def slope(problem: MotionProblem, at: Unknowns, spans: list[slice]) -> Unknowns:
    """Half the energy's gradient from the problem's rows, summaries followed to the unknowns."""
    frames, shared = np.zeros_like(at.frames), np.zeros(SHARED + problem.summaries)
    own = np.zeros((*at.frames.shape, problem.summaries))
    bound = np.zeros((problem.summaries, SHARED + problem.summaries))
    point = problem.at(at)
    for span in spans:
        for rows in point.rows(span):
            u = rows.by.shape[-1] - len(rows.border)
            here = slice(span.start, span.start + len(rows.by))
            pulled = rows.weight * rows.residual
            by = np.einsum("fm,fmu->fu", pulled, rows.by)
            frames[here, rows.unknowns] += by[:, :u]
            shared[rows.border] += by[:, u:].sum(0)
            if rows.by_next is not None:
                later = slice(here.start + 1, here.stop + 1)
                frames[later, rows.unknowns] += np.einsum("fm,fmu->fu", pulled, rows.by_next)
            if rows.summary is not None:
                own[here, :, rows.summary.at] += rows.summary.frames.swapaxes(1, 2)
                bound[rows.summary.at, rows.border] += rows.summary.border
    on = np.linalg.solve((np.eye(problem.summaries) - bound[:, SHARED:]).T, shared[SHARED:])
    return Unknowns(frames + own @ on, shared[:SHARED] + bound[:, :SHARED].T @ on)


def no_prior(unknowns: int) -> Prior:
    one, all_shared = np.zeros(unknowns), np.zeros(SHARED)
    return Prior(one, np.tile(one, (FRAMES - 1, 1)), all_shared, all_shared)


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize("size", [0.01, 0.3])
def test_slopes(terms: list[Term], size: float) -> None:
    problem = MotionProblem(BODIES["body"], terms, no_prior(UNKNOWNS), SUMMARIES * VIEWS)
    at = Unknowns(size * RNG.normal(size=(FRAMES, UNKNOWNS)), size * RNG.normal(size=SHARED))
    require_slope(problem, at)


def require_slope(problem: MotionProblem, at: Unknowns) -> None:
    """Finite differences of the energy along random ways are what the rows say."""
    gradient = slope(problem, at, [slice(0, 3), slice(3, FRAMES)])
    whole = slope(problem, at, [slice(0, FRAMES)])
    np.testing.assert_allclose(gradient.frames, whole.frames, rtol=1e-7, atol=1e-7)
    for _ in range(8):
        way = Unknowns(RNG.normal(size=at.frames.shape), RNG.normal(size=SHARED))
        there, back = (
            problem.at(
                Unknowns(at.frames + step * way.frames, at.shared + step * way.shared)
            ).energy()
            for step in (STEP, -STEP)
        )
        expected = 2 * ((gradient.frames * way.frames).sum() + gradient.shared @ way.shared)
        assert (there - back) / (2 * STEP) == pytest.approx(expected, rel=1e-5, abs=1e-3)
