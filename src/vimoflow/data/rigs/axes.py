"""The constant rotations between a rig's local frames and the canonical ones.

Where a rig does not state the axes of its joints, they come from its rest pose: left, up and
forward of the figure for trunk and feet, the bone's direction and the hinge for limbs. The hinge of
a straight limb is that of the canonical T-pose, carried along as the limb swings to where the rest
pose has it, so that T-pose, A-pose and hanging arms agree; if the motion bends the limb often
enough, the upper bone's hinge is measured there instead.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.characters.hierarchy import unit
from vimoflow.data.rigs.motion_axes import axes_from_motion, measured_hinge
from vimoflow.data.rigs.rest_pose import RestPose, find_rest_pose
from vimoflow.data.rigs.rig import LEFT, SIDES, UP, Axis, Body, Bone, Rig, Side
from vimoflow.data.rigs.swings import (
    as_axis,
    bend_degrees,
    flexion_axis,
    foot_left,
    swing_hinge,
)
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.motion.source import JointMap, SourceJoint, SourceMotion, axes_to_matrix

_REST_BEND_DEG = 15.0  # a limb bent less than this at rest does not show its hinge
_HINGE_TOLERANCE = np.cos(np.radians(45))  # a measured hinge further off the rest pose's is noise


def joint_map(rig: Rig, source: SourceMotion | None = None, rest: str = "auto") -> JointMap:
    """What drives each canonical joint.

    Args:
        source: a motion on the rig; needed if the rig leaves axes open.
        rest: where the rest pose is (see :func:`~vimoflow.data.rigs.rest_pose.find_rest_pose`).
    """
    if source is not None:
        rig = complete_rig(rig, source, rest)
    joints = {"pelvis": _body(rig.pelvis), "spine3": _body(rig.chest), "head": _body(rig.head)}
    for name in SIDES:
        joints |= _side(name, rig.side(name), rig.stiff_feet)
    return JointMap(joints)


def complete_rig(rig: Rig, source: SourceMotion, rest: str = "auto") -> Rig:
    """The rig with every open axis filled in, from its rest pose or from the motion."""
    pose = find_rest_pose(source, rig, rest)
    if pose is None:
        return axes_from_motion(rig, source)
    local = _Local(source, pose)
    left, right = (_rest_side(name, rig.side(name), local) for name in SIDES)
    pelvis, head = local.body(rig.pelvis), local.body(rig.head)
    return Rig(pelvis, local.body(rig.chest), head, left, right, rig.stiff_feet)


def _side(name: str, limbs: Side, stiff_feet: bool) -> dict[str, SourceJoint]:
    ankle = SourceJoint(limbs.ankle.name) if stiff_feet else _body(limbs.ankle)
    elbow = _bone(limbs.elbow, f"{name}_elbow", f"{name}_wrist")
    hand = limbs.wrist
    joints = {
        f"{name}_hip": _bone(limbs.hip, f"{name}_hip", f"{name}_knee"),
        f"{name}_knee": _bone(limbs.knee, f"{name}_knee", f"{name}_ankle"),
        f"{name}_ankle": ankle,
        f"{name}_shoulder": _bone(limbs.shoulder, f"{name}_shoulder", f"{name}_elbow"),
        f"{name}_elbow": elbow,
        f"{name}_wrist": SourceJoint(hand, elbow.R_source_target)
        if isinstance(hand, str)
        else _bone(hand, f"{name}_elbow", f"{name}_wrist"),
    }
    if limbs.toe:
        joints[f"{name}_foot"] = SourceJoint(limbs.toe)
    if limbs.collar and limbs.collar_neutral:
        neutral = np.array(limbs.collar_neutral)
        joints[f"{name}_collar"] = SourceJoint(limbs.collar, neutral=neutral)
    return joints


def _body(body: Body) -> SourceJoint:
    return SourceJoint(body.name, _rotation(UP, LEFT, _known(body.up), _known(body.left)))


def _bone(bone: Bone, upper: str, lower: str) -> SourceJoint:
    rest = load_skeleton().offsets[joint(lower)]
    hinge = as_axis(flexion_axis(upper))
    return SourceJoint(
        bone.name, _rotation(as_axis(rest), hinge, _known(bone.bone), _known(bone.hinge))
    )


def _known(axis: Axis | None) -> Axis:
    if axis is None:
        raise ValueError("the rig leaves axes open: give a motion on it")
    return axis


def _rotation(*axes: Axis) -> np.ndarray:
    return axes_to_matrix(*(torch.tensor(a, dtype=torch.float64) for a in axes))


class _Local:
    """Directions of the rest pose in the local frames of its joints."""

    def __init__(self, source: SourceMotion, pose: RestPose) -> None:
        self.source = source
        self.figure = pose.R_world_figure
        self._index = {name: k for k, name in enumerate(source.joint_names)}
        self._pose = pose

    def position(self, name: str) -> np.ndarray:
        return self._pose.p_world_joint[self._index[name]]

    def direction(self, name: str, world: Float[np.ndarray, "3"]) -> Axis:
        """A world direction of the rest pose in a joint's local frame."""
        return as_axis(self._pose.R_world_joint[self._index[name]].T @ world)

    def world(self, name: str, direction: Float[np.ndarray, "3"]) -> np.ndarray:
        """A direction of a joint's local frame in the world of the rest pose."""
        return self._pose.R_world_joint[self._index[name]] @ direction

    def body(self, body: Body) -> Body:
        return Body(
            body.name,
            body.left or self.direction(body.name, self.figure[:, 0]),
            body.up or self.direction(body.name, self.figure[:, 1]),
        )


