"""How far one motion is turned against another, as time goes by."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.inference.conditioning.steadying import turned_along
from vimoflow.inference.sampling.turning import heading_drift
from vimoflow.motion.features import encode_features

FRAMES, SEEN = 120, 90


@settings(deadline=None, max_examples=20)
@given(st.floats(-2.0, 2.0), st.floats(-0.03, 0.03))
def test_a_slow_turn_is_found_whatever_the_padding_does(offset: float, rate: float) -> None:
    still = torch.eye(3).expand(1, FRAMES, 24, 3, 3)
    motion = encode_features(still, torch.zeros(1, FRAMES, 4), torch.zeros(1, FRAMES, 3))
    yaw = offset + rate * torch.arange(FRAMES)[None]
    target = turned_along(motion, yaw)
    target[:, SEEN:] = turned_along(motion, -yaw)[:, SEEN:]
    valid = (torch.arange(FRAMES) < SEEN)[None]
    found = heading_drift(motion, target, valid)
    middle = slice(40, SEEN - 40)
    assert torch.allclose(found[:, middle], yaw[:, middle], atol=1e-3)
    assert torch.all(found[:, SEEN:] == found[:, :1])
