"""RTMPose and RTMO through rtmlib and ONNX Runtime: several people a frame, on CPU or GPU.

Jiang et al. 2023 (arXiv 2303.07399) and Lu et al. 2023 (arXiv 2312.07526); weights are Apache-2.0,
by OpenMMLab. They are looked for in `weights_folder`, and fetched from OpenMMLab once.
"""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.errors import ConfigError
from vimoflow.files import replacing
from vimoflow.installation import cache_folder, install_command
from vimoflow.keypoints.people_sizes import box_height_px
from vimoflow.keypoints.tracking import similarity
from vimoflow.video import VideoFrame

FOLDER_VARIABLE = "VIMOFLOW_DETECTORS"
_SITE = "https://download.openmmlab.com/mmpose/v1/projects/"
_MAX_BYTES = 1 << 30  # of a model in a zip
_STAYS = 0.1  # similarity (OKS) to the person of the frame before


@dataclass(frozen=True)
class Weights:
    """A model file.

    Attributes:
        name: file name without ending.
        page: folder below OpenMMLab's site.
        input_size: (width, height) in pixels that the model wants.
    """

    name: str
    page: str
    input_size: tuple[int, int]

    @property
    def url(self) -> str:
        """Where the zip with the model is."""
        return f"{_SITE}{self.page}/onnx_sdk/{self.name}.zip"


DETECTOR = Weights("yolox_m_8xb8-300e_humanart-c2c7a14a", "rtmposev1", (640, 640))
RTMPOSE = Weights(
    "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504", "rtmposev1", (192, 256)
)
RTMO = Weights("rtmo-m_16xb16-600e_body7-640x640-39e78cc4_20231211", "rtmo", (640, 640))

Finder = Callable[[UInt8[np.ndarray, "height width 3"]], tuple[np.ndarray, np.ndarray]]


class RTMEstimator:
    """Keypoints by RTMPose (YOLOX finds boxes, RTMPose looks into each) or RTMO (one pass).

    Args:
        model: ``"rtmpose"`` or ``"rtmo"``.

    Attributes:
        name: what to write beside the keypoints.
    """

    def __init__(self, model: str) -> None:
        self._weights = (DETECTOR, RTMPOSE) if model == "rtmpose" else (RTMO,)
        self.name = self._weights[-1].name

    def estimate_people(
        self, frames: Iterable[VideoFrame]
    ) -> Iterator[Float[np.ndarray, "people 17 3"]]:
        """The people of each frame, in any order: pixels and confidence.

        Raises:
            ConfigError: rtmlib is not installed, or the weights are missing or are not such.
        """
        find = _loaded(self._weights)
        for frame in frames:
            # rtmlib works on OpenCV's order of colours.
            yield _people(*find(np.ascontiguousarray(frame.rgb[..., ::-1])), frame)

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """One person's keypoints: who is largest at first, and again whenever nobody goes on."""
        person = np.zeros((17, 3))
        for people in self.estimate_people(frames):
            if not len(people):
                yield np.zeros((17, 3))
                continue
            likeness = similarity(people, person)
            best = int(likeness.argmax())
            if likeness[best] < _STAYS:
                best = int(box_height_px(people).argmax())
            person = people[best]
            yield person


def rtmpose() -> RTMEstimator:
    """RTMPose, which looks at each person by itself."""
    return RTMEstimator("rtmpose")


def rtmo() -> RTMEstimator:
    """RTMO, which sees everybody at once."""
    return RTMEstimator("rtmo")


