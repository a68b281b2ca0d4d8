"""The training motion whose 2D is most like a case's, as a baseline in the benchmark's tables."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.data.shards import Shard
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.geometry.rotations import axis_angle_to_matrix, rotation_about
from vimoflow.inference.conditioning.encoding import encode_condition, person_size_px
from vimoflow.inference.sampling import features_to_motion, merge_windows
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import coco

_HIPS = (coco("left_hip"), coco("right_hip"))
_CHUNK = 16_384  # key frames of the library compared at once


@dataclass(frozen=True)
class NearestSettings:
    """How training motion is looked up by 2D.

    Attributes:
        window: frames that are looked up together; longer cases are put together from several.
        overlap: frames that neighbouring windows share and are cross-faded over.
        every: distance of the frames that are compared.
        headings: how many directions, evenly around, each motion is seen from.
        pitch_deg: how far the cameras look down; as far as most real ones.
    """

    window: int = 60
    overlap: int = 12
    every: int = 6
    headings: int = 24
    pitch_deg: float = 8.0


@dataclass(frozen=True)
class _Found:
    """The best place in the library for each query so far."""

    cost: Float[Tensor, " queries"]
    shard: Int[Tensor, " queries"]
    frame: Int[Tensor, " queries"]
    yaw: Float[Tensor, " queries"]


@torch.no_grad()
def nearest_training_motions(
    shards: Sequence[Shard],
    cases: Sequence[Case],
    settings: NearestSettings | None = None,
) -> list[Motion]:
    """For each window of each case the stretch of training motion whose 2D looks most like it.

    Training motion is seen orthographically from all around; distances are weighted with the
    detector's confidence. Windows are moved together on the ground and cross-faded.

    Raises:
        InputError: no training motion is as long as a window.
    """
    settings = settings or NearestSettings()
    motions: dict[int, Motion] = {}
    for length in sorted({min(len(case.truth), settings.window) for case in cases}):
        rows = [i for i, c in enumerate(cases) if min(len(c.truth), settings.window) == length]
        plans = [
            WindowPlan.cover(len(cases[i].truth), length, min(settings.overlap, length - 1))
            for i in rows
        ]
        queries = [_query(cases[i], plan, settings) for i, plan in zip(rows, plans, strict=True)]
        found = _search(shards, torch.cat(queries), length, settings)
        found = _to_the_frame(shards, found, torch.cat(queries), length, settings)
        first = 0
        for i, plan in zip(rows, plans, strict=True):
            span = range(first, first + len(plan.starts))
            motions[i] = _assembled(shards, found, span, plan)
            first = span.stop
    return [motions[i] for i in range(len(cases))]


def _query(
    case: Case, plan: WindowPlan, settings: NearestSettings
) -> Float[Tensor, "windows keys 17 3"]:
    """Compared frames of each window: x, y in the person's metres and the confidence."""
    points = torch.from_numpy(case.points_px)
    pose = encode_condition(points, person_size_px(points)).pose
    return plan.split(pose[None])[0][:, :: settings.every]


def _search(
    shards: Sequence[Shard], queries: Tensor, length: int, settings: NearestSettings
) -> _Found:
    weight = queries[..., 2:]
    target = (weight * queries[..., :2]).flatten(2)  # (queries, keys, 34)
    weights = weight.expand(*weight.shape[:-1], 2).flatten(2)
    n, keys = len(queries), queries.shape[1]
    best = _Found(
        torch.full((n,), math.inf), torch.zeros(n, dtype=torch.long),
        torch.zeros(n, dtype=torch.long), torch.zeros(n),
    )  # fmt: skip
    yaws = torch.arange(settings.headings) * (2 * math.pi / settings.headings)
    for number, shard in enumerate(shards):
        for frames, points, usable in _library(shard, keys, length, settings.every):
            for yaw in yaws:
                seen = _seen(points, yaw, settings.pitch_deg)
                cost = _costs(target, weights, seen, keys)
                cost = cost.masked_fill(~usable[: cost.shape[1]], math.inf)
                value, place = cost.min(1)
                better = value < best.cost
                best = _Found(
                    torch.where(better, value, best.cost),
                    torch.where(better, number, best.shard),
                    torch.where(better, frames[place], best.frame),
                    torch.where(better, yaw, best.yaw),
                )
    if n and not bool(torch.isfinite(best.cost).all()):
        raise InputError(f"no training motion is as long as {length} frames")
    return best


