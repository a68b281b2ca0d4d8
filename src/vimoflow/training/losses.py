"""The training losses (thesis 3.4), each per frame so that per-frame weights apply.

All but the simple loss act on un-normalised values, in metres and float32. Losses over two frames
belong to the first of them; the last frame of a clip has 0.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.errors import ConfigError
from vimoflow.geometry.cameras import Camera
from vimoflow.motion.features import LAYOUT, decode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint
from vimoflow.training.projection import projection_error

_SMOOTH_M2 = 1e-6  # keeps the gradient of a distance finite at zero

FootMask = Literal["truth", "predicted", "learned"]


@dataclass(frozen=True)
class LossWeights:
    """Factors on the auxiliary losses (thesis 3.4 ii; lambda_1 to lambda_3), see ``FrameLosses``.

    The losses are in metres, so the factors are far from the thesis' own, which are not in any
    stated unit: these make each term about as large as the simple loss when training settles.

    Root and contacts, seven of 151 channels, hardly weigh in the simple loss, so they have terms of
    their own.

    Attributes:
        velocity: 40 makes it as large as the simple loss, and training slower (docs/experiments).
        rotation_velocity: the default is the thesis' final factor.
        projection: needs ``projection_views`` in the loss options.
        distance: squares alone spend themselves on the few worst frames.
    """

    joints: float = 12.0
    velocity: float = 0.0
    foot: float = 10.0
    root: float = 0.3
    contacts: float = 1.0
    rotation_velocity: float = 0.02
    projection: float = 0.0
    distance: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if not 0 <= getattr(self, field.name) < float("inf"):
                raise ConfigError(f"the loss factor '{field.name}' must be 0 or more")


@dataclass(frozen=True)
class LossOptions:
    """Variants of the losses.

    Attributes:
        foot_mask: what says that a foot stands: the ``truth``; the ``predicted`` contacts, as they
            are (no gradient); or contacts ``learned`` from the foot loss alone, as in the thesis,
            whose trivial optimum is no contact at all.
        supervise_contacts: compare the contact channels with the truth. Without it they count
            neither in the simple loss nor in a term of their own (thesis 3.4 ii).
        projection_views: cameras of the projection loss, 0 (off) to 9.
    """

    foot_mask: FootMask = "truth"
    supervise_contacts: bool = True
    projection_views: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.projection_views <= 9:
            raise ConfigError(
                f"the projection loss takes 0 to 9 views, not {self.projection_views}"
            )


@dataclass(frozen=True)
class FrameLosses:
    """Losses of each frame.

    Attributes:
        simple: mean squared error over the normalised channels (3.3 i).
        joints: mean squared distance of the joints relative to the pelvis, m^2 (3.4 ii, whose FK
            takes rotations only); the root's own error is in terms of its own, where depth
            ambiguity cannot drown the pose.
        velocity: mean squared error of the joints' displacement to the next frame, m^2.
        rotation_velocity: squared error of the 6D channels' difference to the next frame, summed
            over all of them: the thesis' velocity loss, literally.
        foot: squared displacement of foot joints to the next frame where they have contact, mean
            over the four, m^2.
        root: squared distance of the root, m^2.
        contacts: mean squared error of the contact channels, which are 0 or 1.
        projection: distance of the joints to the truth's after projection through virtual cameras,
            at the person's distance, m^2; 0 without views
            (:func:`vimoflow.training.projection.projection_error`).
        distance: mean distance of the joints relative to the pelvis, which is what MPJPE measures,
            m.
    """

    simple: Float[Tensor, "batch frames"]
    joints: Float[Tensor, "batch frames"]
    velocity: Float[Tensor, "batch frames"]
    rotation_velocity: Float[Tensor, "batch frames"]
    foot: Float[Tensor, "batch frames"]
    root: Float[Tensor, "batch frames"]
    contacts: Float[Tensor, "batch frames"]
    projection: Float[Tensor, "batch frames"]
    distance: Float[Tensor, "batch frames"]


TERMS: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(FrameLosses))
PAIR_TERMS = ("velocity", "rotation_velocity", "foot")
"""Terms over a frame and the next."""


def frame_losses(
    predicted_normalized: Float[Tensor, "batch frames 151"],
    target_normalized: Float[Tensor, "batch frames 151"],
    predicted: Float[Tensor, "batch frames 151"],
    target: Float[Tensor, "batch frames 151"],
    target_joints: Float[Tensor, "batch frames 24 3"],
    options: LossOptions | None = None,
    cameras: Camera | None = None,
) -> FrameLosses:
    """All losses of a batch.

    Args:
        predicted_normalized, target_normalized: what the denoiser works on.
        predicted, target: the same un-normalised.
        target_joints: joint positions of the truth, metres.
        options: variants; the defaults if None.
        cameras: of the projection loss, batch shape (batch, views, frames), in the learning frame;
            see :func:`vimoflow.training.projection.draw_cameras`.
    """
    options = options or LossOptions()
    squares = (predicted_normalized - target_normalized).square()
    contact_error = (predicted[..., LAYOUT.contacts] - target[..., LAYOUT.contacts]).square()
    if options.supervise_contacts:
        simple, contacts = squares.mean(-1), contact_error.mean(-1)
    else:
        contacts = torch.zeros_like(squares[..., 0])
        learned = squares.sum(-1) - squares[..., LAYOUT.contacts].sum(-1)
        simple = learned / (LAYOUT.size - len(CONTACT_JOINTS))
    R, _, root = decode_features(predicted)
    R_world, joints = forward_kinematics(R, root)
    relative = joints - joints[..., :1, :]
    target_relative = target_joints - target_joints[..., :1, :]
    squared = (relative - target_relative).square().sum(-1)
    step = joints[:, 1:] - joints[:, :-1]
    target_step = target_joints[:, 1:] - target_joints[:, :-1]
    turns = _rotation_differences(predicted) - _rotation_differences(target)
    projection = torch.zeros_like(simple)
    if cameras is not None:
        points = coco_points(R_world, joints)
        R_target, _, _ = decode_features(target)
        target_points = coco_points(forward_kinematics(R_target, root)[0], target_joints)
        projection = projection_error(
            points - joints[..., :1, :], target_points, target_joints[..., 0, :], cameras
        )
    return FrameLosses(
        simple=simple,
        joints=squared.mean(-1),
        velocity=_to_frames((step - target_step).square().sum(-1).mean(-1)),
        rotation_velocity=_to_frames(turns.square().sum(-1)),
        foot=_to_frames(_sliding(step, predicted, target, options.foot_mask)),
        root=(root - target[..., LAYOUT.root]).square().sum(-1),
        contacts=contacts,
        projection=projection,
        distance=(squared + _SMOOTH_M2).sqrt().mean(-1),
    )


def _rotation_differences(features: Tensor) -> Tensor:
    rotations = features[..., LAYOUT.rotations]
    return rotations[:, 1:] - rotations[:, :-1]


def _sliding(step: Tensor, predicted: Tensor, target: Tensor, mask: FootMask) -> Tensor:
    """Squared displacement of standing feet, (batch, frames - 1)."""
    contact = (target if mask == "truth" else predicted.clamp(0.0, 1.0))[..., LAYOUT.contacts]
    if mask == "learned":  # the thesis masks by the first of the two frames
        standing = contact[:, :-1].square()
    else:
        standing = (contact[:, 1:] * contact[:, :-1]).detach()
    feet = [joint(name) for name in CONTACT_JOINTS]
    return (step[:, :, feet].square().sum(-1) * standing).mean(-1)


def _to_frames(pairs: Tensor) -> Tensor:
    return torch.cat((pairs, torch.zeros_like(pairs[:, :1])), dim=1)


def pairwise(
    weights: Float[Tensor, "batch frames"], valid: Bool[Tensor, "batch frames"]
) -> tuple[Float[Tensor, "batch frames"], Bool[Tensor, "batch frames"]]:
    """Weights and validity of terms over a frame and the next: the smaller weight, both valid."""
    after = torch.cat((weights[:, 1:], weights[:, -1:]), dim=1)
    both = valid.clone()
    both[:, :-1] &= valid[:, 1:]
    both[:, -1] = False
    return torch.minimum(weights, after), both


def thesis_weights(joints: float, velocity: float, foot: float) -> LossWeights:
    """The thesis' lambdas as factors here.

    The thesis states no reductions. Read as the mean over joints for its joint loss, and as plain
    squared norms (sums) for velocity and foot, its target bands are where healthy runs lie (see
    ``monitor``); the foot loss here is the mean over ``len(CONTACT_JOINTS)``.
    """
    return LossWeights(
        joints=joints,
        velocity=0.0,
        rotation_velocity=velocity,
        foot=foot * len(CONTACT_JOINTS),
        root=0.0,
        contacts=0.0,
    )
