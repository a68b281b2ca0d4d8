"""Markers at COCO's points alone give a motion whose limbs point as they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import InputError
from vimoflow.formats.markers import COCO_PREFIX, Markers, markers_motion, markers_of
from vimoflow.motion.clip import Motion

STILL = Motion(np.zeros((4, 24, 3)), np.tile([0.3, 0.95, 0.1], (4, 1)), 30.0, np.zeros((4, 4)))


def seen(motion: Motion, wanted: tuple[str, ...]) -> Markers:
    names, places = markers_of(motion)
    chosen = [names.index(COCO_PREFIX + name) for name in wanted]
    return Markers(wanted, places[:, chosen], motion.timestamps, "y")


def test_coco_points_alone_give_the_pose() -> None:
    """Of a figure at rest within a few centimetres: a trunk that is bowed is taken as straight."""
    back = markers_motion(seen(STILL, COCO_NAMES), Path("m.trc"))
    off = back.joint_positions - STILL.joint_positions
    assert np.abs(off - off.mean(axis=(0, 1))).max() < 0.04


def test_gaps_are_filled_and_missing_markers_named() -> None:
    motion = swinging_motion(9, keypoints=False)
    names, places = markers_of(motion)
    holed = places.copy()
    holed[4, 3] = np.nan
    with pytest.warns(UserWarning, match="not seen 1 time"):
        back = markers_motion(Markers(names, holed, motion.timestamps, "y"), Path("m.trc"))
    assert np.abs(back.joint_positions - motion.joint_positions)[[0, 8]].max() < 1e-3
    with pytest.raises(InputError, match=r"m\.trc.*nose"):
        markers_motion(seen(motion, COCO_NAMES[1:]), Path("m.trc"))
