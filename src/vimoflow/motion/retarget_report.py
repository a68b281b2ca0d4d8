"""How well a retargeted motion follows its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.motion.source import SourceTracks

SIDES = ("left", "right")
LIMBS = tuple(
    (f"{side}_{upper}", f"{side}_{lower}", f"{side}_{end}")
    for side in SIDES
    for upper, lower, end in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
)
LIMB_BONES = tuple(pair for u, low, e in LIMBS for pair in ((u, low), (low, e)))
_ACROSS = (("right_hip", "left_hip"), ("right_shoulder", "left_shoulder"))


@dataclass(frozen=True)
class RetargetReport:
    """How well a motion follows its source.

    Attributes:
        scale: target metres per source metre (ratio of leg lengths).
        bone_error_deg_mean, bone_error_deg_max: angle between source and target bone directions of
            upper and lower arms and legs.
        end_error_ratio: distance of wrist (from shoulder) and ankle (from hip) to where the source
            has them, over limb length, after scaling each limb to equal length; mean.
        bone_stretch: largest deviation of a limb bone of the source from its median length, as a
            ratio; a rigid skeleton has (nearly) none.
        bone_error_deg_median, bone_error_deg_p95: as above over the whole body: the limbs, and,
            which no rotation can make exact where proportions differ, the lines across hips and
            shoulders and the trunk between them. Feet are left out: rigs put their toe joints at
            other heights, so a foot that stands flat in both has another direction in each.
        end_error_ratio_p95: 95th percentile.
        notes: what was found odd and corrected or believed (unit, rate, up axis); "" if nothing.
    """

    scale: float
    bone_error_deg_mean: float
    bone_error_deg_max: float
    end_error_ratio: float
    bone_stretch: float
    bone_error_deg_median: float = 0.0
    bone_error_deg_p95: float = 0.0
    end_error_ratio_p95: float = 0.0
    notes: str = ""


def retarget_report(
    tracks: SourceTracks, positions: Float[Tensor, "frames 24 3"], scale: float
) -> RetargetReport:
    """Compare the source's joints with the positions they were retargeted to."""
    limbs = torch.stack([_bone_error(tracks, positions, *pair) for pair in LIMB_BONES])
    others = [_bone_error(tracks, positions, *pair) for pair in _ACROSS]
    others.append(_angle_between(_trunk(tracks.position), _trunk(lambda n: positions[:, joint(n)])))
    body = torch.rad2deg(torch.cat([limbs, torch.stack(others)])).numpy()
    ends = torch.stack([_end_error(tracks, positions, *limb) for limb in LIMBS]).numpy()
    lengths = torch.stack([tracks.bone(a, b).norm(dim=-1) for a, b in LIMB_BONES])
    stretch = (lengths / lengths.median(dim=1, keepdim=True).values - 1).abs().max()
    degrees = torch.rad2deg(limbs)
    return RetargetReport(
        scale=scale,
        bone_error_deg_mean=float(degrees.mean()),
        bone_error_deg_max=float(degrees.max()),
        end_error_ratio=float(ends.mean()),
        bone_stretch=float(stretch),
        bone_error_deg_median=float(np.median(body)),
        bone_error_deg_p95=float(np.quantile(body, 0.95)),
        end_error_ratio_p95=float(np.quantile(ends, 0.95)),
    )


def _trunk(position: Callable[[str], Tensor]) -> Tensor:
    """From the middle of the hips to the middle of the shoulders."""
    across = [(position(f"left_{p}") + position(f"right_{p}")) / 2 for p in ("shoulder", "hip")]
    return across[0] - across[1]


def _end_error(tracks: SourceTracks, positions: Tensor, upper: str, lower: str, end: str) -> Tensor:
    theirs = tracks.bone(upper, end)
    reach = tracks.bone(upper, lower).norm(dim=-1) + tracks.bone(lower, end).norm(dim=-1)
    ours = positions[:, joint(end)] - positions[:, joint(upper)]
    offsets = load_skeleton().offsets
    length = float(sum(np.linalg.norm(offsets[joint(name)]) for name in (lower, end)))
    return (ours / length - theirs / reach[:, None]).norm(dim=-1)


def _bone_error(tracks: SourceTracks, positions: Tensor, start: str, end: str) -> Tensor:
    ours = positions[:, joint(end)] - positions[:, joint(start)]
    return _angle_between(tracks.bone(start, end), ours)


def _angle_between(a: Tensor, b: Tensor) -> Tensor:
    cross = torch.linalg.cross(a, b, dim=-1).norm(dim=-1)
    return torch.atan2(cross, (a * b).sum(-1))
