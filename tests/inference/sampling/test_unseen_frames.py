"""Gaps between seen frames are filled from what is around them."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motion_examples import swinging_motion
from vimoflow.inference.sampling.unseen import filled_between_seen
from vimoflow.motion.features import encode_features


def features_of(frames: int) -> torch.Tensor:
    motion = swinging_motion(frames)
    return encode_features(
        torch.from_numpy(motion.local_rotations),
        torch.from_numpy(motion.contacts).double(),
        torch.from_numpy(motion.trans).double(),
    )[None]


def test_a_smooth_motion_is_found_again():
    truth = features_of(90)
    unseen = torch.zeros(1, 90, dtype=torch.bool)
    unseen[:, 30:40] = unseen[:, 60:75] = True
    wrong = torch.where(unseen[..., None], truth.flip(1), truth)
    filled = filled_between_seen(wrong, unseen)
    assert torch.equal(filled[~unseen], truth[~unseen])
    before, after = ((x - truth)[unseen].square().mean() for x in (wrong, filled))
    assert after < 0.1 * before


@settings(max_examples=25, deadline=None)
@given(runs=st.lists(st.integers(1, 70), min_size=1, max_size=6), starts=st.booleans())
def test_only_short_gaps_with_something_on_both_sides_are_filled(runs, starts):
    unseen = torch.cat([torch.full((n,), (i % 2 == 0) == starts) for i, n in enumerate(runs)])
    features = torch.randn(1, len(unseen), 151, generator=torch.Generator().manual_seed(0))
    changed = (filled_between_seen(features, unseen[None]) != features).any(-1)[0]
    first = 0
    for i, n in enumerate(runs):
        inside = (i % 2 == 0) == starts and 0 < i < len(runs) - 1 and n <= 45
        assert bool(changed[first : first + n].all()) == inside or n == 0
        assert bool(changed[first : first + n].any()) == inside
        first += n
