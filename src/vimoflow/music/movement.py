"""What a small network leaves out of its dances: how far they move, and that feet carry the body.

Where a network is unsure it answers with a mean, and means move less than what they are means of,
at every step anew (exposure bias, Ning et al. 2024, who rescale estimates of images likewise).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.inference.sampling.joining import orthonormal
from vimoflow.motion.features import LAYOUT, decode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

_RISE = 4.0  # how much more the pelvis' height is stretched: a tenth of its deviation is a bounce
_DRAWN = 0.3  # how much the drawn way counts beside a resting foot's
_WEIGHT = 2.0  # frames, standard deviation


def livelier(
    features: Float[Tensor, "*batch frames 151"], by: float
) -> Float[Tensor, "*batch frames 151"]:
    """Poses and ways stretched about their mean over the window, contacts as they are.

    Args:
        features: a clean estimate, not normalised.
        by: how far; 1 leaves everything as it is.
    """
    if by == 1:
        return features
    factors = torch.full(features.shape[-1:], by).to(features)
    factors[LAYOUT.contacts] = 1
    factors[LAYOUT.root.start + 1] = 1 + _RISE * (by - 1)
    mean = features.mean(-2, keepdim=True)
    return orthonormal(mean + factors * (features - mean))


def carried(features: Float[Tensor, "frames 151"]) -> Float[Tensor, "frames 151"]:
    """The dance moved over the ground so that feet in contact rest, as far as they agree.

    From each frame to the next the root goes ``argmin_v sum_j c_j |v + f_j|^2 + l |v - d|^2``: f
    is how foot j moves beside the root, c its contact, d the way that was drawn.
    """
    from scipy.ndimage import gaussian_filter1d

    R, contacts, root = decode_features(features.cpu())
    joints = forward_kinematics(R, root)[1]
    feet = joints[:, [joint(name) for name in CONTACT_JOINTS]] - root[:, None]
    on = contacts.clamp(0, 1).square()
    weight = torch.minimum(on[1:], on[:-1])[..., None]
    drawn, pushed = root.diff(dim=0), -feet.diff(dim=0)
    way = (_DRAWN * drawn + (weight * pushed).sum(1)) / (_DRAWN + weight.sum(1))
    # A body has weight: what pushes it changes in the course of some frames.
    way = torch.from_numpy(gaussian_filter1d(way.numpy(), _WEIGHT, axis=0, mode="nearest"))
    out = features.clone()
    for axis in (0, 2):
        out[1:, LAYOUT.root.start + axis] = root[0, axis] + way[:, axis].cumsum(0)
    return out
