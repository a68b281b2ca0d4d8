"""Folders of images, patterns of their names, and turned pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from clock_examples import Clock, write_clock
from vimoflow.errors import ConfigError, InputError
from vimoflow.video import Footage, frames, open_video


def write_images(folder: Path, names: list[str]) -> None:
    """Each a little brighter than the one before; the left half is red."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        picture = np.full((24, 32, 3), 10 * number, np.uint8)
        picture[:, :16, 2] = 200
        cv2.imwrite(str(folder / name), picture)


def shades(video: Path | Footage) -> list[int]:
    return [round(float(frame.rgb[:, 16:].mean()) / 10) for frame in frames(video)]


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    write_images(tmp_path / "f", ["shot 2.png", "shot 10.png", "shot 30.png"])
    (tmp_path / "f" / ".hidden.png").touch()
    (tmp_path / "f" / "notes.txt").touch()
    assert shades(tmp_path / "f") == [0, 1, 2]
    stream = frames(Footage(tmp_path / "f", fps=25.0))
    np.testing.assert_allclose([frame.time for frame in stream], [0.0, 0.04, 0.08])
    assert stream.warnings == ()
    info = open_video(Footage(tmp_path / "f", fps=25.0))
    assert (info.fps, info.frame_count, info.size) == (25.0, 3, (32, 24))


def test_a_pattern_takes_the_images_it_fits(tmp_path: Path) -> None:
    write_images(tmp_path / "f", ["00001.png", "00002.png", "00010.png", "thumb.png"])
    assert shades(tmp_path / "f" / "%05d.png") == [0, 1, 2]
    assert shades(tmp_path / "f" / "%d.png") == [0, 1, 2]
    part = [frame.time for frame in frames(Footage(tmp_path / "f" / "%05d.png", 2.0), 0.5, None)]
    np.testing.assert_allclose(part, [0.0, 0.5])


def test_without_a_rate_one_is_taken_and_said(tmp_path: Path) -> None:
    write_images(tmp_path / "f", ["1.jpg", "2.jpg"])
    stream = frames(tmp_path / "f")
    assert [frame.time for frame in stream] == pytest.approx([0.0, 1 / 30])
    assert any("--fps" in warning for warning in stream.warnings)


def test_a_damaged_image_costs_itself(tmp_path: Path) -> None:
    write_images(tmp_path / "f", ["1.png", "2.png", "3.png"])
    (tmp_path / "f" / "2.png").write_bytes(b"\x89PNG nothing")
    stream = frames(Footage(tmp_path / "f", fps=10.0))
    assert [frame.time for frame in stream] == pytest.approx([0.0, 0.2])
    assert stream.warnings == ("1 damaged images were skipped",)


@pytest.mark.parametrize(
    ("make", "name", "complaint"),
    [
        (lambda f: None, "", "empty folder"),
        (lambda f: (f / "a.mp4").touch(), "", r"name a file in it, such as 'a\.mp4'"),
        (lambda f: write_images(f, ["1.png", "1.jpg"]), "", r"several kinds.*%05d\.jpg"),
        (lambda f: write_images(f, ["1.png"]), "%05d.png", "no file in .* has such a name"),
        (lambda f: None, "none/%05d.png", "there is no folder"),
    ],
)
def test_folders_without_a_video(
    tmp_path: Path, make: Callable[[Path], object], name: str, complaint: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder)
    with pytest.raises(InputError, match=complaint):
        frames(folder / name)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turned_pictures_are_those_of_numpy(tmp_path: Path, degrees: int) -> None:
    write_images(tmp_path / "f", ["1.png"])
    plain = next(frames(tmp_path / "f")).rgb
    turned = next(frames(Footage(tmp_path / "f", rotate=degrees)))
    assert np.array_equal(turned.rgb, np.rot90(plain, -degrees // 90))
    assert open_video(Footage(tmp_path / "f", rotate=degrees)).size == turned.rgb.shape[1::-1]


@pytest.mark.parametrize("matrix", [0, 90, 180, 270])
def test_a_turn_comes_after_the_files_own(tmp_path: Path, matrix: int) -> None:
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(matrix)
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:24, :32] = 250
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    upright = next(frames(path)).rgb
    turned = next(frames(Footage(path, rotate=90))).rgb
    assert np.array_equal(turned, np.rot90(upright, -1))


def test_other_angles_are_refused(tmp_path: Path) -> None:
    path = write_clock(Clock("a.mp4", stamps=range(2)), tmp_path)
    with pytest.raises(ConfigError, match="--rotate: 45"):
        Footage(path, rotate=45)
