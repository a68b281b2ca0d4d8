"""Rendered clips on disk: a video, its exact truth, and what the detector found in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import InputError
from vimoflow.files import output_errors, replacing
from vimoflow.geometry.cameras import Camera, camera_heading
from vimoflow.keypoints.estimators import extract
from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator
from vimoflow.motion.clip import Motion

_ARRAYS = ("poses", "trans", "contacts", "R_camera_world", "t_camera_world", "focal_px",
           "center_px", "coco_world", "coco_px", "annotation_px", "hidden", "outside")  # fmt: skip


@dataclass(frozen=True)
class RenderedClip:
    """A rendered video and the truth about it.

    Attributes:
        name: of its files.
        corpus, group, camera_kind, light, occluder: what tables are grouped by.
        video: the file.
        motion: what the person does, in the scene's world.
        camera: one pose a frame.
        coco_world: our COCO points, metres; ``coco_px`` their projections.
        annotation_px: projections of the body's own COCO points, as annotators place them.
        hidden: points behind another part of the body or something in the way.
        outside: points beyond the image's edge.
    """

    name: str
    corpus: str
    group: str
    camera_kind: str
    light: str
    occluder: str
    video: Path
    motion: Motion
    camera: Camera
    coco_world: Float[np.ndarray, "frames 17 3"]
    coco_px: Float[np.ndarray, "frames 17 2"]
    annotation_px: Float[np.ndarray, "frames 17 2"]
    hidden: Bool[np.ndarray, "frames 17"]
    outside: Bool[np.ndarray, "frames 17"]

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of its pictures."""
        width, height = (2 * self.camera.center_px[0]).round().int().tolist()
        return width, height

    @property
    def static_camera(self) -> bool:
        """Whether the camera stood still."""
        return self.camera_kind.startswith("static")

    @property
    def heading(self) -> float:
        """Yaw of the first camera, radians."""
        return float(camera_heading(self.camera.R_camera_world[0]))


@dataclass(frozen=True)
class Detections:
    """What MediaPipe found: COCO points (pixels, confidence) and its own 33 landmarks in metres."""

    points_px: Float[np.ndarray, "frames 17 3"]
    landmarks: Float[np.ndarray, "frames 33 3"]


def read_clips(folder: Path) -> list[RenderedClip]:
    """All finished clips of a folder, by name.

    Raises:
        InputError: there is none, or one is damaged.
    """
    clips = [_read(path) for path in sorted(folder.glob("*.truth.npz"))]
    if not clips:
        raise InputError(
            f"{folder}: holds no rendered clips; make them: python -m lab evaluate render"
        )
    return clips


def detections(clip: RenderedClip) -> Detections:
    """MediaPipe on the clip's video, through the same code as ``generate``; kept beside it.

    Raises:
        InputError: it finds nobody.
    """
    path = clip.video.with_suffix(".mediapipe.npz")
    if path.is_file():
        arrays = load_arrays(path, ("points_px", "landmarks"))
        found = Detections(arrays["points_px"], arrays["landmarks"])
    else:
        detector = MediaPipeEstimator(keep_world_landmarks=True)
        points = extract(clip.video, detector).keypoints.points
        found = Detections(points, np.stack(detector.world_landmarks))
        save_arrays(path, {"points_px": found.points_px, "landmarks": found.landmarks})
    if len(found.points_px) != len(clip.motion):
        raise InputError(f"{clip.video}: {len(found.points_px)} frames, {len(clip.motion)} in the "
                         "truth; delete the clip and render it again")  # fmt: skip
    return found


def _read(path: Path) -> RenderedClip:
    arrays = load_arrays(path, (*_ARRAYS, "about"))
    about = json.loads(str(arrays["about"]))
    name = path.name.removesuffix(".truth.npz")
    motion = Motion(arrays["poses"], arrays["trans"], MODEL_FPS, arrays["contacts"])
    camera = Camera(
        *(torch.from_numpy(arrays[key])
          for key in ("R_camera_world", "t_camera_world", "focal_px", "center_px"))
    )  # fmt: skip
    return RenderedClip(
        name, about["corpus"], about["group"], about["camera_kind"], about["light"],
        about["occluder"], path.with_name(f"{name}.mp4"), motion, camera,
        *(arrays[key] for key in ("coco_world", "coco_px", "annotation_px", "hidden", "outside")),
    )  # fmt: skip


def load_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of a clip's file.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path}: not readable ({error}); delete it and run again") from error


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a clip's file, complete or not at all."""
    with output_errors(path), replacing(path) as partial:
        np.savez_compressed(partial, **arrays)
