"""How memory grows with the length of a video, with all but the decoder and the detector."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vimoflow.errors import VimoflowError
from vimoflow.keypoints.estimators import extract, find_estimator
from vimoflow.keypoints.formats import write_keypoints_json
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.pipeline.generate_options import DEFAULT_DETECTOR

_FPS = 30.0


def measure_memory(
    video: Path, minutes: Sequence[float], formats: Sequence[str]
) -> list[tuple[float, float]]:
    """Megabytes that ``generate`` takes at most, by minutes of keypoints, in fresh processes.

    Args:
        video: whose keypoints are played forth and back to each length.
        minutes: lengths.
        formats: files to write.

    Raises:
        VimoflowError: a run failed.
    """
    seen = extract(video, find_estimator(DEFAULT_DETECTOR)()).keypoints
    peaks = []
    with tempfile.TemporaryDirectory(prefix="vimoflow-memory-") as folder:
        for length in minutes:
            source = Path(folder) / f"{length:g}.json"
            write_keypoints_json(_lengthened(seen, round(length * 60 * _FPS)), source)
            peaks.append((length, _peak_mb(source, list(formats))))
    return peaks


def _lengthened(seen: Keypoints2D, frames: int) -> Keypoints2D:
    both = np.concatenate((seen.points, seen.points[-2:0:-1]))
    points = both[np.arange(frames) % len(both)]
    return Keypoints2D(points, np.arange(frames) / _FPS, seen.image_size)


def _peak_mb(source: Path, formats: list[str]) -> float:
    settings = {
        "video": str(source),
        "output": str(source.with_suffix("")),
        "options": {"formats": formats, "threads": 1},
        "process_start": time.time(),
    }
    command = [sys.executable, "-m", "vimoflow.pipeline.stage_times", json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise VimoflowError(f"the measurement failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["peak_memory_mb"])
