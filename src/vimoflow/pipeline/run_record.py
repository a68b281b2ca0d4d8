"""``run.json``: what a result was made from, how, and how good it is."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import itertools
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vimoflow import __version__
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.options import GenerateOptions
from vimoflow.pipeline.quality import Quality
from vimoflow.pipeline.video_to_motion import VideoToMotion


@dataclass(frozen=True)
class Source:
    """What is animated; of several views the first, and what the others saw.

    ``cuts`` are first frames of new shots that are joined into one motion.
    """

    path: Path
    keypoints: Keypoints2D
    video: Path | None
    warnings: tuple[str, ...]
    other_views: tuple[Keypoints2D, ...] = ()
    cuts: tuple[int, ...] = ()

    @property
    def shots_s(self) -> tuple[tuple[float, float], ...]:
        """Times of the first and the last frame of each shot, seconds."""
        times = self.keypoints.timestamps
        edges = (0, *self.cuts, len(times))
        return tuple(
            (round(float(times[a]), 3), round(float(times[b - 1]), 3))
            for a, b in itertools.pairwise(edges)
        )


def write_run_record(
    path: Path,
    model: VideoToMotion,
    source: Source,
    options: GenerateOptions,
    rated: list[tuple[Motion, Quality]],
    timings: dict[str, float],
) -> None:
    """Write everything that is known about a run as JSON."""
    keypoints = source.keypoints
    settings = dataclasses.asdict(options) | {"output": str(options.output)}
    document: dict[str, Any] = {
        "vimoflow": __version__,
        "input": {
            "file": source.path.name,
            "frames": len(keypoints),
            "fps": keypoints.fps,
            "image_size": keypoints.image_size,
            "estimator": keypoints.estimator,
            "warnings": source.warnings,
            "views": 1 + len(source.other_views),
            "shots_s": source.shots_s,
        },
        "options": settings,
        "checkpoint": {
            "name": model.checkpoint.name,
            "terms": model.checkpoint.terms,
            "steps_trained": model.checkpoint.provenance.get("steps"),
        },
        "quality": dataclasses.asdict(rated[0][1]),
        "samples": [dataclasses.asdict(quality) for _, quality in rated],
        "not_animated": "hands and face",
        "versions": _versions(),
        "timings": {key: round(value, 3) for key, value in timings.items()},
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    packages = ("torch", "numpy", "mediapipe", "av", "roma")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found, "threads": str(torch.get_num_threads())}
