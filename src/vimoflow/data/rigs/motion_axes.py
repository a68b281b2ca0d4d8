"""Axes of a rig whose zero pose is no rest pose: all bones along one axis.

The frames in which the figure stands upright take the rest pose's place: pelvis, chest and head are
upright there. A motion without such frames has only what is rigid in pelvis and chest: the two
hips and the lower spine, the two collars and the neck. Hinges are the normals of bent limbs; feet
are level where they rest.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.characters.hierarchy import unit
from vimoflow.data.rigs.rig import SIDES, Body, Bone, Rig, Side
from vimoflow.data.rigs.swings import as_axis, bend_degrees, foot_left, swing_hinge
from vimoflow.geometry.rotations import nearest_rotation
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.motion.source import SourceMotion, axes_to_matrix

_MAX_FRAMES = 2000
_BENT_DEG = (20.0, 150.0)
_MIN_BENT = 10  # frames
_BESIDE = 0.4  # sine of how far a limb leaves the frontal plane
_MIN_AGREEMENT = 0.85  # length of the mean of the unit normals
_SLOW_M_S = 0.15
_UPRIGHT = np.cos(np.radians(12))
_LEG_DOWN = np.cos(np.radians(25))
_KNEE_DEG = 40.0
_MIN_STANDING = 10  # frames
_LOW_M = 0.06
_MIN_RESTING = 10


def measured_hinge(
    source: SourceMotion, upper: str, lower: str, end: str
) -> Float[np.ndarray, "3"] | None:
    """Hinge of a limb in its upper joint's frame, where it is bent; None if it rarely is."""
    return _measured_hinge(_Posed(source), upper, lower, end)


def _measured_hinge(p: _Posed, upper: str, lower: str, end: str) -> np.ndarray | None:
    d_upper, d_lower = p.bone(upper, lower), p.bone(lower, end)
    bend = bend_degrees(d_upper, d_lower)
    bent = (bend > _BENT_DEG[0]) & (bend < _BENT_DEG[1])
    if bent.sum() < _MIN_BENT:
        return None
    mean = p.local(upper, unit(np.cross(d_upper, d_lower)))[bent].mean(0)
    return unit(mean) if np.linalg.norm(mean) > _MIN_AGREEMENT else None


def axes_from_motion(rig: Rig, source: SourceMotion) -> Rig:
    """The rig with every open axis measured on a motion."""
    p = _Posed(source)
    standing = _standing(p, rig)
    upright = standing if standing.any() else _upright(p, rig)
    hips = (rig.left.hip.name, rig.right.hip.name)
    pelvis = _trunk(p, rig.pelvis, *hips, rig.chest.name, standing)
    left_top, right_top = (s.collar or s.shoulder.name for s in (rig.left, rig.right))
    chest = _trunk(p, rig.chest, left_top, right_top, rig.head.name, upright)
    R_pelvis, R_chest = p.figure(pelvis), p.figure(chest)
    left, right = (_side(p, name, rig.side(name), R_pelvis, R_chest) for name in SIDES)
    return Rig(pelvis, chest, _head(p, rig.head, R_chest, upright), left, right, rig.stiff_feet)


