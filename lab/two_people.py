"""Rendered clips of two people who cross, and whether the one who is taken stays the same.

Two validation motions walk past each other before a camera that stands still, at a metre or so of
distance in depth; in every third clip one of them walks on out of the picture. Bodies, clothes,
light and room are those of the rendered benchmark, the detector is the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.rendered.bodies import load_people
from lab.rendered.rendering import Studio
from lab.rendered.scenes import LIGHTS, SIZE_PX, Scene
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import Camera, project
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about
from vimoflow.geometry.signals import runs_of_true
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.pipeline.inputs import read_source
from vimoflow.pipeline.verdict import identity_jumps
from vimoflow.video import VideoWriter

FRAMES = 84
_BOTH_NEAR = 0.25  # heights: at this distance of the truths nobody can tell whom points are of
_FAR = 0.5  # heights: points farther from both are nobody's
_LASTING = 4  # frames that make a switch
_KEPT = 0.95


def render_pairs(
    shards: Sequence[Shard],
    folder: Path,
    count: int,
    seed: int,
    progress: Callable[[int, int | None], None],
) -> None:
    """Render clips into a folder; those that are there already are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = load_people(folder)
    with Studio() as studio:
        for number in range(count):
            path = folder / f"{number:02d}.mp4"
            truth = path.with_suffix(".truth.npy")
            if not truth.is_file():
                rng = np.random.default_rng((seed, number))
                scene, other = _pair(shards, number, rng)
                first, second = (bodies[int(k)] for k in rng.choice(len(bodies), 2, replace=False))
                with VideoWriter(path, (SIZE_PX, SIZE_PX), MODEL_FPS) as video:
                    for i, frame in enumerate(studio.film(scene, first, [(other, second)])):
                        video.write(frame.rgb, i / MODEL_FPS)
                np.save(
                    truth, np.stack([_projected(scene.camera, m) for m in (scene.motion, other)])
                )
            progress(number + 1, count)


def _pair(shards: Sequence[Shard], number: int, rng: np.random.Generator) -> tuple[Scene, Motion]:
    distance, apart = rng.uniform(4.0, 6.5), rng.uniform(0.6, 1.4)
    meet = int(FRAMES * rng.uniform(0.35, 0.65))
    motions = []
    for side in (-1.0, 1.0):
        shard = shards[int(rng.integers(len(shards)))]
        long = np.flatnonzero(np.diff(shard.starts) >= FRAMES)
        start = int(shard.starts[rng.choice(long)])
        speed = 2.0 if side > 0 and number % 3 == 2 else rng.uniform(0.5, 1.0)
        motions.append(_walking(shard, start, side, speed, (distance, apart), meet, rng))
    height, pitch = rng.uniform(1.0, 1.7), np.deg2rad(rng.uniform(0, 10))
    c, s = np.cos(pitch), np.sin(pitch)
    R = torch.tensor([[1.0, 0.0, 0.0], [0, -c, s], [0, -s, -c]]).float()
    focal = SIZE_PX / 2 / np.tan(np.deg2rad(rng.uniform(42, 56)) / 2)
    camera = Camera(
        R.expand(FRAMES, 3, 3),
        (-R @ torch.tensor([0.0, height, 0.0])).expand(FRAMES, 3),
        torch.tensor(focal).float().expand(FRAMES),
        torch.full((FRAMES, 2), SIZE_PX / 2),
    )
    light = LIGHTS[number % 2]
    scene = Scene(f"{number:02d}", "", "", "", 0, motions[0], camera, "static", light, None, 0,
                  int(rng.integers(1 << 20)))  # fmt: skip
    return scene, motions[1]


def _walking(
    shard: Shard,
    start: int,
    side: float,
    speed: float,
    place: tuple[float, float],
    meet: int,
    rng: np.random.Generator,
) -> Motion:
    """A part of a recording, turned anyhow, that crosses the middle in frame ``meet``."""
    rows = slice(start, start + FRAMES)
    turn = rotation_about("y", torch.tensor(rng.uniform(-np.pi, np.pi), dtype=torch.float64))
    R = axis_angle_to_matrix(torch.from_numpy(shard.poses[rows].reshape(FRAMES, 24, 3)).double())
    R[:, 0] = turn @ R[:, 0]
    root = (torch.from_numpy(shard.trans[rows]).double() @ turn.T).numpy()
    distance, apart = place
    root[:, 0] += side * speed * (np.arange(FRAMES) - meet) / MODEL_FPS - root[meet, 0]
    root[:, 2] += -distance + side * apart / 2 - root[meet, 2]
    poses = matrix_to_axis_angle(R).numpy().astype(np.float32)
    return Motion(poses, root.astype(np.float32), MODEL_FPS, shard.contacts[rows])


def _projected(camera: Camera, motion: Motion) -> Float[np.ndarray, "frames 17 2"]:
    R, p = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    )
    return project(camera, coco_points(R, p).float())[0].numpy()


@dataclass(frozen=True)
class Kept:
    """How one clip went.

    Attributes:
        name: of the clip.
        people: how many were found.
        share: of the frames in which whose points they are can be told, those of one person.
        seen: share of all frames with points.
        switches: how often the points pass from one to the other for a while.
        said: whether the verdict says that the person may be another one from some moment on.
    """

    name: str
    people: int
    share: float
    seen: float
    switches: int
    said: bool

    @property
    def good(self) -> bool:
        """One identity throughout."""
        return self.share >= _KEPT and not self.switches


def score_pairs(folder: Path) -> Iterator[Kept]:
    """Whom the default options take in each clip of a folder, and whether that stays so.

    Raises:
        InputError: the folder holds no clips.
    """
    paths = sorted(folder.glob("*.truth.npy"))
    if not paths:
        raise InputError(f"{folder}: holds no clips; make them: python -m lab two-people render")
    for path in paths:
        video = path.with_name(path.name.replace(".truth.npy", ".mp4"))
        source = read_source(video, GenerateOptions(), lambda _: nullcontext(_ignore))
        whose = _whose(source.keypoints.points, np.load(path))
        clear = whose[whose >= 0]
        share = max(float((clear == k).mean()) for k in (0, 1)) if len(clear) else 1.0
        most = int(np.bincount(clear, minlength=2).argmax())
        away = [run for run in runs_of_true(whose == 1 - most) if run[1] - run[0] >= _LASTING]
        said = bool(source.changes_s or identity_jumps(source.keypoints, source.cuts))
        seen = float(source.keypoints.observed.any(axis=1).mean())
        yield Kept(video.stem, max(1, len(source.people)), share, seen, len(away), said)


def _whose(
    points: Float[np.ndarray, "frames 17 3"], truth: Float[np.ndarray, "2 frames 17 2"]
) -> np.ndarray:
    """0 or 1: whose points a frame has; -1 where none are, or nobody can tell."""
    frames = min(len(points), truth.shape[1])
    points, truth = points[:frames], truth[:, :frames]
    seen = points[..., 2] > 0.3
    height = np.ptp(truth[..., 1], axis=-1).mean(axis=0)
    gap = np.linalg.norm(truth - points[..., :2], axis=-1)
    away = np.array([[np.median(g[k][seen[k]]) if seen[k].sum() > 5 else np.inf
                      for k in range(frames)] for g in gap])  # fmt: skip
    apart = np.median(np.linalg.norm(truth[0] - truth[1], axis=-1), axis=-1)
    whose = away.argmin(axis=0)
    whose[(apart < _BOTH_NEAR * height) | (away.min(axis=0) > _FAR * height)] = -1
    return whose


def _ignore(done: int, total: int | None) -> None:
    """No progress is shown."""
