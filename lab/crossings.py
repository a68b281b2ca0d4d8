#!/usr/bin/env python3
"""How often two people who cross keep their identities, in files that have none.

    python -m lab.crossings SHARDS [--crossings 50] [--seed 0]

Two validation motions walk past each other before a virtual camera at a metre or so of distance
in depth. Each is seen with a detector's noise; where the nearer one covers the farther one, the
latter is not found, or is found badly: with some of the nearer one's points. The frames' people
are shuffled and written as AlphaPose and OpenPose do it, without identities, and read back.

A crossing is kept when each person's detections, outside the frames in which one covers the other,
belong to one track by at least 95 %, and the two tracks are not the same.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.data.shards import Shard, read_shards
from vimoflow.geometry.cameras import Camera
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_about
from vimoflow.inference.conditioning.corruption import corrupt_keypoints, view_through
from vimoflow.keypoints.formats import read_people
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.writing import write_keypoints
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics

FPS = 30.0
FRAMES = 180
FORMATS = ("alphapose", "openpose")
_SIZE = (1280, 720)


@dataclass(frozen=True)
class Crossing:
    """Two people as a camera and a detector saw them.

    Attributes:
        points: detections; confidence 0 where one is missing.
        hidden: whether the person is covered by the other in a frame.
        roots_world: where they truly were, metres.
        motions: each in a world of its own, which begins under its first root.
        camera: who saw them, the same in all frames.
    """

    points: Float[np.ndarray, "2 frames 17 3"]
    hidden: Bool[np.ndarray, "2 frames"]
    roots_world: Float[np.ndarray, "2 frames 3"]
    motions: tuple[Motion, Motion]
    camera: Camera


def crossings(shards: list[Shard], count: int, seed: int = 0) -> Iterator[Crossing]:
    """Random crossings of random pairs of motions."""
    rng = np.random.default_rng(seed)
    long_enough = [
        (shard, i) for shard in shards for i in np.flatnonzero(np.diff(shard.starts) >= FRAMES // 2)
    ]
    # All corpora alike, whatever their size.
    weight = np.array([1 / sum(s is shard for s, _ in long_enough) for shard, _ in long_enough])
    for _ in range(count):
        pair = rng.choice(len(long_enough), 2, replace=False, p=weight / weight.sum())
        windows = [_window(shard, int(row), rng) for shard, row in (long_enough[k] for k in pair)]
        yield _crossing(windows, rng)


def _window(
    shard: Shard, row: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "frames 24 3"], Float[np.ndarray, "frames 3"]]:
    """A part of a motion; a short one runs to its end and back, so that nothing jumps."""
    first, end = int(shard.starts[row]), int(shard.starts[row + 1])
    start = first + int(rng.integers(0, max(1, end - first - FRAMES + 1)))
    at = np.arange(FRAMES) % (2 * (end - start) - 1)
    at = start + np.where(at < end - start, at, 2 * (end - start) - 2 - at)
    trans = np.array(shard.trans[at], np.float64)
    trans[:, [0, 2]] -= trans[:1, [0, 2]]
    return np.array(shard.poses[at], np.float64).reshape(FRAMES, 24, 3), trans


def _crossing(people: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> Crossing:
    """Both walk across in opposite directions, at different depths, and meet about the middle."""
    distance, apart = rng.uniform(4.0, 7.0), rng.uniform(0.6, 1.6)
    meet_s = FRAMES / FPS * rng.uniform(0.35, 0.65)
    seconds = np.arange(FRAMES) / FPS
    world, roots, motions = [], [], []
    for side, (poses, trans) in zip((-1.0, 1.0), people, strict=True):
        yaw = torch.tensor(rng.uniform(-np.pi, np.pi), dtype=torch.float64)
        turn = rotation_about("y", yaw)
        R_local = axis_angle_to_matrix(torch.from_numpy(poses))
        R_local[:, 0] = turn @ R_local[:, 0]
        root = torch.from_numpy(trans) @ turn.T
        speed = rng.uniform(0.4, 1.0)
        root[:, 0] += (
            torch.from_numpy(side * speed * (seconds - meet_s)) - root[int(meet_s * FPS), 0]
        )
        root[:, 2] += -distance + side * apart / 2 - root[int(meet_s * FPS), 2]
        R, p = forward_kinematics(R_local, root)
        world.append(coco_points(R, p))
        roots.append(root.numpy())
        motions.append(_alone(R_local, root))
    camera = _camera(rng)
    view = view_through(camera, torch.stack(world).float())
    noisy = corrupt_keypoints(view, torch.Generator().manual_seed(int(rng.integers(2**31))))
    points, hidden = _cover(
        noisy.double().numpy(), view.points_px.double().numpy(), view.depth.numpy(), rng
    )
    return Crossing(points, hidden, np.stack(roots), (motions[0], motions[1]), camera)


def _alone(R_local: Float[Tensor, "frames 24 3 3"], root: Float[Tensor, "frames 3"]) -> Motion:
    """The motion as the model would give it: over the origin, facing as the camera saw it."""
    start = root[:1] * torch.tensor([1.0, 0.0, 1.0])
    contacts = np.zeros((len(root), 4))
    return Motion(matrix_to_axis_angle(R_local).numpy(), (root - start).numpy(), FPS, contacts)


def _camera(rng: np.random.Generator) -> Camera:
    """At the origin at eye height, looking along -Z and a little down."""
    height, pitch = rng.uniform(1.0, 1.8), np.deg2rad(rng.uniform(0, 12))
    c, s = np.cos(pitch), np.sin(pitch)
    R = torch.tensor([[1.0, 0.0, 0.0], [0, -c, s], [0, -s, -c]]).float()
    t = -R @ torch.tensor([0.0, float(height), 0.0])
    focal = torch.tensor(_SIZE[1] / 2 / np.tan(np.deg2rad(rng.uniform(40, 60)) / 2))
    shape = (2, FRAMES)
    return Camera(
        R.float().expand(*shape, 3, 3),
        t.float().expand(*shape, 3),
        focal.float().expand(*shape),
        torch.tensor([_SIZE[0] / 2, _SIZE[1] / 2]).expand(*shape, 2),
    )


def _cover(
    points: Float[np.ndarray, "2 frames 17 3"],
    true_px: Float[np.ndarray, "2 frames 17 2"],
    depth: Float[np.ndarray, "2 frames 17"],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Who is behind the other is not found, or badly, while half of the box is covered."""
    points = points.copy()
    hidden = np.zeros(points.shape[:2], bool)
    # A detector's state of mind lasts: it finds, misses or confuses for a while.
    mood = rng.choice(3, size=FRAMES // 5 + 1, p=[0.55, 0.25, 0.2]).repeat(5)[:FRAMES]
    for frame in range(FRAMES):
        far = int(depth[1, frame].mean() > depth[0, frame].mean())
        covered = _covered_share(true_px[far, frame], true_px[1 - far, frame])
        if covered < 0.4:
            continue
        hidden[far, frame] = True
        if mood[frame] == 0:
            points[far, frame] = 0.0
        elif mood[frame] == 1:  # some points are the other's
            taken = rng.random(17) < 0.5
            points[far, frame, taken] = points[1 - far, frame, taken]
            points[far, frame, :, 2] *= 0.5
        else:
            spread = 0.05 * np.ptp(points[far, frame, :, 1])
            points[far, frame, :, :2] += rng.normal(0, spread, (17, 2))
            points[far, frame, :, 2] *= 0.6
    return points, hidden


def _covered_share(far_px: Float[np.ndarray, "17 2"], near_px: Float[np.ndarray, "17 2"]) -> float:
    """The share of the far one's points inside the near one's box."""
    low, high = near_px.min(axis=0), near_px.max(axis=0)
    return float(((far_px >= low) & (far_px <= high)).all(axis=1).mean())


def write_shuffled(crossing: Crossing, path: Path, format: str, seed: int = 0) -> Path:
    """A file of another tool's format, in which who comes first in a frame changes at random."""
    swap = np.random.default_rng(seed).random(FRAMES) < 0.5
    points = np.where(swap[:, None, None], crossing.points[::-1], crossing.points)
    times = np.arange(FRAMES) / FPS
    people = [Keypoints2D(np.ascontiguousarray(one), times, _SIZE) for one in points]
    write_keypoints(people, path, format)
    for file in path.glob("*.json") if path.is_dir() else (path,):
        text = file.read_text(encoding="utf-8")
        text = re.sub(r'"person_id": ?\[[0-9]+\]', '"person_id": [-1]', text)
        file.write_text(re.sub(r', ?"idx": ?[0-9]+', "", text), encoding="utf-8")
    return path


def kept(crossing: Crossing, found: tuple[Keypoints2D, ...]) -> bool:
    """Whether what was read has both people as one track each."""
    tracks = []
    for person in range(2):
        clear = ~crossing.hidden[person] & (crossing.points[person, :, :, 2] > 0).any(1)
        shares = [
            np.mean([_same(crossing.points[person, f], one, f) for f in np.flatnonzero(clear)])
            for one in found
        ]
        tracks.append((int(np.argmax(shares)), float(np.max(shares))))
    return tracks[0][0] != tracks[1][0] and min(share for _, share in tracks) >= 0.95


def _same(row: np.ndarray, one: Keypoints2D, frame: int) -> bool:
    seen = row[:, 2] > 0
    return frame < len(one) and bool(
        np.allclose(one.points[frame, seen, :2], row[seen, :2], atol=0.1)
    )


def main() -> None:
    """Print the share of crossings kept, a format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=Path, help="folder made by `vimoflow data prepare`")
    parser.add_argument("--crossings", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shards = read_shards(arguments.shards, "validation")
    good: dict[str, list[bool]] = {name: [] for name in FORMATS}
    for number, crossing in enumerate(crossings(shards, arguments.crossings, arguments.seed)):
        with tempfile.TemporaryDirectory() as folder:
            for name in FORMATS:
                path = write_shuffled(crossing, Path(folder) / f"{name}.json", name, number)
                good[name].append(kept(crossing, read_people(path, FPS, _SIZE)))
    for name, all_of in good.items():
        bad = [k for k, one in enumerate(all_of) if not one]
        print(f"{name}: {np.mean(all_of):.0%} of {len(all_of)} crossings kept; lost: {bad}")


if __name__ == "__main__":
    main()
