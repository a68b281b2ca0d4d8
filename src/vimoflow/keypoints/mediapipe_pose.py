"""MediaPipe's BlazePose (full model, carried by its wheel) as a keypoint estimator."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError
from vimoflow.keypoints.coco import COCO_NAMES
from vimoflow.video import VideoFrame

# What MediaPipe's and TensorFlow Lite's native code tells on stderr when all is well.
_CHATTER = re.compile(rb"(INFO: |WARNING: |[IW]\d{4} ).*")
# The clock step that MediaPipe's wrapper adds by itself before each frame, in microseconds.
_WRAPPER_STEP_US = 33_333


class MediaPipeEstimator:
    """One person's keypoints from MediaPipe 0.10.21's full BlazePose model, offline, on the CPU.

    The 17 COCO points are the landmarks of the same name. They are not quite COCO's: BlazePose puts
    the hips at the hip joints and the ears at the ear canals as its own annotators saw them, and
    extrapolates limbs beyond the image's edge. A point's confidence is the smaller of BlazePose's
    visibility (not hidden) and presence (inside the image). The landmarks are smoothed over time by
    MediaPipe's own filter, which delays them by about a quarter of a frame at 30 fps. The same
    frames give the same numbers, bit for bit, on one machine.

    Args:
        keep_world_landmarks: also keep MediaPipe's own 3D estimate, for evaluation.

    Attributes:
        name: what to write beside the keypoints.
        world_landmarks: with keep_world_landmarks, for every frame of the last `estimate` the 33
            landmarks in metres about the mid-hip (x right, y down, z away from the camera), NaN
            without a person; otherwise empty.
    """

    name = "mediapipe-full-0.10.21"

    def __init__(self, keep_world_landmarks: bool = False) -> None:
        self._keep_world_landmarks = keep_world_landmarks
        self.world_landmarks: list[Float[np.ndarray, "33 3"]] = []

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """Keypoints of each frame: x and y in pixels and a confidence; zeros without a person.

        The person is tracked from frame to frame, so the frames must be one video's, in order.
        """
        self.world_landmarks = []
        mediapipe = _import_mediapipe()
        order = [mediapipe.solutions.pose.PoseLandmark[name.upper()] for name in COCO_NAMES]
        with _Graph(mediapipe) as graph:
            for frame in frames:
                result = graph.process(frame)
                if self._keep_world_landmarks:
                    self.world_landmarks.append(_metres(result))
                yield _pixels(result, order, frame)


class _Graph:
    """A running MediaPipe graph; a context manager."""

    def __init__(self, mediapipe: ModuleType) -> None:
        self._base = mediapipe.solutions.pose.SolutionBase
        # Once a person has been found, every part of the graph has said what it had to say.
        self._settled = False
        with _without_chatter():
            self._pose = mediapipe.solutions.pose.Pose(
                static_image_mode=False, model_complexity=1, smooth_landmarks=True
            )

    def __enter__(self) -> _Graph:
        return self

    def __exit__(self, *_: object) -> None:
        self._pose.close()

    def process(self, frame: VideoFrame) -> Any:
        """MediaPipe's result; its `pose_landmarks` is None without a person."""
        # The wrapper believes in 30 fps; its smoothing filter needs the true clock.
        self._pose._simulated_timestamp = round(frame.time * 1e6) - _WRAPPER_STEP_US
        # Not Pose.process, which would erase the presence.
        if self._settled:
            return self._base.process(self._pose, {"image": frame.rgb})
        with _without_chatter():
            result = self._base.process(self._pose, {"image": frame.rgb})
        self._settled = result.pose_landmarks is not None
        return result


def _pixels(result: Any, order: list[int], frame: VideoFrame) -> Float[np.ndarray, "17 3"]:
    if result.pose_landmarks is None:
        return np.zeros((17, 3))
    height, width = frame.rgb.shape[:2]
    landmarks = [result.pose_landmarks.landmark[index] for index in order]
    rows = [(p.x * width, p.y * height, min(p.visibility, p.presence)) for p in landmarks]
    # Rounded far below the detector's noise, so that keypoint files stay small and exact.
    return np.round(rows, 3)


def _metres(result: Any) -> Float[np.ndarray, "33 3"]:
    if result.pose_world_landmarks is None:
        return np.full((33, 3), np.nan)
    return np.array([(p.x, p.y, p.z) for p in result.pose_world_landmarks.landmark])


def _import_mediapipe() -> Any:
    """MediaPipe, also on machines that lack the system libraries of OpenCV's wheel (libGL).

    MediaPipe imports OpenCV for its drawing functions alone, which are not used here.

    Raises:
        ConfigError: MediaPipe is not installed.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_chatter():
        stand_in = ModuleType("cv2")
        try:
            import cv2  # noqa: F401
        except ImportError:
            sys.modules["cv2"] = stand_in
        try:
            import mediapipe
        except ImportError as error:
            raise ConfigError(
                f"the estimator mediapipe cannot be loaded ({error}); "
                "run: pip install mediapipe==0.10.21"
            ) from error
        finally:
            if sys.modules.get("cv2") is stand_in:
                del sys.modules["cv2"]
    return mediapipe


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Drop native code's idle talk on stderr; anything else written meanwhile still appears."""
    try:
        stderr = os.dup(2)
    except OSError:  # a program without a console
        yield
        return
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(stderr, 2)
            captured.seek(0)
            os.write(stderr, b"".join(line for line in captured if not _CHATTER.match(line)))
            os.close(stderr)
