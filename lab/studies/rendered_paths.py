"""World paths of rendered clips: a body before moving cameras, seen by the real detector.

Unlike those of ``world_paths``, corners of the background have to be found in the picture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.rendered.benchmark import rendered_cases
from lab.rendered.clips import RenderedClip, detections, read_clips
from lab.rendered.filming import render_scenes
from lab.rendered.scenes import LIGHTS, PAIR_SIZE_PX, PEOPLE, Scene
from lab.studies.world_paths import KINDS, Filmed
from vimoflow.data.camera_kinds import CAMERA_KINDS
from vimoflow.data.shards import Shard
from vimoflow.data.virtual_cameras import sample_cameras
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.benchmark_file import Manifest, benchmark_cases
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.geometry.cameras import Camera
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.video import VideoFrame, frames
from vimoflow.video.camera_motion import CameraWatch

_FOLLOWED, _BY_ALL = "following", 4
_FILL = (0.5, 0.9)  # of the picture's height: the room's walls are 14 m away


def filmed_on_bodies(
    checkpoint: Checkpoint,
    manifest: Manifest,
    shards: Sequence[Shard],
    folder: Path,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Filmed]:
    """Every clip of a benchmark through cameras of every kind, rendered where it is not yet.

    Raises:
        ConfigError: Anny, pyrender or EGL is missing.
        InputError: the folder holds other clips of these names.
    """
    render_scenes(moving_scenes(manifest, shards), folder, progress)
    found = []
    for kind in KINDS:
        clips = [clip for clip in read_clips(folder) if clip.camera_kind == kind]
        cases = [_watched(clip) for clip in clips]
        found.append(Filmed(kind, cases, predict(checkpoint, cases, SamplingOptions())))
    return found


def moving_scenes(manifest: Manifest, shards: Sequence[Shard]) -> list[Scene]:
    """A followed scene of every clip, and the first few by the other kinds of cameras, too.

    The same manifest gives the same scenes.
    """
    cases = [case for named in benchmark_cases(manifest, shards) for case in named.cases]
    return [
        _scene(manifest.camera_seed, number, case, kind)
        for number, case in enumerate(cases)
        for kind in KINDS
        if kind == _FOLLOWED or number < _BY_ALL
    ]


def _scene(seed: int, number: int, case: Case, kind: str) -> Scene:
    """A case's motion in the middle of the room, before a camera of one kind."""
    root = case.truth.trans
    middle = 0.5 * (root.min(axis=0) + root.max(axis=0)) * np.array([1, 0, 1], np.float32)
    motion = dataclasses.replace(case.truth, trans=root - middle)
    own_seed = seed * 1009 + number
    settings = dataclasses.replace(
        CAMERA_KINDS[kind], image_sizes=((PAIR_SIZE_PX, PAIR_SIZE_PX),), fill=_FILL
    )
    joints = torch.from_numpy(motion.joint_positions).float()[None]
    drawn = sample_cameras(joints, torch.Generator().manual_seed(own_seed), settings)
    camera = Camera(
        drawn.R_camera_world[0], drawn.t_camera_world[0], drawn.focal_px[0], drawn.center_px[0]
    )
    return Scene(
        f"{number:02d}-{kind}", case.name, case.corpus, case.group, round(case.start_s * 30),
        motion, camera, kind, LIGHTS[number % 3], None, number % PEOPLE, own_seed,
    )  # fmt: skip


def _watched(clip: RenderedClip) -> Case:
    """A clip as ``generate`` sees it: MediaPipe's points, and the camera that its picture tells."""
    case = rendered_cases([clip], "video")[0]
    size = 2 * clip.camera.center_px[0]
    return dataclasses.replace(
        case, camera=_camera_of(clip), image_size_px=(float(size[0]), float(size[1]))
    )


def _camera_of(clip: RenderedClip) -> CameraPath:
    """What the background tells; a still one where nothing can be followed."""
    watch = CameraWatch(_Known(detections(clip).points_px))
    for _ in watch.estimate(frames(clip.video)):
        pass
    return watch.path or CameraPath.still(len(clip.motion))


class _Known:
    """A detector that has looked before."""

    name = "known"

    def __init__(self, points: Float[np.ndarray, "frames 17 3"]) -> None:
        self._points = points

    def estimate(self, shown: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """What it found then."""
        for _, points in zip(shown, self._points, strict=True):
            yield points
