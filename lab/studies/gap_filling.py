"""What a model that fills gaps must beat: interpolation, and the nearest training clip."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.editing.joins import REACH_S, joined_root, joined_rotations
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    heading_of,
    matrix_to_axis_angle,
    rotation_about,
    slerp_resample,
)  # fmt: skip
from vimoflow.geometry.signals import linear_resample
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import forward_kinematics

_LIBRARY_STEP = 12  # frames between the training clips that are compared


def interpolated(motion: Motion, first: int, end: int) -> Motion:
    """Slerp of the rotations and a straight line of the root between the frames beside a gap."""
    kept = np.r_[0:first, end : len(motion)]
    times = torch.arange(len(motion), dtype=torch.float64)
    R = slerp_resample(torch.from_numpy(motion.local_rotations[kept]), times[kept], times)
    root = torch.from_numpy(np.asarray(motion.trans, np.float64))
    root = linear_resample(root[kept], times[kept], times)
    return _with_pose(motion, R, root)


class NearestClip:
    """The training clip whose frames beside the gap are most like a motion's, moved to meet it."""

    def __init__(self, shards: Sequence[Shard], gap: int) -> None:
        self.shards, self.gap = shards, gap
        keys, places = [], []
        for number, shard in enumerate(shards):
            starts = np.concatenate([
                np.arange(a + 2, b - gap - 2, _LIBRARY_STEP)
                for a, b in zip(shard.starts[:-1], shard.starts[1:], strict=True)
            ])  # fmt: skip
            for part in np.array_split(starts, max(1, len(starts) // 4096)):
                if len(part):
                    keys.append(self._key(*_poses(shard, self._frames(part))))
                    places += [(number, int(first)) for first in part]
        self.keys, self.places = torch.cat(keys), places

    def __call__(self, motion: Motion, first: int, end: int) -> Motion:
        """The gap filled by that clip, joined like a generated one."""
        rows = torch.from_numpy(self._frames(np.array([first]))[0])
        R_own = torch.from_numpy(motion.local_rotations)
        root_own = torch.from_numpy(np.asarray(motion.trans, np.float64))
        key = self._key(R_own[rows][None].float(), root_own[rows][None].float())
        shard, place = self.places[int((self.keys - key).square().sum(-1).argmin())]
        R, root = (x[0].double() for x in _poses(
            self.shards[shard], np.arange(place - 2, place + self.gap + 2)[None]))  # fmt: skip
        turn = rotation_about("y", heading_of(R_own[first - 1, 0]) - heading_of(R[1, 0]))
        R[:, 0] = turn @ R[:, 0]
        root = root @ turn.T
        root = root + (root_own[first - 1] - root[1]) * torch.tensor([1.0, 0.0, 1.0])
        span = slice(first - 2, end + 2)
        kept = torch.ones(len(R), dtype=torch.bool)
        kept[2:-2] = False
        reach = REACH_S * MODEL_FPS
        R_all, root_all = R_own.clone(), root_own.clone()
        held = kept[:, None]
        R_all[span] = joined_rotations(R, R_own[span], held.expand(-1, 24), reach)
        root_all[span] = joined_root(root, root_own[span], held.expand(-1, 3), reach)
        return _with_pose(motion, R_all, root_all)

    def _frames(self, first: np.ndarray) -> np.ndarray:
        """The two frames on either side of gaps."""
        return first[:, None] + np.array([-2, -1, self.gap, self.gap + 1])

    @staticmethod
    def _key(R: Tensor, root: Tensor) -> Tensor:
        """Joints beside the gap and how they move, seen from the last root before it."""
        p = forward_kinematics(R, root)[1]
        turn = rotation_about("y", -heading_of(R[:, 1, 0]))
        p = (p - p[:, 1:2, :1] * torch.tensor([1.0, 0.0, 1.0])) @ turn.transpose(-1, -2)[:, None]
        return torch.cat((p[:, 1], p[:, 2], 5 * (p[:, 1] - p[:, 0]), 5 * (p[:, 3] - p[:, 2])), 1
                         ).flatten(1)  # fmt: skip


def _poses(shard: Shard, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    flat = torch.from_numpy(np.array(shard.poses[rows.reshape(-1)]))
    R = axis_angle_to_matrix(flat.unflatten(1, (24, 3)))
    root = torch.from_numpy(np.array(shard.trans[rows.reshape(-1)]))
    return R.unflatten(0, rows.shape), root.unflatten(0, rows.shape)


def _with_pose(motion: Motion, R: Tensor, root: Tensor) -> Motion:
    return dataclasses.replace(motion, poses=matrix_to_axis_angle(R).numpy(), trans=root.numpy())
