"""Small pictures: what the video showed, and the animation beside it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from vimoflow.keypoints.estimators import KeypointEstimator
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import COCO_BONES
from vimoflow.video import VideoFrame
from vimoflow.viewer.mannequin import MannequinRenderer, View, followed_path, world_rotations

EVERY_S = 0.5  # between the pictures that are kept of a video
_HEIGHT = 144  # pixels
_QUALITY = 80  # JPEG
_IN_STRIP = 6
_SEEN = 0.3
_LINE = (98, 182, 131)


@dataclass(frozen=True)
class Picture:
    """A small JPEG of a video's frame; ``scale`` is its size relative to the frame's."""

    time_s: float
    jpeg: bytes
    scale: float


class PictureWatch:
    """An estimator that also keeps a small picture every half second, in the same pass."""

    def __init__(self, estimator: KeypointEstimator) -> None:
        self._estimator = estimator
        self.name = estimator.name
        self.pictures: list[Picture] = []

    def estimate(self, frames: Iterable[VideoFrame]) -> Iterator[Float[np.ndarray, "17 3"]]:
        """The estimator's keypoints, frame by frame."""
        return self._estimator.estimate(self._kept(frames))

    def _kept(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        for frame in frames:
            if frame.time >= EVERY_S * len(self.pictures) - 1e-6:
                scale = _HEIGHT / frame.rgb.shape[0]
                small = shrunk(frame.rgb, scale)
                self.pictures.append(Picture(frame.time, encoded(small), scale))
            yield frame


def shrunk(
    rgb: UInt8[np.ndarray, "height width 3"], scale: float
) -> UInt8[np.ndarray, "small_height small_width 3"]:
    """The picture at another size, by areas."""
    from PIL import Image

    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))


def encoded(rgb: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """A JPEG; equal pictures give equal bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def decoded(jpeg: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """The pixels of a JPEG."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def thumbnail(pictures: Sequence[Picture], middle_s: float) -> bytes:
    """The picture nearest to a moment, as it is."""
    return min(pictures, key=lambda p: abs(p.time_s - middle_s)).jpeg


def strip(
    pictures: Sequence[Picture], start_s: float, keypoints: Keypoints2D, motion: Motion | None
) -> bytes:
    """Some moments of a clip with its keypoints; below them the animation, if there is one.

    Args:
        pictures: of the whole video.
        start_s: of the clip.
        keypoints: of the clip, its own clock, pixels of the video.
        motion: on the same clock.
    """
    end = start_s + float(keypoints.timestamps[-1])
    inside = [p for p in pictures if start_s - 1e-6 <= p.time_s <= end + 1e-6] or [
        min(pictures, key=lambda p: abs(p.time_s - start_s))
    ]
    chosen = [inside[i] for i in np.linspace(0, len(inside) - 1, _IN_STRIP).round().astype(int)]
    moments = [int(np.abs(keypoints.timestamps + start_s - p.time_s).argmin()) for p in chosen]
    panes = [_with_keypoints(p, keypoints.points[i]) for p, i in zip(chosen, moments, strict=True)]
    rows = [np.concatenate(panes, axis=1)]
    if motion is not None:
        rows.append(_mannequins(motion, moments, panes[0].shape[1]))
    return encoded(np.concatenate(rows))


def _with_keypoints(
    picture: Picture, points_px: Float[np.ndarray, "17 3"]
) -> UInt8[np.ndarray, "height width 3"]:
    from PIL import Image, ImageDraw

    image = Image.fromarray(decoded(picture.jpeg))
    draw: Any = ImageDraw.Draw(image)
    at = points_px[:, :2] * picture.scale
    for a, b in COCO_BONES:
        if min(points_px[a, 2], points_px[b, 2]) > _SEEN:
            draw.line([*at[a].tolist(), *at[b].tolist()], fill=_LINE, width=2)
    return np.asarray(image)


def _mannequins(
    motion: Motion, moments: Sequence[int], width: int
) -> UInt8[np.ndarray, "height width_of_all 3"]:
    view = View(max(width, 32), _HEIGHT)
    renderer, follow = MannequinRenderer(view), followed_path(motion, view)
    R_world = world_rotations(motion.local_rotations)
    draw: Callable[[int], np.ndarray] = lambda i: renderer.draw(  # noqa: E731
        R_world[i], motion.joint_positions[i], follow[i]
    )
    panes = [draw(i)[:, :width] for i in moments]
    return np.concatenate(panes, axis=1)
