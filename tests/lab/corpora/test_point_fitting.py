"""Inverse kinematics on COCO points of known motions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lab.corpora.point_fitting import (
    PointFit,
    PointFitSettings,
    fit_points,
    initial_rotations,
    leg_scale,
)
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import axis_angle_to_matrix, geodesic_angle, rotation_about
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, joint, load_skeleton

LIMBS = list(COCO_LIMBS)
FRAMES = 16
QUICK = PointFitSettings(steps=120)


def squatting(turn: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Local rotations and root of someone who bends knees and elbows; ``turn`` is the pelvis'."""
    bend = 0.6 + 0.3 * torch.sin(torch.linspace(0, 3, FRAMES, dtype=torch.float64))
    poses = torch.zeros(FRAMES, 24, 3, dtype=torch.float64)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        poses[:, joint(f"{side}_hip"), 0] = -bend
        poses[:, joint(f"{side}_hip"), 2] = 0.2 * sign
        poses[:, joint(f"{side}_knee"), 0] = 2 * bend
        poses[:, joint(f"{side}_shoulder"), 2] = -0.8 * sign
        poses[:, joint(f"{side}_elbow"), 1] = -1.5 * sign * bend
    R = axis_angle_to_matrix(poses)
    R[:, 0] = rotation_about("y", bend) if turn is None else turn
    root = torch.tensor([0.4, 1.3, -1.0], dtype=torch.float64).repeat(FRAMES, 1)
    root[:, 0] += bend
    return R, root


def points_of(R: torch.Tensor, root: torch.Tensor) -> np.ndarray:
    return coco_points(*forward_kinematics(R, root)).numpy()


def limb_error_mm(fit: PointFit, points: np.ndarray) -> float:
    fitted = points_of(fit.R_parent_joint, fit.root_world)
    return float(1000 * np.linalg.norm(fitted - points, axis=-1)[:, LIMBS].mean())


UPSIDE_DOWN = rotation_about("x", torch.tensor(math.pi - 0.3, dtype=torch.float64))


@pytest.mark.parametrize("turn", [None, UPSIDE_DOWN])
def test_a_known_motion_is_found_again_in_any_unit(turn):
    R, root = squatting(turn)
    points = points_of(R, root)
    fit = fit_points(points * 91.0, 30.0)
    assert fit.metres_per_unit == pytest.approx(1 / 91, rel=0.02)
    assert limb_error_mm(fit, points * fit.metres_per_unit * 91) < 8
    names = [f"{side}_{n}" for side in ("left", "right") for n in ("hip", "knee", "elbow")]
    index = [0, *map(joint, names)]
    degrees = geodesic_angle(fit.R_parent_joint[:, index], R[:, index]).rad2deg()
    assert float(degrees.mean()) < 5


def test_the_start_already_bends_knees_and_elbows_the_right_way():
    R, root = squatting()
    start = initial_rotations(torch.from_numpy(points_of(R, root)))
    names = [f"{side}_{n}" for side in ("left", "right") for n in ("knee", "elbow")]
    index = list(map(joint, names))
    assert float(geodesic_angle(start[:, index], R[:, index]).rad2deg().max()) < 10
    assert torch.allclose(torch.linalg.det(start), torch.ones(FRAMES, 24, dtype=torch.float64))


def test_a_point_without_trust_pulls_nothing_and_outliers_little():
    R, root = squatting()
    points = points_of(R, root)
    spoilt, trust = points.copy(), np.ones(points.shape[:2])
    spoilt[5:9, 10] += 0.5
    trust[5:9, 10] = 0.0
    fit = fit_points(spoilt, 30.0, trust, QUICK)
    assert limb_error_mm(fit, points * fit.metres_per_unit) < 15
    assert fit.off_m[5:9, 10].isnan().all() and fit.off_m.isnan().sum() == 4


def test_legs_give_the_scale_and_bad_points_are_refused():
    R, root = squatting()
    points = points_of(R, root)
    assert leg_scale(points * 2) == pytest.approx(leg_scale(points) / 2)
    assert load_skeleton().leg_length == pytest.approx(0.81, abs=0.05)
    with pytest.raises(InputError, match="finite"):
        fit_points(np.full((3, 17, 3), np.nan), 30.0)
    with pytest.raises(InputError, match="finite"):
        fit_points(np.zeros((0, 17, 3)), 30.0)
