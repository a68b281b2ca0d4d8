"""One performance through every format: the same keypoints come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimoflow.errors import InputError
from vimoflow.keypoints.formats import holds_keypoints, read_keypoints, read_people
from vimoflow.keypoints.keypoint_writers import FORMATS, write_keypoints
from vimoflow.keypoints.sequence import Keypoints2D

ONE_PERSON = {"vimoflow", "npz", "trc"}
ENDINGS = {"trc": ".trc", "npz": ".npz", "aistpp": ".pkl", "csv": ".csv", "deeplabcut": ".csv"}


def performance(offset: float = 0.0, count: int = 6, fps: float = 60.0) -> Keypoints2D:
    generator = np.random.default_rng(0)
    shape = generator.uniform(100, 400, (17, 2))
    points = np.ones((count, 17, 3)) * 0.75
    points[..., :2] = shape + offset + np.arange(count)[:, None, None] * 3.25
    points[..., 2] = generator.uniform(0.1, 1, (count, 17))
    points[2, 7] = 0.0
    return Keypoints2D(points, np.arange(count) / fps, (1920, 1080))


def place(folder: Path, name: str) -> Path:
    return folder / ("out" + ("" if name.startswith("openpose") else ENDINGS.get(name, ".json")))


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_keypoints_come_back(tmp_path: Path, name: str) -> None:
    path = place(tmp_path, name)
    write_keypoints([performance()], path, name)
    assert holds_keypoints(path)
    read = read_keypoints(path, fps=60.0)
    expected = performance().points
    if name == "trc":  # it has no confidence
        expected = np.concatenate([expected[..., :2], np.sign(expected[..., 2:])], -1)
    np.testing.assert_array_equal(read.points, expected)
    np.testing.assert_allclose(read.timestamps, performance().timestamps)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ONE_PERSON])
def test_two_people_keep_their_identities(tmp_path: Path, name: str) -> None:
    people = [performance(), performance(offset=700.0)]
    write_keypoints(people, place(tmp_path, name), name)
    read = read_people(place(tmp_path, name), fps=60.0)
    assert len(read) == 2 and read[0].person != read[1].person
    for expected in people:
        assert any(np.array_equal(one.points, expected.points) for one in read)
    again = read_keypoints(place(tmp_path, name), 60.0, read[1].person)
    np.testing.assert_array_equal(again.points, read[1].points)


def test_a_zip_of_frames(tmp_path: Path) -> None:
    write_keypoints([performance()], tmp_path / "frames.zip", "openpose")
    read = read_keypoints(tmp_path / "frames.zip", 60.0)
    np.testing.assert_array_equal(read.points, performance().points)


def test_the_frame_rate_must_come_from_somewhere(tmp_path: Path) -> None:
    write_keypoints([performance()], tmp_path / "a.json", "alphapose")
    with pytest.raises(InputError, match="give the frame rate"):
        read_keypoints(tmp_path / "a.json")
