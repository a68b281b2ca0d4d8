"""The model as one object: keypoints or a video in, a motion out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vimoflow.conventions import DEFAULT_CHECKPOINT, MODEL_FPS, PIECE
from vimoflow.diffusion.checkpoint import Checkpoint, load_checkpoint
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp_resample
from vimoflow.geometry.signals import linear_resample
from vimoflow.inference.choices import Aggregation
from vimoflow.inference.conditioning.resampling import model_times, resample_keypoints
from vimoflow.inference.conditioning.steadying import Steadied, steadied, turned_along
from vimoflow.inference.conditioning.viewpoint import Lens
from vimoflow.inference.gravity import upright_shot
from vimoflow.inference.multiview import sample_views
from vimoflow.inference.sampling import (
    SamplingOptions,
    Shot,
    finished_motion,
    sample_features,
    sample_shots,
)
from vimoflow.inference.sampling.turning import turned_features
from vimoflow.keypoints.cuts import keypoint_cuts
from vimoflow.keypoints.doubt import DOUBTED, trust
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion


class VideoToMotion:
    """A checkpoint ready to animate.

    Examples:
        >>> motion = VideoToMotion.from_pretrained()("dance.mp4")  # doctest: +SKIP
        >>> motion.save("dance.bvh")  # doctest: +SKIP
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    @classmethod
    def from_pretrained(cls, checkpoint: str | Path = DEFAULT_CHECKPOINT) -> VideoToMotion:
        """A checkpoint that ships with the package, by name, or one in a file.

        Raises:
            CheckpointError: it is missing, damaged or of another version.
        """
        return cls(load_checkpoint(checkpoint))

    def __call__(
        self, source: str | Path | Keypoints2D, seed: int = 0, static_camera: bool = True
    ) -> Motion:
        """One motion from a video file or keypoints, one pose for each frame of the input.

        Raises:
            InputError: the file is no readable video, or shows no person.
        """
        if not isinstance(source, Keypoints2D):
            from vimoflow.keypoints.estimators import extract_keypoints

            source = extract_keypoints(source)
        return self.sample(source, SamplingOptions(seed=seed), camera=static_camera)[0]

    def sample(
        self,
        keypoints: Keypoints2D,
        options: SamplingOptions | None = None,
        samples: int = 1,
        camera: bool | CameraPath = True,
        progress: Callable[[int, int], None] | None = None,
        cuts: Sequence[int] | None = None,
    ) -> list[Motion]:
        """Several motions for the same keypoints.

        With the default sampler and a checkpoint that was taught to answer in one pass, the first
        is that answer; all others are drawn, each from noise of its own.

        Where the keypoints show a cut to another camera, or at ``cuts`` (first frames of new shots;
        none: one shot), the shots become one motion, in the world of the first one's camera.

        The world is the camera's: +Z points from the person to where the camera first stood, the
        floor is y = 0 and the first root stands over the origin. ``camera`` says how it moved from
        frame to frame, or just whether it stood still.
        """
        times = model_times(keypoints)
        found = keypoint_cuts(keypoints) if cuts is None else cuts
        if isinstance(camera, bool):
            camera = dataclasses.replace(CameraPath.still(len(keypoints)), travels=not camera)
        view = steadied(keypoints.points, keypoints.image_size, camera)
        seen = dataclasses.replace(keypoints, points=view.points_px)
        shots, yaw = shots_seen(self.checkpoint, seen, times, found, view)
        options = options or SamplingOptions()
        first = int(options.sampler_of(self.checkpoint) == "one-pass")
        parts = [(options, first), (options.drawing(), samples - first)]
        features = torch.cat(
            [self._features(shots, how, count, progress) for how, count in parts if count > 0]
        )
        turn = torch.from_numpy(np.interp(times, keypoints.timestamps, view.yaw)).float() + yaw
        features = turned_along(features, turn.expand(len(features), -1))
        motions = [finished_motion(row, options) for row in features]
        return [_on_input_clock(motion, times, keypoints) for motion in motions]

    def _features(
        self,
        shots: Sequence[Shot],
        options: SamplingOptions,
        count: int,
        progress: Callable[[int, int], None] | None,
    ) -> Tensor:
        """(count, frames, 151)"""
        repeated = [Shot(shot.first, shot.condition.repeated(count)) for shot in shots]
        if len(shots) > 1:
            return sample_shots(self.checkpoint, repeated, options, progress)
        return sample_features(self.checkpoint, repeated[0].condition, options, progress=progress)

    def sample_views(
        self,
        views: Sequence[Keypoints2D],
        options: SamplingOptions | None = None,
        static_camera: bool = True,
        progress: Callable[[int, int], None] | None = None,
        aggregation: Aggregation = "mean",
    ) -> Motion:
        """One motion from synchronous views, on the clock and in the world of the first one.

        Views that end earlier see nothing of what comes after. No calibration is needed.
        """
        options, times = options or SamplingOptions(), model_times(views[0])
        seconds = times - times[0]
        points = torch.stack(
            [resample_keypoints(view, seconds + view.timestamps[0]) for view in views]
        )
        sizes = torch.tensor([view.image_size for view in views], dtype=torch.float32)
        seen = upright_shot(self.checkpoint, points, Lens.guessed(sizes), static_camera)
        counts = torch.stack([_trust(*one) for one in zip(points, views, strict=True)])
        seen_by_all = dataclasses.replace(seen.condition, trust=counts)
        together = seen_by_all.map(lambda x: x[None])
        features = sample_views(self.checkpoint, together, options, progress, aggregation)
        features = turned_features(features, seen.yaw[:1])
        return _on_input_clock(finished_motion(features[0], options), times, views[0])


