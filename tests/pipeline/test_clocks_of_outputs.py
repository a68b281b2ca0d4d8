"""All outputs are in step with the motion, whatever clock the input had."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest

from vimoflow.data.motion_files import load_motion
from vimoflow.motion.clip import Motion
from vimoflow.video import frames
from vimoflow.viewer.page import write_preview_page
from vimoflow.viewer.video import write_preview_video


def _clocks() -> dict[str, np.ndarray]:
    """Seconds of each frame, a second and a half of each."""
    rng = np.random.default_rng(3)
    rates = (7, 12.5, 24000 / 1001, 24, 25, 30000 / 1001, 50, 60000 / 1001, 120)
    even = {f"{rate:.5g} Hz": np.arange(0, 1.5, 1 / rate) for rate in rates}
    steady = np.arange(45) / 30
    return even | {
        "60 Hz, then 15": np.r_[np.arange(60) / 60, 1 + np.arange(8) / 15],
        "60 Hz, then 30": np.r_[np.arange(45) / 60, 0.75 + np.arange(23) / 30],
        "a phone's trembling": steady + rng.uniform(-0.008, 0.008, 45),
        "every fifth frame lost": np.delete(steady, np.arange(4, 45, 5)),
        "a second without frames": np.r_[steady[:10], steady[10:] + 1.0],
        "milliseconds": np.round(steady, 3),
        "starting late": steady + 7.3,
        "starting before zero": steady - 0.2,
        "slower and slower": np.cumsum(np.geomspace(0.01, 0.1, 40)),
        "screen recording": np.cumsum(rng.choice([1 / 60, 1 / 30, 0.1], 40)),
    }


CLOCKS = _clocks()


@pytest.fixture(params=CLOCKS)
def walk(request: pytest.FixtureRequest) -> Motion:
    """Somebody who walks a metre a second, so that places tell the time."""
    times = CLOCKS[request.param]
    count = len(times)
    trans = np.stack((times - times[0], np.full(count, 0.9), np.zeros(count)), axis=1)
    fps = (count - 1) / (times[-1] - times[0])
    return Motion(np.zeros((count, 24, 3)), trans, fps, np.zeros((count, 4)), times)


@pytest.mark.parametrize("name", ["npz", "amass.npz", "bvh", "fbx", "glb", "csv"])
def test_places_are_reached_when_they_were(walk: Motion, name: str, tmp_path: Path) -> None:
    walk.save(tmp_path / f"motion.{name}")
    back = load_motion(tmp_path / f"motion.{name}")
    seconds, frame = back.timestamps - back.timestamps[0], 1 / back.fps
    length = walk.timestamps[-1] - walk.timestamps[0]
    assert abs(seconds[-1] - length) <= frame + 1e-6
    gone = np.hypot(*(back.trans - back.trans[0])[:, [0, 2]].T)
    at = np.linspace(0, min(length, seconds[-1]) - frame, 200)
    assert np.abs(np.interp(at, seconds, gone) - at).max() < 0.005


def test_the_page_shows_each_pose_at_its_time(walk: Motion, tmp_path: Path) -> None:
    write_preview_page(walk, tmp_path / "page.html", "walk", [])
    found = re.search(r'"times": ?"([^"]+)"', (tmp_path / "page.html").read_text("utf-8"))
    assert found is not None
    times = np.frombuffer(base64.b64decode(found.group(1)), "<f4")
    np.testing.assert_allclose(times, walk.timestamps - walk.timestamps[0], atol=5e-4)


@pytest.mark.parametrize("walk", [*CLOCKS][1::4], indirect=True)  # drawing takes a while
def test_the_video_shows_poses_at_their_times(walk: Motion, tmp_path: Path) -> None:
    write_preview_video(walk, tmp_path / "a.mp4")
    shown = np.array([frame.time for frame in frames(tmp_path / "a.mp4")])
    times = walk.timestamps - walk.timestamps[0]
    off = np.abs(shown[:, None] - times).min(axis=1)
    assert off.max() < 1e-3
    # At any time the pose on show is at most a frame old: of the video's 30 Hz, or of the input.
    steps = np.maximum(np.diff(times).max(), 1 / 30 + np.diff(times).max())
    assert np.diff(shown, append=times[-1]).max() <= steps + 1e-3
