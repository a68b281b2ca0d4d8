"""Bodies of other proportions than the skeleton's, as far as COCO points show them.

People's limbs differ by several per cent from the mean skeleton, and a limb that is drawn too long
must be turned out of the image plane to fit a picture: five per cent cost a thigh in the plane 18
degrees.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.motion.skeleton import COCO_NAMES, coco

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
    factors = torch.cat((torch.ones_like(log_lengths[..., :1]), log_lengths.exp()), dim=-1)
    maps = torch.from_numpy(proportion_maps()).to(points)
    return torch.einsum("...m,mij->...ij", factors, maps) @ points


@functools.cache
def proportion_maps() -> Float[np.ndarray, "9 17 17"]:
    """What each part contributes to the points: COCO points of a body are a sum of linear maps.

    The first holds the mid-hip; those of ``PARTS`` are multiplied by the parts' lengths.
    """
    eye = np.eye(len(COCO_NAMES))
    at = {name: eye[coco(name)] for name in COCO_NAMES}
    middle = {p: (at[f"left_{p}"] + at[f"right_{p}"]) / 2 for p in ("shoulder", "hip")}
    maps = np.zeros((1 + len(PARTS), *eye.shape))
    out = dict(zip(("hold", *PARTS), maps, strict=True))
    out["hold"][:] = middle["hip"]
    trunk = middle["shoulder"] - middle["hip"]
    for index in _HEAD:
        out["trunk"][index] = trunk
        out["head"][index] = eye[index] - middle["shoulder"]
    for side in _SIDES:
        for root, part, limb in (
            ("shoulder", "shoulders", (("elbow", "upper arms"), ("wrist", "forearms"))),
            ("hip", "hips", (("knee", "thighs"), ("ankle", "shins"))),
        ):
            chain = [coco(f"{side}_{name}") for name in (root, *(name for name, _ in limb))]
            if root == "shoulder":
                out["trunk"][chain] = trunk
            out[part][chain] = at[f"{side}_{root}"] - middle[root]
            for place, (above, (_, bone)) in enumerate(zip(chain, limb, strict=False), start=1):
                out[bone][chain[place:]] = eye[chain[place]] - eye[above]
    return maps
