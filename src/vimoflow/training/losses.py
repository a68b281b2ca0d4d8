"""The training losses (thesis 3.4), each per frame so that per-frame weights apply.

All but the simple loss act on un-normalised values, in metres and float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.motion.features import LAYOUT, decode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint


@dataclass(frozen=True)
class FrameLosses:
    """Losses of each frame; those over two frames belong to the first of them, the last has 0."""

    simple: Float[Tensor, "batch frames"]
    joints: Float[Tensor, "batch frames"]
    velocity: Float[Tensor, "batch frames"]
    foot: Float[Tensor, "batch frames"]
    root: Float[Tensor, "batch frames"]
    contacts: Float[Tensor, "batch frames"]


def frame_losses(
    predicted_normalized: Float[Tensor, "batch frames 151"],
    target_normalized: Float[Tensor, "batch frames 151"],
    predicted: Float[Tensor, "batch frames 151"],
    target: Float[Tensor, "batch frames 151"],
    target_joints: Float[Tensor, "batch frames 24 3"],
) -> FrameLosses:
    """All losses of a batch.

    simple: mean squared error over the normalised channels (3.3 i).
    joints: mean squared distance of joints relative to the pelvis, m^2 (3.4 ii); the root's own
        error is in the simple loss, where depth ambiguity cannot drown the pose.
    velocity: mean squared error of the joints' displacement to the next frame, m^2 (FK velocity).
    root: squared distance of the root, m^2.
    contacts: mean squared error of the contact channels, which are 0 or 1.
    foot: squared displacement of foot joints to the next frame where the truth has contact, m^2.
    """
    simple = (predicted_normalized - target_normalized).square().mean(-1)
    R, _, root = decode_features(predicted)
    joints = forward_kinematics(R, root)[1]
    relative = joints - joints[..., :1, :]
    target_relative = target_joints - target_joints[..., :1, :]
    joint_loss = (relative - target_relative).square().sum(-1).mean(-1)
    step = joints[:, 1:] - joints[:, :-1]
    target_step = target_joints[:, 1:] - target_joints[:, :-1]
    velocity = (step - target_step).square().sum(-1).mean(-1)
    feet = [joint(name) for name in CONTACT_JOINTS]
    contact = target[..., LAYOUT.contacts]
    both = contact[:, 1:] * contact[:, :-1]
    foot = (step[:, :, feet].square().sum(-1) * both).mean(-1)
    last = torch.zeros_like(simple[:, :1])
    return FrameLosses(
        simple=simple,
        joints=joint_loss,
        velocity=torch.cat((velocity, last), 1),
        foot=torch.cat((foot, last), 1),
        root=(root - target[..., LAYOUT.root]).square().sum(-1),
        contacts=(predicted[..., LAYOUT.contacts] - contact).square().mean(-1),
    )


def weighted_mean(
    loss: Float[Tensor, "batch frames"],
    weights: Float[Tensor, "batch frames"],
    valid: Bool[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean of ``weights * loss`` over the valid frames of the batch."""
    mask = valid.to(loss.dtype)
    return (loss * weights * mask).sum() / mask.sum().clamp(min=1)


def pairwise(
    weights: Float[Tensor, "batch frames"], valid: Bool[Tensor, "batch frames"]
) -> tuple[Float[Tensor, "batch frames"], Bool[Tensor, "batch frames"]]:
    """Weights and validity of terms over a frame and the next: the smaller weight, both valid."""
    after = torch.cat((weights[:, 1:], weights[:, -1:]), dim=1)
    both = valid.clone()
    both[:, :-1] &= valid[:, 1:]
    both[:, -1] = False
    return torch.minimum(weights, after), both
