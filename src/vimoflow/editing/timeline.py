"""A motion at its own rate and as the model sees it: 30 fps, camera ahead, canonical size."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.editing.constraints import Follow, Held
from vimoflow.editing.masked_denoising import Known
from vimoflow.geometry.rotations import (
    heading_of,
    matrix_to_sixd,
    rotation_about,
    sixd_to_matrix,
    slerp_resample,
)  # fmt: skip
from vimoflow.geometry.signals import linear_resample
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.conditioning.resampling import resample_keypoints
from vimoflow.inference.conditioning.shot import see_shot
from vimoflow.inference.conditioning.viewpoint import Lens
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import encode_features


@dataclass(frozen=True)
class Pose:
    """Rotations and root of a sequence, float64.

    Attributes:
        R: local rotations.
        root: position of the root, metres.
    """

    R: Float[Tensor, "frames 24 3 3"]
    root: Float[Tensor, "frames 3"]


@dataclass(frozen=True)
class Timeline:
    """How an edited motion's clock and world relate to the model's.

    Attributes:
        times: of the motion's frames, seconds from the first.
        scale: size of the figure.
        yaw: heading of the camera in the motion's world, radians; it is zero to the model.
        origin: the place on the floor that is the model's origin.
    """

    times: Float[Tensor, " frames"]
    scale: float
    yaw: Tensor
    origin: Float[Tensor, "3"]

    @classmethod
    def of(cls, motion: Motion, held: Held, yaw: Tensor | None = None) -> Timeline:
        """The camera ahead of the first frame whose pelvis is held, unless its yaw is known."""
        pelvis = np.flatnonzero(held.rotations[:, 0])
        first = int(pelvis[0]) if len(pelvis) else 0
        R = torch.from_numpy(motion.local_rotations[first, 0])
        root = torch.from_numpy(np.asarray(motion.trans[first], np.float64))
        return cls(
            times=torch.from_numpy(motion.timestamps - motion.timestamps[0]).double(),
            scale=motion.skeleton.scale,
            yaw=heading_of(R) if yaw is None else yaw,
            origin=root / motion.skeleton.scale * torch.tensor([1.0, 0.0, 1.0]),
        )

    @property
    def model_times(self) -> Float[Tensor, " model_frames"]:
        """1/30 s apart; the last one is at the end or before it."""
        last = float(self.times[-1])
        return torch.arange(int(last * MODEL_FPS + 1e-6) + 1, dtype=torch.float64) / MODEL_FPS

    def nearest(self, values: np.ndarray) -> Tensor:
        """Values of the motion's frames at the model's: of the nearest frame."""
        middles = (self.times[1:] + self.times[:-1]) / 2
        return torch.from_numpy(values)[torch.searchsorted(middles, self.model_times)]

    def into_model(self, pose: Pose) -> Pose:
        """World and size of the model."""
        turn = rotation_about("y", -self.yaw)
        R = pose.R.clone()
        R[:, 0] = turn @ R[:, 0]
        return Pose(R, (pose.root / self.scale - self.origin) @ turn.T)

    def from_model(self, pose: Pose) -> Pose:
        """The inverse of :meth:`into_model`."""
        turn = rotation_about("y", self.yaw)
        R = pose.R.clone()
        R[:, 0] = turn @ R[:, 0]
        return Pose(R, (pose.root @ turn.T + self.origin) * self.scale)

    def on_own_clock(self, pose: Pose) -> Pose:
        """From the model's clock to the motion's: splines, which add no kinks."""
        old, new = self.model_times, self.times
        if len(old) == len(new) and bool((old - new).abs().max() < 1e-6):
            return pose
        if len(old) < 4:
            R = slerp_resample(pose.R, old, new)
            return Pose(R, linear_resample(pose.root, old, new))
        at = new.clamp(max=float(old[-1])).numpy()
        sixd = CubicSpline(old.numpy(), matrix_to_sixd(pose.R).numpy())(at)
        root = CubicSpline(old.numpy(), pose.root.numpy())(at)
        return Pose(sixd_to_matrix(torch.from_numpy(sixd)), torch.from_numpy(root))


def own_pose(motion: Motion) -> Pose:
    """A motion's rotations and root in its own world and size."""
    return Pose(
        torch.from_numpy(motion.local_rotations),
        torch.from_numpy(np.asarray(motion.trans, np.float64)),
    )


def known_features(
    motion: Motion, held: Held, timeline: Timeline, follow: Follow | None, prior: Pose | None = None
) -> Known:
    """What is held, as the model sees it; elsewhere the prior, or an interpolation of the held."""
    between = prior or _interpolated(own_pose(motion), held, timeline)
    pose = timeline.into_model(between)
    frames = timeline.nearest(held.frames)
    contacts = timeline.nearest(np.asarray(motion.contacts, np.float64))
    contacts = torch.where(frames[:, None], contacts, torch.zeros_like(contacts))
    features = encode_features(pose.R, contacts, pose.root).float()
    rotations = timeline.nearest(held.rotations).repeat_interleave(6, dim=1)
    channels = torch.cat(
        (rotations, frames[:, None].expand(-1, 4), timeline.nearest(held.root)), dim=1
    )
    nothing = Condition.nothing(len(frames))
    condition = nothing if follow is None else condition_of(follow, timeline)
    return Known(features, channels, condition)


def condition_of(follow: Follow, timeline: Timeline) -> Condition:
    """2D evidence on the model's clock, nothing before and after it."""
    start = float(timeline.times[follow.first])
    own = follow.keypoints.timestamps
    times = timeline.model_times.numpy() - start + own[0]
    points = resample_keypoints(follow.keypoints, times)
    beyond = (times < own[0] - 0.5 / MODEL_FPS) | (times > own[-1] + 0.5 / MODEL_FPS)
    points[torch.from_numpy(beyond)] = 0.0
    lens = Lens.guessed(torch.tensor(follow.keypoints.image_size, dtype=points.dtype))
    return see_shot(points, lens, follow.static_camera).condition


def _interpolated(pose: Pose, held: Held, timeline: Timeline) -> Pose:
    """Each joint and the root at the model's times, from the frames in which they are held.

    What is held nowhere keeps its own values.
    """
    R = [
        slerp_resample(pose.R[rows, j], timeline.times[rows], timeline.model_times)
        for j, rows in enumerate(_rows(held.rotations))
    ]
    root = [
        linear_resample(pose.root[rows, k], timeline.times[rows], timeline.model_times)
        for k, rows in enumerate(_rows(held.root))
    ]
    return Pose(torch.stack(R, dim=1), torch.stack(root, dim=1))


def _rows(known: Bool[np.ndarray, "frames columns"]) -> list[Tensor]:
    return [
        torch.from_numpy(np.flatnonzero(column if column.any() else ~column)) for column in known.T
    ]


def replaced_pose(motion: Motion, pose: Pose, poses: np.ndarray) -> Motion:
    """The motion with another root path and axis-angle poses, in its own precision."""
    return dataclasses.replace(
        motion, poses=poses.astype(motion.poses.dtype),
        trans=pose.root.numpy().astype(motion.trans.dtype), joints2d=None, observed=None,
    )  # fmt: skip
