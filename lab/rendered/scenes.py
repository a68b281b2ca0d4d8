"""What is filmed and how: motions by seed, cameras, light, things in the way."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.data.virtual_cameras import LEVEL_CAMERAS, CameraSettings, sample_cameras
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import Camera
from vimoflow.motion.clip import Motion

SIZE_PX = 640
PAIR_SIZE_PX = 400  # MediaPipe looks at 256 pixels of the person
FRAMES = (90, 120)  # shortest and longest clip, where the recording is long enough
PEOPLE = 4
_STILL_CAMERA = dataclasses.replace(
    LEVEL_CAMERAS, image_sizes=((SIZE_PX, SIZE_PX),), vertical_fov_deg=(35.0, 65.0),
    fill=(0.55, 0.9), offset=0.2, pan_share=0.0, travel_share=0.0, orbit_share=0.0,
    zoom_share=0.0, handheld_share=0.0, roam_followed=0.0,
)  # fmt: skip
# Half of the cameras stand still. Names are what the tables are grouped by.
CAMERAS: dict[str, CameraSettings] = {
    "static": _STILL_CAMERA,
    "handheld pan": dataclasses.replace(_STILL_CAMERA, pan_share=1.0, handheld_share=1.0),
    "travelling": dataclasses.replace(_STILL_CAMERA, travel_share=1.0),
    "orbit": dataclasses.replace(_STILL_CAMERA, orbit_share=1.0, orbit_deg_per_s=25.0),
    "static near": dataclasses.replace(_STILL_CAMERA, truncation_share=1.0, fill=(1.0, 1.3)),
    "static anyhow": dataclasses.replace(
        _STILL_CAMERA,
        image_sizes=((PAIR_SIZE_PX, PAIR_SIZE_PX),),
        vertical_fov_deg=(20.0, 78.0),
        fill=(0.35, 0.95),
        offset=0.4,
        truncation_share=0.2,
        wide_pitch_share=0.4,
        wide_pitch_deg=(-40.0, 60.0),
        roll_deg=2.0,
        wide_roll_share=0.25,
        wide_roll_deg=(-35.0, 35.0),
    ),
}
_CAMERA_CYCLE = ("static", "handheld pan", "static", "orbit", "static", "travelling", "static",
                 "handheld pan", "static near", "orbit")  # fmt: skip
_OCCLUDER_CYCLE = ("none", "none", "pillar", "none", "table", "none", "none", "pillar", "none",
                   "table", "none", "none", "none")  # fmt: skip
LIGHTS = ("even", "side", "dim", "back")


@dataclass(frozen=True)
class Occluder:
    """A box that stands on the floor: centre on the ground, size along its own axes, heading."""

    kind: str
    center_xz: tuple[float, float]
    size_m: tuple[float, float, float]
    heading: float


@dataclass(frozen=True)
class Scene:
    """One clip to film.

    Attributes:
        name: of the clip and its files.
        recording: where the motion comes from.
        corpus, group: of that recording.
        first: its first frame there.
        motion: what the person does; exact truth.
        camera: one pose a frame.
        camera_kind, light: names, for grouping.
        occluder: what stands between camera and person, if anything.
        person: which of the bodies.
        seed: of colours and room.
    """

    name: str
    recording: str
    corpus: str
    group: str
    first: int
    motion: Motion
    camera: Camera
    camera_kind: str
    light: str
    occluder: Occluder | None
    person: int
    seed: int

    @property
    def size_px(self) -> int:
        """Side of the pictures."""
        return round(2 * float(self.camera.center_px[0, 0]))


def choose_scenes(
    shards: Sequence[Shard],
    count: int,
    seed: int,
    cameras: Sequence[str] = _CAMERA_CYCLE,
    people: int = PEOPLE,
    only: str = "*",
) -> list[Scene]:
    """``count`` scenes over all corpora and groups in turn; the same seed gives the same scenes.

    Args:
        shards: the motions.
        count: how many scenes.
        seed: of everything.
        cameras: their kinds (``CAMERAS``), in turn.
        people: how many bodies there are to choose from.
        only: pattern of the recordings' names.

    Raises:
        InputError: the shards hold nothing to film.
    """
    rng = np.random.default_rng(seed)
    queues = [_shuffled(shard, rng, only) for shard in shards]
    picked: list[tuple[Shard, int]] = []
    while len(picked) < count and any(queues):
        for shard, queue in zip(shards, queues, strict=True):
            if queue and len(picked) < count:
                picked.append((shard, queue.pop(0)))
    if not picked:
        raise InputError("the shards hold no recording of half a second or more")
    kinds = rng.permutation(len(picked))
    return [
        _scene(number, shard, row, int(kind), seed, cameras[kind % len(cameras)], people)
        for number, ((shard, row), kind) in enumerate(zip(picked, kinds, strict=True))
    ]


def _shuffled(shard: Shard, rng: np.random.Generator, only: str) -> list[int]:
    """Recordings in random order, a long one of each group before the second of any."""
    length = np.diff(shard.starts)
    order = [int(i) for i in rng.permutation(len(length)) if length[i] >= MODEL_FPS / 2]
    order = [i for i in order if fnmatch.fnmatchcase(shard.names[i], only)]
    order.sort(key=lambda i: -(min(int(length[i]), FRAMES[0]) // 15))  # long enough ones first
    seen: dict[str, int] = {}
    rounds = []
    for row in order:
        group = shard.groups[row]
        seen[group] = seen.get(group, 0) + 1
        rounds.append(seen[group])
    return [row for _, row in sorted(zip(rounds, order, strict=True), key=lambda pair: pair[0])]


def _scene(
    number: int, shard: Shard, row: int, kind: int, seed: int, name: str, people: int
) -> Scene:
    own_seed = seed * 1009 + number
    rng = np.random.default_rng((seed, number))
    first, motion = _cut(shard, row, rng)
    generator = torch.Generator().manual_seed(own_seed)
    joints = torch.from_numpy(motion.joint_positions).float()
    camera = sample_cameras(joints[None], generator, CAMERAS[name])
    camera = Camera(
        camera.R_camera_world[0], camera.t_camera_world[0], camera.focal_px[0], camera.center_px[0]
    )
    occluder = _occluder(_OCCLUDER_CYCLE[kind % len(_OCCLUDER_CYCLE)], camera, motion, rng)
    return Scene(
        f"{number:02d}-{shard.entry.corpus}", shard.names[row], shard.entry.corpus,
        shard.groups[row], first, motion, camera, name, LIGHTS[kind // 2 % len(LIGHTS)],
        occluder, int(rng.integers(people)), own_seed,
    )  # fmt: skip


def _cut(shard: Shard, row: int, rng: np.random.Generator) -> tuple[int, Motion]:
    """A random stretch of a recording, its first root over the origin."""
    start, end = int(shard.starts[row]), int(shard.starts[row + 1])
    frames = min(int(rng.integers(FRAMES[0], FRAMES[1] + 1)), end - start)
    first = int(rng.integers(0, end - start - frames + 1))
    rows = slice(start + first, start + first + frames)
    trans = shard.trans[rows] - shard.trans[start + first] * np.array([1, 0, 1], np.float32)
    poses = shard.poses[rows].reshape(-1, 24, 3)
    return first, Motion(poses, trans, MODEL_FPS, shard.contacts[rows])


def _occluder(
    kind: str, camera: Camera, motion: Motion, rng: np.random.Generator
) -> Occluder | None:
    if kind == "none":
        return None
    middle = len(motion) // 2
    R, t = camera.R_camera_world[middle].numpy(), camera.t_camera_world[middle].numpy()
    eye = (-R.T @ t)[[0, 2]]
    path = motion.joint_positions[..., [0, 2]]
    person = path[:, 0].mean(axis=0)
    toward = eye - person
    pillar = kind == "pillar"
    width = rng.uniform(0.12, 0.2) if pillar else rng.uniform(1.0, 1.6)
    size = (width, 2.6 if pillar else rng.uniform(0.55, 0.8), 0.15 if pillar else 0.5)
    shift = rng.uniform(-0.3, 0.3)
    for share in np.linspace(0.35, 0.75, 9):  # as near the person as nobody's limbs go
        center = person + share * toward
        center = center + shift * np.array([toward[1], -toward[0]]) / np.linalg.norm(toward)
        if np.linalg.norm(path - center, axis=-1).min() > 0.3 + max(size[0], size[2]) / 2:
            heading = float(np.arctan2(toward[0], toward[1]))
            return Occluder(kind, (float(center[0]), float(center[1])), size, heading)
    return None  # the person comes everywhere: leave the view free
