"""``preview.mp4``: the input beside the 3D result, drawn on the CPU, one frame at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from vimoflow.conventions import COCO_NAMES
from vimoflow.formats.body import COLORS_SRGB, MATERIALS
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import COCO_BONES
from vimoflow.video import Footage, VideoWriter, frames, open_video
from vimoflow.video.prefetch import made_ahead, prefetch
from vimoflow.video.timing import Pace
from vimoflow.viewer.mannequin import MannequinRenderer, View, followed_path, world_rotations

_MAX_WIDTH, _MAX_HEIGHT = 1280, 640
_RESULT_ASPECT = 0.75  # width by height of the 3D pane
_STRIP_PX = 6
_RATE = 30.0  # frames a second, at most
_Page = UInt8[np.ndarray, "rows width 3"]
_PAPER = (38, 43, 52)  # behind 2D keypoints that came without a video
_SEEN, _FILLED, _TRACK = (98, 182, 131), (237, 178, 76), (70, 76, 88)


def write_preview_video(
    motion: Motion,
    path: str | Path,
    source_video: str | Path | Footage | None = None,
    start: float | None = None,
    end: float | None = None,
    on_frame: Callable[[int], None] | None = None,
) -> None:
    """Write the input with its 2D keypoints beside the mannequin seen from where the camera stood.

    Of motions faster than 30 fps about 30 poses a second are shown. Memory does not grow with the
    length. Without a video the 2D keypoints are drawn on plain
    ground, and without keypoints the result stands alone.

    Args:
        motion: one pose a frame of the input.
        path: the MP4 file; an existing one is replaced.
        source_video: the video the motion was made from, if any.
        start, end: the part of the video that the motion was made from, seconds.
        on_frame: called with the number of the motion's frames done so far.

    Raises:
        InputError: the source video cannot be read.
        OutputError: the file cannot be written.
    """
    layout = _layout(_source_size(motion, source_video))
    size = (layout.width, layout.height + _STRIP_PX)
    times = motion.timestamps - motion.timestamps[0]
    shown = _shown(times)
    inputs = _pictures(source_video, layout, start, end)
    # Decoding and encoding each have a thread, drawing, which takes longest, two.
    with (
        VideoWriter(path, size, motion.fps, quick=True) as writer,
        prefetch(inputs) as pictures,
        made_ahead(_painter(motion, layout), zip(shown, pictures, strict=False), 2) as pages,
    ):
        for index, page in zip(shown, pages, strict=True):
            writer.write(page, float(times[index]))
            if on_frame is not None:
                on_frame(index + 1)


def _shown(times: Float[np.ndarray, "frames"]) -> list[int]:
    """The frames that are shown: those that a video read at this rate yields."""
    pace = Pace(_RATE)
    return [index for index, time in enumerate(times) if pace.takes(float(time))]


def _painter(
    motion: Motion, layout: _Layout
) -> Callable[[tuple[int, UInt8[np.ndarray, "height input_width 3"]]], _Page]:
    """Draws a frame: the input's pane, the result's and the time line."""
    view = View(layout.result_width, layout.height)
    renderer, follow = MannequinRenderer(view), followed_path(motion, view)
    R_local, p_world = motion.local_rotations, _canonical_positions(motion)  # made here, once
    strip = _strip(motion, layout.width)
    times = motion.timestamps - motion.timestamps[0]

    def page_of(shown: tuple[int, UInt8[np.ndarray, "height input_width 3"]]) -> _Page:
        index, picture = shown
        page = np.empty((layout.height + _STRIP_PX, layout.width, 3), np.uint8)
        if layout.input_width:
            page[: layout.height, : layout.input_width] = picture
            _annotate(page, motion, index, layout)
        result = page[: layout.height, layout.input_width :]
        R_world = world_rotations(R_local[index : index + 1])[0]
        renderer.draw(R_world, p_world[index], follow[index], out=result)
        _label(page, f"{times[index]:.2f} s", layout.width - 78, layout.height - 14, dark=True)
        page[layout.height :] = _played(strip, index, len(motion))
        return page

    return page_of


def _canonical_positions(motion: Motion) -> Float[np.ndarray, "frames 24 3"]:
    """Joints at the mannequin's own size: a tall figure seen from farther away."""
    return motion.joint_positions / motion.skeleton.scale


@dataclass(frozen=True)
class _Layout:
    """Sizes in pixels, and how source pixels become those of the input's pane."""

    input_width: int
    result_width: int
    height: int
    scale: float
    origin: tuple[float, float]

    @property
    def width(self) -> int:
        return self.input_width + self.result_width


def _source_size(
    motion: Motion, source_video: str | Path | Footage | None
) -> tuple[float, float, float, float] | None:
    """Left, top, width and height in source pixels of what the input's pane shows."""
    if source_video is not None:
        width, height = open_video(source_video).size
        return 0.0, 0.0, float(width), float(height)
    if motion.joints2d is None or not _seen(motion).any():
        return None
    points = motion.joints2d[..., :2][_seen(motion)]
    low, high = np.percentile(points, 1, axis=0), np.percentile(points, 99, axis=0)
    margin = 0.12 * float((high - low).max()) + 1
    (left, top), (width, height) = low - margin, high - low + 2 * margin
    return float(left), float(top), float(width), float(height)


