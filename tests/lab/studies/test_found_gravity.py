"""Errors of gravity that is found, on pairs made up of a swaying figure."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lab.rendered.clips import save_arrays
from lab.studies.found_gravity import (
    GravityError,
    gravity_errors,
    gravity_table,
    roll_and_pitch,
)
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.errors import InputError
from vimoflow.inference.conditioning.viewpoint import gravity_down


@pytest.mark.parametrize("angles", [(0.0, 0.0), (30.0, -20.0), (-170.0, 5.0)])
def test_roll_and_pitch_are_what_gravity_was_made_of(angles):
    assert roll_and_pitch(torch.tensor(gravity_down(*angles))) == pytest.approx(angles, abs=1e-3)


def test_a_rolled_picture_is_found_rolled_about_as_far(tmp_path, swaying_keypoints):
    points, lens = swaying_keypoints(30).points, np.array([500.0, 200, 200, 0, 1, 0])
    middle = points[..., :2].mean((0, 1))
    size = np.ptp(points[..., 1])
    for roll in (0.0, 30.0):
        turn = math.radians(-roll)  # the picture turns against the camera
        R = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        turned = points.copy()
        turned[..., :2] = (points[..., :2] - middle) @ R.T * 250 / size + 200
        down = np.array([*lens[:3], *gravity_down(roll, 0.0)])
        save_arrays(tmp_path / f"pair-0-{roll:g}-c.npz", {"points_px": turned, "lens": down})
    level, rolled = gravity_errors(load_checkpoint(), tmp_path)
    assert (level.roll, rolled.roll) == (pytest.approx(0), pytest.approx(30))
    assert abs(level.roll_off - rolled.roll_off) < 15


def test_the_table_has_a_row_a_kind():
    errors = [GravityError(0, 0, 2, 4), GravityError(20, 0, -6, 8), GravityError(-30, 0, 8, 0)]
    rows = [row.split(" | ") for row in gravity_table(errors).splitlines()[2:]]
    assert [(row[0].strip("| "), row[1], row[2]) for row in rows] == [
        ("rolled by less than 5", "1", "2.0"),
        ("rolled by more", "2", "7.0"),
        ("all", "3", "6.0"),
    ]


def test_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no pairs"):
        gravity_errors(load_checkpoint(), tmp_path)
