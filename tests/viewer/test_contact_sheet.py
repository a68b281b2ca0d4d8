from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.video import VideoWriter
from vimoflow.viewer.contact_sheet import COLORS, write_contact_sheet

SIZE = (320, 240)


def two_people(frames: int = 12) -> list[Keypoints2D]:
    """One at the left and one at the right, who is there in the first half only."""
    people = []
    for x in (80, 240):
        points = np.zeros((frames, 17, 3))
        points[..., 0] = x + np.linspace(-20, 20, 17)
        points[..., 1] = np.linspace(60, 180, 17)
        points[..., 2] = 0.9
        people.append(Keypoints2D(points, np.arange(frames) / 30, SIZE))
    people[1].points[frames // 2 :] = 0
    return people


def shows(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((np.abs(picture.astype(int) - color).sum(-1) < 12).sum() > 100)


def test_everybody_is_drawn_in_an_own_color_where_seen(tmp_path: Path) -> None:
    path = tmp_path / "people.png"
    write_contact_sheet(two_people(), None, path)
    sheet = np.asarray(Image.open(path))
    height, width = sheet.shape[0] // 2, sheet.shape[1] // 3
    first, last = sheet[:height, :width], sheet[height:, 2 * width :]
    assert shows(first[:, : width // 2], COLORS[0]) and shows(first[:, width // 2 :], COLORS[1])
    assert shows(last[:, : width // 2], COLORS[0]) and not shows(last, COLORS[1])
    assert [p.name for p in tmp_path.iterdir()] == ["people.png"]


def test_boxes_lie_on_the_videos_own_frames(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    with VideoWriter(video, SIZE, 30.0) as writer:
        for k in range(12):
            writer.write(np.full((240, 320, 3), 20 * k, np.uint8), k / 30)
    path = tmp_path / "people.png"
    write_contact_sheet(two_people(), video, path)
    sheet = np.asarray(Image.open(path)).astype(int)
    height, width = sheet.shape[0] // 2, sheet.shape[1] // 3
    corners = [sheet[r * height + 5, c * width + 5].mean() for r in range(2) for c in range(3)]
    assert corners == sorted(corners) and corners[-1] - corners[0] > 120
    assert shows(sheet[:height, :width], COLORS[1])
