"""The feature vector: its layout, and the way there and back."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from vimoflow.motion.features import (
    LAYOUT,
    decode_features,
    encode_features,
    mirrored_features,
)
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import MIRROR_JOINTS


def test_the_layout_covers_all_channels_once() -> None:
    parts = (LAYOUT.rotations, LAYOUT.contacts, LAYOUT.root)
    channels = [c for part in parts for c in range(LAYOUT.size)[part]]
    assert channels == list(range(151)) and LAYOUT.size == 151
    assert [len(range(LAYOUT.size)[part]) for part in parts] == [144, 4, 3]


def random_parts() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    rotations = Rotation.random(2 * 5 * 24, random_state=0).as_matrix().reshape(2, 5, 24, 3, 3)
    return tuple(
        map(torch.from_numpy, (rotations, rng.random((2, 5, 4)), rng.normal(size=(2, 5, 3))))
    )  # type: ignore[return-value]


def test_encoded_features_decode_to_themselves() -> None:
    parts = random_parts()
    for back, part in zip(decode_features(encode_features(*parts)), parts, strict=True):
        torch.testing.assert_close(back, part)


def test_each_part_is_where_the_layout_says() -> None:
    rotations, contacts, root = random_parts()
    features = encode_features(rotations, contacts, root)
    torch.testing.assert_close(features[..., LAYOUT.contacts], contacts)
    torch.testing.assert_close(features[..., LAYOUT.root], root)
    first_column_of_joint_1 = features[..., LAYOUT.rotations][..., 6:9]
    torch.testing.assert_close(first_column_of_joint_1, rotations[..., 1, :, 0])


def test_decoded_rotations_are_rotations_whatever_the_network_says() -> None:
    features = torch.randn(3, 7, 151, generator=torch.Generator().manual_seed(0))
    rotations, contacts, _ = decode_features(features)
    identity = torch.eye(3).expand_as(rotations)
    torch.testing.assert_close(rotations.transpose(-1, -2) @ rotations, identity, atol=1e-5, rtol=0)
    assert (contacts < 0).any()  # unclipped


def test_the_mirror_image_is_that_of_the_body() -> None:
    parts = random_parts()
    features = encode_features(*parts)
    mirrored = mirrored_features(features)
    torch.testing.assert_close(mirrored_features(mirrored), features)
    R, contacts, root = decode_features(mirrored)
    joints = forward_kinematics(parts[0], parts[2])[1]
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    expected = joints[..., list(MIRROR_JOINTS), :] * flip
    torch.testing.assert_close(forward_kinematics(R, root)[1], expected, atol=2e-3, rtol=0)
    assert torch.equal(contacts, parts[1][..., [2, 3, 0, 1]])
