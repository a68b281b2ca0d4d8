"""MediaPipe's BlazePose as a keypoint estimator; its full model is carried by its wheel."""

from __future__ import annotations

import io
import os
import re
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import ConfigError
from vimoflow.video import VideoFrame

# What MediaPipe's and TensorFlow Lite's native code prints on stderr when all is well.
_CHATTER = re.compile(rb"(INFO: |WARNING: |[IW]\d{4} ).*")
Model = Literal["lite", "full", "heavy"]
_MODELS: tuple[Model, ...] = ("lite", "full", "heavy")  # in the order of MediaPipe's numbers
_PATIENCE_S = 20.0  # with a network that does not answer
# The clock step that MediaPipe's wrapper adds by itself before each frame, in microseconds.
_WRAPPER_STEP_US = 33_333
_STDERR = threading.RLock()  # of the process: graphs that start in several threads take turns


class MediaPipeEstimator:
    """One person's keypoints from MediaPipe 0.10.21's BlazePose, on the CPU.

    Offline, once the model is there: the full one is in the wheel, the others are fetched by
    MediaPipe when they are first asked for.

    The 17 COCO points are the landmarks of the same name. BlazePose's training data marks some of
    them differently from COCO, hips and ears most; no offset is applied here. A point's confidence
    is the smaller of BlazePose's visibility (not hidden) and presence (inside the image), and 0
    beyond the image's edge. The landmarks are smoothed over time by MediaPipe's own filter, which
    delays them by about a quarter of a frame at 30 fps. The same frames give the same numbers, bit
    for bit, on one machine.

    Args:
        keep_world_landmarks: also keep MediaPipe's own 3D estimate, for evaluation.
        model: lite takes four fifths of the full one's time, heavy two and a half times it.

    Attributes:
        name: what to write beside the keypoints.
        world_landmarks: with keep_world_landmarks, for every frame of the last `estimate` the 33
            landmarks in metres about the mid-hip (x right, y down, z away from the camera), NaN
            without a person; otherwise empty.
    """

    def __init__(self, keep_world_landmarks: bool = False, model: Model = "full") -> None:
        self.name = f"mediapipe-{model}-0.10.21"
        self._model = model
        self._keep_world_landmarks = keep_world_landmarks
        self.world_landmarks: list[Float[np.ndarray, "33 3"]] = []

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """Keypoints of each frame: x and y in pixels and a confidence; zeros without a person.

        The person is tracked from frame to frame, so the frames must be one video's, in order.
        """
        self.world_landmarks = []
        with PoseGraph(model=self._model) as graph:
            for frame in frames:
                result = graph.process(frame)
                if self._keep_world_landmarks:
                    self.world_landmarks.append(_metres(result))
                yield graph.pixels(result, frame)

    def estimate_people(
        self, frames: Iterable[VideoFrame]
    ) -> Iterator[Float[np.ndarray, "people 17 3"]]:
        """The people of each frame, in any order; see ``people_mediapipe``."""
        from vimoflow.keypoints.people_mediapipe import people_in

        return people_in(frames, self._model)


def mediapipe_lite() -> MediaPipeEstimator:
    """BlazePose's light model; fetched where it is not there."""
    require_model("lite", import_mediapipe())
    return MediaPipeEstimator(model="lite")


def mediapipe_heavy() -> MediaPipeEstimator:
    """BlazePose's heavy model; fetched where it is not there."""
    require_model("heavy", import_mediapipe())
    return MediaPipeEstimator(model="heavy")


def _have(file: Path) -> bool:
    return file.is_file()


def require_model(model: Model, mediapipe: Any) -> None:
    """Have MediaPipe fetch a model that its wheel does not carry, unless it is there.

    Raises:
        ConfigError: it cannot be fetched; says which file to put where.
    """
    file = Path(mediapipe.__file__).parent / f"modules/pose_landmark/pose_landmark_{model}.tflite"
    if _have(file):
        return
    print(f"MediaPipe fetches {file.name}, once ...", file=sys.stderr, flush=True)
    patience_s = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(_PATIENCE_S)
        with redirect_stdout(io.StringIO()):
            from mediapipe.python.solutions import download_utils

            download_utils.download_oss_model(f"mediapipe/modules/pose_landmark/{file.name}")
    except BaseException as error:
        file.unlink(missing_ok=True)  # half of it would be taken for all of it the next time
        if not isinstance(error, Exception):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"{file.name} is not there and cannot be fetched ({reason[:200]}); put the file into "
            f"{file.parent}, or use --estimator mediapipe"
        ) from error
    finally:
        socket.setdefaulttimeout(patience_s)


