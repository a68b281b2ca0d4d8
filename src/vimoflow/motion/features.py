"""The 151 feature channels the model works on (thesis 3.2 i): 24 x 6D, 4 contacts, 3 root."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.geometry.rotations import matrix_to_sixd, sixd_to_matrix
from vimoflow.motion.skeleton import (
    CONTACT_JOINTS,
    JOINT_NAMES,
    MIRROR_CONTACTS,
    MIRROR_JOINTS,
)


@dataclass(frozen=True)
class FeatureLayout:
    """Named channel ranges of a feature vector."""

    rotations: slice
    contacts: slice
    root: slice
    size: int


def _layout() -> FeatureLayout:
    rotations = 6 * len(JOINT_NAMES)
    contacts = rotations + len(CONTACT_JOINTS)
    return FeatureLayout(
        slice(0, rotations), slice(rotations, contacts), slice(contacts, contacts + 3), contacts + 3
    )


LAYOUT = _layout()


def encode_features(
    R_parent_joint: Float[Tensor, "*batch 24 3 3"],
    contacts: Float[Tensor, "*batch 4"],
    root_world: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch 151"]:
    """Rotations, contacts in [0, 1] and the root position (metres) as one feature vector."""
    return torch.cat((matrix_to_sixd(R_parent_joint).flatten(-2), contacts, root_world), dim=-1)


def decode_features(
    features: Float[Tensor, "*batch 151"],
) -> tuple[Float[Tensor, "*batch 24 3 3"], Float[Tensor, "*batch 4"], Float[Tensor, "*batch 3"]]:
    """The inverse of :func:`encode_features`; 6D orthonormalised, contacts unclipped."""
    sixd = features[..., LAYOUT.rotations].unflatten(-1, (len(JOINT_NAMES), 6))
    return sixd_to_matrix(sixd), features[..., LAYOUT.contacts], features[..., LAYOUT.root]


def mirrored_features(features: Float[Tensor, "*batch 151"]) -> Float[Tensor, "*batch 151"]:
    """The mirror image (x -> -x) of un-normalised features; linear, and its own inverse."""
    flip = features.new_tensor((-1.0, 1.0, 1.0))
    signs = matrix_to_sixd(flip[:, None] * flip)
    sixd = features[..., LAYOUT.rotations].unflatten(-1, (len(JOINT_NAMES), 6))
    rotations = (sixd[..., list(MIRROR_JOINTS), :] * signs).flatten(-2)
    contacts = features[..., LAYOUT.contacts][..., list(MIRROR_CONTACTS)]
    return torch.cat((rotations, contacts, features[..., LAYOUT.root] * flip), dim=-1)
