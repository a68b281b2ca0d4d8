"""Pieces of people's paths, joined to people."""

from __future__ import annotations

import numpy as np

from vimoflow.keypoints.people_linking import chained
from vimoflow.keypoints.people_looks import LOOK

from .test_people_choice import somebody


def test_a_short_piece_is_of_whom_it_continues_and_not_of_somebody_unseen_for_a_while() -> None:
    """A person is followed all along; another one, unseen meanwhile, might have passed there."""
    near, other = somebody(300).points, somebody(302).points
    spans = [(near, range(20), 0), (near + np.array((5.0, 0, 0)), range(20, 24), 1),
             (near, range(24, 60), 2),
             (other, range(14), 3), (other, range(32, 60), 4)]  # fmt: skip
    frames = np.concatenate([list(span) for _, span, _ in spans])
    points = np.concatenate([of[list(span)] for of, span, _ in spans])
    tracklet = np.concatenate([np.full(len(span), name) for _, span, name in spans])
    found = chained(frames / 30, points, tracklet, np.full((len(frames), LOOK), np.nan))
    names = [int(found[tracklet == name][0]) for name in range(5)]
    assert names[1] == names[0] or names[1] == names[2]
    assert names[0] == names[2] != names[3] == names[4]