class PoseGraph:
    """A running MediaPipe graph, which follows one person; a context manager.

    Args:
        follows: whether the frames are a video's; otherwise each is looked at by itself.
        model: of BlazePose.

    Raises:
        ConfigError: MediaPipe is not installed, or the model cannot be had.
    """

    def __init__(self, follows: bool = True, model: Model = "full") -> None:
        mediapipe = import_mediapipe()
        require_model(model, mediapipe)
        self._follows, self._complexity = follows, _MODELS.index(model)
        self._module = mediapipe.solutions.pose
        self._order = [self._module.PoseLandmark[name.upper()] for name in COCO_NAMES]
        self._pose: Any = None
        # Once a person has been found, every part of the graph has said what it had to say.
        self._settled = False

    def __enter__(self) -> PoseGraph:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the graph's threads."""
        if self._pose is not None:
            self._pose.close()
            self._pose = None

    def points(self, frame: VideoFrame) -> Float[np.ndarray, "17 3"]:
        """The person's keypoints: pixels and confidence; zeros without a person."""
        return self.pixels(self.process(frame), frame)

    def process(self, frame: VideoFrame) -> Any:
        """MediaPipe's result; its `pose_landmarks` is None without a person."""
        if self._settled:
            return self._process(frame)
        with _without_chatter():
            # The graph's threads start in their own time and talk while they do: only the first
            # frame's result shows that they are through, so both happen in here.
            if self._pose is None:
                self._pose = self._module.Pose(
                    static_image_mode=not self._follows,
                    model_complexity=self._complexity,
                    smooth_landmarks=self._follows,
                )
            result = self._process(frame)
        self._settled = result.pose_landmarks is not None
        return result

    def pixels(self, result: Any, frame: VideoFrame) -> Float[np.ndarray, "17 3"]:
        """The COCO points of a result of `process`: pixels of the frame and confidence."""
        if result.pose_landmarks is None:
            return np.zeros((17, 3))
        height, width = frame.rgb.shape[:2]
        landmarks = [result.pose_landmarks.landmark[index] for index in self._order]
        rows = np.array([(p.x, p.y, min(p.visibility, p.presence)) for p in landmarks])
        # Beyond the picture's edge BlazePose guesses, and is often sure of itself.
        outside = ((rows[:, :2] < 0) | (rows[:, :2] > 1)).any(axis=1)
        rows *= np.column_stack([np.tile((width, height), (17, 1)), ~outside])
        # Rounded far below the detector's noise, so that keypoint files stay small and exact.
        return np.round(rows, 3)

    def _process(self, frame: VideoFrame) -> Any:
        # The wrapper believes in 30 fps; its smoothing filter needs the true clock.
        self._pose._simulated_timestamp = round(frame.time * 1e6) - _WRAPPER_STEP_US
        # Not Pose.process, which would erase the presence.
        return self._module.SolutionBase.process(self._pose, {"image": frame.rgb})


def _metres(result: Any) -> Float[np.ndarray, "33 3"]:
    if result.pose_world_landmarks is None:
        return np.full((33, 3), np.nan)
    return np.array([(p.x, p.y, p.z) for p in result.pose_world_landmarks.landmark])


def import_mediapipe() -> Any:
    """MediaPipe, without the packages that it imports for drawing and recording sound alone.

    Neither is used here. Matplotlib takes a third of a second, and OpenCV's wheel and sounddevice
    look for system libraries (libGL, PortAudio) that a machine may lack.

    Raises:
        ConfigError: MediaPipe is not installed.
    """
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_chatter(), _stand_ins(*_unused_modules()):
        try:
            import mediapipe
        except ImportError as error:
            raise ConfigError(
                f"the estimator mediapipe cannot be loaded ({error}); "
                "run: pip install mediapipe==0.10.21"
            ) from error
    return mediapipe


def _unused_modules() -> Iterator[str]:
    if "matplotlib" not in sys.modules:
        yield from ("matplotlib", "matplotlib.pyplot")
    if "sounddevice" not in sys.modules:
        yield "sounddevice"
    try:
        import cv2  # noqa: F401
    except ImportError:
        yield "cv2"


@contextmanager
def _stand_ins(*names: str) -> Iterator[None]:
    """Empty modules of these names, as long as the block lasts."""
    made = {name: ModuleType(name) for name in names}
    for name, module in made.items():
        parent, _, child = name.rpartition(".")
        if parent in made:
            setattr(made[parent], child, module)
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, module in made.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Drop native code's idle talk on stderr; anything else written meanwhile still appears."""
    with _STDERR, tempfile.TemporaryFile() as captured:
        try:
            stderr = os.dup(2)
        except OSError:  # a program without a console
            yield
            return
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
