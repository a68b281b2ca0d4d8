"""What stretches six hours of motion: mirrored, recombined, tilted and perturbed clips.

Everything acts on a batch of clips at once; which clips are touched is drawn per clip.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.contacts import label_contacts
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import JOINT_NAMES, MIRROR_CONTACTS, MIRROR_JOINTS, joint

UPPER_BODY = tuple(
    i
    for i, name in enumerate(JOINT_NAMES)
    if not name.endswith(("pelvis", "hip", "knee", "ankle", "foot"))
)
_ARMS = tuple(
    tuple(joint(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist", "hand"))
    for side in ("left", "right")
)
_PERTURBED_JOINTS = (
    *(
        joint(f"{side}_{name}")
        for side in ("left", "right")
        for name in ("hip", "knee", "collar", "shoulder", "elbow", "ankle")
    ),
    joint("neck"),
    joint("spine2"),
)


@dataclass(frozen=True)
class AugmentationSettings:
    """Shares are probabilities per clip.

    Attributes:
        mirror: left and right exchanged.
        recombine: upper body of another clip on this one's legs.
        swap_arm: each arm replaced by that of another clip.
        tilt: the whole body turned about a horizontal axis, as in floor work and acrobatics.
        tilt_deg: standard deviation of that angle; a third of the tilted clips take any angle.
        perturb: constant small rotations added to some joints.
        perturb_deg: their standard deviation per axis.
        retime: clips played at another speed.
        retime_range: slowest and fastest speed.
    """

    mirror: float = 0.5
    recombine: float = 0.35
    swap_arm: float = 0.2
    tilt: float = 0.2
    tilt_deg: float = 35.0
    perturb: float = 0.35
    perturb_deg: float = 9.0
    retime: float = 0.5
    retime_range: tuple[float, float] = (0.7, 1.4)

    @classmethod
    def none(cls) -> AugmentationSettings:
        """Clips as they are."""
        return cls(mirror=0.0, recombine=0.0, swap_arm=0.0, tilt=0.0, perturb=0.0, retime=0.0)


@dataclass(frozen=True)
class Clips:
    """A batch of posed clips at 30 fps; invalid frames are padding."""

    R_parent_joint: Float[Tensor, "batch frames 24 3 3"]
    root_world: Float[Tensor, "batch frames 3"]
    contacts: Float[Tensor, "batch frames 4"]
    valid: Bool[Tensor, "batch frames"]


def mirrored(clips: Clips, rows: Bool[Tensor, " batch"]) -> Clips:
    """The mirror image (x -> -x) of the chosen clips."""
    flip = torch.tensor([-1.0, 1.0, 1.0])
    R = clips.R_parent_joint[:, :, list(MIRROR_JOINTS)] * (flip[:, None] * flip)
    return Clips(
        torch.where(rows[:, None, None, None, None], R, clips.R_parent_joint),
        torch.where(rows[:, None, None], clips.root_world * flip, clips.root_world),
        torch.where(
            rows[:, None, None], clips.contacts[..., list(MIRROR_CONTACTS)], clips.contacts
        ),
        clips.valid,
    )


def augmented(
    clips: Clips,
    generator: torch.Generator,
    settings: AugmentationSettings,
    untouchable: Bool[Tensor, " batch"],
) -> Clips:
    """Recombined, perturbed and tilted clips, back on the floor and with their own contacts.

    ``untouchable`` clips keep their poses: their 2D is real and could not follow.
    """
    batch = len(clips.valid)

    def drawn(share: float) -> Tensor:
        return (torch.rand(batch, generator=generator) < share) & ~untouchable

    R = clips.R_parent_joint.clone()
    recombine, perturb, tilt = (
        drawn(settings.recombine), drawn(settings.perturb), drawn(settings.tilt)
    )  # fmt: skip
    valid = clips.valid
    swaps = [(UPPER_BODY, recombine), *((arm, drawn(settings.swap_arm)) for arm in _ARMS)]
    for joints, rows in swaps:
        partner = torch.randperm(batch, generator=generator)
        part = torch.zeros(len(JOINT_NAMES), dtype=torch.bool)
        part[list(joints)] = True
        other = clips.R_parent_joint[partner]
        R = torch.where(rows[:, None, None, None, None] & part[:, None, None], other, R)
        valid = valid & (clips.valid[partner] | ~rows[:, None])
    R = R @ _perturbations(batch, perturb, generator, settings)[:, None]
    R[:, :, 0] = _tilts(batch, tilt, generator, settings)[:, None] @ R[:, :, 0]
    changed = recombine | perturb | tilt
    root, contacts = _grounded(R, clips, changed, tilt, valid)
    return dataclasses.replace(
        clips, R_parent_joint=R, root_world=root, contacts=contacts, valid=valid
    )


def _perturbations(
    batch: int, rows: Tensor, generator: torch.Generator, settings: AugmentationSettings
) -> Tensor:
    """(batch, 24, 3, 3) constant rotations of about half of the joints that may be perturbed."""
    count = len(JOINT_NAMES)
    angles = torch.randn(batch, count, 3, generator=generator) * math.radians(settings.perturb_deg)
    allowed = torch.zeros(count)
    allowed[list(_PERTURBED_JOINTS)] = 1.0
    keep = (torch.rand(batch, count, generator=generator) < 0.5) * allowed * rows[:, None]
    return axis_angle_to_matrix(angles * keep[..., None])


def _tilts(
    batch: int, rows: Tensor, generator: torch.Generator, settings: AugmentationSettings
) -> Tensor:
    """(batch, 3, 3) rotations about random horizontal axes."""
    azimuth = torch.rand(batch, generator=generator) * 2 * math.pi
    usual = torch.randn(batch, generator=generator) * math.radians(settings.tilt_deg)
    anything = (torch.rand(batch, generator=generator) * 2 - 1) * math.pi
    wild = torch.rand(batch, generator=generator) < 1 / 3
    angle = torch.where(wild, anything, usual) * rows
    axis = torch.stack((azimuth.cos(), torch.zeros_like(azimuth), azimuth.sin()), dim=-1)
    return axis_angle_to_matrix(axis * angle[:, None])


def _grounded(
    R: Tensor, clips: Clips, changed: Tensor, tilted: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor]:
    """Root and contacts after a change of pose: the lowest part stands on the floor again.

    Without a tilt the feet keep their height on average (jumps stay jumps); a tilted clip is put
    down as a whole on its lowest joint.
    """
    before = forward_kinematics(clips.R_parent_joint, clips.root_world)[1]
    after = forward_kinematics(R, clips.root_world)[1]
    weight = valid.to(R.dtype)
    moved = (sole_heights(after).amin(-1) - sole_heights(before).amin(-1)) * weight
    mean_moved = moved.sum(-1) / weight.sum(-1).clamp(min=1)
    lowest = torch.where(valid, after[..., 1].amin(-1), torch.inf).amin(-1)
    lowest = torch.where(torch.isfinite(lowest), lowest, torch.zeros_like(lowest)) - 0.03
    drop = torch.where(tilted, lowest, mean_moved) * changed
    down = torch.stack((torch.zeros_like(drop), drop, torch.zeros_like(drop)), dim=-1)[:, None]
    labels = label_contacts(after - down[:, :, None], MODEL_FPS)
    contacts = torch.where(changed[:, None, None], labels, clips.contacts)
    return clips.root_world - down, contacts
