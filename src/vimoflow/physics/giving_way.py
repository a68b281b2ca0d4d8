"""A root path that the floor's forces can give: pelvis and trunk give way, the feet stay.

Captured and generated roots ask for forces that no floor has: a sway too wide for the feet, a
flight that is no fall. What the floor cannot give (``ground_forces``) is a wrench at the root; a
small displacement and tilt of the body over its feet takes most of it away. Both are found in
turn: forces by non-negative least squares a frame, the displacement of all frames at once.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse
from scipy.sparse.linalg import spsolve

from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from vimoflow.inference.refinement.foot_locking import reach
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint
from vimoflow.physics.ground_forces import Dynamics, inverse_dynamics
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.states import UP, states_of

_ROUNDS, _WORTH = 5, 0.95  # at most; a round that leaves more than this share was the last
_RESIDUAL = 0.03  # of body weight (and stature): what costs as much as ...
_MOVED_M, _TURNED = 0.03, 0.06  # ... these of the pelvis, of which the path is to change little
_LOST = 0.3  # of body weight: who needs more is held by something else, and counts less


def given_way(motion: Motion, humanoid: Humanoid) -> Motion:
    """The motion with a pelvis moved and turned so that the floor's forces carry it.

    Args:
        motion: evenly timed, on the floor.
        humanoid: its person's body.
    """
    found = best = motion
    by, least = np.zeros((len(motion), 6)), np.inf
    for _ in range(_ROUNDS):
        dynamics = inverse_dynamics(humanoid, states_of(found))
        residual = np.linalg.norm(_unitless(dynamics, humanoid), axis=1).mean()
        if residual > _WORTH * least:
            break
        best, least = found, residual
        by = _displacement(dynamics, humanoid, motion.fps, by)
        found = _moved(motion, by)
    return best


def _unitless(dynamics: Dynamics, humanoid: Humanoid) -> Float[np.ndarray, "frames 6"]:
    size = np.repeat((1.0, humanoid.skeleton.stature), 3)
    unitless: np.ndarray = dynamics.residual / (humanoid.weight_n * size)
    return unitless


def _displacement(
    dynamics: Dynamics, humanoid: Humanoid, fps: float, already: Float[np.ndarray, "frames 6"]
) -> Float[np.ndarray, "frames 6"]:
    """Of every frame, metres and radians, the simulator's world: what explains the residual best.

    ``already`` is the displacement that the dynamics are of. A body that moves with acceleration
    x'' needs M x'' more; the floor's forces turn it about a pelvis that is elsewhere, and its
    weight about one that is turned.
    """
    r = _unitless(dynamics, humanoid)
    frames, size = len(r), np.repeat((1.0, humanoid.skeleton.stature), 3) * humanoid.weight_n
    ground, turning = dynamics.forces.sum(1), np.zeros((frames, 6, 6))
    turning[:, 3:, :3] = -_cross(ground)
    turning[:, 3:, 3:] = _cross(ground) @ _cross(dynamics.centres)
    weight = 1 / (_RESIDUAL * (1 + (np.linalg.norm(r, axis=1) / _LOST) ** 2))
    scale = weight[:, None, None] / size[:, None]
    bend = sparse.kron(
        sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(frames, frames)) * fps**2,
        sparse.identity(6),
    )
    A = sparse.block_diag(list(scale * dynamics.inertia)) @ bend
    A = sparse.csc_matrix(A + sparse.block_diag(list(scale * turning)))
    stays = np.tile(np.repeat((1 / _MOVED_M**2, 1 / _TURNED**2), 3), frames)
    normal = sparse.csc_matrix(A.T @ A + sparse.diags(stays))
    wanted = A @ already.ravel() - (weight[:, None] * r).ravel()
    found: np.ndarray = spsolve(normal, A.T @ wanted)
    return found.reshape(frames, 6)


def _cross(v: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3 3"]:
    """The matrices of v x."""
    return np.cross(v[:, None], np.eye(3)).transpose(0, 2, 1)


def _moved(motion: Motion, by: Float[np.ndarray, "frames 6"]) -> Motion:
    """The pelvis displaced; ankles stay where they are as far as legs reach, feet as turned."""
    shift, turn = (torch.from_numpy(part @ UP) for part in (by[:, :3], by[:, 3:]))
    R, root = torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    R_before, before = forward_kinematics(R, root, motion.skeleton)
    R = R.clone()
    R[:, 0] = axis_angle_to_matrix(turn) @ R[:, 0]
    R_world, joints = forward_kinematics(R, root + shift, motion.skeleton)
    for side in ("left", "right"):
        ankle = joint(f"{side}_ankle")
        R_world[:, ankle] = R_before[:, ankle]
        R = reach(R, R_world, joints, side, before[:, ankle] - joints[:, ankle])
    poses = matrix_to_axis_angle(R).to(torch.float32).numpy()
    trans = (root + shift).to(torch.float32).numpy()
    return dataclasses.replace(motion, poses=poses, trans=trans)
