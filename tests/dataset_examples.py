"""Tiny videos of a waving figure, an estimator that finds it, and a driver to be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from vimoflow.conventions import COCO_NAMES
from vimoflow.factory.building import build
from vimoflow.factory.engine import EngineSettings
from vimoflow.factory.gates import MotionLimits, SeenLimits
from vimoflow.factory.settings import BuildSettings
from vimoflow.video import VideoFrame, VideoWriter

SIZE = 96
# Of an upright person of height 1, feet at y = 1, in COCO's order.
_FIGURE = np.array([
    (0.0, 0.07), (0.02, 0.05), (-0.02, 0.05), (0.04, 0.06), (-0.04, 0.06), (0.11, 0.18),
    (-0.11, 0.18), (0.16, 0.35), (-0.16, 0.35), (0.18, 0.5), (-0.18, 0.5), (0.07, 0.5),
    (-0.07, 0.5), (0.08, 0.74), (-0.08, 0.74), (0.08, 1.0), (-0.08, 1.0),
])  # fmt: skip


class BoxEstimator:
    """Finds the bright figure in a dark picture; its points are where a standing person's are."""

    name = "box"

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            rows, columns = np.nonzero(frame.rgb.mean(-1) > 128)
            points = np.zeros((len(COCO_NAMES), 3))
            if len(rows) > 20:
                height = rows.max() - rows.min() + 1.0
                points[:, 0] = columns.mean() + height * _FIGURE[:, 0]
                points[:, 1] = rows.min() + height * _FIGURE[:, 1]
                points[:, 2] = 0.9
            yield points


def write_video(path: Path, seed: int, seconds: float = 1.1, size: int = SIZE) -> Path:
    """A bright figure that wanders over a dark ground of its own."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 90, (6, 6, 3)).repeat(size // 6, 0).repeat(size // 6, 1)
    ground = ground.astype(np.uint8)
    speed, phase = rng.uniform(1.5, 4.0, 2), rng.uniform(0, 6, 2)
    with VideoWriter(path, (size, size), 30.0) as video:
        for i in range(round(30 * seconds)):
            frame = ground.copy()
            x = int(size * (0.5 + 0.25 * np.sin(speed[0] * i / 30 + phase[0])))
            y = int(size * (0.1 + 0.05 * np.sin(speed[1] * i / 30 + phase[1])))
            frame[y : y + int(0.7 * size), x - size // 16 : x + size // 16] = 235
            video.write(frame, i / 30)
    return path


def settings(checkpoint: Path) -> BuildSettings:
    """Quick, and with gates that let an untrained model's motions pass."""
    return BuildSettings(
        estimator="dataset_examples:BoxEstimator",
        checkpoint=str(checkpoint),
        samples=2,
        steps=1,
        refine=False,
        seconds=1.0,
        validation_share=0.4,
        seen_limits=SeenLimits(person_px=20.0, movement_mps=0.0),
        motion_limits=MotionLimits(*(1e9,) * 6),
    )


if __name__ == "__main__":
    videos, output, checkpoint, workers = sys.argv[1:]
    build([videos], Path(output), settings(Path(checkpoint)), EngineSettings(int(workers)))
