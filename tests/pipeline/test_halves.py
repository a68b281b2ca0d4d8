"""A video in two halves: the same as in one go, whoever looks at them, or not in halves at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import numpy as np
import pytest

from vimoflow.errors import InputError
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.pipeline import halves
from vimoflow.pipeline.halves import Seen, Task
from vimoflow.video import VideoWriter

_TASK = Task("", None, 0, "mediapipe", None, None, None, 30.0)


def _quiet(done: int, total: int | None) -> None:
    pass


@pytest.fixture(scope="module")
def clip(shared_data, tmp_path_factory) -> Task:
    """A dancer for 7 s at 40 fps, forth and back, so that there is no cut."""
    with av.open(str(shared_data / "video" / "hiphop.mp4")) as container:
        shown = (f.to_ndarray(format="rgb24")[::3, ::3] for f in container.decode(video=0))
        pictures = [np.ascontiguousarray(p[:, 100:330]) for p in shown]
    path = tmp_path_factory.mktemp("halves") / "dancer.mp4"
    to_and_fro = pictures + pictures[-2:0:-1]
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, (width, height), 40.0) as writer:
        for i in range(280):
            writer.write(to_and_fro[i % len(to_and_fro)], i / 40)
    return dataclasses.replace(_TASK, path=str(path))


@pytest.fixture(scope="module")
def whole(clip: Task) -> Seen:
    return halves._whole(clip, _quiet)


@pytest.fixture(scope="module")
def joined(clip: Task) -> Seen:
    seen = halves._in_halves(clip, _quiet)
    assert seen is not None
    return seen


def test_halves_are_the_whole_within_the_detectors_own_error(whole: Seen, joined: Seen) -> None:
    np.testing.assert_allclose(joined.clock, whole.clock, atol=1e-9)
    times = joined.keypoints.timestamps
    np.testing.assert_allclose(times, whole.keypoints.timestamps, atol=1e-9)
    assert len(joined.clock) == 280 and 205 < len(times) < 215  # 30 looks a second at 40 fps
    assert joined.cuts == whole.cuts == () and joined.warnings == whole.warnings == ()
    assert joined.camera is not None and whole.camera is not None
    assert len(joined.camera.zoom) == len(times) == len(whole.camera.zoom)
    assert joined.camera.is_still == whole.camera.is_still
    apart = joined.keypoints.points[..., :2] - whole.keypoints.points[..., :2]
    apart_m = np.linalg.norm(apart, axis=-1) / metre_px(whole.keypoints.points)
    assert not apart_m[times < 3.5].any()
    assert np.median(apart_m[times > 3.5]) < 0.005
    steps = np.linalg.norm(np.diff(joined.keypoints.points[..., :2], axis=0), axis=-1)
    seam = int(np.searchsorted(times, 3.5)) - 1
    assert np.median(steps[seam]) < np.quantile(np.median(steps, axis=1), 0.99) + 1


def test_one_process_and_two_see_the_same_to_the_last_bit(clip, joined, monkeypatch) -> None:
    monkeypatch.setattr(halves, "own_cores", lambda: 1)
    alone = halves._in_halves(clip, _quiet)
    assert alone is not None
    np.testing.assert_array_equal(alone.keypoints.points, joined.keypoints.points)
    np.testing.assert_array_equal(alone.clock, joined.clock)
    assert alone.changes == joined.changes and alone.keypoints.estimator.startswith("mediapipe")
    for name, ours in alone.camera.arrays().items():
        np.testing.assert_array_equal(ours, joined.camera.arrays()[name])


def test_a_part_of_a_video_keeps_its_clock(clip: Task) -> None:
    part = dataclasses.replace(clip, start=0.51, end=6.9)
    seen, straight = halves._in_halves(part, _quiet), halves._whole(part, _quiet)
    assert seen is not None and seen.clock[0] == 0
    np.testing.assert_allclose(seen.clock, straight.clock, atol=1e-9)
    np.testing.assert_allclose(seen.keypoints.timestamps, straight.keypoints.timestamps, atol=1e-9)


def test_short_clips_and_detectors_of_ones_own_are_looked_at_in_one_go(clip: Task) -> None:
    assert halves._in_halves(dataclasses.replace(clip, end=5.0), _quiet) is None
    own = dataclasses.replace(clip, estimator="somewhere:Detector")
    assert halves._in_halves(own, _quiet) is None


def test_halves_that_do_not_meet_are_not_joined(clip: Task, whole: Seen) -> None:
    points = whole.keypoints.points

    def part(a: int, b: int, shift_m: float = 0.0, seen: bool = True) -> Seen:
        moved = points[a:b] + np.array([shift_m * metre_px(points), 0, 0])
        keypoints = dataclasses.replace(
            whole.keypoints, points=moved * seen, timestamps=whole.keypoints.timestamps[a:b]
        )
        inside = (whole.clock >= keypoints.timestamps[0]) & (
            whole.clock <= keypoints.timestamps[-1]
        )
        clock = whole.clock[inside]
        return dataclasses.replace(whole, keypoints=keypoints, clock=clock, camera=None)

    first, middle = part(0, 120), len(points)
    again = halves._joined(first, part(90, middle))
    assert again is not None
    np.testing.assert_array_equal(again.keypoints.points, points)
    assert halves._joined(first, part(90, middle, shift_m=0.3)) is None  # somebody else
    assert halves._joined(first, part(90, middle, seen=False)) is None  # lost
    assert halves._joined(first, part(118, middle)) is None  # hardly any overlap
    assert halves._joined(dataclasses.replace(first, warnings=("cut",)), part(90, middle)) is None


def test_nobody_in_either_half_is_said_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    with VideoWriter(path, (64, 48), 10.0) as writer:
        for i in range(65):
            writer.write(np.full((48, 64, 3), 90, np.uint8), i / 10)
    with pytest.raises(InputError, match="no person found"):
        halves.see(dataclasses.replace(_TASK, path=str(path)), _quiet)
