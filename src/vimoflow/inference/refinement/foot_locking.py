"""Feet that rest stay where they are: contacts to targets, targets to two-bone inverse kinematics.

A foot in contact is moved to one place on the floor for as long as the contact lasts. Before and
after, what was added fades in and out along a smooth curve, so that nothing pops. Hip and knee turn
so that the ankle gets there; the knee keeps the plane it bends in and the foot its direction.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between
from vimoflow.geometry.signals import runs_of_true
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

_HINGE_SHARE = 0.05  # of the leg's own hinge in the plane of a knee that is nearly straight
_LONGEST = 0.9995  # of the leg's length: a knee that is never quite straight does not snap


@dataclass(frozen=True)
class FootLockSettings:
    """When a foot is locked, and how softly.

    Attributes:
        contact: a foot is in contact above this.
        shortest_s: contacts that are shorter are ignored, gaps that are shorter are closed.
        fade_s: what locking added fades in and out over this time at most.
        near_floor_m: a foot that rests so near the floor is put on it; others rest where they are.
        most_m: a foot is moved by so much at most; beyond, the contact is not believed.
    """

    contact: float = 0.5
    shortest_s: float = 0.1
    fade_s: float = 0.3
    near_floor_m: float = 0.03
    most_m: float = 0.25


def lock_feet(motion: Motion, settings: FootLockSettings | None = None) -> Motion:
    """The motion with resting feet that rest, and none below the floor (y = 0).

    Only hips, knees and ankles turn; root and contacts stay.
    """
    settings = settings or FootLockSettings()
    R = torch.from_numpy(motion.local_rotations).double()
    root = torch.from_numpy(motion.trans).double()
    R_world, joints = forward_kinematics(R, root, motion.skeleton)
    contacts = torch.from_numpy(np.asarray(motion.contacts)).double()
    soles = sole_heights(joints)
    for leg, side in enumerate(("left", "right")):
        ends = slice(2 * leg, 2 * leg + 2)  # ankle and foot
        index = [joint(name) for name in CONTACT_JOINTS[ends]]
        push = locking(joints[:, index], soles[:, ends], contacts[:, ends], motion.fps, settings)
        below = (soles[:, ends].amin(-1) + push[:, 1]).clamp(max=0)
        push[:, 1] -= below
        R = reach(R, R_world, joints, side, push)
    poses = matrix_to_axis_angle(R).to(torch.float32).numpy()
    return dataclasses.replace(motion, poses=poses)


def locking(
    feet: Float[Tensor, "frames 2 3"],
    soles: Float[Tensor, "frames 2"],
    contacts: Float[Tensor, "frames 2"],
    fps: float,
    settings: FootLockSettings,
) -> Float[Tensor, "frames 3"]:
    """What to add to a leg's ankle so that what rests of the foot (ankle or ball) stays."""
    push = torch.zeros_like(feet[:, 0])
    locked = torch.zeros(len(push), dtype=torch.bool)
    for first, end in contact_runs(contacts.amax(-1) > settings.contact, settings.shortest_s * fps):
        part = slice(first, end)
        which = int(contacts[part].sum(0).argmax())
        place = feet[part, which]
        target = place.median(dim=0).values
        height = soles[part, which].median()
        if float(height.abs()) < settings.near_floor_m:
            target[1] -= height
        move = target - place
        if float(move.norm(dim=-1).max()) <= settings.most_m:
            push[part] = move
            locked[part] = True
    return faded(push, locked, max(1, round(settings.fade_s * fps)))


def contact_runs(on: Tensor, shortest: float) -> list[tuple[int, int]]:
    """(first, end) of the runs of True, short gaps closed and short runs left out."""
    runs: list[tuple[int, int]] = []
    for first, end in runs_of_true(on.numpy()):
        if runs and first - runs[-1][1] < shortest:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((first, end))
    return [run for run in runs if run[1] - run[0] >= shortest]