def _to_the_frame(
    shards: Sequence[Shard],
    found: _Found,
    queries: Float[Tensor, "queries keys 17 3"],
    length: int,
    settings: NearestSettings,
) -> _Found:
    """The best start among the frames that the search left out around each place it found."""
    frame = found.frame.clone()
    keys = np.arange(queries.shape[1]) * settings.every
    for i, query in enumerate(queries):
        shard, middle = shards[int(found.shard[i])], int(found.frame[i])
        row = int(np.searchsorted(shard.starts, middle, side="right")) - 1
        first = max(middle - settings.every + 1, int(shard.starts[row]))
        last = min(middle + settings.every - 1, int(shard.starts[row + 1]) - length)
        starts = np.arange(first, last + 1)
        index = (starts[:, None] + keys).reshape(-1)
        points = _library_points(shard, index)
        seen = _seen(points, found.yaw[i], settings.pitch_deg).reshape(len(starts), -1, 17, 2)
        cost = (query[..., 2:] * (seen - query[..., :2]).square()).sum((1, 2, 3))
        frame[i] = int(starts[int(cost.argmin())])
    return dataclasses.replace(found, frame=frame)


def _library(
    shard: Shard, keys: int, length: int, every: int
) -> Iterator[tuple[Int[Tensor, " k"], Float[Tensor, "k 17 3"], Bool[Tensor, " k"]]]:
    """Frame numbers, COCO points and whether a window may start there, in parts of whole
    recordings."""
    frames: list[np.ndarray] = []
    usable: list[np.ndarray] = []
    count = 0
    for row in range(len(shard.names)):
        start, end = int(shard.starts[row]), int(shard.starts[row + 1])
        numbers = np.arange(start, end, every)
        frames.append(numbers)
        usable.append((numbers + length <= end) & (np.arange(len(numbers)) + keys <= len(numbers)))
        count += len(numbers)
        if count >= _CHUNK or row == len(shard.names) - 1:
            index = np.concatenate(frames)
            ok = torch.from_numpy(np.concatenate(usable))
            if len(index) >= keys and bool(ok.any()):
                yield torch.from_numpy(index), _library_points(shard, index), ok
            frames, usable, count = [], [], 0


def _library_points(
    shard: Shard, index: Int[np.ndarray, " frames"]
) -> Float[Tensor, "frames 17 3"]:
    root = torch.from_numpy(shard.trans[index])
    return coco_points(*forward_kinematics(_rotations(shard, index), root))


def _rotations(shard: Shard, index: np.ndarray) -> Float[Tensor, "frames 24 3 3"]:
    return axis_angle_to_matrix(torch.from_numpy(shard.poses[index]).unflatten(1, (24, 3)))


def _seen(points: Tensor, yaw: Tensor, pitch_deg: float) -> Float[Tensor, "frames 34"]:
    """x right and y down about the mid-hip, turned by the yaw, from a camera that looks down."""
    about = points - points[:, list(_HIPS)].mean(1, keepdim=True)
    x, y, z = (about @ rotation_about("y", yaw).T).unbind(-1)
    pitch = math.radians(pitch_deg)
    return torch.stack((x, z * math.sin(pitch) - y * math.cos(pitch)), dim=-1).flatten(1)


def _costs(target: Tensor, weights: Tensor, seen: Tensor, keys: int) -> Tensor:
    """(queries, starts) weighted squared distances, less a constant of each query."""
    starts = len(seen) - keys + 1
    total = torch.zeros(len(target), starts)
    squared = seen.square()
    for k in range(keys):
        part = slice(k, k + starts)
        total.addmm_(weights[:, k], squared[part].T)
        total.addmm_(target[:, k], seen[part].T, alpha=-2)
    return total


def _assembled(shards: Sequence[Shard], found: _Found, rows: range, plan: WindowPlan) -> Motion:
    windows = []
    for i in rows:
        shard, first = shards[int(found.shard[i])], int(found.frame[i])
        index = np.arange(first, first + plan.length)
        turn = rotation_about("y", found.yaw[i])
        R = _rotations(shard, index).clone()
        R[:, 0] = turn @ R[:, 0]
        root = torch.from_numpy(shard.trans[index]) @ turn.T
        root = root - root[:1] * torch.tensor([1.0, 0.0, 1.0])
        windows.append(encode_features(R, torch.from_numpy(shard.contacts[index]), root))
    return features_to_motion(merge_windows(torch.stack(windows)[None], plan)[0])
