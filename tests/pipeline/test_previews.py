"""Previews in the background: what is drawn, what goes wrong, and what is given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from motion_examples import swinging_motion
from vimoflow.errors import InputError, OutputError
from vimoflow.pipeline.previews import PreviewDrawing
from vimoflow.video import frames


def test_one_that_fails_does_not_stop_the_others_and_leaves_no_older_one(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.mp4", tmp_path / "good.mp4"
    bad.write_bytes(b"of an earlier run")
    shown: list[tuple[int, int | None]] = []
    with PreviewDrawing() as previews:
        previews.add(swinging_motion(2), tmp_path / "gone.mp4", bad, 0.0, None)
        previews.add(swinging_motion(3), None, good, 0.0, None)
        (error,) = previews.finish(lambda done, total: shown.append((done, total)))
    assert isinstance(error, InputError)
    assert "gone.mp4" in str(error) and f"all files but {bad} are complete" in str(error)
    assert [path.name for path in tmp_path.iterdir()] == ["good.mp4"]
    assert len(list(frames(good))) == 3
    assert all(total == 5 for _, total in shown)


def test_leaving_early_gives_up_what_is_not_complete(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), PreviewDrawing() as previews:
        for number in range(3):
            previews.add(swinging_motion(400), None, tmp_path / f"{number}.mp4", 0.0, None)
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "taken.mp4").mkdir()
    with PreviewDrawing() as previews, pytest.raises(OutputError, match="cannot be replaced"):
        previews.add(swinging_motion(2), None, tmp_path / "taken.mp4", 0.0, None)
