from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vimoflow.errors import InputError, OutputError
from vimoflow.keypoints.formats import read_keypoints, write_keypoints_json
from vimoflow.keypoints.sequence import Keypoints2D

COUNT = 5


def example() -> Keypoints2D:
    points = np.random.default_rng(0).uniform(0, 1, (COUNT, 17, 3)) * (640, 480, 1)
    return Keypoints2D(points, np.arange(COUNT) / 25, (640, 480), "clip.mp4", "detector-1")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    xy=hnp.arrays(float, (3, 17, 2), elements=st.floats(-1e6, 1e6)),
    confidence=hnp.arrays(float, (3, 17, 1), elements=st.floats(0, 1)),
    steps=hnp.arrays(float, 2, elements=st.floats(1e-4, 1e3)),
)
def test_json_gives_the_same_numbers_back(
    tmp_path: Path, xy: np.ndarray, confidence: np.ndarray, steps: np.ndarray
) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    written = Keypoints2D(np.concatenate([xy, confidence], -1), times, (640, 480), "a.mp4", "d")
    write_keypoints_json(written, tmp_path / "k.json")
    read = read_keypoints(tmp_path / "k.json")
    assert np.array_equal(read.points, written.points)
    assert np.array_equal(read.timestamps, written.timestamps)
    assert (read.image_size, read.source, read.estimator) == ((640, 480), "a.mp4", "d")
    assert [p.name for p in tmp_path.iterdir()] == ["k.json"]


def test_the_frame_rate_given_wins(tmp_path: Path) -> None:
    write_keypoints_json(example(), tmp_path / "k.json")
    read = read_keypoints(tmp_path / "k.json", fps=50.0)
    np.testing.assert_allclose(read.timestamps, np.arange(COUNT) / 50)
    with pytest.raises(InputError, match="frame rate"):
        read_keypoints(tmp_path / "k.json", fps=0.0)


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update({name: value})


def _drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.pop(name)


def _set_point(value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["points"][2][4][1] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_drop("format"), "no known keypoint format"),
        (_set("version", 2), "'version' is 2"),
        (_set("joint_names", ["nose"]), "'joint_names'"),
        (_drop("points"), "no field 'points'"),
        (_set("points", []), r"'points' has the shape \(0,\)"),
        (_set("points", [[[1.0, 2.0, 0.5]] * 16]), r"'points' has the shape \(1, 16, 3\)"),
        (_set("points", [[[1.0, 2.0, 0.5]] * 17, [[1.0]]]), "'points' is not a full array"),
        (_set("points", "many"), "'points' is not a full array"),
        (_set_point(float("nan")), r"'points' holds a NaN or infinity at \[2, 4, 1\]"),
        (_set_point(10**400), "'points' is not a full array"),
        (_set("points", [[[1.0, 2.0, 7.0]] * 17] * COUNT), "confidences outside 0 to 1"),
        (_set("timestamps", [0.0, 0.1]), "'timestamps' does not hold one time for each of 5"),
        (
            _set("timestamps", [0.0, 0.1, 0.1, 0.2, 0.3]),
            "not increase at frame 2",
        ),
        (_drop("timestamps"), "neither 'timestamps' nor 'fps'"),
        (_set("image_size", [640]), "'image_size'"),
        (_set("image_size", [640, -1]), "'image_size'"),
    ],
)
def test_bad_json_is_named_with_its_field(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    path = tmp_path / "k.json"
    write_keypoints_json(example(), path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=complaint) as caught:
        read_keypoints(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "neither JSON nor npz"),
        (b"hello", "neither JSON nor npz"),
        (b"\xff\xfe\x00", "neither JSON nor npz"),
        (b"[" * 100_000, "neither JSON nor npz"),
        (b"[1, 2]", "no known keypoint format"),
        (b"PK\x03\x04 not a zip", "damaged npz"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "k.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        read_keypoints(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_keypoints(tmp_path / "k.json")
    with pytest.raises(InputError, match="folder"):
        read_keypoints(tmp_path)


@pytest.mark.parametrize("clock", [{"fps": 25.0}, {"timestamps": 7 + np.arange(COUNT) / 25}])
def test_npz(tmp_path: Path, clock: dict[str, Any]) -> None:
    path = tmp_path / "k.npz"
    np.savez(path, points=example().points, image_size=(640, 480), **clock)
    read = read_keypoints(path)
    assert np.array_equal(read.points, example().points)
    np.testing.assert_allclose(read.timestamps, np.arange(COUNT) / 25)
    assert (read.image_size, read.source) == ((640, 480), "k.npz")


def test_npz_with_points_alone_needs_a_frame_rate(tmp_path: Path) -> None:
    path = tmp_path / "k.npz"
    np.savez_compressed(path, points=example().points.astype(np.float32))
    with pytest.raises(InputError, match="give the frame rate"):
        read_keypoints(path)
    read = read_keypoints(path, fps=25.0)
    largest = example().points[..., :2].max(axis=(0, 1))
    assert read.image_size == tuple(np.ceil(largest).astype(int))


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "k.npz"
    np.savez(path, points=np.array([{"a": 1}], dtype=object), fps=25)
    with pytest.raises(InputError, match="pickled"):
        read_keypoints(path)


def test_writing_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_keypoints_json(example(), tmp_path / "nowhere" / "k.json")
