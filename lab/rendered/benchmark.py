"""Rendered clips as cases of a benchmark, with MediaPipe's own 3D beside the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lab.rendered.clips import RenderedClip, detections, read_clips
from lab.rendered.mediapipe_world import coco_of_landmarks, landmark_motion
from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.benchmark.benchmark_file import Manifest, NamedCases, checked
from vimoflow.evaluation.benchmark.cases import Case, picked_rows, turned
from vimoflow.evaluation.benchmark.results import ClipResult, flagged_result, single_result
from vimoflow.evaluation.benchmark.scores import Posed, measure_limbs
from vimoflow.geometry.rotations import rotation_about
from vimoflow.keypoints.doubt import trust
from vimoflow.keypoints.mending import mended
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.skeleton import COCO_LIMBS

MEDIAPIPE = "MediaPipe 3D"


@dataclass(frozen=True)
class RenderedCase(Case):
    """A rendered clip.

    Attributes:
        landmarks: MediaPipe's own 3D estimate (metres about the mid-hip, x right, y down, z away),
            NaN where it saw nobody, for videos.
    """

    landmarks: Float[np.ndarray, "video_frames 33 3"] | None = None


def rendered_sets(manifest: Manifest, folder: Path, limit: int | None = None) -> list[NamedCases]:
    """The cases of every row of the tables, checked.

    Raises:
        ConfigError: the manifest wants clips that are not rendered, or two sets have one title.
        InputError: the folder holds none, or one cannot be used.
    """
    clips = read_clips(folder)
    sets = []
    for wanted in manifest.clips:
        if wanted.corpus != "rendered":
            raise ConfigError(f"corpus {wanted.corpus!r} is in shards: vimoflow evaluate")
        cap = min((n for n in (limit, wanted.limit) if n is not None), default=None)
        named = [clip for clip in clips if not wanted.names or clip.name in wanted.names]
        named = [named[i] for i in picked_rows(range(len(named)), cap)]
        title = wanted.title or f"rendered, {wanted.source}"
        sets.append(NamedCases(title, tuple(rendered_cases(named, wanted.source))))
    return checked(sets)


def rendered_cases(
    clips: Sequence[RenderedClip], source: str, mend: bool = True
) -> list[RenderedCase]:
    """Rendered clips through their exact 2D ("truth") or what MediaPipe finds ("video").

    What is found is mended as ``generate`` does it. Exact points that are outside the image are
    missing in both.
    """
    cases = []
    for clip in clips:
        landmarks = counts = None
        if source == "video":
            found = detections(clip)
            landmarks = found.landmarks
            points = as_generated(found.points_px, clip.size_px) if mend else found.points_px
            counts = trust(points) if mend else None
        else:
            seen = (~clip.outside).astype(float)[..., None]
            points = np.concatenate((clip.coco_px * seen, seen), axis=-1)
        turn = rotation_about("y", torch.tensor(-clip.heading)).double().numpy()
        truth = turned(clip.motion, -clip.heading)
        coco = (clip.coco_world @ turn.T).astype(np.float32)
        name = f"{clip.name} ({clip.camera_kind}, {clip.light} light, {clip.occluder} in the way)"
        cases.append(
            RenderedCase(
                name, clip.corpus, clip.camera_kind, points.astype(np.float32), truth, coco,
                clip.static_camera, "rendered", source, landmarks=landmarks, trust=counts,
            )
        )  # fmt: skip
    return cases


def as_generated(
    points_px: Float[np.ndarray, "frames 17 3"], size_px: tuple[int, int]
) -> Float[np.ndarray, "frames 17 3"]:
    """Keypoints at 30 fps after what ``generate`` does to them by itself."""
    times = np.arange(len(points_px)) / MODEL_FPS
    return mended(Keypoints2D(points_px.astype(float), times, size_px)).keypoints.points


def landmark_results(title: str, case: Case, truth: Posed) -> list[ClipResult]:
    """MediaPipe's own 3D where there is video: its points, and these fitted to the skeleton."""
    if not isinstance(case, RenderedCase) or case.landmarks is None:
        return []
    try:
        fitted = landmark_motion(case.landmarks)
        raw = measure_limbs(landmark_limbs(case.landmarks), case)
    except InputError as error:
        return [flagged_result(title, case, MEDIAPIPE, str(error))]
    return [
        ClipResult(title, case, MEDIAPIPE, raw.score, raw.limb_errors),
        single_result(title, case, f"{MEDIAPIPE}, fitted", fitted, truth),
    ]


def landmark_limbs(landmarks: Float[np.ndarray, "frames 33 3"]) -> Float[Tensor, "frames 12 3"]:
    """MediaPipe's own 3D of COCO points 5 to 16, in the frame of a case.

    Frames in which it saw nobody take the nearest frame in which it did; there must be one.
    """
    points = coco_of_landmarks(landmarks)[:, list(COCO_LIMBS)]
    seen = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
    frames = np.arange(len(points))
    nearest = seen[np.abs(frames[:, None] - seen).argmin(axis=1)]
    return torch.from_numpy(points[nearest]).double()
