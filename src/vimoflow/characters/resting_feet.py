"""Feet that rest where they came down, on the character's own soles.

Feet in contact keep their direction and toes are bent first. Then
:mod:`vimoflow.characters.settling` finds how hips, pelvis and feet give way; the legs follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.characters.alignment import Alignment
from vimoflow.characters.posing import Goal, Pose, limb_moved, pose_from
from vimoflow.characters.settling import SINKS_M, Leg, settle
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
)
from vimoflow.motion.retarget_report import SIDES
from vimoflow.motion.skeleton import joint

_TURNS = np.radians(15)  # a flat foot that turns more pivots, and is let
_MOST_BENT = np.radians(60)  # of the toes


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
    """Resting feet where they came down, no sole below the floor; hips, pelvis, legs follow."""
    middle = torch.stack([pose.positions[rig.joints[f"{side}_hip"]] for side in SIDES]).mean(0)
    legs = [_leg(rig, soles, goal, pose, number, middle) for number in range(len(SIDES))]
    found = settle(legs, goal.fps, rig.leg_length)
    turn = axis_angle_to_matrix(torch.from_numpy(found.pelvis))
    turns = {node: pose.rotations[node] for node in rig.drives if node in pose.rotations}
    for node in {rig.hips, rig.joints["pelvis"]}:
        turns[node] = turn @ turns[node]
    middle_now = middle + torch.from_numpy(found.hips)

    def carried(place: Tensor) -> Tensor:
        return middle_now + (turn @ (place - middle)[..., None])[..., 0]

    for leg, ankle, side in zip(legs, found.ankles, SIDES, strict=True):
        push = torch.from_numpy(ankle - _sunk(leg.height + ankle[:, 1]))
        hip = pose.positions[rig.joints[f"{side}_hip"]]
        turns |= limb_moved(rig, pose, side, ("hip", "knee", "ankle"), push - carried(hip) + hip,
                       goal.R_world[:, joint(f"{side}_knee"), :, 0])  # fmt: skip
    return pose_from(rig, turns, carried(pose.positions[rig.hips]))


def _sunk(heights: Float[np.ndarray, " frames"]) -> Float[np.ndarray, "frames 3"]:
    """What soles are too deep below the floor; negative."""
    return (heights + SINKS_M).clip(max=0)[:, None] * np.array([0.0, 1.0, 0.0])


def _leg(
    rig: Alignment,
    soles: Mapping[str, Sole],
    goal: Goal,
    pose: Pose,
    number: int,
    middle: Float[Tensor, "frames 3"],
) -> Leg:
    """One leg, in contact as the motion's is; runs too short to be steps count as no floor."""
    side, settings = SIDES[number], FootLockSettings()
    hip, knee, ankle = (pose.positions[rig.joints[f"{side}_{p}"]] for p in ("hip", "knee", "ankle"))
    feet, soles_at = foot_points(rig, soles[side], side, goal.R_world, pose.positions)
    contacts = goal.contacts[:, 2 * number : 2 * number + 2]
    on_floor = np.zeros(len(hip), dtype=bool)
    shortest = settings.shortest_s * goal.fps
    for first, end in contact_runs(contacts.amax(-1) > settings.contact, shortest):
        which = int(contacts[first:end].sum(0).argmax())
        height = float(soles_at[first:end, which].median())
        on_floor[first:end] = abs(height) < settings.near_floor_m * goal.scale
    return Leg(
        (knee - hip).numpy(), (ankle - knee).numpy(), (hip - middle).numpy(), feet.numpy(),
        (contacts > settings.contact).numpy(), on_floor, soles_at.amin(-1).numpy(),
    )  # fmt: skip
