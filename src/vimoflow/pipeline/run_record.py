"""``run.json``: what a result was made from, how, and how good it is."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vimoflow import __version__
from vimoflow.conventions import COCO_NAMES
from vimoflow.formats.motion_npz import frames_seen
from vimoflow.geometry.signals import runs_of_true
from vimoflow.inference.hypotheses import Differences
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.pipeline.quality import Quality
from vimoflow.pipeline.sources import Source
from vimoflow.pipeline.verdict import Verdict
from vimoflow.pipeline.video_to_motion import VideoToMotion
from vimoflow.video.camera_motion import CameraMotion

if TYPE_CHECKING:
    from vimoflow.physics.plausibility import PhysicsReport
    from vimoflow.pipeline.character_results import CharacterResult


def write_run_record(
    path: Path,
    model: VideoToMotion,
    source: Source,
    options: GenerateOptions,
    rated: list[tuple[Motion, Quality]],
    verdict: Verdict,
    timings: dict[str, float],
    differ: Differences | None,
    onto: CharacterResult | None = None,
    physics: PhysicsReport | None = None,
) -> None:
    """Write everything that is known about a run as JSON."""
    keypoints = source.keypoints
    settings = dataclasses.asdict(options) | dataclasses.asdict(options.effort)
    for key in ("output", "character"):
        settings[key] = None if settings[key] is None else str(settings[key])
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
            "offsets": [dataclasses.asdict(offset) for offset in source.offsets],
            "camera_motion": _as_dict(source.camera_motion),
            "mirrored": source.mirrored,
        },
        "people": None if source.taken is None else _people(source),
        "seen": _seen(source),
        "options": settings,
        "checkpoint": {
            "name": model.checkpoint.name,
            "terms": model.checkpoint.terms,
            "steps_trained": model.checkpoint.provenance.get("steps"),
        },
        "verdict": dataclasses.asdict(verdict),
        "quality": dataclasses.asdict(rated[0][1]),
        "physics": None if physics is None else physics.document(),
        "samples_differ": None if differ is None else dataclasses.asdict(differ),
        "samples": [dataclasses.asdict(quality) for _, quality in rated],
        "character": None if onto is None else onto.record,
        "not_animated": "hands and face",
        "versions": _versions(),
        "timings": {key: round(value, 3) for key, value in timings.items()},
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _people(source: Source) -> dict[str, Any]:
    assert source.taken is not None
    claims = [dataclasses.asdict(one) for one in source.taken.claims]
    return {"taken": source.keypoints.person, "claims": claims}


def _as_dict(motion: CameraMotion | None) -> dict[str, Any] | None:
    return None if motion is None else dataclasses.asdict(motion) | {"moving": motion.moving}


def _seen(source: Source) -> dict[str, Any]:
    """What any view saw; ``seen`` and ``observed`` in motion.npz are the first view's."""
    views = (source.keypoints, *(v for v in source.other_views if len(v) == len(source.keypoints)))
    observed = np.any([view.observed for view in views], axis=0)
    whole = frames_seen(observed)
    times = source.keypoints.timestamps
    shares = observed.mean(axis=0)
    return {
        "frames": int(whole.sum()),
        "frames_filled_in": int((~whole).sum()),
        "filled_in_s": [
            (round(float(times[first]), 3), round(float(times[end - 1]), 3))
            for first, end in runs_of_true(~whole)
        ],
        "share_of_frames": {
            name: round(float(share), 4) for name, share in zip(COCO_NAMES, shares, strict=True)
        },
    }


def _versions() -> dict[str, str]:
    packages = ("torch", "numpy", "mediapipe", "av")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found, "threads": str(torch.get_num_threads())}
