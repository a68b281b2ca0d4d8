"""Bodies of other proportions."""

from __future__ import annotations

import torch

from vimoflow.conventions import COCO_NAMES
from vimoflow.motion.proportions import PARTS, proportioned
from vimoflow.motion.skeleton import coco

POINTS = torch.randn(5, 17, 3, generator=torch.Generator().manual_seed(0))
BONES = {
    "upper arms": ("shoulder", "elbow"),
    "forearms": ("elbow", "wrist"),
    "thighs": ("hip", "knee"),
    "shins": ("knee", "ankle"),
}


def bone(points: torch.Tensor, side: str, ends: tuple[str, str]) -> torch.Tensor:
    a, b = (coco(f"{side}_{end}") for end in ends)
    return points[:, b] - points[:, a]


def middle(points: torch.Tensor, name: str) -> torch.Tensor:
    return (points[:, coco(f"left_{name}")] + points[:, coco(f"right_{name}")]) / 2


def test_the_skeletons_own_proportions_change_nothing() -> None:
    assert torch.allclose(proportioned(POINTS, torch.zeros(1, len(PARTS))), POINTS, atol=1e-6)


def test_every_part_gets_its_length_and_keeps_its_direction() -> None:
    logs = torch.randn(5, len(PARTS), generator=torch.Generator().manual_seed(1)) * 0.3
    other = proportioned(POINTS, logs)
    factor = logs.exp()
    for part, ends in BONES.items():
        for side in ("left", "right"):
            expected = bone(POINTS, side, ends) * factor[:, PARTS.index(part), None]
            assert torch.allclose(bone(other, side, ends), expected, atol=1e-5)
    for part, name in (("shoulders", "shoulder"), ("hips", "hip")):
        before, after = (p[:, coco(f"left_{name}")] - p[:, coco(f"right_{name}")]
                         for p in (POINTS, other))  # fmt: skip
        assert torch.allclose(after, before * factor[:, PARTS.index(part), None], atol=1e-5)
    trunk = (middle(POINTS, "shoulder") - middle(POINTS, "hip")) * factor[:, 0, None]
    assert torch.allclose(middle(other, "hip"), middle(POINTS, "hip"), atol=1e-5)
    assert torch.allclose(middle(other, "shoulder") - middle(other, "hip"), trunk, atol=1e-5)


def test_the_same_factor_everywhere_scales_the_figure_about_the_mid_hip() -> None:
    other = proportioned(POINTS, torch.full((len(PARTS),), 0.2).expand(5, -1))
    hip = middle(POINTS, "hip")[:, None]
    assert torch.allclose(other - hip, (POINTS - hip) * torch.tensor(0.2).exp(), atol=1e-5)
    assert other.shape[-2] == len(COCO_NAMES)
