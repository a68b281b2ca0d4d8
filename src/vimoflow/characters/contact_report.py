"""What became of a motion on a character: feet that slide or sink, bones that point elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vimoflow.characters.alignment import Alignment
from vimoflow.characters.soles import Sole, foot_points
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights as our_sole_heights
from vimoflow.motion.retarget_report import LIMB_BONES, SIDES
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

_CONTACT = 0.5


@dataclass(frozen=True)
class ContactReport:
    """Feet before and after, and how far the body was changed for them.

    Attributes:
        slide_source_mm: how far feet in contact move along the floor a frame, in the motion itself;
            mean. None where no foot is in contact.
        slide_before_mm: on the character, before its feet were locked.
        slide_mm: after.
        sunk_source_mm, sunk_before_mm, sunk_mm: how deep a sole is below the floor at most.
        moved_mm, moved_most_mm: how far locking moved the body's joints; mean and most.
        bone_degrees, bone_degrees_p95: between the limbs' bones of motion and character.
    """

    slide_source_mm: float | None
    slide_before_mm: float | None
    slide_mm: float | None
    sunk_source_mm: float
    sunk_before_mm: float
    sunk_mm: float
    moved_mm: float
    moved_most_mm: float
    bone_degrees: float
    bone_degrees_p95: float

    def lines(self) -> list[str]:
        """For the terminal."""
        shown = ["-" if v is None else f"{v:.1f}" for v in
                 (self.slide_source_mm, self.slide_before_mm, self.slide_mm)]  # fmt: skip
        return [
            f"Foot slide: {shown[0]} mm a contact frame in the motion, {shown[1]} on the "
            f"character, {shown[2]} with its feet locked",
            f"Below the floor: {self.sunk_source_mm:.1f} mm in the motion, "
            f"{self.sunk_before_mm:.1f} on the character, {self.sunk_mm:.1f} with its feet locked",
            f"Joints moved for it: {self.moved_mm:.0f} mm on average, {self.moved_most_mm:.0f} mm "
            "at most",
            f"Limbs point {self.bone_degrees:.1f}° beside the motion's on average "
            f"(95 % within {self.bone_degrees_p95:.1f}°)",
        ]


def contact_report(
    motion: Motion,
    ours: Tensor,
    rig: Alignment,
    soles: Mapping[str, Sole],
    R_world: Tensor,
    before: Mapping[int, Tensor],
    after: Mapping[int, Tensor],
) -> ContactReport:
    """Measure.

    Args:
        motion: the source.
        ours: its joints, metres.
        rig, soles: the character.
        R_world: world rotations of the source's joints.
        before, after: the character's joints by node, before and after locking.
    """
    contacts = torch.from_numpy(np.asarray(motion.contacts)) > _CONTACT
    own_feet = ours[:, [joint(name) for name in CONTACT_JOINTS]]
    feet, heights = [], []
    for positions in (before, after):
        both = [foot_points(rig, soles[side], side, R_world, positions) for side in SIDES]
        feet.append(torch.cat([points for points, _ in both], 1))
        heights.append(torch.cat([low for _, low in both], 1))
    apart = torch.stack([(after[n] - before[n]).norm(dim=-1) for n in rig.joints.values()])
    degrees = _bone_degrees(ours, rig, after)
    return ContactReport(
        _slide_mm(own_feet, contacts), _slide_mm(feet[0], contacts), _slide_mm(feet[1], contacts),
        _sunk_mm(our_sole_heights(ours / motion.skeleton.scale) * motion.skeleton.scale),
        _sunk_mm(heights[0]), _sunk_mm(heights[1]),
        1000 * float(apart.mean()), 1000 * float(apart.max()),
        float(degrees.mean()), float(np.quantile(degrees.numpy(), 0.95)),
    )  # fmt: skip


def _slide_mm(feet: Tensor, contacts: Tensor) -> float | None:
    rests = contacts[1:] & contacts[:-1]
    step = (feet[1:] - feet[:-1])[..., [0, 2]].norm(dim=-1)
    return 1000 * float(step[rests].mean()) if rests.any() else None


def _sunk_mm(heights: Tensor) -> float:
    return 1000 * float((-heights).clamp(min=0).max())


def _bone_degrees(ours: Tensor, rig: Alignment, theirs: Mapping[int, Tensor]) -> Tensor:
    """(bones, frames)."""
    angles = []
    for a, b in LIMB_BONES:
        own = ours[:, joint(b)] - ours[:, joint(a)]
        other = theirs[rig.joints[b]] - theirs[rig.joints[a]]
        cross = torch.linalg.cross(own, other, dim=-1).norm(dim=-1)
        angles.append(torch.rad2deg(torch.atan2(cross, (own * other).sum(-1))))
    return torch.stack(angles)
