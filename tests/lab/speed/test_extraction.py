"""Extraction in constant memory, and beside the bare detector."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from lab.speed.extraction import measure_extraction
from vimoflow.keypoints.estimators import extract
from vimoflow.video import VideoFrame


class Blob:
    """Where the picture is bright: the mean place, for all points."""

    name = "blob"

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            y, x = np.nonzero(frame.rgb[..., 0] > 128)
            place = (x.mean(), y.mean(), 1.0) if len(x) else (0.0, 0.0, 0.0)
            yield np.tile(place, (17, 1))


def write_blob(path: Path, count: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(count):
            picture = np.zeros((48, 64, 3), np.uint8)
            picture[16:32, index % 48 : index % 48 + 16] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_memory_does_not_grow_with_the_length_but_for_the_keypoints(tmp_path: Path) -> None:
    peaks = []
    extract(write_blob(tmp_path / "warm.mp4", 20), Blob())
    for count in (150, 1200):
        path = write_blob(tmp_path / f"{count}.mp4", count)
        tracemalloc.start()
        found = extract(path, Blob()).keypoints
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(found) == count
    picture = 64 * 48 * 3
    assert peaks[1] - peaks[0] < (1200 - 150) * picture / 5


def test_both_see_the_same_frames(tmp_path: Path) -> None:
    speed = measure_extraction(write_blob(tmp_path / "b.mp4", 45), Blob, longest_s=1.0, rounds=1)
    assert speed.frames == 30
    assert speed.ratio == speed.extraction_s / speed.detector_s > 0
