"""Dances stretched about their mean, and moved by the feet that rest."""

from __future__ import annotations

import torch

from music_examples import swinging
from vimoflow.geometry.rotations import sixd_to_matrix
from vimoflow.motion.features import LAYOUT, decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint
from vimoflow.music.movement import carried, livelier


def swinging_features() -> torch.Tensor:
    dance = swinging("a", 120)
    return encode_features(sixd_to_matrix(dance.sixd), dance.contacts, dance.root)


def test_liveliness_one_is_as_it_was_and_more_moves_farther():
    given = swinging_features()
    assert livelier(given, 1.0) is given
    speed = [
        forward_kinematics(*(decode_features(f)[i] for i in (0, 2)))[1][:, joint("left_wrist")]
        .diff(dim=0)
        .norm(dim=-1)
        .mean()
        for f in (livelier(given, 0.8), given, livelier(given, 1.2))
    ]
    assert speed[0] < 0.95 * speed[1] < 0.9 * speed[2]
    torch.testing.assert_close(livelier(given, 1.3)[:, LAYOUT.contacts], given[:, LAYOUT.contacts])


def test_a_body_that_slides_on_resting_feet_is_held_and_one_in_the_air_goes_on():
    given = swinging_features()
    given[:, LAYOUT.root.start] = torch.linspace(0, 2, len(given))
    slid = carried(given)[:, LAYOUT.root.start]
    assert float(slid[-1] - slid[0]) < 0.4  # four contacts beside the drawn way
    given[:, LAYOUT.contacts] = 0
    torch.testing.assert_close(carried(given), given, atol=1e-4, rtol=1e-4)


def test_heights_and_poses_are_left_alone():
    given = swinging_features()
    given[:, LAYOUT.root.start + 1] += torch.linspace(0, 0.2, len(given))
    out = carried(given)
    kept = [i for i in range(151) if i not in (LAYOUT.root.start, LAYOUT.root.start + 2)]
    torch.testing.assert_close(out[:, kept], given[:, kept])
