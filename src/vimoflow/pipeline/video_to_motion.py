"""The model as one object: keypoints or a video in, a motion out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vimoflow.conditioning.encoding import Condition, encode_condition, person_size_px
from vimoflow.conditioning.resampling import MODEL_FPS, model_times, resample_keypoints
from vimoflow.diffusion.checkpoint import DEFAULT_CHECKPOINT, Checkpoint, load_checkpoint
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp_resample
from vimoflow.geometry.signals import linear_resample
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.multiview import sample_views
from vimoflow.pipeline.quality import Quality, measure_quality
from vimoflow.sampling import SamplingOptions, finished_motion, sample_features


class VideoToMotion:
    """A checkpoint ready to animate.

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
        return self.sample(source, SamplingOptions(seed=seed), static_camera=static_camera)[0]

    def sample(
        self,
        keypoints: Keypoints2D,
        options: SamplingOptions | None = None,
        samples: int = 1,
        static_camera: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Motion]:
        """Several motions for the same keypoints, each from noise of its own.

        The world is the camera's: +Z points from the person to where the camera stood, the floor is
        y = 0 and the first root stands over the origin.
        """
        times = model_times(keypoints)
        points = resample_keypoints(keypoints, times)[None]
        condition = encode_condition(points, person_size_px(points), static_camera)
        repeated = Condition(
            condition.pose.expand(samples, -1, -1, -1), condition.track.expand(samples, -1, -1)
        )
        features = sample_features(self.checkpoint, repeated, options, progress=progress)
        return [
            _on_input_clock(finished_motion(row, options), times, keypoints) for row in features
        ]

    def sample_views(
        self,
        views: Sequence[Keypoints2D],
        options: SamplingOptions | None = None,
        static_camera: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> Motion:
        """One motion from synchronous views, on the clock and in the world of the first one.

        Views that end earlier see nothing of what comes after. No calibration is needed.
        """
        times = model_times(views[0])
        seconds = times - times[0]
        points = torch.stack(
            [resample_keypoints(view, seconds + view.timestamps[0]) for view in views]
        )
        condition = encode_condition(points, person_size_px(points), static_camera)
        joint_condition = Condition(condition.pose[None], condition.track[None])
        features = sample_views(self.checkpoint, joint_condition, options, progress)[0]
        return _on_input_clock(finished_motion(features, options), times, views[0])


def best_first(motions: list[Motion], keypoints: Keypoints2D) -> list[tuple[Motion, Quality]]:
    """Motions with their quality figures, the one that fits the keypoints best in front.

    The truth is not known here: what counts is reprojection, and foot slide among near equals.
    """
    rated = [(motion, measure_quality(motion, keypoints)) for motion in motions]
    return sorted(rated, key=lambda pair: pair[1].rank)


def _on_input_clock(motion: Motion, times: np.ndarray, keypoints: Keypoints2D) -> Motion:
    """The motion at the input's own times: rotations on SO(3), the rest linearly."""
    old, new = torch.from_numpy(times), torch.from_numpy(keypoints.timestamps).double()

    def linear(values: np.ndarray) -> Tensor:
        return linear_resample(torch.from_numpy(values), old, new)

    R = axis_angle_to_matrix(torch.from_numpy(motion.poses).double())
    return Motion(
        poses=matrix_to_axis_angle(slerp_resample(R, old, new)).numpy().astype(np.float32),
        trans=linear(motion.trans).numpy(),
        fps=keypoints.fps,
        contacts=linear(motion.contacts).numpy(),
        timestamps=keypoints.timestamps - keypoints.timestamps[0],
        joints2d=keypoints.points.astype(np.float32),
        observed=keypoints.observed,
    )


__all__ = ["MODEL_FPS", "VideoToMotion", "best_first"]
