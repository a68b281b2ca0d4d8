"""Motions turned about the vertical, and by how much two of them differ."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from vimoflow.conventions import PIECE
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics

_SLOWLY = 10.0  # frames


def turned_features(
    features: Float[Tensor, "batch frames 151"], yaw: Float[Tensor, " batch"]
) -> Float[Tensor, "batch frames 151"]:
    """Motions turned about the vertical axis through the origin, radians."""
    R, contacts, root = decode_features(features)
    turn = rotation_about("y", yaw)[:, None]
    R = R.clone()
    R[:, :, 0] = turn @ R[:, :, 0]
    return encode_features(R, contacts, (turn @ root[..., None])[..., 0])


def heading_between(
    features: Float[Tensor, "batch frames 151"], target: Float[Tensor, "batch frames 151"]
) -> Float[Tensor, " batch"]:
    """Turn about the vertical that brings the poses nearest to the target's, radians."""
    sine, cosine = _turn(_pose(features), _pose(target))
    return torch.atan2(sine.sum((-1, -2)), cosine.sum((-1, -2)))


def heading_drift(
    features: Float[Tensor, "batch frames 151"],
    target: Float[Tensor, "batch frames 151"],
    valid: Bool[Tensor, "batch frames"] | None = None,
) -> Float[Tensor, "batch frames"]:
    """The same turn frame by frame, changing slowly; of frames that are not valid, the first's."""
    parts = [x.sum(-1).numpy() for x in _turn(_pose(features).double(), _pose(target).double())]
    there = np.ones(parts[0].shape, bool) if valid is None else valid.numpy()
    slow = (gaussian_filter1d(x * there, _SLOWLY, axis=1) for x in parts)
    yaw = np.unwrap(np.arctan2(*slow), axis=1)
    return torch.from_numpy(np.where(there, yaw, yaw[:, :1])).to(features)


def _turn(pose: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Sine and cosine of the turn from each joint to the other pose's, by both distances."""
    sine = wanted[..., 0] * pose[..., 2] - wanted[..., 2] * pose[..., 0]
    return sine, wanted[..., 0] * pose[..., 0] + wanted[..., 2] * pose[..., 2]


def _pose(features: Tensor) -> Tensor:
    """Joints relative to the root, metres; in parts, because rotations take three times as much."""
    decoded = (decode_features(part) for part in features.split(PIECE, dim=1))
    return torch.cat([forward_kinematics(R, 0 * root)[1] for R, _, root in decoded], dim=1)
