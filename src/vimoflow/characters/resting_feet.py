"""Feet that rest where they came down, on the character's own soles.

What a foot needs to stay is found first, what both legs share of it moves the hips, and the legs'
own joints do what remains.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from torch import Tensor

from vimoflow.characters.alignment import Alignment
from vimoflow.characters.posing import Goal, Pose, limb_moved, pose_from
from vimoflow.characters.soles import Sole, foot_points
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    nearest_rotation,
    rotation_about,
)
from vimoflow.inference.refinement.foot_locking import (
    FootLockSettings,
    contact_runs,
    faded,
    locking,
)
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import joint

_SINKS_M = 0.001  # a sole may give way so far, before a straight knee has to bend for it
_TURNS = np.radians(15)  # a flat foot that turns more pivots, and is let
SMOOTH_S = 0.12  # the hips follow what both legs share over this time
_MOST_BENT = np.radians(60)  # of the toes
_RESTS = FootLockSettings().contact
_REACH = 0.998  # of the leg: hips are lowered where a resting foot is farther away


def planted(goal: Goal) -> Goal:
    """A foot that rests on heel and ball keeps its direction: else one of the two slides."""
    R_world = goal.R_world.clone()
    settings = FootLockSettings()
    for leg, side in enumerate(SIDES):
        parts = [joint(f"{side}_{part}") for part in ("ankle", "foot")]
        flat = goal.contacts[:, 2 * leg : 2 * leg + 2].amin(-1) > settings.contact
        R = R_world[:, parts[0]]
        turn, held = torch.zeros(len(R), 3).to(R), torch.zeros(len(R), dtype=torch.bool)
        for first, end in contact_runs(flat, settings.shortest_s * goal.fps):
            mean = nearest_rotation(R[first:end].mean(0))
            way = matrix_to_axis_angle(mean @ R[first:end].transpose(-1, -2))
            if float(way.norm(dim=-1).max()) < _TURNS:
                turn[first:end], held[first:end] = way, True
        turn = faded(turn, held, max(1, round(settings.fade_s * goal.fps)))
        R_world[:, parts] = axis_angle_to_matrix(turn)[:, None] @ R_world[:, parts]
    return dataclasses.replace(goal, R_world=R_world)


def toes_bent(rig: Alignment, soles: Mapping[str, Sole], goal: Goal, pose: Pose) -> Goal:
    """Toes that would go through the floor are bent up at the ball, where there is a joint."""
    R_world = goal.R_world.clone()
    for side, sole in soles.items():
        if sole.toe is None:
            continue
        foot = joint(f"{side}_foot")
        tip = torch.from_numpy(sole.toes[sole.toes[:, 2].argmax()])
        ball = foot_points(rig, sole, side, R_world, pose.positions)[0][:, 1, 1]
        stands = -float(sole.toes[:, 1].min())
        low = (-(R_world[:, foot, 1] @ tip) / tip.norm()).clamp(-1, 1)
        may = (ball.clamp(min=stands) / tip.norm()).clamp(-1, 1)
        bend = (torch.arcsin(low) - torch.arcsin(may)).clamp(0, _MOST_BENT)
        R_world[:, foot] = R_world[:, foot] @ rotation_about("x", -bend)
    return dataclasses.replace(goal, R_world=R_world)


def feet_locked(rig: Alignment, soles: Mapping[str, Sole], goal: Goal, pose: Pose) -> Pose:
    """Resting feet where they came down, no sole below the floor; hips and legs follow."""
    pushes = {}
    for leg, side in enumerate(SIDES):
        feet, heights = foot_points(rig, soles[side], side, goal.R_world, pose.positions)
        contacts = goal.contacts[:, 2 * leg : 2 * leg + 2]
        push = goal.scale * locking(
            feet / goal.scale, heights / goal.scale, contacts, goal.fps, FootLockSettings()
        )
        push[:, 1] -= (heights.amin(-1) + push[:, 1] + _SINKS_M).clamp(max=0)
        pushes[side] = push
    shared = _shared(pushes, goal)
    no_way_down = torch.tensor([-torch.inf, 0.0, -torch.inf]).double()  # as a landing foot's
    asked = {s: p.maximum(no_way_down) - shared for s, p in pushes.items()}
    shared[:, 1] -= _too_far(rig, pose, asked, goal)
    turns = {node: pose.rotations[node] for node in rig.drives if node in pose.rotations}
    for side in SIDES:
        turns |= limb_moved(rig, pose, side, ("hip", "knee", "ankle"), pushes[side] - shared,
                       goal.R_world[:, joint(f"{side}_knee"), :, 0])  # fmt: skip
    return pose_from(rig, turns, pose.positions[rig.hips] + shared)


def _shared(pushes: Mapping[str, Tensor], goal: Goal) -> Tensor:
    """What both legs need alike, weighted by how much each carries; smooth in time."""
    carries = [goal.contacts[:, 2 * leg : 2 * leg + 2].amax(-1) + 0.05 for leg in range(len(SIDES))]
    both = torch.stack([pushes[side] for side in SIDES])
    weight = torch.stack(carries)[..., None]
    mean = ((weight * both).sum(0) / weight.sum(0)).numpy()
    return torch.from_numpy(gaussian_filter1d(mean, SMOOTH_S * goal.fps, axis=0, mode="nearest"))


def _too_far(
    rig: Alignment, pose: Pose, pushes: Mapping[str, Tensor], goal: Goal
) -> Float[Tensor, " frames"]:
    """By how much the hips are to come down so that legs reach where their feet rest, metres.

    Only resting feet count, and by what they are moved at most: a straight leg that swings would
    pull the whole body down for a few millimetres that nobody sees.
    """
    down = np.zeros(len(goal.hips))
    for leg_number, (side, push) in enumerate(pushes.items()):
        rests = goal.contacts[:, 2 * leg_number : 2 * leg_number + 2].amax(-1) > _RESTS
        hip, knee, ankle = (
            pose.positions[rig.joints[f"{side}_{p}"]] for p in ("hip", "knee", "ankle")
        )
        leg = (knee - hip).norm(dim=-1) + (ankle - knee).norm(dim=-1)
        reach = torch.maximum(_REACH * leg, (ankle - hip).norm(dim=-1))
        way = ankle + push - hip
        across = way[:, [0, 2]].square().sum(-1)
        highest = (reach.square() - across).clamp(min=0).sqrt()
        lower = torch.minimum((-way[:, 1] - highest).clamp(min=0), push.norm(dim=-1))
        down = np.maximum(down, torch.where(rests, lower, 0.0).numpy())
    width = SMOOTH_S * goal.fps
    if not down.any():
        return torch.from_numpy(down)
    hull = maximum_filter1d(down, 2 * int(2 * width) + 1, mode="nearest")
    return torch.from_numpy(gaussian_filter1d(hull, width, mode="nearest"))
