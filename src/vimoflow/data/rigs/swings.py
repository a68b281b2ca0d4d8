"""Directions of the canonical T-pose, carried along to where another pose has the bone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from vimoflow.characters.hierarchy import unit
from vimoflow.data.rigs.rig import Axis
from vimoflow.motion.skeleton import joint, load_skeleton

_CHILD = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist"}
_MAX_TOE_OUT = np.cos(np.radians(45))


def flexion_axis(joint_name: str) -> Float[np.ndarray, "3"]:
    """The hinge of a limb ("left_hip", "left_knee", "right_elbow" ...) in the canonical T-pose."""
    side, _, part = joint_name.partition("_")
    if part in ("hip", "knee"):
        return np.array([1.0, 0.0, 0.0])
    return np.array([0.0, -1.0 if side == "left" else 1.0, 0.0])


def canonical_bone(joint_name: str) -> Float[np.ndarray, "3"]:
    """Unit direction of a limb joint's bone in the canonical T-pose."""
    side, _, part = joint_name.partition("_")
    return unit(load_skeleton().offsets[joint(f"{side}_{_CHILD[part]}")])


def swing_hinge(
    joint_name: str,
    R_world_figure: Float[np.ndarray, "*batch 3 3"],
    bone_world: Float[np.ndarray, "*batch 3"],
) -> Float[np.ndarray, "*batch 3"]:
    """World hinge of a limb that swung from the T-pose without turning about its length.

    Args:
        joint_name: a limb joint, such as "left_hip" or "right_elbow".
        R_world_figure: left, up and forward of the trunk, as columns.
        bone_world: unit direction of the bone.
    """
    start = R_world_figure @ canonical_bone(joint_name)
    hinge = R_world_figure @ flexion_axis(joint_name)
    # Rodrigues' rotation from one unit vector to another, c its cosine: v + w x v + w (w v)/(1+c).
    w = np.cross(start, bone_world)
    cosine = (start * bone_world).sum(-1, keepdims=True)
    along = (w * hinge).sum(-1, keepdims=True) / np.maximum(1 + cosine, 1e-9)
    swung = cosine * hinge + np.cross(w, hinge) + along * w
    return unit(swung)


def bend_degrees(
    upper: Float[np.ndarray, "*batch 3"], lower: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch"]:
    """Angle between two unit directions, degrees."""
    sine = np.linalg.norm(np.cross(upper, lower), axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, (upper * lower).sum(-1))))


def foot_left(
    side: str, R_world_figure: Float[np.ndarray, "3 3"], toe_world: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3"]:
    """The foot's left in the world, such that its toe points as far out as the canonical one.

    Args:
        toe_world: from ankle to toe; where it does not point forward the figure's left is taken.
    """
    left, up, forward = R_world_figure.T
    flat = toe_world - (toe_world @ up) * up
    if unit(flat) @ forward < _MAX_TOE_OUT or np.linalg.norm(flat) < 0.3 * np.linalg.norm(
        toe_world
    ):
        return left
    x, _, z = load_skeleton().offsets[joint(f"{side}_foot")]
    flat = unit(flat)
    return unit(x * flat + z * np.cross(up, flat))


def as_axis(v: Float[np.ndarray, "3"]) -> Axis:
    """Three floats."""
    x, y, z = (float(c) for c in v)
    return (x, y, z)
