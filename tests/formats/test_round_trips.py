"""Every format that is written and read gives the same motion back, also by way of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.data.motion_files import load_motion
from vimoflow.motion.clip import Motion
from vimoflow.registry import FORMATS

pytest.importorskip("pxr")
MARKERS = ("c3d", "trc", "csv")
READABLE = [name for name in FORMATS.names if name not in ("html", "mp4")]
KEEP_TIMES = ("npz", "glb", "vrma", "csv")
MOTION = swinging_motion(12, 30000 / 1001, keypoints=False).scaled(0.8)


def through(motion: Motion, name: str, folder: Path) -> Motion:
    motion.save(folder / f"motion.{name}")
    return load_motion(folder / f"motion.{name}")


def off_m(a: Motion, b: Motion) -> float:
    return float(np.abs(a.joint_positions - b.joint_positions).max())


@pytest.mark.parametrize("first", READABLE)
def test_there_and_back_through_every_later_format(first: str, tmp_path: Path) -> None:
    start = through(MOTION, first, tmp_path)
    assert off_m(start, MOTION) < (1e-3 if first in MARKERS else 1e-4)
    for second in READABLE[READABLE.index(first) :]:
        back = through(through(start, second, tmp_path), first, tmp_path)
        assert off_m(back, start) < (1e-3 if {first, second} & set(MARKERS) else 1e-4), second
        assert np.abs(back.timestamps - MOTION.timestamps).max() < 1e-9, second
        assert back.fps == pytest.approx(MOTION.fps, rel=1e-12), second


@pytest.mark.parametrize("name", READABLE)
def test_an_uneven_clock_is_kept_or_resampled(name: str, tmp_path: Path) -> None:
    times = np.cumsum([0, 0.02, 0.05, 0.03, 0.04, 0.02, 0.05, 0.03, 0.04, 0.02, 0.05, 0.03])
    uneven = Motion(MOTION.poses, MOTION.trans, 11 / times[-1], MOTION.contacts, times)
    back = through(uneven, name, tmp_path)
    if name in KEEP_TIMES:
        assert np.abs(back.timestamps - times).max() < 1e-7
        assert off_m(back, uneven) < 1e-4
    else:
        assert np.ptp(np.diff(back.timestamps)) < 1e-9
        assert abs(back.timestamps[-1] - times[-1]) < 2 / back.fps


@pytest.mark.parametrize("name", [n for n in READABLE if not n.endswith("npz")])
def test_one_frame_is_a_motion(name: str, tmp_path: Path) -> None:
    one = swinging_motion(1, keypoints=False)
    assert off_m(through(one, name, tmp_path), one) < 1e-3


@pytest.mark.parametrize("name", READABLE)
def test_equal_motions_give_equal_bytes(name: str, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        MOTION.save(tmp_path / folder / f"motion.{name}")
    first, second = ((tmp_path / f / f"motion.{name}").read_bytes() for f in "ab")
    assert first == second
