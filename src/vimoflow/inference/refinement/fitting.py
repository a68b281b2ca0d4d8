"""A short optimisation that fits a motion to the evidence, the sample being the prior.

Small rotations of the joints, smooth in time, and shifts of the root bring the projected COCO
points onto the keypoints; what no camera saw stays as sampled. Feet in contact stay where they
are. The person's proportions are fitted along the way, so that a short forearm is not taken for one
that is turned towards the camera; the motion itself stays on the skeleton.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.windows import WindowPlan
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.inference.refinement.evidence import CAMERA_SPREADS, Evidence, misfit
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.proportions import PARTS, proportioned
from vimoflow.motion.skeleton import CONTACT_JOINTS, JOINT_NAMES, joint

# Joints that no COCO point shows keep their sampled rotation.
_FROZEN = ("left_wrist", "right_wrist", "left_hand", "right_hand", "left_foot", "right_foot",
           "left_ankle", "right_ankle")  # fmt: skip


@dataclass(frozen=True)
class RefinementSettings:
    """Weights of the optimisation.

    Attributes:
        iterations: steps of Adam.
        rate: its learning rate at the highest, radians and metres. It rises, so that what fits
            already is left alone, and falls to zero, because what moves at the end is jitter.
        noise_m: typical error of a keypoint, in metres at the person's distance.
        outlier_m: beyond this an error pulls less and less (Geman-McClure).
        place_m: typical error of the figure's place in the image.
        turn_rad: how far a joint may typically be turned.
        turn_rate_rad: how much that turn may typically change from one frame to the next.
        shift_m, shift_rate_m: the same for the root's position.
        proportion_spread: how much the logarithms of the person's proportions may typically differ
            from the skeleton's, see ``motion.proportions``.
        slide_m: how far a foot in contact may typically move from one frame to the next.
        chunk: frames optimised together; longer clips are cut into overlapping chunks.
    """

    iterations: int = 160
    rate: float = 0.02
    noise_m: float = 0.05
    outlier_m: float = 0.15
    place_m: float = 0.02
    turn_rad: float = 0.6
    turn_rate_rad: float = 0.02
    shift_m: float = 2.0
    shift_rate_m: float = 0.02
    proportion_spread: float = 0.04
    slide_m: float = 0.02
    chunk: int = 600

    def plan(self, frames: int) -> WindowPlan:
        """The chunks of a clip."""
        return WindowPlan.cover(frames, self.chunk, self.chunk // 10)


@dataclass(frozen=True)
class Refined:
    """What :func:`refine` returns.

    Attributes:
        features: the fitted motions.
        cameras: of every chunk of frames, see ``evidence.CAMERA_PARAMETERS``.
    """

    features: Float[Tensor, "batch frames 151"]
    cameras: Float[Tensor, "batch chunks views 5"]


def refine(
    features: Float[Tensor, "batch frames 151"],
    evidence: Evidence,
    settings: RefinementSettings | None = None,
    valid: Bool[Tensor, "batch frames"] | None = None,
    cameras: Float[Tensor, "batch chunks views 5"] | None = None,
) -> Refined:
    """Motions whose projections follow the evidence more closely.

    Contacts are left alone, and the first root stays over the origin. Frames that are not valid
    (padding) influence nothing.

    Args:
        features: sampled motions in the frame of the first view.
        evidence: what one or several views saw of them.
        settings: weights of the optimisation.
        valid: frames that exist.
        cameras: where to start; level ones in front of the figure by default.
    """
    settings = settings or RefinementSettings()
    if valid is None:
        valid = torch.ones(features.shape[:2], dtype=torch.bool)
    R, contacts, root = decode_features(features.detach())
    plan = settings.plan(features.shape[1])
    fits = [
        _fit(clip, None if cameras is None else cameras[:, number], settings)
        for number, clip in enumerate(_chunks(R, contacts, root, valid, evidence, plan))
    ]
    turns, shifts, found = (torch.stack(part, dim=1) for part in zip(*fits, strict=True))
    R = _turned(R, plan.merge(turns))
    root = root + plan.merge(shifts)
    root = root - root[:, :1] * torch.tensor([1.0, 0.0, 1.0])
    return Refined(encode_features(R, contacts, root), found)


@dataclass(frozen=True)
class _Clip:
    """What is optimised against: the sample, and the evidence."""

    R_parent_joint: Float[Tensor, "batch frames 24 3 3"]
    contacts: Float[Tensor, "batch frames 4"]
    root_world: Float[Tensor, "batch frames 3"]
    valid: Bool[Tensor, "batch frames"]
    evidence: Evidence

    @property
    def pairs(self) -> Float[Tensor, "batch steps"]:
        """1 where a frame and the next both exist."""
        return (self.valid[:, 1:] & self.valid[:, :-1]).to(self.root_world.dtype)


def _chunks(
    R: Tensor, contacts: Tensor, root: Tensor, valid: Tensor, evidence: Evidence, plan: WindowPlan
) -> list[_Clip]:
    """The clip cut along its frames, and what was seen in each part."""
    views = evidence.track.shape[:2]

    def cut(x: Tensor, number: int) -> Tensor:
        return plan.split(x.flatten(0, 1))[:, number].unflatten(0, views)

    e = evidence
    return [
        _Clip(
            plan.split(R)[:, n],
            plan.split(contacts)[:, n],
            plan.split(root)[:, n],
            plan.split(valid)[:, n],
            Evidence(*(cut(x, n) for x in (e.points, e.weight, e.track, e.placed))),
        )
        for n in range(len(plan.starts))
    ]


def _fit(
    clip: _Clip, cameras: Tensor | None, settings: RefinementSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Turns (batch, frames, 24, 3), shifts of the root (batch, frames, 3), and the cameras."""
    batch, frames = clip.root_world.shape[:2]
    if cameras is None:
        posed = forward_kinematics(clip.R_parent_joint, clip.root_world)
        cameras = clip.evidence.cameras(coco_points(*posed))
    start = cameras
    with torch.enable_grad():
        turns = torch.zeros(batch, frames, len(JOINT_NAMES), 3, requires_grad=True)
        shift = torch.zeros(batch, frames, 3, requires_grad=True)
        cameras = start.clone().requires_grad_(True)
        body = torch.zeros(batch, 1, len(PARTS), requires_grad=True)
        groups: list[dict[str, Any]] = [
            {"params": [turns, cameras, body]},
            {"params": [shift], "lr": 3 * settings.rate},
        ]
        # The large eps keeps Adam from blowing up the rounding noise of what nothing pulls at.
        optimizer = torch.optim.Adam(groups, lr=settings.rate, betas=(0.9, 0.99), eps=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [g["lr"] for g in groups], settings.iterations + 1, cycle_momentum=False
        )
        for _ in range(settings.iterations):
            loss = _energy(clip, turns, shift, body, cameras, start, settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    return turns.detach(), shift.detach(), cameras.detach()


def _energy(
    clip: _Clip,
    turns: Tensor,
    shift: Tensor,
    body: Tensor,
    cameras: Tensor,
    start: Tensor,
    s: RefinementSettings,
) -> Tensor:
    """Negative logarithm of the posterior, up to a constant."""
    R_world, joints = forward_kinematics(
        _turned(clip.R_parent_joint, turns), clip.root_world + shift
    )
    points = proportioned(coco_points(R_world, joints), body)
    error = misfit(points, cameras, clip.evidence)
    squared = error.pose.square()
    data = (clip.evidence.weight * squared / (1 + squared / s.outlier_m**2)).sum() / s.noise_m**2
    data = data + _huber(error.place / s.place_m).sum()
    feet = joints[:, :, [joint(name) for name in CONTACT_JOINTS]]
    pairs = clip.pairs[..., None]
    planted = (clip.contacts[:, 1:] * clip.contacts[:, :-1]).clamp(0, 1) * pairs
    slide = (planted[..., None] * (feet[:, 1:] - feet[:, :-1])).square().sum() / s.slide_m**2
    prior = turns.square().sum() / s.turn_rad**2 + shift.square().sum() / s.shift_m**2
    prior = prior + (body / s.proportion_spread).square().sum()
    change = (turns[:, 1:] - turns[:, :-1]).square().sum(-1) * pairs
    drift = (shift[:, 1:] - shift[:, :-1]).square() * pairs
    smooth = change.sum() / s.turn_rate_rad**2 + drift.sum() / s.shift_rate_m**2
    return data + slide + prior + smooth + _camera_prior(cameras, start)


def _camera_prior(cameras: Tensor, start: Tensor) -> Tensor:
    """Usual cameras; the first view's heading is the world's, the others' are near the start."""
    spreads = cameras.new_tensor(CAMERA_SPREADS)
    offset = torch.cat((cameras[..., :1] - start[..., :1], cameras[..., 1:]), dim=-1)
    first = cameras[:, :1, :1] - start[:, :1, :1]
    return (offset / spreads).square().sum() + (first / 0.001).square().sum()


def _huber(x: Tensor) -> Tensor:
    """Quadratic up to 1, linear beyond."""
    return torch.where(x < 1, x.square(), 2 * x - 1)


def _turned(R: Tensor, turns: Tensor) -> Tensor:
    free = torch.tensor([name not in _FROZEN for name in JOINT_NAMES], dtype=turns.dtype)
    return R @ axis_angle_to_matrix(turns * free[:, None])
