"""Refine sampled motions towards the observed 2D: a short optimisation over the clip.

The sample is the prior. Small rotations of the joints, smooth in time, bring the projected COCO
points onto the keypoints through a perspective camera (pitch, roll and distance fitted with them,
scale in closed form for every frame); what the camera did not see stays as sampled. The root
moves along so that feet in contact stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.conditioning.encoding import Condition
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.geometry.rotations import axis_angle_to_matrix, rotation_about
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_NAMES, CONTACT_JOINTS, JOINT_NAMES, joint

# Face points say little about the head beyond its direction, and detectors disagree on ears.
_FACE_WEIGHT = 0.3
# Joints that no COCO point shows keep their sampled rotation.
_FROZEN = ("left_wrist", "right_wrist", "left_hand", "right_hand", "left_foot", "right_foot",
           "left_ankle", "right_ankle")  # fmt: skip


_HIPS = [COCO_NAMES.index("left_hip"), COCO_NAMES.index("right_hip")]
_USUAL_DISTANCE_M = 5.0  # what fills a picture with a person: a limb at arm's length looks larger


@dataclass(frozen=True)
class RefinementSettings:
    """Weights of the optimisation.

    Attributes:
        iterations: steps of Adam.
        rate: its learning rate, radians.
        noise_m: typical error of a keypoint, in metres at the person's distance.
        outlier_m: beyond this an error pulls less and less (Geman-McClure).
        turn_rad: how far a joint may typically be turned.
        turn_rate_rad: how much that turn may typically change from one frame to the next.
        shift_m, shift_rate_m: the same for the root's position.
        slide_m: how far a foot in contact may typically move from one frame to the next.
        chunk: frames optimised together; longer clips are cut into overlapping chunks.
    """

    iterations: int = 80
    rate: float = 0.01
    noise_m: float = 0.02
    outlier_m: float = 0.15
    turn_rad: float = 0.6
    turn_rate_rad: float = 0.02
    shift_m: float = 0.2
    shift_rate_m: float = 0.01
    slide_m: float = 0.01
    chunk: int = 600


def refine(
    features: Float[Tensor, "batch frames 151"],
    condition: Condition,
    settings: RefinementSettings | None = None,
    valid: Bool[Tensor, "batch frames"] | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Features whose projections follow the condition's keypoints more closely.

    Contacts are left alone, and the first root stays over the origin. Frames that are not valid
    (padding) influence nothing.
    """
    settings = settings or RefinementSettings()
    if valid is None:
        valid = torch.ones(features.shape[:2], dtype=torch.bool)
    R, contacts, root = decode_features(features.detach())
    weight = condition.pose[..., 2] * _point_weights().to(features)
    plan = WindowPlan.cover(features.shape[1], settings.chunk, settings.chunk // 10)
    parts = zip(
        *(
            plan.split(x).unbind(1)
            for x in (R, contacts, root, condition.pose[..., :2], weight, valid)
        ),
        strict=True,
    )
    turns, shifts = zip(*(_fit(_Clip(*part), settings) for part in parts), strict=True)
    R = _turned(R, plan.merge(torch.stack(turns, dim=1)))
    root = root + plan.merge(torch.stack(shifts, dim=1))
    return encode_features(R, contacts, root - root[:, :1] * torch.tensor([1.0, 0.0, 1.0]))


@dataclass(frozen=True)
class _Clip:
    """What is optimised against: the sample, and the keypoints with their weights."""

    R_parent_joint: Float[Tensor, "batch frames 24 3 3"]
    contacts: Float[Tensor, "batch frames 4"]
    root_world: Float[Tensor, "batch frames 3"]
    target: Float[Tensor, "batch frames 17 2"]
    weight: Float[Tensor, "batch frames 17"]
    valid: Bool[Tensor, "batch frames"]

    @property
    def pairs(self) -> Float[Tensor, "batch steps"]:
        """1 where a frame and the next both exist."""
        return (self.valid[:, 1:] & self.valid[:, :-1]).to(self.weight.dtype)


def _fit(clip: _Clip, settings: RefinementSettings) -> tuple[Tensor, Tensor]:
    """Turns (batch, frames, 24, 3) and shifts of the root (batch, frames, 3)."""
    batch, frames = clip.root_world.shape[:2]
    with torch.enable_grad():
        turns = torch.zeros(batch, frames, len(JOINT_NAMES), 3, requires_grad=True)
        shift = torch.zeros(batch, frames, 3, requires_grad=True)
        camera = torch.zeros(batch, 3, requires_grad=True)
        # The large eps keeps Adam from blowing up the rounding noise of what nothing pulls at.
        optimizer = torch.optim.Adam(
            [turns, shift, camera], lr=settings.rate, betas=(0.9, 0.99), eps=0.1
        )
        for _ in range(settings.iterations):
            loss = _energy(clip, turns, shift, camera, settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return turns.detach(), shift.detach()


def _energy(
    clip: _Clip, turns: Tensor, shift: Tensor, camera: Tensor, s: RefinementSettings
) -> Tensor:
    """Negative logarithm of the posterior, up to a constant."""
    R_world, joints = forward_kinematics(
        _turned(clip.R_parent_joint, turns), clip.root_world + shift
    )
    image = _project(coco_points(R_world, joints), camera)
    residual = _aligned(image, clip.target, clip.weight) - _centred(clip.target, clip.weight)
    squared = residual.square().sum(-1)
    data = (clip.weight * squared / (1 + squared / s.outlier_m**2)).sum() / s.noise_m**2
    feet = joints[:, :, [joint(name) for name in CONTACT_JOINTS]]
    pairs = clip.pairs[..., None]
    planted = (clip.contacts[:, 1:] * clip.contacts[:, :-1]).clamp(0, 1) * pairs
    slide = (planted[..., None] * (feet[:, 1:] - feet[:, :-1])).square().sum() / s.slide_m**2
    prior = turns.square().sum() / s.turn_rad**2 + shift.square().sum() / s.shift_m**2
    change = (turns[:, 1:] - turns[:, :-1]).square().sum(-1) * pairs
    drift = (shift[:, 1:] - shift[:, :-1]).square() * pairs
    level = camera.square().sum() / 0.3**2  # nearly level (17 degrees), about as far as usual
    smooth = change.sum() / s.turn_rate_rad**2 + drift.sum() / s.shift_rate_m**2
    return data + slide + prior + smooth + level


def _turned(R: Tensor, turns: Tensor) -> Tensor:
    free = torch.tensor([name not in _FROZEN for name in JOINT_NAMES], dtype=turns.dtype)
    return R @ axis_angle_to_matrix(turns * free[:, None])


def _project(points: Tensor, camera: Tensor) -> Tensor:
    """Image coordinates (x right, y down) of points in metres at the hips' depth.

    ``camera`` holds pitch and roll in radians and the logarithm of the distance over the usual one.
    """
    R = rotation_about("z", camera[:, 1]) @ rotation_about("x", camera[:, 0])
    seen = points @ R[:, None].transpose(-1, -2)
    nearer = seen[..., 2] - seen[..., _HIPS, 2].mean(-1, keepdim=True)
    away = _USUAL_DISTANCE_M * torch.exp(camera[:, 2])[:, None, None]
    depth = (1 - nearer / away).clamp(min=0.3)  # relative to the hips'
    return torch.stack((seen[..., 0], -seen[..., 1]), dim=-1) / depth[..., None]


def _aligned(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Centred image points at the scale of each frame that fits the target best, near one."""
    image, target = _centred(image, weight), _centred(target, weight)
    overlap = (weight[..., None] * image * target).sum((-1, -2))
    size = (weight[..., None] * image.square()).sum((-1, -2))
    scale = ((overlap + 1.0) / (size + 1.0)).clamp(0.4, 2.5)  # one frame alone tells it poorly
    return image * scale[..., None, None]


def _centred(points: Tensor, weight: Tensor) -> Tensor:
    total = weight.sum(-1).clamp(min=1e-6)
    return points - ((weight[..., None] * points).sum(-2) / total[..., None])[..., None, :]


def _point_weights() -> Tensor:
    face = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    return torch.tensor([_FACE_WEIGHT if name in face else 1.0 for name in COCO_NAMES])
