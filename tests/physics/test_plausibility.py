"""The report is small on what a body can do and large on what it cannot; bad input is one line."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra [physics]")

from physics_examples import standing
from vimoflow.errors import InputError
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.physics.plausibility import physics_report


def test_standing_is_plausible_floating_and_sliding_are_not():
    still = standing()
    good = physics_report(still)
    assert good.implausibility() < 0.1 and not good.over_strength_by_joint
    assert good.frames.outside_support_mm.max() == 0
    up = physics_report(standing(height=0.05))
    assert up.frames.float_mm.mean() == pytest.approx(50, abs=1) and up.implausibility() > 1
    way = np.outer(still.timestamps * 0.1, [1, 0, 0]).astype(np.float32)
    slid = physics_report(dataclasses.replace(still, trans=still.trans + way))
    assert np.median(slid.frames.slide_mm_s) == pytest.approx(100, rel=0.02)
    assert slid.implausibility() > 1
    sunk = physics_report(standing(height=-0.03))
    assert sunk.frames.penetration_mm.mean() == pytest.approx(30, abs=1)


def test_a_flight_is_a_fall_or_somebody_holds_the_body():
    still = standing(45)
    t = np.clip(still.timestamps - 0.3, 0, 0.6)
    for slower, held in ((1.0, 0.0), (0.5, 0.75)):
        fly = 0.5 * 9.81 * slower**2 * t * (0.6 - t)
        trans = still.trans + np.outer(fly, [0, 1, 0]).astype(np.float32)
        frames = physics_report(dataclasses.replace(still, trans=trans)).frames
        assert frames.held_in_flight() == pytest.approx(held, abs=0.02)
    assert np.isnan(physics_report(still).frames.held_in_air).all()


def test_feet_that_shuffle_to_and_fro_do_not_drift():
    still = standing(90)
    way = np.outer(0.05 * np.sin(4 * np.pi * still.timestamps), [1, 0, 0]).astype(np.float32)
    frames = physics_report(dataclasses.replace(still, trans=still.trans + way)).frames
    assert np.median(frames.drift_mm_s) < 0.2 * np.median(frames.slide_mm_s)


def test_leaning_beyond_the_feet_is_told_by_the_centre_of_pressure():
    leaning = standing()
    poses, lean = leaning.poses.copy(), 0.3
    poses[:, 0, 0], poses[:, [joint("left_ankle"), joint("right_ankle")], 0] = lean, -lean
    _, y, z = load_skeleton().rest_positions()[joint("left_ankle")]
    way = [0, y - y * np.cos(lean) + z * np.sin(lean), z - y * np.sin(lean) - z * np.cos(lean)]
    trans = leaning.trans + np.float32([way])
    report = physics_report(dataclasses.replace(leaning, poses=poses, trans=trans))
    assert report.frames.outside_support_mm.min() > 0


def test_the_document_is_json_with_a_number_a_frame():
    document = json.loads(json.dumps(physics_report(standing(12), 60.0).document()))
    assert document["mass_kg"] == 60 and set(map(len, document["frames"].values())) == {12}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: dataclasses.replace(m, trans=m.trans * np.nan), "not finite"),
        (lambda m: standing(3), "frames or more"),
        (
            lambda m: dataclasses.replace(m, trans=m.trans + 9 * m.timestamps[:, None] ** 2 * 9),
            "m/s",
        ),
    ],
)
def test_what_no_simulator_can_be_asked(change, told):
    with pytest.raises(InputError, match=told):
        physics_report(change(standing(40)))
