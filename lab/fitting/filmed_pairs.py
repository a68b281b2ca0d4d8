"""What a detector found beside the exact projections that it should have found, clip by clip.

A pair knows how its camera was turned, not where it stood: that is the place from which most points
are seen where they were found, over a whole clip (least squares, again and again weighted).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.rendered.clips import load_arrays
from vimoflow.data.shards import Shard
from vimoflow.inference.conditioning.encoding import person_size_px
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics

_ROUNDS = 20
_USUAL_PX = 4.0  # of 400: beyond, an error counts less and less
_LEAST_SEEN = 40  # points of a clip from which a camera's place is found
_BODY = slice(5, 17)


@dataclass(frozen=True)
class Pair:
    """One clip.

    Attributes:
        name: of the clip; ``recording`` is the same for clips of one motion.
        found: x, y in pixels and confidence.
        exact: where the points were.
        size_px: pixels a metre at the person.
        poses: of the motion, for who wants to know it.
    """

    name: str
    recording: str
    found: Float[np.ndarray, "frames 17 3"]
    exact: Float[np.ndarray, "frames 17 2"]
    size_px: float
    poses: Float[np.ndarray, "frames 72"]

    @property
    def error_m(self) -> Float[np.ndarray, "frames 17 2"]:
        """Found less exact, metres at the person's distance."""
        return (self.found[..., :2] - self.exact) / self.size_px


def read_pairs(folder: Path, shards: Sequence[Shard] = ()) -> list[Pair]:
    """The clips that ``python -m lab evaluate pairs`` filmed; ``shards`` tell their recordings."""
    known = dict(_frames_of(shards))
    names = ("poses", "trans", "points_px", "lens", "heading")
    pairs = []
    for path in sorted(folder.glob("pair-*.npz")):
        clip = load_arrays(path, names)
        frames = clip["poses"].reshape(len(clip["poses"]), -1)
        recording = known.get(_key(frames[len(frames) // 2]), path.stem)
        world = coco_world(frames, clip["trans"])
        made = pair(
            path.stem, recording, clip["points_px"], world, float(clip["heading"]), clip["lens"],
            frames,
        )  # fmt: skip
        pairs += [] if made is None else [made]
    return pairs


def pair(
    name: str,
    recording: str,
    found: Float[np.ndarray, "frames 17 3"],
    world: Float[np.ndarray, "frames 17 3"],
    heading: float,
    lens: Float[np.ndarray, "6"],
    poses: Float[np.ndarray, "frames 72"],
) -> Pair | None:
    """A clip with the exact places of its points; None where too little was found to tell them."""
    if (found[..., 2] > 0.05).sum() < _LEAST_SEEN:
        return None
    exact = _projected(found.astype(np.float64), world, turned_camera(heading, lens[3:]), lens)
    known = np.dstack((exact, np.ones(exact.shape[:2])))
    size = float(person_size_px(torch.from_numpy(known)))
    return Pair(name, recording, found.astype(np.float64), exact, size, poses)


def coco_world(
    poses: Float[np.ndarray, "frames 72"], trans: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames 17 3"]:
    """COCO points of a motion, metres."""
    motion = Motion(
        np.array(poses).reshape(-1, 24, 3), np.array(trans), 30.0, np.zeros((len(poses), 4))
    )
    R = torch.from_numpy(motion.local_rotations).double()
    points = coco_points(*forward_kinematics(R, torch.from_numpy(motion.trans).double()))
    return points.numpy()


def turned_camera(heading: float, down: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """World to camera, from the camera's heading and the direction of gravity in its frame."""
    up = -down / np.linalg.norm(down)
    forward = -np.array([np.sin(heading), 0.0, np.cos(heading)])
    world = np.stack((np.array([0.0, 1.0, 0.0]), forward, np.cross([0.0, 1.0, 0.0], forward)), 1)
    level = np.array([0.0, 0.0, 1.0]) - up[2] * up
    level /= np.linalg.norm(level)
    return np.stack((up, level, np.cross(up, level)), axis=1) @ world.T


def _projected(found: np.ndarray, world: np.ndarray, R: np.ndarray, lens: np.ndarray) -> np.ndarray:
    """Pixels of the points through the camera that stands where it fits them best."""
    focal, center = float(lens[0]), lens[1:3]
    turned = world @ R.T
    xy = found[..., :2] - center
    seen = found[..., 2] > 0.05
    seen[:, : _BODY.start] = False
    # focal (X + t) = xy (Z + tz) for both axes, linear in t
    zero, ones = np.zeros_like(xy[..., 0]), np.full_like(xy[..., 0], focal)
    rows = np.stack(
        (np.stack((ones, zero, -xy[..., 0]), -1), np.stack((zero, ones, -xy[..., 1]), -1)), -2
    )
    aim = xy * turned[..., 2:] - focal * turned[..., :2]
    weight = seen.astype(float)
    for _ in range(_ROUNDS):
        A, b = (weight[..., None, None] * rows)[seen], (weight[..., None] * aim)[seen]
        t = np.linalg.lstsq(A.reshape(-1, 3), b.reshape(-1), rcond=None)[0]
        depth = np.maximum(turned[..., 2:] + t[2], 0.1)
        image = focal * (turned[..., :2] + t[:2]) / depth
        far = np.linalg.norm(image - xy, axis=-1)
        usual = max(_USUAL_PX * focal / 500, float(np.median(far[seen])))
        weight = seen / (1 + np.square(far / usual)) / depth[..., 0]
    return image + center


def _frames_of(shards: Iterable[Shard]) -> Iterable[tuple[bytes, str]]:
    for shard in shards:
        for row, name in enumerate(shard.names):
            for frame in shard.poses[int(shard.starts[row]) : int(shard.starts[row + 1])]:
                yield _key(frame), f"{shard.entry.corpus}/{name}"


def _key(pose: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(pose, np.float32).tobytes(), digest_size=8).digest()
