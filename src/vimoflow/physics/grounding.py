"""A motion whose feet a body can stand on: level, resting where they rest, clear of the floor else.

Captured toes hardly bend and soles of markers are thinner than shoes, so feet that push off reach
into the floor and feet that swing scrape it: in simulation they are caught by friction, and the
body stumbles.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between
from vimoflow.inference.refinement.foot_locking import FootLockSettings, lock_feet, reach
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.ground_forces import inverse_dynamics, surface_of, surface_places
from vimoflow.physics.humanoid import SOLE_M, TOE_M, Humanoid
from vimoflow.physics.states import states_of

_FALLS = -6.0  # m/s^2: a body that falls so is in the air, and its feet need no floor
_HIGHEST_M = 0.12  # whoever is higher is not put on the floor
_LEVEL_S, _SWING_S = 0.1, 1 / 30  # how far the level and the lift of a foot are smoothed
_CLEAR_M = 0.03  # under the sole of a foot that swings
_TOES_CLEAR_M = 0.02
_SWINGS_M_S = (0.25, 0.75)  # slower than the one a foot rests, faster than the other it swings
_MOST_BENT = 1.0  # radians, of toes
_TILTED = 0.4  # radians: a sole so steep is meant to be
_FLAT_S = 1 / 15
_BEARS, _CARRIED_OFF_M_S = 0.2, 1.0  # of body weight; a point so fast is no longer held
_FOOT = ("ankle", "foot")


def grounded(motion: Motion, humanoid: Humanoid) -> Motion:
    """The motion on the floor y = 0; legs, toes and the root's height change.

    Args:
        motion: evenly timed.
        humanoid: its person's body, whose surface touches the floor.
    """
    if humanoid.scene.boxes:
        return _on_things(motion, humanoid)
    size = motion.skeleton.scale
    motion = _with_toes_up(_with_flat_soles(motion))
    trans = motion.trans.copy()
    trans[:, 1] -= _floor_heights(motion, humanoid)
    level = dataclasses.replace(motion, trans=trans).scaled(1 / size)
    joints = torch.from_numpy(level.joint_positions)
    contacts = label_contacts(joints, level.fps).numpy().astype(np.float32)
    contacts = np.maximum(contacts, _loaded(level.scaled(size), humanoid))
    locked = lock_feet(dataclasses.replace(level, contacts=contacts))
    return _with_toes_up(_with_swing(locked).scaled(size))


def _on_things(motion: Motion, humanoid: Humanoid) -> Motion:
    """In a scene the feet that bear weight stay where they are; how they got there is not known."""
    locked = lock_feet(
        dataclasses.replace(motion, contacts=_loaded(motion, humanoid)).scaled(
            1 / motion.skeleton.scale
        ),
        FootLockSettings(near_floor_m=0.0),
    )
    return locked.scaled(motion.skeleton.scale)


def _loaded(motion: Motion, humanoid: Humanoid) -> Float[np.ndarray, "frames 4"]:
    """1 where heel or ball of a foot bears weight, whether it slides or not."""
    dynamics, surface = inverse_dynamics(humanoid, states_of(motion)), surface_of(humanoid.model)
    names = list(segments())
    found = np.zeros((len(motion), 4), np.float32)
    bears = dynamics.forces[..., 2] / humanoid.weight_n
    bears = bears * (np.linalg.norm(dynamics.velocities, axis=-1) < _CARRIED_OFF_M_S)
    for leg, side in enumerate(("left", "right")):
        ankle, toes = (surface.bodies == 1 + names.index(f"{side}_{n}") for n in _FOOT)
        front = surface.local[:, 2] > surface.local[ankle, 2].mean()
        for end, points in enumerate((ankle & ~front, (ankle & front) | toes)):
            found[:, 2 * leg + end] = bears[:, points].sum(1) > _BEARS
    return found


def _floor_heights(motion: Motion, humanoid: Humanoid) -> Float[np.ndarray, " frames"]:
    """How high the body is that something must hold, smooth in time, metres."""
    states = states_of(motion, cutoff_hz=0.0)
    lowest = surface_places(humanoid, states).gaps.min(1)
    height = gaussian_filter1d(states.qpos[:, 2], 0.05 * motion.fps)
    falls = np.gradient(np.gradient(height)) * motion.fps**2 < _FALLS
    held = np.flatnonzero(~falls & (lowest < _HIGHEST_M * motion.skeleton.scale))
    if not len(held):
        return np.zeros(len(lowest))
    height = np.interp(np.arange(len(lowest)), held, lowest[held])
    smooth: np.ndarray = gaussian_filter1d(height, _LEVEL_S * motion.fps, mode="nearest")
    return smooth


def _with_flat_soles(motion: Motion) -> Motion:
    """A foot of which heel and ball rest lies flat: on its edge nobody balances."""
    R = torch.from_numpy(motion.local_rotations)
    R_world, joints = forward_kinematics(
        R, torch.from_numpy(motion.trans).double(), motion.skeleton
    )
    rests = label_contacts(joints / motion.skeleton.scale, motion.fps)
    up, R = torch.tensor([0.0, 1, 0], dtype=torch.float64), R.clone()
    for leg, side in enumerate(("left", "right")):
        at = joint(f"{side}_ankle")
        turn = matrix_to_axis_angle(rotation_between(R_world[:, at, :, 1], up.expand(len(R), 3)))
        flat = rests[:, 2 * leg : 2 * leg + 2].amin(-1) * (turn.norm(dim=-1) < _TILTED)
        flat = torch.from_numpy(gaussian_filter1d(flat.numpy(), _FLAT_S * motion.fps))
        R_above = R_world[:, joint(f"{side}_knee")]
        R_here = axis_angle_to_matrix(turn * flat[:, None]) @ R_world[:, at]
        R[:, at] = R_above.transpose(-1, -2) @ R_here
    return _posed(motion, R)


def _with_swing(motion: Motion) -> Motion:
    """A foot that swings by the other keeps clear of the floor; canonical size."""
    R = torch.from_numpy(motion.local_rotations)
    R_world, joints = forward_kinematics(
        R, torch.from_numpy(motion.trans).double(), motion.skeleton
    )
    soles = sole_heights(joints)
    swings = [
        torch.minimum(*(_swings(joints, f"{side}_{end}", motion.fps, 1.0) for end in _FOOT))
        for side in ("left", "right")
    ]
    for leg, side in enumerate(("left", "right")):
        share = swings[leg] * (1 - swings[1 - leg])
        low = soles[:, 2 * leg : 2 * leg + 2].amin(-1)
        lift = (_CLEAR_M * share - low).clamp(min=0) * share
        push = torch.zeros(len(lift), 3, dtype=torch.float64)
        push[:, 1] = torch.from_numpy(
            gaussian_filter1d(lift.numpy(), _SWING_S * motion.fps, mode="nearest")
        )
        R = reach(R, R_world, joints, side, push)
    return _posed(motion, R)


def _with_toes_up(motion: Motion) -> Motion:
    """Toes bend so that their tips are not below the floor, and clear of it where they swing."""
    R, size = torch.from_numpy(motion.local_rotations), motion.skeleton.scale
    R_world, joints = forward_kinematics(
        R, torch.from_numpy(motion.trans).double(), motion.skeleton
    )
    R = R.clone()
    for side in ("left", "right"):
        at = joint(f"{side}_foot")
        x, _, z = torch.from_numpy(motion.skeleton.offsets[at])
        ahead = torch.stack((x, torch.zeros_like(x), z)) / torch.hypot(x, z)
        # In the world, by the foot's heading: captured toes are rolled and bent in odd ways.
        foot = (R_world[:, joint(f"{side}_ankle")] @ ahead) * torch.tensor([1.0, 0, 1])
        foot = torch.nn.functional.normalize(foot, dim=-1, eps=1e-9)
        upwards = torch.linalg.cross(foot, torch.tensor([[0.0, 1, 0]]).to(foot))
        height = joints[:, at, 1] / size
        height = height - _TOES_CLEAR_M * _swings(joints, f"{side}_foot", motion.fps, size)
        wanted = torch.arcsin(((SOLE_M - height) / TOE_M).clamp(-1, 1))
        toes = R_world[:, at] @ ahead
        now = torch.atan2(toes[:, 1], (toes * foot).sum(-1))
        bend = (wanted - now).clamp(0, _MOST_BENT)
        R_here = axis_angle_to_matrix(upwards * bend[:, None]) @ R_world[:, at]
        R[:, at] = R_world[:, joint(f"{side}_ankle")].transpose(-1, -2) @ R_here
    return _posed(motion, R)


def _swings(joints: Tensor, name: str, fps: float, size: float) -> Float[Tensor, " frames"]:
    """0 where a joint rests, 1 where it swings."""
    place = joints[:, joint(name)]
    speed = torch.gradient(place, dim=0)[0].norm(dim=-1) * fps / size
    slow, fast = _SWINGS_M_S
    return ((speed - slow) / (fast - slow)).clamp(0, 1)


def _posed(motion: Motion, R: Tensor) -> Motion:
    return dataclasses.replace(motion, poses=matrix_to_axis_angle(R).to(torch.float32).numpy())