def _layout(source: tuple[float, float, float, float] | None) -> _Layout:
    if source is None:
        return _Layout(0, _even(_MAX_HEIGHT * _RESULT_ASPECT), _MAX_HEIGHT, 1.0, (0.0, 0.0))
    left, top, width, height = source
    aspect = float(np.clip(width / height, 0.4, 2.4))
    rows = _even(min(float(_MAX_HEIGHT), _MAX_WIDTH / (aspect + _RESULT_ASPECT)))
    columns = _even(rows * aspect)
    scale = min(columns / width, rows / height)
    origin = (left - (columns / scale - width) / 2, top - (rows / scale - height) / 2)
    return _Layout(columns, _even(rows * _RESULT_ASPECT), rows, scale, origin)


def _pictures(
    source_video: str | Path | Footage | None,
    layout: _Layout,
    start: float | None,
    end: float | None,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The input's pane, one a frame; the last one stays if the video ends early."""
    last = paper = np.full((layout.height, layout.input_width, 3), _PAPER, np.uint8)
    if source_video is not None:
        with closing(frames(source_video, start, end, layout.scale, _RATE)) as stream:
            for frame in stream:
                last = frame.rgb[: layout.height, : layout.input_width]
                if last.shape != paper.shape:
                    top, left = (np.array(paper.shape[:2]) - last.shape[:2]) // 2
                    small, last = last, paper.copy()
                    last[top : top + small.shape[0], left : left + small.shape[1]] = small
                yield last
    yield from repeat(last)


def _annotate(
    page: UInt8[np.ndarray, "height width 3"], motion: Motion, index: int, layout: _Layout
) -> None:
    """The 2D keypoints of a frame, left and right in the mannequin's colours."""
    import cv2

    if motion.joints2d is None:
        return
    seen = _seen(motion)[index]
    pane = page[: layout.height, : layout.input_width]
    points = (motion.joints2d[index, :, :2] - layout.origin) * layout.scale
    points = np.round(np.clip(points, -1000, 4000) * 8).astype(int)
    thick = max(2, round(layout.height / 240))
    for a, b in COCO_BONES:
        if seen[a] and seen[b]:
            color = _side_color(COCO_NAMES[a], COCO_NAMES[b])
            cv2.line(pane, points[a].tolist(), points[b].tolist(), color, thick, cv2.LINE_AA, 3)
    for point in points[seen]:
        center = point.tolist()
        cv2.circle(pane, center, (thick + 1) * 8, (255, 255, 255), -1, cv2.LINE_AA, 3)
    if seen.mean() < 0.5:
        _label(page, "filled in", 14, layout.height - 14)


@functools.cache
def _side_color(a: str, b: str) -> tuple[int, int, int]:
    sides = {name.split("_")[0] for name in (a, b)} & {"left", "right"}
    material = sides.pop() if len(sides) == 1 else "body"
    red, green, blue = (round(255 * c) for c in COLORS_SRGB[MATERIALS.index(material)])
    return red, green, blue


def _seen(motion: Motion) -> Bool[np.ndarray, "frames 17"]:
    if motion.joints2d is None:
        return np.zeros((len(motion), len(COCO_NAMES)), dtype=bool)
    confident = motion.joints2d[..., 2] > 0
    return confident if motion.observed is None else motion.observed & confident


def _label(
    page: UInt8[np.ndarray, "height width 3"], text: str, x: int, y: int, dark: bool = False
) -> None:
    import cv2

    font, ink = cv2.FONT_HERSHEY_SIMPLEX, (60, 68, 82) if dark else (255, 255, 255)
    if not dark:
        cv2.putText(page, text, (x, y), font, 0.5, (20, 24, 30), 3, cv2.LINE_AA)
    cv2.putText(page, text, (x, y), font, 0.5, ink, 1, cv2.LINE_AA)


def _strip(motion: Motion, width: int) -> UInt8[np.ndarray, "rows width 3"]:
    """A time line: green where the person was seen, amber where the pose was filled in."""
    share = np.ones(len(motion)) if motion.observed is None else motion.observed.mean(axis=1)
    column = np.minimum(np.arange(width) * len(motion) // width, len(motion) - 1)
    mix: Float[np.ndarray, "width 1"] = share[column][:, None]
    colors = mix * np.array(_SEEN) + (1 - mix) * np.array(_FILLED)
    return np.repeat(colors.astype(np.uint8)[None], _STRIP_PX, axis=0)


def _played(
    strip: UInt8[np.ndarray, "rows width 3"], index: int, count: int
) -> UInt8[np.ndarray, "rows width 3"]:
    """The time line with what is still to come dimmed."""
    width = strip.shape[1]
    to_come = np.arange(width) >= (index + 1) / count * width
    dimmed = strip // 3 + np.array(_TRACK, np.uint8) // 3 * 2
    return np.where(to_come[None, :, None], dimmed, strip)


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))
