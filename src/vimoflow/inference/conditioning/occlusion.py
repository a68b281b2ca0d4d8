"""Which COCO points a body hides from the camera with its own torso, head or other leg.

A cheap stand-in for rendering: the occluders are capsules along the torso and the shins and a
sphere for the head; a point is hidden when its image lies within one and it is farther away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.skeleton import coco

_HEAD_RADIUS_M = 0.09
_TORSO_RADIUS_M = 0.15
_LEG_RADIUS_M = 0.06
_SOFTNESS_M = 0.03


SEEN, HIDDEN = 0.3, 0.7  # shares up to which a point counts as seen, from which as hidden


def hidden_weight(share: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """0 for seen points, 1 for hidden ones: what mixes the two fitted behaviours."""
    return ((share - SEEN) / (HIDDEN - SEEN)).clamp(0, 1)


def hidden_share(
    points_px: Float[Tensor, "*batch 17 2"],
    depth: Float[Tensor, "*batch 17"],
    scale_px: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch 17"]:
    """0 for a point in plain sight, 1 for one well behind the body, soft between.

    Args:
        points_px: exact projections in pixels.
        depth: metres along the optical axis.
        scale_px: pixels per metre at the person's distance.
    """
    # Weak perspective, metres: x and y in the image plane, z away from the camera. The axes are
    # kept apart because sums over a last axis of two or three are slow.
    x, y = (points_px / scale_px[..., None, None]).unbind(-1)
    p = _Points(x.contiguous(), y.contiguous(), depth)
    head = p.middle("left_ear", "right_ear")
    shoulders = p.middle("left_shoulder", "right_shoulder")
    hips = p.middle("left_hip", "right_hip")
    face, rest = slice(0, 5), slice(5, 17)
    hidden = torch.cat(
        [
            _behind(p.pick(face), head, head, _HEAD_RADIUS_M, 0.02),
            _behind(p.pick(rest), shoulders, hips, _TORSO_RADIUS_M, 0.10),
        ],
        -1,
    )
    for side, other in (("left", "right"), ("right", "left")):
        hip, knee, ankle = (p.middle(f"{other}_{j}") for j in ("hip", "knee", "ankle"))
        lower = slice(coco(f"{side}_knee"), coco(f"{side}_ankle") + 1, 2)
        points = p.pick(lower)
        thigh = _behind(points, hip, knee, _LEG_RADIUS_M, 0.08)
        shin = _behind(points, knee, ankle, _LEG_RADIUS_M, 0.08)
        hidden[..., lower] = torch.maximum(hidden[..., lower], torch.maximum(thigh, shin))
    return hidden


@dataclass(frozen=True)
class _Points:
    x: Tensor
    y: Tensor
    z: Tensor

    def pick(self, points: slice) -> _Points:
        return _Points(self.x[..., points], self.y[..., points], self.z[..., points])

    def middle(self, *names: str) -> _Points:
        """The mean of some COCO points, as one point."""
        picked = [self.pick(slice(coco(name), coco(name) + 1)) for name in names]
        share = 1 / len(picked)
        return _Points(
            torch.stack([p.x for p in picked]).sum(0) * share,
            torch.stack([p.y for p in picked]).sum(0) * share,
            torch.stack([p.z for p in picked]).sum(0) * share,
        )

    def __sub__(self, other: _Points) -> _Points:
        return _Points(self.x - other.x, self.y - other.y, self.z - other.z)


def _behind(
    points: _Points, start: _Points, end: _Points, radius_m: float, margin_m: float
) -> Tensor:
    """How far points are behind a capsule from start to end, 0 to 1."""
    axis, offset = end - start, points - start
    length2 = (axis.x.square() + axis.y.square()).clamp(min=1e-6)
    along = ((offset.x * axis.x + offset.y * axis.y) / length2).clamp(0, 1)
    aside = torch.hypot(offset.x - along * axis.x, offset.y - along * axis.y)
    farther = offset.z - along * axis.z
    covered = torch.sigmoid((radius_m - aside) / (_SOFTNESS_M / 2))
    return covered * torch.sigmoid((farther - margin_m) / _SOFTNESS_M)
