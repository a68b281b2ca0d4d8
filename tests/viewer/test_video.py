"""preview.mp4: size, length, sides, and what happens at the edges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.video import VideoWriter, frames
from vimoflow.viewer.mannequin import MannequinRenderer, View
from vimoflow.viewer.video import write_preview_video


def _source(path: Path, count: int, size: tuple[int, int] = (96, 128)) -> Path:
    """A video whose pictures are plain and get brighter."""
    with VideoWriter(path, size, 30.0) as writer:
        for index in range(count):
            picture = np.full((size[1], size[0], 3), 40 + 10 * index, np.uint8)
            writer.write(picture, index / 30)
    return path


def _read(path: Path) -> list[np.ndarray]:
    return [frame.rgb for frame in frames(path)]


def _is_blue(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 2].astype(int) - rgb[..., 0]) > 60


def _is_red(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 0].astype(int) - rgb[..., 2]) > 60


def test_input_and_result_side_by_side(tmp_path: Path) -> None:
    motion = swinging_motion(8, keypoints=False)
    seen: list[int] = []
    source = _source(tmp_path / "in.mp4", 8)
    write_preview_video(motion, tmp_path / "out.mp4", source, on_frame=seen.append)
    pictures = _read(tmp_path / "out.mp4")
    assert len(pictures) == 8 and seen == list(range(1, 9))
    height, width = pictures[0].shape[:2]
    assert width <= 1280 and height <= 720
    for index, picture in enumerate(pictures):
        shown = picture[: height // 2, : width // 4].mean()
        assert abs(shown - (40 + 10 * index)) < 4  # the input's own frame, not a neighbour


def test_without_video_or_keypoints(tmp_path: Path) -> None:
    motion = swinging_motion(3)
    write_preview_video(motion, tmp_path / "keypoints.mp4")
    write_preview_video(replace(motion, joints2d=None), tmp_path / "alone.mp4")
    wide, narrow = (_read(tmp_path / name)[0].shape for name in ("keypoints.mp4", "alone.mp4"))
    assert wide[1] > narrow[1]


def test_a_source_that_is_one_frame_short_does_not_matter(tmp_path: Path) -> None:
    source = _source(tmp_path / "in.mp4", 4)
    write_preview_video(swinging_motion(6), tmp_path / "out.mp4", source)
    assert len(_read(tmp_path / "out.mp4")) == 6


def test_keypoints_are_drawn_where_they_are(tmp_path: Path) -> None:
    points = np.zeros((2, 17, 3))
    points[:, 5:7] = [[24, 96, 1], [72, 96, 1]]
    motion = replace(swinging_motion(2, keypoints=False), joints2d=points)
    write_preview_video(motion, tmp_path / "out.mp4", _source(tmp_path / "in.mp4", 2))
    picture = _read(tmp_path / "out.mp4")[0]
    pane = picture[:600, :480]  # 96x128 pixels, five times as large, less a label
    bright = np.argwhere(pane.min(axis=2) > 200)
    assert len(bright) > 20
    assert abs(bright[:, 0].mean() - 480) < 6 and abs(bright[:, 1].mean() - 240) < 6


def test_a_missing_source_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_preview_video(swinging_motion(2), tmp_path / "out.mp4", tmp_path / "no.mp4")
    assert not list(tmp_path.iterdir())


def _standing() -> Motion:
    motion = swinging_motion(1)
    return replace(motion, poses=np.zeros((1, 24, 3)), trans=np.array([[3.0, 0.958, -2.0]]))


def test_the_figure_s_left_is_on_the_viewer_s_right() -> None:
    """Facing the camera (yaw 0) on +Z, as in the input; blue is left."""
    view, motion = View(240, 320), _standing()
    picture = MannequinRenderer(view).draw(
        np.tile(np.eye(3), (24, 1, 1)), motion.joint_positions[0], np.array([3.0, -2.0])
    )
    blue, red = np.argwhere(_is_blue(picture)), np.argwhere(_is_red(picture))
    assert blue[:, 1].mean() > 140 and red[:, 1].mean() < 100


def test_the_mannequin_is_drawn_on_its_joints() -> None:
    """The projected limb joints fall on pixels that differ from the empty floor."""
    view, rest = View(240, 320), load_skeleton().rest_positions()
    rest[:, 1] += 0.958
    renderer, still = MannequinRenderer(view), np.tile(np.eye(3), (24, 1, 1))
    empty = renderer.draw(still, rest + np.array([50.0, 0, 0]), np.zeros(2)).astype(int)
    figure = renderer.draw(still, rest, np.zeros(2)).astype(int)
    names = [f"{side}_{part}" for side in ("left", "right") for part in ("knee", "elbow", "hip")]
    pixels, _ = view.project(rest[[joint(name) for name in names]])
    for name, (x, y) in zip(names, pixels.astype(int), strict=True):
        assert np.abs(figure[y, x] - empty[y, x]).max() > 25, name


def test_floor_points_are_where_project_puts_them() -> None:
    view = View(64, 48)
    points, depth = view.floor_points()
    rows, columns = np.nonzero(np.isfinite(depth))
    ground = points[rows, columns]
    pixels, found = view.project(np.stack((ground[:, 0], 0 * ground[:, 0], ground[:, 1]), axis=1))
    np.testing.assert_allclose(pixels, np.stack((columns, rows), axis=1) + 0.5, atol=1e-6)
    np.testing.assert_allclose(found, depth[rows, columns], rtol=1e-9)
