"""Rendered clips on disk: a video, its exact truth, and what the detector found in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.errors import InputError
from vimoflow.evaluation.rendered.bodies import Body, load_people
from vimoflow.evaluation.rendered.rendering import Frame, Studio
from vimoflow.evaluation.rendered.scenes import SIZE_PX, Scene, choose_scenes
from vimoflow.files import output_errors, replacing
from vimoflow.geometry.cameras import Camera, camera_heading, project
from vimoflow.keypoints.estimators import extract
from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.video import VideoWriter

_BODY_DEPTH_M = 0.14  # a point inside the body lies this far behind its skin at most
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


def render_benchmark(
    shards: Sequence[Shard],
    folder: Path,
    count: int = 20,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Path]:
    """Render ``count`` clips into a folder; clips that are there already are left alone.

    Raises:
        ConfigError: Anny, pyrender or EGL is missing.
        InputError: the folder holds clips of other motions or another seed.
    """
    scenes = choose_scenes(shards, count, seed)
    for scene in scenes:
        _require_same(folder, scene)
    folder.mkdir(parents=True, exist_ok=True)
    todo = [scene for scene in scenes if not _truth_path(folder, scene.name).is_file()]
    if todo:
        people = load_people(folder)
        total, done = sum(len(scene.motion) for scene in todo), 0
        with Studio() as studio:
            for scene in todo:
                for _ in _render(studio, scene, people[scene.person % len(people)], folder):
                    done += 1
                    if progress is not None:
                        progress(done, total)
    return [folder / f"{scene.name}.mp4" for scene in scenes]


def _render(studio: Studio, scene: Scene, body: Body, folder: Path) -> Iterator[None]:
    """Write a clip's video, then its truth, which says that the clip is finished."""
    hidden, annotated = [], []
    with VideoWriter(folder / f"{scene.name}.mp4", (SIZE_PX, SIZE_PX), MODEL_FPS) as video:
        for i, frame in enumerate(studio.film(scene, body)):
            video.write(frame.rgb, i / MODEL_FPS)
            hidden.append(_hidden(frame, scene, i))
            annotated.append(body.annotation @ frame.vertices)
            yield
    _write_truth(folder, scene, np.stack(hidden), np.stack(annotated))


def read_clips(folder: Path) -> list[RenderedClip]:
    """All finished clips of a folder, by name.

    Raises:
        InputError: there is none, or one is damaged.
    """
    clips = [_read(path) for path in sorted(folder.glob("*.truth.npz"))]
    if not clips:
        raise InputError(f"{folder}: holds no rendered clips; make them: vimoflow evaluate render")
    return clips


def detections(clip: RenderedClip) -> Detections:
    """MediaPipe on the clip's video, through the same code as ``generate``; kept beside it.

    Raises:
        InputError: it finds nobody.
    """
    path = clip.video.with_suffix(".mediapipe.npz")
    if path.is_file():
        arrays = _load(path, ("points_px", "landmarks"))
        found = Detections(arrays["points_px"], arrays["landmarks"])
    else:
        detector = MediaPipeEstimator(keep_world_landmarks=True)
        points = extract(clip.video, detector).keypoints.points
        found = Detections(points, np.stack(detector.world_landmarks))
        _save(path, {"points_px": found.points_px, "landmarks": found.landmarks})
    if len(found.points_px) != len(clip.motion):
        raise InputError(f"{clip.video}: {len(found.points_px)} frames, {len(clip.motion)} in the "
                         "truth; delete the clip and render it again")  # fmt: skip
    return found


def _coco_world(motion: Motion) -> torch.Tensor:
    R, p = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    )
    return coco_points(R, p)


def _hidden(frame: Frame, scene: Scene, i: int) -> np.ndarray:
    """COCO points (17) in front of which something else than their own limb is drawn."""
    camera = _camera_at(scene.camera, i)
    px, depth = project(camera, _coco_world(_single(scene.motion, i))[0])
    cells = px.numpy().round().astype(int).clip(0, SIZE_PX - 1)
    drawn = frame.depth[cells[:, 1], cells[:, 0]]
    return (drawn > 0) & (drawn < depth.numpy() - _BODY_DEPTH_M)


def _single(motion: Motion, i: int) -> Motion:
    return Motion(
        motion.poses[i : i + 1], motion.trans[i : i + 1], motion.fps, motion.contacts[i : i + 1]
    )


def _camera_at(camera: Camera, i: int) -> Camera:
    return Camera(
        camera.R_camera_world[i].double(), camera.t_camera_world[i].double(),
        camera.focal_px[i].double(), camera.center_px[i].double(),
    )  # fmt: skip


def _truth_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.truth.npz"


def _write_truth(folder: Path, scene: Scene, hidden: np.ndarray, annotated: np.ndarray) -> None:
    camera, points = scene.camera, _coco_world(scene.motion)
    px = project(_double(camera), points)[0].numpy()
    arrays = {
        "poses": scene.motion.poses,
        "trans": scene.motion.trans,
        "contacts": scene.motion.contacts,
        "R_camera_world": camera.R_camera_world.numpy(),
        "t_camera_world": camera.t_camera_world.numpy(),
        "focal_px": camera.focal_px.numpy(),
        "center_px": camera.center_px.numpy(),
        "coco_world": points.numpy(),
        "coco_px": px,
        "annotation_px": project(_double(camera), torch.from_numpy(annotated))[0].numpy(),
        "hidden": hidden,
        "outside": ((px < 0) | (px >= SIZE_PX)).any(axis=-1),
        "about": np.array(json.dumps(_about(scene))),
    }
    _save(_truth_path(folder, scene.name), arrays)


def _double(camera: Camera) -> Camera:
    return Camera(
        camera.R_camera_world.double(), camera.t_camera_world.double(),
        camera.focal_px.double(), camera.center_px.double(),
    )  # fmt: skip


def _about(scene: Scene) -> dict[str, Any]:
    return {
        "recording": scene.recording, "corpus": scene.corpus, "group": scene.group,
        "first": scene.first, "frames": len(scene.motion), "camera_kind": scene.camera_kind,
        "light": scene.light, "person": scene.person, "seed": scene.seed,
        "occluder": "none" if scene.occluder is None else scene.occluder.kind,
    }  # fmt: skip


def _require_same(folder: Path, scene: Scene) -> None:
    """A clip of this name must be this scene: mixed benchmarks would be silent nonsense."""
    path = _truth_path(folder, scene.name)
    if path.is_file() and json.loads(str(_load(path, ("about",))["about"])) != _about(scene):
        raise InputError(
            f"{path}: another seed or other shards made this clip; choose another folder"
        )


def _read(path: Path) -> RenderedClip:
    arrays = _load(path, (*_ARRAYS, "about"))
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


def _load(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path}: not readable ({error}); delete it and run again") from error


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with output_errors(path), replacing(path) as partial:
        np.savez_compressed(partial, **arrays)