def weights_folder() -> Path:
    """Where models are kept: ``$VIMOFLOW_DETECTORS``, or vimoflow's folder of the user's cache."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else cache_folder()


def weights_file(weights: Weights) -> Path:
    """The model's .onnx file: there, out of a zip that is there, or fetched.

    Raises:
        ConfigError: it cannot be had; says which file to put where.
    """
    folder = weights_folder()
    onnx, packed = folder / f"{weights.name}.onnx", folder / f"{weights.name}.zip"
    if onnx.is_file():
        return onnx
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not packed.is_file():
            _fetch(weights, folder)
            if onnx.is_file():
                return onnx
        _unpack(packed, onnx)
    except Exception as error:
        # urllib, zipfile and the system each have errors of their own.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"{onnx}: the detector's weights are missing and cannot be fetched ({reason[:200]}); "
            f"download {weights.url} and put it into {folder} (or name a folder in "
            f"{FOLDER_VARIABLE})"
        ) from error
    return onnx


def _fetch(weights: Weights, folder: Path) -> None:
    """Through rtmlib, which knows the mirrors; it unpacks as well."""
    from rtmlib.tools.file import download_checkpoint

    with contextlib.redirect_stderr(io.StringIO()):
        download_checkpoint(weights.url, str(folder), progress=False)


def _unpack(packed: Path, onnx: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        entries = [one for one in archive.infolist() if one.filename.endswith("end2end.onnx")]
        if not entries or entries[0].file_size > _MAX_BYTES:
            raise zipfile.BadZipFile(f"{packed.name} holds no end2end.onnx")
        with replacing(onnx) as partial:
            partial.write_bytes(archive.read(entries[0]))


def _loaded(weights: tuple[Weights, ...]) -> Finder:
    """What finds keypoints and their scores in a picture (BGR)."""
    try:
        import onnxruntime
        import rtmlib
    except ImportError as error:
        raise ConfigError(
            f"the estimators rtmpose and rtmo cannot be loaded ({error}); "
            f"run: {install_command('rtm')}"
        ) from error
    cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    models = {RTMO: rtmlib.RTMO, RTMPOSE: rtmlib.RTMPose, DETECTOR: rtmlib.YOLOX}
    tools = [_tool(models[one], one, "cuda" if cuda else "cpu") for one in weights]
    if len(tools) == 1:
        return _guarded(tools[0], weights[0])
    detector, pose = tools

    def find(picture: UInt8[np.ndarray, "height width 3"]) -> tuple[np.ndarray, np.ndarray]:
        boxes = np.reshape(detector(picture), (-1, 4))
        # Given no box, rtmlib would look at the whole picture.
        return pose(picture, boxes) if len(boxes) else (np.zeros((0, 17, 2)), np.zeros((0, 17)))

    return _guarded(find, weights[-1])


def _tool(kind: Any, weights: Weights, device: str) -> Any:
    file = weights_file(weights)
    width, height = weights.input_size
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return kind(
                str(file), model_input_size=(width, height), backend="onnxruntime", device=device
            )
    except Exception as error:
        raise ConfigError(f"{file}: is no ONNX model, or is damaged; delete it") from error


def _guarded(find: Finder, weights: Weights) -> Finder:
    """The same, but a model of other inputs or outputs is the user's mistake, not a bug."""

    def checked(picture: UInt8[np.ndarray, "height width 3"]) -> tuple[np.ndarray, np.ndarray]:
        try:
            points, scores = find(picture)
        except Exception as error:  # ONNX Runtime's own kinds, or unpacking of other outputs
            raise ConfigError(_not_the_model(weights)) from error
        if points.shape[1:] != (17, 2) or scores.shape[1:] != (17,):
            raise ConfigError(_not_the_model(weights))
        return points, scores

    return checked


def _not_the_model(weights: Weights) -> str:
    return (
        f"{weights_folder() / weights.name}.onnx: is not the model that its name says; "
        f"download it from {weights.url}"
    )


def _people(
    points: Float[np.ndarray, "people 17 2"], scores: Float[np.ndarray, "people 17"],
    frame: VideoFrame,
) -> Float[np.ndarray, "seen 17 3"]:  # fmt: skip
    """Finite pixels inside the picture with confidences in 0-1; nobody who shows nothing."""
    height, width = frame.rgb.shape[:2]
    points = np.nan_to_num(np.asarray(points, np.float64))
    inside = ((points >= 0) & (points < (width, height))).all(-1)
    confidence = np.nan_to_num(np.asarray(scores, np.float64)).clip(0, 1) * inside
    rows = np.concatenate([points * (confidence > 0)[..., None], confidence[..., None]], axis=-1)
    return np.round(rows[(confidence > 0).any(-1)], 3)