class _Posed:
    """At most ``_MAX_FRAMES`` frames of a motion, evenly spread."""

    def __init__(self, source: SourceMotion) -> None:
        self.index = {name: k for k, name in enumerate(source.joint_names)}
        self.parents = source.parents
        self.fps = source.fps
        self.all_positions = source.p_world_joint
        every = max(1, -(-len(source.p_world_joint) // _MAX_FRAMES))
        self.frames = np.arange(0, len(source.p_world_joint), every)
        self._R = source.R_world_joint[self.frames]
        self._p = source.p_world_joint[self.frames]
        self.rest = source.rest_positions

    def rotation(self, name: str) -> np.ndarray:
        return self._R[:, self.index[name]]

    def position(self, name: str) -> np.ndarray:
        return self._p[:, self.index[name]]

    def bone(self, start: str, end: str) -> np.ndarray:
        return unit(self.position(end) - self.position(start))

    def at(self, index: int) -> np.ndarray:
        return self._p[:, index]

    def local(self, name: str, world: np.ndarray) -> np.ndarray:
        return (self.rotation(name).swapaxes(-1, -2) @ world[..., None])[..., 0]

    def mean_local(self, name: str, world: np.ndarray) -> np.ndarray:
        return self.local(name, world).mean(0)

    def figure(self, body: Body) -> np.ndarray:
        """World left, up and forward of a trunk joint, as columns, (frames, 3, 3)."""
        left, up = np.array(body.left), np.array(body.up)
        return self.rotation(body.name) @ np.stack((left, up, np.cross(left, up)), axis=1)

    def next_towards(self, start: str, end: str) -> int:
        """The joint after ``start`` on the way down to ``end`` that lies apart from it."""
        path = [self.index[end]]
        while path[-1] >= 0 and path[-1] != self.index[start]:
            path.append(self.parents[path[-1]])
        here = self.rest[self.index[start]]
        below = [j for j in path[::-1] if j >= 0]
        away = [j for j in below if np.linalg.norm(self.rest[j] - here) > 1e-3]
        return away[0] if path[-1] >= 0 and away else self.index[end]


def _upright(p: _Posed, rig: Rig) -> np.ndarray:
    """Frames in which the trunk is upright, (frames,); none if they are few."""
    left, right = rig.left, rig.right
    shoulders = p.position(left.shoulder.name) + p.position(right.shoulder.name)
    hips = p.position(left.hip.name) + p.position(right.hip.name)
    return _enough(unit(shoulders - hips)[:, 1] > _UPRIGHT)


def _standing(p: _Posed, rig: Rig) -> np.ndarray:
    """Those in which the legs are straight and below it as well."""
    found = _upright(p, rig)
    for s in (rig.left, rig.right):
        thigh, shank = p.bone(s.hip.name, s.knee.name), p.bone(s.knee.name, s.ankle.name)
        found &= p.bone(s.hip.name, s.ankle.name)[:, 1] < -_LEG_DOWN
        found &= bend_degrees(thigh, shank) < _KNEE_DEG
    return _enough(found)


def _enough(frames: np.ndarray) -> np.ndarray:
    return frames if frames.sum() >= _MIN_STANDING else np.zeros_like(frames)


def _trunk(p: _Posed, body: Body, left: str, right: str, above: str, standing: np.ndarray) -> Body:
    """Left from one side's joint to the other's; up where the figure stands, else up the spine."""
    across = p.position(left) - p.position(right)
    x = unit(p.mean_local(body.name, across)) if body.left is None else np.array(body.left)
    y = p.at(p.next_towards(body.name, above)) - (p.position(left) + p.position(right)) / 2
    if standing.any():
        y = np.broadcast_to([0.0, 1.0, 0.0], across.shape)
    frames = standing if standing.any() else np.ones(len(across), dtype=bool)
    up = p.local(body.name, y)[frames].mean(0)
    return Body(body.name, as_axis(x), body.up or as_axis(unit(up - (up @ x) * x)))


def _head(p: _Posed, head: Body, R_chest: np.ndarray, upright: np.ndarray) -> Body:
    """As the chest on average; level where the trunk is upright."""
    goal, frames = R_chest, np.ones(len(R_chest), dtype=bool)
    if upright.any():
        up = np.broadcast_to([0.0, 1.0, 0.0], R_chest[:, 0].shape)
        left = R_chest[..., 0] * np.array([1.0, 0.0, 1.0])
        goal = np.stack((unit(left), up, np.cross(unit(left), up)), axis=-1)
        frames = upright
    mean = (p.rotation(head.name).swapaxes(-1, -2) @ goal)[frames].mean(0)
    R = nearest_rotation(torch.from_numpy(mean)).numpy()
    return Body(head.name, head.left or as_axis(R[:, 0]), head.up or as_axis(R[:, 1]))


def _side(p: _Posed, name: str, limbs: Side, R_pelvis: np.ndarray, R_chest: np.ndarray) -> Side:
    hand = limbs.wrist if isinstance(limbs.wrist, str) else limbs.wrist.name
    hip, knee = _limb(p, f"{name}_hip", limbs.hip, limbs.knee, limbs.ankle.name, R_pelvis)
    shoulder, elbow = _limb(p, f"{name}_shoulder", limbs.shoulder, limbs.elbow, hand, R_chest)
    neutral = limbs.collar_neutral
    if limbs.collar and neutral is None:
        reach = p.position(shoulder.name) - p.position(limbs.collar)
        neutral = as_axis((R_chest.swapaxes(-1, -2) @ reach[..., None]).mean(0)[:, 0])
    return dataclasses.replace(
        limbs, hip=hip, knee=knee, ankle=_foot(p, name, limbs, knee), shoulder=shoulder,
        elbow=elbow, collar_neutral=neutral,
    )  # fmt: skip


def _limb(
    p: _Posed, joint_name: str, upper: Bone, lower: Bone, end: str, R_trunk: np.ndarray
) -> tuple[Bone, Bone]:
    d_upper, d_lower = p.bone(upper.name, lower.name), p.bone(lower.name, end)
    hinge = _measured_hinge(p, upper.name, lower.name, end)
    if hinge is None:
        # Only a limb beside the body shows it: one raised in front may have come there any way.
        beside = np.abs((R_trunk[..., 2] * d_upper).sum(-1)) < _BESIDE
        beside &= (R_trunk[..., 1] * d_upper).sum(-1) < _BESIDE
        frames = beside if beside.any() else np.ones(len(beside), dtype=bool)
        swung = p.local(upper.name, swing_hinge(joint_name, R_trunk, d_upper))
        hinge = unit(swung[frames].mean(0))
    # All local frames are one in the zero pose, and a hinge stays where it is as the limb bends:
    # it is the same vector in both.
    first, second = (
        Bone(b.name, b.bone or as_axis(unit(p.mean_local(b.name, d))), b.hinge or as_axis(hinge))
        for b, d in ((upper, d_upper), (lower, d_lower))
    )
    return first, second


def _foot(p: _Posed, side: str, limbs: Side, knee: Bone) -> Body:
    """Level where it rests; if it never does, its toe points as the canonical one does."""
    name = limbs.ankle.name
    hinge = (p.rotation(knee.name) @ np.array(knee.hinge)[:, None])[..., 0]
    left = unit(p.mean_local(name, hinge))
    resting = _resting(p, [name] + ([limbs.toe] if limbs.toe else []))
    toe = unit(p.mean_local(name, p.bone(name, limbs.toe))) if limbs.toe else None
    if resting.sum() >= _MIN_RESTING:
        up = unit(p.local(name, np.broadcast_to([0.0, 1.0, 0.0], hinge.shape))[resting].mean(0))
        if toe is not None:
            forward = unit(toe - (toe @ up) * up)
            left = foot_left(side, np.stack((np.cross(up, forward), up, forward), axis=1), toe)
    elif toe is not None:
        rest = torch.from_numpy(load_skeleton().offsets[joint(f"{side}_foot")])
        across = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
        R = axes_to_matrix(rest, across, torch.from_numpy(toe), torch.from_numpy(left))
        left, up = R[:, 0], R[:, 1]
    else:
        shin = -p.mean_local(name, p.bone(knee.name, name))
        up = unit(shin - (shin @ left) * left)
    return Body(name, limbs.ankle.left or as_axis(left), limbs.ankle.up or as_axis(up))


def _resting(p: _Posed, names: list[str]) -> np.ndarray:
    """Frames in which all of the joints are slow and low, (frames,)."""
    track = p.all_positions[:, [p.index[n] for n in names]]
    speed = np.zeros(track.shape[:2])
    speed[:-1] = np.linalg.norm(np.diff(track, axis=0), axis=-1) * p.fps
    speed[-1:] = speed[-2:-1] if len(speed) > 1 else 0.0
    low = track[..., 1] < np.quantile(track[..., 1], 0.05, axis=0) + _LOW_M
    return ((speed < _SLOW_M_S) & low).all(axis=1)[p.frames]