def faded(push: Tensor, locked: Tensor, fade: int) -> Tensor:
    """Free frames get the push of the locked ones at both sides, fading over ``fade`` frames."""
    at = np.flatnonzero(locked.numpy())
    if not len(at):
        return push
    frames = np.arange(len(push))
    position = np.searchsorted(at, frames)
    before = at[np.clip(position - 1, 0, None)]
    after = at[np.clip(position, None, len(at) - 1)]
    out = torch.zeros_like(push)
    gap = np.where((position > 0) & (position < len(at)), after - before, 2 * fade)
    reach = np.minimum(fade, gap)  # in a short gap one fades out while the other fades in
    for neighbour, exists in ((before, position > 0), (after, position < len(at))):
        away = np.abs(frames - neighbour) / reach
        weight = np.where(exists, 0.5 + 0.5 * np.cos(math.pi * np.clip(away, 0, 1)), 0.0)
        out += push[neighbour] * torch.from_numpy(weight)[:, None]
    return torch.where(locked[:, None], push, out)


def reach(
    R: Float[Tensor, "frames 24 3 3"],
    R_world: Float[Tensor, "frames 24 3 3"],
    joints: Float[Tensor, "frames 24 3"],
    side: str,
    push: Float[Tensor, "frames 3"],
) -> Float[Tensor, "frames 24 3 3"]:
    """Local rotations with one leg's ankle moved by ``push`` and its foot's direction kept.

    Args:
        R: local rotations, of which the leg's are changed in a copy.
        R_world, joints: the pose before, in the world.
        side: "left" or "right".
        push: metres.
    """
    hip, knee, ankle = (joint(f"{side}_{name}") for name in ("hip", "knee", "ankle"))
    thigh, shin = joints[:, knee] - joints[:, hip], joints[:, ankle] - joints[:, knee]
    upper, lower = limb_turns(thigh, shin, R_world[:, knee, :, 0], push)
    world_hip, world_knee = upper @ R_world[:, hip], lower @ R_world[:, knee]
    out = R.clone()
    out[:, hip] = R_world[:, 0].transpose(-1, -2) @ world_hip
    out[:, knee] = world_hip.transpose(-1, -2) @ world_knee
    out[:, ankle] = world_knee.transpose(-1, -2) @ R_world[:, ankle]
    return out


def limb_turns(
    upper: Float[Tensor, "frames 3"],
    lower: Float[Tensor, "frames 3"],
    hinge: Float[Tensor, "frames 3"],
    push: Float[Tensor, "frames 3"],
) -> tuple[Float[Tensor, "frames 3 3"], Float[Tensor, "frames 3 3"]]:
    """World rotations of a limb's two bones that move its end by ``push``, as far as it reaches.

    Args:
        upper, lower: the bones, from joint to joint.
        hinge: what the limb bends about, where it is nearly straight.
        push: where the end is to go.
    """
    a, b = upper.norm(dim=-1), lower.norm(dim=-1)
    old = upper + lower
    new = old + push
    length = new.norm(dim=-1)
    wanted = torch.minimum(length, torch.maximum(_LONGEST * (a + b), old.norm(dim=-1)))
    axis = torch.linalg.cross(upper, lower) + _HINGE_SHARE * (a * b)[:, None] * hinge
    axis = axis / axis.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    bend = _bend(a, b, wanted) - _bend(a, b, old.norm(dim=-1))
    bent = axis_angle_to_matrix(axis * bend[:, None])
    straight = upper + (bent @ lower[..., None])[..., 0]
    swing = rotation_between(
        normalize(straight, dim=-1, eps=1e-9), normalize(new, dim=-1, eps=1e-9)
    )
    return swing, swing @ bent


def _bend(a: Tensor, b: Tensor, length: Tensor) -> Tensor:
    """Angle between thigh and shin (0 when straight) for a given distance of hip and ankle."""
    cosine = (length.square() - a.square() - b.square()) / (2 * a * b)
    return torch.arccos(cosine.clamp(-1 + 1e-9, 1 - 1e-9))
