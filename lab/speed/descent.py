"""Refinement as it was: the same energy written plainly in torch, lowered by Adam through autograd.

Kept as the baseline of ``refinement.py`` and as an oracle of the solver's energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from scipy.ndimage import minimum_filter1d
from torch import Tensor

from vimoflow.geometry.rotations import axis_angle_to_matrix, rotation_about
from vimoflow.inference.refinement import Evidence, RefinementSettings
from vimoflow.inference.refinement.posed_points import TURNING
from vimoflow.inference.refinement.reprojection_error import CAMERA_SPREADS, USUAL_DISTANCE_M
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.proportions import PARTS, proportioned
from vimoflow.motion.skeleton import CONTACT_JOINTS, JOINT_NAMES, coco, joint

STEPS, RATE = 160, 0.02  # of Adam
_HIPS = [coco("left_hip"), coco("right_hip")]
_FEET = [joint(name) for name in CONTACT_JOINTS]
_NEAREST, _FIRST_YAW_SPREAD = 0.3, 0.001


@dataclass(frozen=True)
class Guess:
    """A point of the search: turns of all joints, shifts of the root, lengths and cameras."""

    turns: Float[Tensor, "batch frames 24 3"]
    shift: Float[Tensor, "batch frames 3"]
    body: Float[Tensor, "batch 1 8"]
    cameras: Float[Tensor, "batch views 5"]

    @classmethod
    def start(cls, features: Float[Tensor, "batch frames 151"], evidence: Evidence) -> Guess:
        """Nothing turned, level cameras."""
        R, _, root = decode_features(features)
        cameras = evidence.cameras(coco_points(*forward_kinematics(R, root))).to(root)
        batch, frames = features.shape[:2]
        zero = features.new_zeros
        return cls(zero(batch, frames, len(JOINT_NAMES), 3), zero(batch, frames, 3),
                   zero(batch, 1, len(PARTS)), cameras)  # fmt: skip


def descend(
    features: Float[Tensor, "batch frames 151"],
    evidence: Evidence,
    settings: RefinementSettings,
    steps: int = STEPS,
) -> Guess:
    """Where Adam gets to; its rate rises and falls to zero."""
    begin = Guess.start(features, evidence)
    variables = [x.clone().requires_grad_(True) for x in vars(begin).values()]
    at = Guess(*variables)
    groups: list[dict[str, Any]] = [
        {"params": [at.turns, at.cameras, at.body]},
        {"params": [at.shift], "lr": 3 * RATE},
    ]
    optimizer = torch.optim.Adam(groups, lr=RATE, betas=(0.9, 0.99), eps=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [g["lr"] for g in groups], steps + 1, cycle_momentum=False
    )
    for _ in range(steps):
        loss = energy(features, evidence, at, begin.cameras[..., 0], settings)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return Guess(*(x.detach() for x in variables))


def energy(
    features: Float[Tensor, "batch frames 151"],
    evidence: Evidence,
    at: Guess,
    yaws: Float[Tensor, "batch views"],
    s: RefinementSettings,
) -> Float[Tensor, ""]:
    """Negative logarithm of the posterior, twice, up to a constant.

    Args:
        features: the sampled motions.
        evidence: what was seen.
        at: the point of the search.
        yaws: where the cameras' headings started.
        s: weights.
    """
    R, contacts, root = decode_features(features)
    R_world, joints = forward_kinematics(turned(R, at.turns), root + at.shift)
    pose, place = misfit(proportioned(coco_points(R_world, joints), at.body), at.cameras, evidence)
    squared = pose.square()
    data = (evidence.weight * squared / (1 + squared / s.outlier_m**2)).sum() / s.noise_m**2
    far = place / s.place_m
    data = data + torch.where(far < 1, far.square(), 2 * far - 1).sum()
    planted = (contacts[:, 1:] * contacts[:, :-1]).clamp(0, 1)
    slide = (planted[..., None] * joints[:, :, _FEET].diff(dim=1) / s.slide_m).square().sum()
    prior = (at.turns / s.turn_rad).square().sum() + (at.shift / s.shift_m).square().sum()
    prior = prior + (at.body / s.proportion_spread).square().sum()
    smooth = (at.turns.diff(dim=1) / s.turn_rate_rad).square().sum()
    smooth = smooth + (at.shift.diff(dim=1) / s.shift_rate_m).square().sum()
    offset = torch.cat((at.cameras[..., :1] - yaws[..., None], at.cameras[..., 1:]), dim=-1)
    camera = (offset / offset.new_tensor(CAMERA_SPREADS)).square().sum()
    camera = camera + (offset[:, 0, 0] / _FIRST_YAW_SPREAD).square().sum()
    return data + slide + _uneven(contacts, joints, s) + prior + smooth + camera


def _uneven(contacts: Tensor, joints: Tensor, s: RefinementSettings) -> Tensor:
    """Heights of feet that stand together, see ``terms.FeetLevel``."""
    touch = contacts.clamp(0, 1).numpy()
    standing = minimum_filter1d(touch[..., :2] * touch[..., 2:], s.rest_frames, axis=1) ** 2
    heights = joints[:, :, _FEET, 1]
    far = ((heights[..., :2] - heights[..., 2:]) / s.step_m).square()
    trust = torch.from_numpy(standing) * (s.step_m / s.level_m) ** 2
    return (trust * far / (1 + far)).sum()


def misfit(
    points_world: Float[Tensor, "batch frames 17 3"],
    cameras: Float[Tensor, "batch views 5"],
    evidence: Evidence,
) -> tuple[Float[Tensor, "batch views frames 17"], Float[Tensor, "batch views frames"]]:
    """Distances of points to keypoints, and of the figure's place to where it was seen, metres."""
    image, first = _images(points_world, cameras, evidence)
    start = evidence.track.gather(2, first[..., None, None].expand(*first.shape, 1, 2))
    path = (evidence.track - start) * evidence.placed[..., None]
    image_pose, image_place = _centred(image, evidence.weight)
    target_pose, target_place = _centred(evidence.points, evidence.weight)
    weight = evidence.weight[..., None]
    overlap = (weight * image_pose * target_pose).sum((-1, -2))
    size = (weight * image_pose.square()).sum((-1, -2))
    scale = ((overlap + 1.0) / (size + 1.0)).clamp(0.4, 2.5)
    usual = (overlap.sum(-1) + 1.0) / (size.sum(-1) + 1.0)
    pose = (image_pose * scale[..., None, None] - target_pose).norm(dim=-1)
    place = (image_place * usual[..., None, None] - target_place - path).norm(dim=-1)
    known = evidence.placed & (evidence.weight.sum(-1) > 0)
    return pose, torch.where(known, place, torch.zeros_like(place))


