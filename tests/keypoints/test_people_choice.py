"""Who is taken of several people, and what clothes say."""

from __future__ import annotations

import numpy as np

from vimoflow.keypoints.people_choice import choose_somebody
from vimoflow.keypoints.people_looks import look_gap, look_of
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.tracking import identities

from .test_mending import STANDING

TIMES = np.arange(60) / 30


def somebody(x: float, speed: float = 0.0, size: float = 1.0, name: str = "1", until: int = 60):
    """Somebody of 170 px times ``size`` who walks ``speed`` pixels a frame."""
    places = np.repeat(STANDING[None] * size, 60, axis=0) + np.array([x, 150.0])
    places[..., 0] += speed * np.arange(60)[:, None]
    confidence = np.where(np.arange(60) < until, 0.9, 0.0)[:, None, None] * np.ones((60, 17, 1))
    return Keypoints2D(np.concatenate([places, confidence], -1), TIMES, (640, 480), person=name)


def test_who_moves_in_the_middle_is_taken_before_a_larger_one_who_stands_at_the_side() -> None:
    player, onlooker = somebody(200, 4, name="2"), somebody(60, size=1.3, name="1")
    taken, why = choose_somebody([onlooker, player])
    assert taken is player and why is not None
    assert [claim.person for claim in why.claims] == ["2", "1"] and "--person 1" in str(why)


def test_who_is_there_for_a_moment_is_not_worth_a_word() -> None:
    assert choose_somebody([somebody(300, 2), somebody(100, 4, until=8)])[1] is None


def test_clothes_differ_by_colour_and_not_by_place() -> None:
    red, blue = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    first, second = somebody(100).points[0], somebody(400, size=0.6).points[0]
    assert look_gap(look_of(red, first), look_of(red, second)) < 0.01
    assert look_gap(look_of(red, first), look_of(blue, first)) > 0.4


def test_clothes_tell_that_a_follower_strayed_where_two_met() -> None:
    """Both stop, meet and walk back, and what followed one follows the other since."""
    frames = np.repeat(np.arange(90), 2)
    away = np.abs(np.arange(90) - 45) * 3.0 + 4
    points, looks = [], []
    for frame, gap in enumerate(away):
        for side in (-1, 1):
            points.append(somebody(300 + side * gap).points[0])
            # Truly they pass; the places alone look as if they turned round.
            wears = side if frame < 45 else -side
            looks.append(np.roll(np.tile(np.eye(8)[0], 6), 2 * (wears > 0)))
    found = identities(frames, np.stack(points), 30.0, np.stack(looks))
    red = np.array([look[0] for look in looks]) > 0
    assert len(set(found[red])) == 1 and set(found[red]) != set(found[~red])
    assert len(set(identities(frames, np.stack(points), 30.0)[::2])) == 1
