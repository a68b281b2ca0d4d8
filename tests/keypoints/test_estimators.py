from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import ConfigError, InputError
from vimoflow.keypoints.estimators import Region, extract, extract_keypoints
from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator
from vimoflow.video import VideoFrame, VideoWriter, frames


class BrightestPixel:
    """All 17 points at the first of the brightest pixels; nobody where the picture is black."""

    name = "brightest-pixel"

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            grey = frame.rgb.astype(int).sum(axis=2)
            y, x = np.unravel_index(grey.argmax(), grey.shape)
            seen = grey.max() > 300
            yield np.tile([float(x), float(y), 1.0], (17, 1)) * seen


def write_dots(path: Path, lit: list[bool]) -> Path:
    """White 8x8 blocks that move right by 8 pixels a frame, at y = 16."""
    with VideoWriter(path, (160, 48), 25.0) as writer:
        for index, shown in enumerate(lit):
            rgb = np.zeros((48, 160, 3), np.uint8)
            if shown:
                rgb[16:24, 8 * index : 8 * index + 8] = 255
            writer.write(rgb, index / 25)
    return path


def test_every_frame_has_a_row_and_a_time(tmp_path: Path) -> None:
    path = write_dots(tmp_path / "dots.mp4", [True] * 4 + [False] * 3 + [True] * 5)
    told: list[tuple[int, int | None]] = []
    result = extract(path, BrightestPixel(), progress=lambda n, total: told.append((n, total)))
    keypoints = result.keypoints
    assert told == [(n, 12) for n in range(1, 13)]
    assert keypoints.observed.all(axis=1).tolist() == [True] * 4 + [False] * 3 + [True] * 5
    seen = keypoints.observed[:, 0]
    np.testing.assert_allclose(keypoints.points[seen, 0, 0], 8.0 * np.flatnonzero(seen), atol=2)
    np.testing.assert_allclose(keypoints.timestamps, np.arange(12) / 25, atol=1e-4)
    assert (keypoints.image_size, keypoints.source) == ((160, 48), "dots.mp4")
    assert keypoints.estimator == "brightest-pixel" and result.warnings == ()


def test_a_region_is_looked_at_alone_and_reported_in_the_whole_image(tmp_path: Path) -> None:
    path = write_dots(tmp_path / "dots.mp4", [True] * 12)
    keypoints = extract_keypoints(path, BrightestPixel(), region=Region(40, 10, 500, 40))
    assert keypoints.image_size == (160, 48)
    assert keypoints.observed[:, 0].tolist() == [False] * 5 + [True] * 7
    np.testing.assert_allclose(keypoints.points[5:, 0, 0], 8.0 * np.arange(5, 12), atol=2)
    np.testing.assert_allclose(keypoints.points[5:, 0, 1], 16, atol=2)
    assert not keypoints.points[:5].any()
    with pytest.raises(InputError, match="region"):
        extract_keypoints(path, BrightestPixel(), region=Region(200, 0, 300, 48))


def test_a_damaged_file_is_told_of(tmp_path: Path) -> None:
    path = write_dots(tmp_path / "dots.mp4", [True] * 19 + [False] * 31)
    data = path.read_bytes()
    media_at = data.index(b"mdat")
    path.write_bytes(data[: media_at + (len(data) - media_at) * 9 // 10])
    result = extract(path, BrightestPixel())
    assert 3 < len(result.keypoints) < 50
    assert len(result.warnings) >= 1 and "\n" not in "".join(result.warnings)


@pytest.mark.parametrize("lit", [[False] * 12, [True, True] + [False] * 10, [False]])
def test_nobody_there(tmp_path: Path, lit: list[bool]) -> None:
    path = write_dots(tmp_path / "dots.mp4", lit)
    with pytest.raises(InputError, match=r"no person found in .*dots\.mp4"):
        extract_keypoints(path, BrightestPixel())


def test_one_frame_is_enough(tmp_path: Path) -> None:
    assert len(extract_keypoints(write_dots(tmp_path / "a.mp4", [True]), BrightestPixel())) == 1


def test_an_unknown_estimator(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'crystal-ball'.*mediapipe"):
        extract_keypoints(tmp_path / "a.mp4", "crystal-ball")


def test_mediapipe_finds_nobody_in_black(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_dots(tmp_path / "black.mp4", [False] * 5)
    with pytest.raises(InputError, match="no person found"):
        extract_keypoints(path)
    assert capfd.readouterr().err == ""


def test_mediapipe_on_a_real_dancer(shared_data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = shared_data / "video" / "hiphop.mp4"
    keypoints = extract_keypoints(path, end=1.0)
    assert len(keypoints) == 30 and keypoints.fps == pytest.approx(30_000 / 1001)
    assert keypoints.observed.all() and keypoints.image_size == (1280, 720)
    assert keypoints.points[..., 2].mean() > 0.8
    at = {name: keypoints.points[:, i, :2].mean(axis=0) for i, name in enumerate(COCO_NAMES)}
    # An upright person: the chain from head to feet points down the picture, and the left side of
    # one who faces the camera is on the right.
    chain = ["nose", "left_shoulder", "left_hip", "left_knee", "left_ankle"]
    heights = [at[name][1] for name in chain]
    assert heights == sorted(heights) and heights[-1] - heights[0] > 200
    assert at["left_shoulder"][0] > at["right_shoulder"][0]
    assert capfd.readouterr().err == ""
    again = extract_keypoints(path, end=1.0)
    assert np.array_equal(again.points, keypoints.points)


def test_world_landmarks_are_kept_on_demand(shared_data: Path) -> None:
    estimator = MediaPipeEstimator(keep_world_landmarks=True)
    stream = frames(shared_data / "video" / "hiphop.mp4", end=0.2)
    rows = list(estimator.estimate(stream))
    world = np.array(estimator.world_landmarks)
    assert world.shape == (len(rows), 33, 3) and np.isfinite(world).all()
    assert 1.0 < np.ptp(world[..., 1], axis=1).mean() < 2.2
    np.testing.assert_allclose(world[:, [23, 24]].mean(axis=1), 0, atol=0.05)


def test_mediapipe_loads_where_opencv_lacks_its_system_libraries(tmp_path: Path) -> None:
    broken = tmp_path / "cv2"
    broken.mkdir()
    (broken / "__init__.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file')"
    )
    path = write_dots(tmp_path / "black.mp4", [False] * 3)
    program = (
        "import sys\n"
        "from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator\n"
        "from vimoflow.video import frames\n"
        f"print(len(list(MediaPipeEstimator().estimate(frames({str(path)!r})))))\n"
        "assert 'cv2' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
