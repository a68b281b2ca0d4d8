from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from vimoflow.errors import OutputError
from vimoflow.video import VideoWriter, frames


def picture(brightness: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), brightness, np.uint8)


@pytest.mark.parametrize("fps", [23.976, 30.0, 120.0])
def test_frames_and_times_come_back(tmp_path: Path, fps: float) -> None:
    times = np.cumsum([0.0, 1, 1, 2, 5, 1, 1, 1]) / fps
    with VideoWriter(tmp_path / "a.mp4", (64, 48), fps) as writer:
        for index, time in enumerate(times):
            writer.write(picture(20 * index), float(time))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    decoded = list(frames(tmp_path / "a.mp4"))
    np.testing.assert_allclose([f.time for f in decoded], times, atol=1e-4)
    for index, frame in enumerate(decoded):
        assert frame.rgb.mean() == pytest.approx(20 * index, abs=4)


@pytest.mark.parametrize("quick", [False, True])
def test_it_plays_in_browsers(tmp_path: Path, quick: bool) -> None:
    with VideoWriter(tmp_path / "a.mp4", (64, 48), 30.0, quick) as writer:
        writer.write(picture(9), 0.0)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_without_an_h264_encoder_it_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    with VideoWriter(tmp_path / "a.mp4", (64, 48), 29.97) as writer:
        for index in range(10):
            writer.write(picture(10 * index), index / 29.97)
    decoded = list(frames(tmp_path / "a.mp4"))
    np.testing.assert_allclose([f.time for f in decoded], np.arange(10) / 29.97, atol=1e-4)


def test_odd_sizes_grow_by_one(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", (63, 47), 30.0) as writer:
        writer.write(picture(200, 63, 47), 0.0)
    rgb = next(frames(tmp_path / "a.mp4")).rgb
    assert rgb.shape == (48, 64, 3) and rgb.min() > 190


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(KeyError), VideoWriter(tmp_path / "a.mp4", (64, 48), 30.0) as writer:
        writer.write(picture(1), 0.0)
        raise KeyError
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.mp4", b"old")]


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no frame"), VideoWriter(tmp_path / "a", (64, 48), 30.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.mp4"
    with pytest.raises(OutputError, match="cannot be written"), VideoWriter(path, (64, 48), 30.0):
        pass


def test_times_must_increase_and_sizes_agree(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", (64, 48), 30.0) as writer:
        writer.write(picture(1), 0.5)
        with pytest.raises(ValueError, match="later"):
            writer.write(picture(1), 0.5)
        with pytest.raises(ValueError, match="48x64"):
            writer.write(picture(1, 48, 64), 1.0)
