"""The camera through which a motion fits best what was seen, the motion being held."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from vimoflow.inference.refinement.body import StillBody
from vimoflow.inference.refinement.least_squares import Prior, Unknowns, minimise
from vimoflow.inference.refinement.reprojection import (
    CAMERA_SPREADS,
    Reprojection,
    View,
    level_camera,
    reproject,
)
from vimoflow.inference.refinement.reprojection_derivatives import SUMMARIES
from vimoflow.inference.refinement.terms import MotionProblem, SeenByCamera, camera_of

_STEPS, _TOLERANCE = 20, 1e-4


def best_reprojection(
    points_world: Float[np.ndarray, "f 17 3"],
    view: View,
    noise_m: float,
    outlier_m: float,
    place_m: float,
) -> Reprojection:
    """COCO points through the usual camera that suits them best.

    Args:
        points_world: of the motion, metres.
        view: what was seen.
        noise_m, outlier_m, place_m: see ``terms.SeenByCamera``.
    """
    camera = camera_of(0)
    start = np.zeros(camera.stop)
    start[camera] = level_camera(points_world, view, yaw=0.0)
    certain = np.ones(camera.stop)
    certain[camera] = np.power(CAMERA_SPREADS, -2)
    none = np.zeros(0)
    prior = Prior(none, none, certain, np.zeros(camera.stop), np.ones(len(points_world) - 1))
    seen = SeenByCamera(view, 0, noise_m, outlier_m, place_m)
    problem = MotionProblem(StillBody(points_world), [seen], prior, SUMMARIES)
    at = Unknowns(np.zeros((len(points_world), 0)), start)
    found = minimise(problem, at, _STEPS, _TOLERANCE).unknowns
    return reproject(points_world, found.shared[camera], view)
