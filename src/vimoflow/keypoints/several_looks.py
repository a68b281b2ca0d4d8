"""Three looks at each picture, and of each point the place in their midst.

BlazePose errs by the picture that it sees: its heavy model loses a leg where the full one does not,
and in a mirror image it takes other sides for each other. What two of three agree on counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from jaxtyping import Float

from vimoflow.keypoints.mediapipe_pose import PoseGraph, import_mediapipe, require_model
from vimoflow.keypoints.mirroring import mirrored_points
from vimoflow.video import VideoFrame

_SEEN = 0.05  # confidence of a point that has a place
_ROUNDS = 8
_NEAR = 0.005  # of the picture's longer side: nearer looks agree


class ThreeLooks:
    """One person's keypoints from BlazePose's heavy model, the same mirrored, and the full one.

    Attributes:
        name: what to write beside the keypoints.

    Raises:
        ConfigError: MediaPipe is not installed, or the heavy model cannot be had.
    """

    name = "mediapipe-three-0.10.21"

    def __init__(self) -> None:
        require_model("heavy", import_mediapipe())

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """Keypoints of each frame of one video: pixels, and the mean of the looks' confidences."""
        with ExitStack() as stack:
            heavy, mirrored, full = (
                stack.enter_context(PoseGraph(model=model)) for model in ("heavy", "heavy", "full")
            )
            beside = stack.enter_context(ThreadPoolExecutor(1, "vimoflow-look"))
            for frame in frames:
                other = beside.submit(heavy.points, frame)
                looks = [_unmirrored(mirrored, frame), full.points(frame), other.result()]
                yield in_their_midst(np.stack(looks), _NEAR * max(frame.rgb.shape))

    def estimate_people(
        self, frames: Iterable[VideoFrame]
    ) -> Iterator[Float[np.ndarray, "people 17 3"]]:
        """The people of each frame, by the heavy model alone; see ``people_mediapipe``."""
        from vimoflow.keypoints.people_mediapipe import people_in

        return people_in(frames, "heavy")


def in_their_midst(
    looks: Float[np.ndarray, "looks 17 3"], near_px: float
) -> Float[np.ndarray, "17 3"]:
    """The geometric median of each point over who has seen it, by Weiszfeld's iteration.

    Args:
        looks: pixels and confidence.
        near_px: distance below which looks count alike, pixels.
    """
    xy, seen = looks[..., :2], (looks[..., 2:] > _SEEN).astype(float)
    weight = seen
    for _ in range(_ROUNDS):
        middle = (xy * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
        away = np.linalg.norm(xy - middle, axis=-1, keepdims=True)
        weight = seen / np.maximum(away, near_px)
    count = seen.sum(axis=0)
    confidence = (looks[..., 2:] * seen).sum(axis=0) / np.maximum(count, 1)
    return np.round(np.concatenate((middle, confidence), axis=-1) * (count > 0), 3)


def _unmirrored(graph: PoseGraph, frame: VideoFrame) -> Float[np.ndarray, "17 3"]:
    """What a graph sees in the frame's mirror image, in the frame."""
    image = VideoFrame(np.ascontiguousarray(frame.rgb[:, ::-1]), frame.time, frame.index)
    return mirrored_points(graph.points(image), frame.rgb.shape[1])
