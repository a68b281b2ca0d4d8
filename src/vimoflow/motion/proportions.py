"""Bodies of other proportions than the skeleton's, as far as COCO points show them.

People's limbs differ by several per cent from the mean skeleton, and a limb that is drawn too long
must be turned out of the image plane to fit a picture: five per cent cost a thigh in the plane 18
degrees.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import COCO_NAMES
from vimoflow.motion.skeleton import coco

PARTS = ("trunk", "head", "shoulders", "hips", "upper arms", "forearms", "thighs", "shins")
"""Lengths and widths that vary; both sides alike."""

PROPORTION_SPREAD = 0.06
"""Standard deviation of the logarithm of a part's length among people. The limbs of the three
AIST++ dancers at hand lie 0 to 13 per cent from the mean skeleton, 5 in the root mean square."""

_SIDES = ("left", "right")
_HEAD = [coco(name) for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]


def proportioned(
    points: Float[Tensor, "*batch 17 3"], log_lengths: Float[Tensor, "*#batch 8"]
) -> Float[Tensor, "*batch 17 3"]:
    """The same pose, the mid-hip at its place, on a body whose parts are longer or shorter.

    Args:
        points: COCO points, metres.
        log_lengths: logarithms of the factors on ``PARTS``; any shape that broadcasts.
    """
    factor = dict(zip(PARTS, log_lengths.exp()[..., None].unbind(-2), strict=True))
    at = {name: points[..., coco(name), :] for name in COCO_NAMES}
    middle = {p: (at[f"left_{p}"] + at[f"right_{p}"]) / 2 for p in ("shoulder", "hip")}
    neck = middle["hip"] + (middle["shoulder"] - middle["hip"]) * factor["trunk"]
    out = list(points.unbind(-2))
    for index in _HEAD:
        out[index] = neck + (points[..., index, :] - middle["shoulder"]) * factor["head"]
    for side in _SIDES:
        for start, root, part, limb in (
            (neck, "shoulder", "shoulders", (("elbow", "upper arms"), ("wrist", "forearms"))),
            (middle["hip"], "hip", "hips", (("knee", "thighs"), ("ankle", "shins"))),
        ):
            place = start + (at[f"{side}_{root}"] - middle[root]) * factor[part]
            out[coco(f"{side}_{root}")] = place
            above = root
            for name, bone in limb:
                place = place + (at[f"{side}_{name}"] - at[f"{side}_{above}"]) * factor[bone]
                out[coco(f"{side}_{name}")] = place
                above = name
    return torch.stack(out, dim=-2)