def _images(points_world: Tensor, cameras: Tensor, evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Projected points (batch, views, frames, 17, 2) and the frame that each camera aims at."""
    yaw, pitch, roll, log_distance, log_scale = cameras.unbind(-1)
    R = rotation_about("z", roll) @ rotation_about("x", pitch) @ rotation_about("y", -yaw)
    seen = points_world[:, None] @ R[:, :, None].transpose(-1, -2)
    first = _anchor(evidence)
    hips = seen[..., _HIPS, :].mean(-2)
    anchor = hips.gather(2, first[..., None, None].expand(*first.shape, 1, 3))
    centre = torch.where(evidence.placed[..., None], anchor, hips)
    relative = seen - centre[..., None, :]
    distance = USUAL_DISTANCE_M * log_distance.exp()[..., None, None]
    depth = (1 - relative[..., 2] / distance).clamp(min=_NEAREST)
    image = torch.stack((relative[..., 0], -relative[..., 1]), dim=-1) / depth[..., None]
    return image * log_scale.exp()[..., None, None, None], first


def _anchor(evidence: Evidence) -> Tensor:
    """The placed frame (batch, views) whose place is nearest to their mean."""
    placed = evidence.placed[..., None].double()
    mean = (evidence.track * placed).sum(2, keepdim=True) / placed.sum(2, keepdim=True).clamp(min=1)
    far = (evidence.track - mean).square().sum(-1)
    return far.masked_fill(~evidence.placed, torch.inf).argmin(-1)


def _centred(points: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Points relative to their weighted mean, and the mean."""
    total = weight.sum(-1).clamp(min=1e-6)
    mean = (weight[..., None] * points).sum(-2) / total[..., None]
    return points - mean[..., None, :], mean


def turned(
    R: Float[Tensor, "batch frames 24 3 3"], turns: Float[Tensor, "batch frames 24 3"]
) -> Float[Tensor, "batch frames 24 3 3"]:
    """Rotations with the joints turned that may turn."""
    free = torch.zeros(len(JOINT_NAMES), 1, dtype=turns.dtype)
    free[list(TURNING)] = 1.0
    return R @ axis_angle_to_matrix(turns * free)