def _rest_side(name: str, limbs: Side, local: _Local) -> Side:
    hip, knee, _ = _limb(
        local, (f"{name}_hip", f"{name}_knee"), limbs.hip, limbs.knee, limbs.ankle.name
    )
    hand = limbs.wrist if isinstance(limbs.wrist, str) else limbs.wrist.name
    shoulder, elbow, wrist = _limb(
        local, (f"{name}_shoulder", f"{name}_elbow"), limbs.shoulder, limbs.elbow, hand
    )
    # A forearm whose axes are stated speaks for the hand as well.
    stated = isinstance(limbs.wrist, Bone) or (limbs.elbow.bone and limbs.elbow.hinge)
    ankle = local.body(limbs.ankle)
    if limbs.toe and limbs.ankle.left is None:
        toe = local.position(limbs.toe) - local.position(limbs.ankle.name)
        left = foot_left(name, local.figure, toe)
        ankle = dataclasses.replace(ankle, left=local.direction(ankle.name, left))
    neutral = limbs.collar_neutral
    if limbs.collar and neutral is None:
        reach = local.position(shoulder.name) - local.position(limbs.collar)
        neutral = as_axis(local.figure.T @ reach)
    return dataclasses.replace(
        limbs, hip=hip, knee=knee, ankle=ankle, shoulder=shoulder, elbow=elbow,
        wrist=limbs.wrist if stated else wrist, collar_neutral=neutral,
    )  # fmt: skip


def _limb(local: _Local, joints: tuple[str, str], upper: Bone, lower: Bone, end: str) -> list[Bone]:
    """Upper bone, lower bone and the end (a hand) in line with the lower one, axes filled in."""
    d_upper = unit(local.position(lower.name) - local.position(upper.name))
    d_lower = unit(local.position(end) - local.position(lower.name))
    hinges = [
        swing_hinge(name, local.figure, d)
        for name, d in zip(joints, (d_upper, d_lower), strict=True)
    ]
    normal = unit(np.cross(d_upper, d_lower))
    if bend_degrees(d_upper, d_lower) > _REST_BEND_DEG and normal @ hinges[0] > _HINGE_TOLERANCE:
        hinges = [normal, normal]
    elif (bent := measured_hinge(local.source, upper.name, lower.name, end)) is not None:
        world = local.world(upper.name, bent)
        if world @ hinges[0] > _HINGE_TOLERANCE:
            # The knee is a hinge for both bones; a forearm also turns about its length, so that it
            # keeps its rest pose.
            hinges = [world, world if joints[0].endswith("hip") else hinges[1]]
    return [
        Bone(b.name, b.bone or local.direction(b.name, d), b.hinge or local.direction(b.name, h))
        for b, d, h in (
            (upper, d_upper, hinges[0]),
            (lower, d_lower, hinges[1]),
            (Bone(end), d_lower, hinges[1]),
        )
    ]
