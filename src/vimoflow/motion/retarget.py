"""Motions of other skeletons onto the canonical one.

Every mapped joint takes the world rotation of its source joint, through a constant rotation
between the two local frames (``SourceJoint``), so no rest-pose difference leaks in. Limb bones
are then swung onto the exact direction of the source's bone, and where elbow or knee is clearly
bent, their twist is turned so that the joint bends about its hinge. A straight limb keeps the twist
of the source joint, which is why nothing flips there.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    slerp_resample,
)
from vimoflow.geometry.signals import linear_resample
from vimoflow.motion.canonical import Floor, canonical_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import fit_floor
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.retarget_report import LIMB_BONES, SIDES, RetargetReport, retarget_report
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, joint, load_skeleton
from vimoflow.motion.source import JointMap, SourceJoint, SourceMotion, SourceTracks, axes_to_matrix

__all__ = [
    "LIMB_BONES",
    "JointMap",
    "RetargetReport",
    "SourceJoint",
    "SourceMotion",
    "adopt",
    "axes_to_matrix",
    "retarget",
]

TARGET_FPS = 30.0
OWN_OFFSETS_M = 1e-3  # a skeleton whose offsets differ by less is this project's own
# Sine of the bend between which the geometric hinge takes over from the source joint's own twist.
BEND_LOW, BEND_HIGH = math.sin(math.radians(10)), math.sin(math.radians(25))


# upper joint, lower joint, end, flexion axis in the T-pose, whether the lower bone shares the hinge
# (a forearm also turns about its length: it keeps the source's own twist).
_LIMBS = tuple(
    (f"{side}_{upper}", f"{side}_{lower}", f"{side}_{end}", axis, lower == "knee")
    for side, elbow_axis in (("left", (0.0, -1.0, 0.0)), ("right", (0.0, 1.0, 0.0)))
    for upper, lower, end, axis in (
        ("hip", "knee", "ankle", (1.0, 0.0, 0.0)),
        ("shoulder", "elbow", "wrist", elbow_axis),
    )
)


def retarget(
    source: SourceMotion, joint_map: JointMap, floor: Floor = fit_floor
) -> tuple[Motion, RetargetReport]:
    """Put a source motion on the canonical skeleton: canonical size, 30 fps, floor at y = 0.

    Args:
        floor: how to find the floor, see ``motion.canonical``.

    Raises:
        InputError: the source lacks a mapped joint.
    """
    posed, rest_of_rate = _decimate(source)
    tracks = SourceTracks(posed, joint_map)
    R_world = _world_rotations(tracks)
    R_local = _local_rotations(R_world)
    scale = load_skeleton().leg_length / tracks.leg_length()
    root = _root_path(tracks, R_world, scale)
    report = retarget_report(tracks, forward_kinematics(R_local, root)[1], scale)
    if rest_of_rate != 1.0:
        R_local, root = _resample(R_local, root, posed.fps)
    return canonical_motion(R_local, root, TARGET_FPS, floor), report


def adopt(source: SourceMotion) -> Motion | None:
    """A motion that already is on the canonical skeleton, of any size: taken over as it stands.

    Returns:
        at the source's rate, where the source has it, with the skeleton in the source's size and
        contacts labelled; None if the joints or their offsets are others.
    """
    if not set(JOINT_NAMES) <= set(source.joint_names):
        return None
    index = [source.joint_names.index(name) for name in JOINT_NAMES]
    rest = source.rest_positions[index]
    offsets = rest[1:] - rest[list(PARENTS[1:])]
    skeleton = load_skeleton()
    size = float(np.linalg.norm(offsets) / np.linalg.norm(skeleton.offsets[1:]))
    if np.abs(offsets - skeleton.offsets[1:] * size).max() > OWN_OFFSETS_M * size:
        return None
    R_world = torch.as_tensor(source.R_world_joint[:, index], dtype=torch.float64)
    root = torch.as_tensor(source.p_world_joint[:, index[0]], dtype=torch.float64)
    R_local = _local_rotations(R_world)
    positions = forward_kinematics(R_local, root / size)[1]
    return Motion(
        poses=matrix_to_axis_angle(R_local).numpy().astype(np.float32),
        trans=root.numpy().astype(np.float32),
        fps=source.fps,
        contacts=label_contacts(positions, source.fps).numpy().astype(np.float32),
        skeleton=skeleton if abs(size - 1) < 1e-6 else skeleton.scaled(size),
    )


def canonical_clip(motion: Motion) -> Motion:
    """A motion at canonical size and 30 fps, its floor at y = 0."""
    R_local = torch.from_numpy(motion.local_rotations)
    root = torch.as_tensor(motion.trans, dtype=torch.float64) / motion.skeleton.scale
    every = every_kth(motion.fps)
    if every is not None:
        R_local, root = R_local[::every], root[::every]
    else:
        R_local, root = _resample(R_local, root, motion.fps)
    return canonical_motion(R_local, root, TARGET_FPS)


def _local_rotations(R_world: Tensor) -> Tensor:
    R_local = R_world.clone()
    R_local[:, 1:] = R_world[:, list(PARENTS[1:])].transpose(-1, -2) @ R_world[:, 1:]
    return R_local


def every_kth(fps: float) -> int | None:
    """The k for which every k-th frame makes 30 fps (to 0.1 %); None if there is none."""
    k = max(round(fps / TARGET_FPS), 1)
    return k if abs(fps / TARGET_FPS / k - 1) <= 1e-3 else None


def _decimate(source: SourceMotion) -> tuple[SourceMotion, float]:
    """Every k-th frame where the rate is (to 0.1 %) a multiple of 30; and the rate left over 30."""
    k = every_kth(source.fps)
    if k is None:
        return source, source.fps / TARGET_FPS
    kept = SourceMotion(
        source.joint_names,
        source.parents,
        source.R_world_joint[::k],
        source.p_world_joint[::k],
        source.rest_positions,
        TARGET_FPS,
    )
    return kept, 1.0


def _resample(R_local: Tensor, root: Tensor, fps: float) -> tuple[Tensor, Tensor]:
    times = torch.arange(len(root), dtype=root.dtype) / fps
    count = int(float(times[-1]) * TARGET_FPS + 1e-6) + 1
    new_times = torch.arange(count, dtype=root.dtype) / TARGET_FPS
    return slerp_resample(R_local, times, new_times), linear_resample(root, times, new_times)


def _world_rotations(tracks: SourceTracks) -> Tensor:
    """World rotations of the 24 joints, (frames, 24, 3, 3)."""
    chest, pelvis = tracks.rotation("spine3"), tracks.rotation("pelvis")
    world: dict[str, Tensor] = {"pelvis": pelvis, "spine3": chest}
    world["spine1"] = _between(pelvis, chest, 1 / 3)
    world["spine2"] = _between(pelvis, chest, 2 / 3)
    world["head"] = tracks.rotation("head") if tracks.has_rotation("head") else chest
    world["neck"] = _between(chest, world["head"], 1 / 2)
    for side in SIDES:
        world[f"{side}_collar"] = _collar(tracks, chest, side)
    for limb in _LIMBS:
        world |= _limb(tracks, *limb)
    for side in SIDES:
        for end, above, tip in (("ankle", "knee", "foot"), ("wrist", "elbow", "hand")):
            name = f"{side}_{end}"
            own = tracks.has_rotation(name)
            world[name] = tracks.rotation(name) if own else world[f"{side}_{above}"]
            world[f"{side}_{tip}"] = world[name]
    return torch.stack([world[name] for name in JOINT_NAMES], dim=1)


def _limb(
    tracks: SourceTracks,
    upper: str,
    lower: str,
    end: str,
    flexion_axis: tuple[float, float, float],
    lower_shares_hinge: bool,
) -> dict[str, Tensor]:
    """World rotations of the upper and the lower joint of an arm or a leg."""
    axis = torch.tensor(flexion_axis, dtype=torch.float64)
    d_upper, d_lower = _unit(tracks.bone(upper, lower)), _unit(tracks.bone(lower, end))
    R_upper = _swing_onto(tracks.rotation(upper), _rest_bone(lower), d_upper)
    R_lower = _swing_onto(tracks.rotation(lower), _rest_bone(end), d_lower)
    sine = torch.linalg.cross(d_upper, d_lower, dim=-1).norm(dim=-1)
    bent = _smooth_step(sine, BEND_LOW, BEND_HIGH)
    hinge_upper, flexion = _hinge(
        _unit(_rest_bone(lower)), _unit(_rest_bone(end)), axis, d_upper, d_lower
    )
    R_upper = _turn_towards(R_upper, hinge_upper, d_upper, bent)
    if lower_shares_hinge:
        hinge_lower = _swing_onto(hinge_upper @ flexion, _rest_bone(end), d_lower)
        R_lower = _turn_towards(R_lower, hinge_lower, d_lower, bent)
    return {upper: R_upper, lower: R_lower}


def _hinge(
    rest_upper: Tensor, rest_lower: Tensor, axis: Tensor, d_upper: Tensor, d_lower: Tensor
) -> tuple[Tensor, Tensor]:
    """World rotation of a limb's upper joint if the lower one only turns about ``axis``.

    The rest bones are not at right angles to the axis (SMPL's legs are bowed), so the plane of the
    bent limb is not at a right angle to it either. The flexion solves
    ``rest_upper . R(axis, flexion) rest_lower = d_upper . d_lower``, a cosine in the flexion.

    Returns:
        the world rotation and the local flexion, (frames, 3, 3) each; meaningless when straight.
    """
    along = (axis @ rest_lower) * axis
    across, turned = rest_lower - along, torch.linalg.cross(axis, rest_lower, dim=-1)
    p, q = rest_upper @ across, rest_upper @ turned
    cosine = ((d_upper * d_lower).sum(-1) - rest_upper @ along) / torch.hypot(p, q)
    angle = torch.atan2(q, p) + torch.acos(cosine.clamp(-1, 1))
    flexion = axis_angle_to_matrix(axis * angle[:, None])
    local = _frame(rest_upper.expand_as(d_upper), flexion @ rest_lower)
    return _frame(d_upper, d_lower) @ local.transpose(-1, -2), flexion


def _frame(first: Tensor, second: Tensor) -> Tensor:
    """Orthonormal columns: the first direction, the second made perpendicular, their product."""
    z = _unit(torch.linalg.cross(first, second, dim=-1))
    return torch.stack((first, torch.linalg.cross(z, first, dim=-1), z), dim=-1)


def _turn_towards(R: Tensor, goal: Tensor, bone: Tensor, weight: Tensor) -> Tensor:
    """Turn about the bone, on whose direction both agree, by ``weight`` of the way to the goal.

    Where the two differ by more than a right angle (an over-stretched joint) nothing is turned.
    """
    angle = (matrix_to_axis_angle(goal @ R.transpose(-1, -2)) * bone).sum(-1)
    weight = weight * _smooth_step(torch.cos(angle), 0.0, 0.7)
    return axis_angle_to_matrix(bone * (angle * weight)[:, None]) @ R


def _collar(tracks: SourceTracks, chest: Tensor, side: str) -> Tensor:
    """The chest's rotation, swung by how far the source's clavicle left its neutral direction."""
    neutral = tracks.neutral(f"{side}_collar")
    if neutral is None:
        return chest
    bone = tracks.bone(f"{side}_collar", f"{side}_shoulder")
    target_length = float(np.linalg.norm(load_skeleton().offsets[joint(f"{side}_shoulder")]))
    # A clavicle shorter than ours would throw our shoulder too far with the same angle.
    share = min(1.0, float(bone.norm(dim=-1).median()) / target_length)
    in_chest = _unit((chest.transpose(-1, -2) @ bone[..., None])[..., 0])
    swing = _swing(_unit(neutral).expand_as(in_chest), in_chest)
    return chest @ axis_angle_to_matrix(matrix_to_axis_angle(swing) * share)


def _root_path(tracks: SourceTracks, R_world: Tensor, scale: float) -> Tensor:
    """Pelvis positions such that the middle of the hips is where the source has it, scaled.

    Rigs put their pelvis joint at different heights; the hips carry the legs, hence the feet.
    """
    hips = (tracks.position("left_hip") + tracks.position("right_hip")) / 2
    offsets = load_skeleton().offsets
    middle = torch.from_numpy(offsets[joint("left_hip")] + offsets[joint("right_hip")]) / 2
    return hips * scale - R_world[:, 0] @ middle


def _rest_bone(child: str) -> Tensor:
    return torch.from_numpy(load_skeleton().offsets[joint(child)])


def _unit(v: Tensor) -> Tensor:
    return torch.nn.functional.normalize(v, dim=-1, eps=1e-12)


def _smooth_step(value: Tensor, low: float, high: float) -> Tensor:
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _between(a: Tensor, b: Tensor, share: float) -> Tensor:
    return a @ axis_angle_to_matrix(matrix_to_axis_angle(a.transpose(-1, -2) @ b) * share)


def _swing_onto(R: Tensor, rest_bone: Tensor, direction: Tensor) -> Tensor:
    """The smallest turn of ``R`` that brings its rest bone onto a world direction."""
    return _swing(R @ _unit(rest_bone), direction) @ R


def _swing(a: Tensor, b: Tensor) -> Tensor:
    """The smallest rotation from unit vector ``a`` to ``b``; finite where they are opposite."""
    axis = torch.linalg.cross(a, b, dim=-1)
    angle = torch.atan2(axis.norm(dim=-1), (a * b).sum(-1))
    return axis_angle_to_matrix(_unit(axis) * angle[..., None])