def shots_seen(
    checkpoint: Checkpoint,
    keypoints: Keypoints2D,
    times: np.ndarray,
    cuts: Sequence[int],
    view: Steadied,
) -> tuple[list[Shot], Tensor]:
    """What each shot's camera saw at the model's times, and the yaw of the first one's view.

    Every shot has a size and an upright view of its own.
    """
    moments = [
        0.5 * (keypoints.timestamps[c - 1] + keypoints.timestamps[c])
        for c in cuts
        if 0 < c < len(keypoints)
    ]
    firsts = [0, *(int(i) for i in np.searchsorted(times, moments))]
    edges = [0, *(c for c in cuts if 0 < c < len(keypoints)), len(keypoints)]
    size = torch.tensor([keypoints.image_size], dtype=torch.float32)
    down = None if view.down is None else torch.from_numpy(view.down).to(size)[None]
    lens = Lens.guessed(size, torch.tensor([view.focal]), down)
    shots, yaws = [], []
    for number, first in enumerate(firsts):
        end = firsts[number + 1] if number + 1 < len(firsts) else len(times)
        if end <= first:
            continue  # shorter than a frame of the model
        own = slice(edges[number], edges[number + 1])
        seen = dataclasses.replace(
            keypoints, points=keypoints.points[own], timestamps=keypoints.timestamps[own]
        )
        # In parts: what is made on the way is many times the size of the points.
        parts = [
            resample_keypoints(seen, times[i : min(i + PIECE, end)])
            for i in range(first, end, PIECE)
        ]
        points = torch.cat(parts)[None]
        shot = upright_shot(checkpoint, points, lens, view.still)
        counts = _trust(points[0], keypoints)[None]
        shots.append(Shot(first, dataclasses.replace(shot.condition, trust=counts)))
        yaws.append(shot.yaw)
    return shots, yaws[0]


def _trust(points_px: Tensor, keypoints: Keypoints2D) -> Tensor:
    """How much points (frames, 17, 3) at the model's times count; all do but of who is too sure."""
    if not keypoints.estimator.startswith(DOUBTED):
        return torch.ones_like(points_px[..., 2])
    return torch.from_numpy(trust(points_px.numpy())).to(points_px)


def _on_input_clock(motion: Motion, times: np.ndarray, keypoints: Keypoints2D) -> Motion:
    """The motion at the input's own times: rotations on SO(3), the rest linearly."""
    old, new = torch.from_numpy(times), torch.from_numpy(keypoints.timestamps).double()

    def linear(values: np.ndarray) -> Tensor:
        return linear_resample(torch.from_numpy(values), old, new)

    return Motion(
        poses=np.concatenate([_slerped(motion.poses, old, part) for part in new.split(PIECE)]),
        trans=linear(motion.trans).numpy(),
        fps=keypoints.fps,
        contacts=linear(motion.contacts).numpy(),
        timestamps=keypoints.timestamps - keypoints.timestamps[0],
        joints2d=keypoints.points.astype(np.float32),
        observed=keypoints.observed,
    )


def _slerped(poses: np.ndarray, old: Tensor, new: Tensor) -> np.ndarray:
    """Axis-angle poses at new times, from the old ones around them."""
    first = max(0, int(torch.searchsorted(old, new[0], right=True)) - 2)
    end = min(len(old), int(torch.searchsorted(old, new[-1], right=True)) + 2)
    R = axis_angle_to_matrix(torch.from_numpy(poses[first:end]).double())
    return matrix_to_axis_angle(slerp_resample(R, old[first:end], new)).numpy().astype(np.float32)


__all__ = ["MODEL_FPS", "VideoToMotion"]
