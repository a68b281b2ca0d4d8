"""What a detector found beside the exact projections that it should have found, clip by clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.rendered.clips import load_arrays
from vimoflow.data.seen_errors import exact_points
from vimoflow.data.shards import Shard
from vimoflow.inference.conditioning.encoding import person_size_px
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics


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
    exact = exact_points(found.astype(np.float64), world, heading, lens)
    if exact is None:
        return None
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


def _frames_of(shards: Iterable[Shard]) -> Iterable[tuple[bytes, str]]:
    for shard in shards:
        for row, name in enumerate(shard.names):
            for frame in shard.poses[int(shard.starts[row]) : int(shard.starts[row + 1])]:
                yield _key(frame), f"{shard.entry.corpus}/{name}"


def _key(pose: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(pose, np.float32).tobytes(), digest_size=8).digest()
