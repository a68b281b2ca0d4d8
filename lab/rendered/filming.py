"""Filming the rendered clips: a video each, and its exact truth beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lab.rendered.bodies import Body, load_people
from lab.rendered.clips import load_arrays, save_arrays
from lab.rendered.rendering import Frame, Studio
from lab.rendered.scenes import Scene, choose_scenes
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import Camera, project
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.video import VideoWriter

_BODY_DEPTH_M = 0.14  # a point inside the body lies this far behind its skin at most


def render_benchmark(
    shards: Sequence[Shard],
    folder: Path,
    count: int = 20,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
    only: str = "*",
) -> list[Path]:
    """Render ``count`` clips into a folder; clips that are there already are left alone.

    Raises:
        ConfigError: Anny, pyrender or EGL is missing.
        InputError: the folder holds clips of other motions or another seed.
    """
    return render_scenes(choose_scenes(shards, count, seed, only=only), folder, progress)


def render_scenes(
    scenes: Sequence[Scene],
    folder: Path,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Path]:
    """Render scenes, all of one size, into a folder; clips that are there are left alone.

    Raises:
        ConfigError: Anny, pyrender or EGL is missing.
        InputError: the folder holds other scenes of these names.
    """
    for scene in scenes:
        _require_same(folder, scene)
    folder.mkdir(parents=True, exist_ok=True)
    todo = [scene for scene in scenes if not _truth_path(folder, scene.name).is_file()]
    if todo:
        people = load_people(folder)
        total, done = sum(len(scene.motion) for scene in todo), 0
        with Studio(todo[0].size_px) as studio:
            for scene in todo:
                for _ in _render(studio, scene, people[scene.person % len(people)], folder):
                    done += 1
                    if progress is not None:
                        progress(done, total)
    return [folder / f"{scene.name}.mp4" for scene in scenes]


def _render(studio: Studio, scene: Scene, body: Body, folder: Path) -> Iterator[None]:
    """Write a clip's video, then its truth, which says that the clip is finished."""
    hidden, annotated = [], []
    size = (scene.size_px, scene.size_px)
    with VideoWriter(folder / f"{scene.name}.mp4", size, MODEL_FPS) as video:
        for i, frame in enumerate(studio.film(scene, body)):
            video.write(frame.rgb, i / MODEL_FPS)
            hidden.append(_hidden(frame, scene, i))
            annotated.append(body.annotation @ frame.vertices)
            yield
    _write_truth(folder, scene, np.stack(hidden), np.stack(annotated))


def _coco_world(motion: Motion) -> torch.Tensor:
    R, p = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    )
    return coco_points(R, p)


def _hidden(frame: Frame, scene: Scene, i: int) -> np.ndarray:
    """COCO points (17) in front of which something else than their own limb is drawn."""
    camera = _camera_at(scene.camera, i)
    px, depth = project(camera, _coco_world(_single(scene.motion, i))[0])
    cells = px.numpy().round().astype(int).clip(0, scene.size_px - 1)
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
        "outside": ((px < 0) | (px >= scene.size_px)).any(axis=-1),
        "about": np.array(json.dumps(_about(scene))),
    }
    save_arrays(_truth_path(folder, scene.name), arrays)


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
    if path.is_file() and json.loads(str(load_arrays(path, ("about",))["about"])) != _about(scene):
        raise InputError(
            f"{path}: another seed or other shards made this clip; choose another folder"
        )
