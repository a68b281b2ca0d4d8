"""What a frame of the preview costs: processor time of the whole, and of drawing the mannequin."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.speed.figures import Figure
from vimoflow.motion.clip import Motion
from vimoflow.viewer.mannequin import MannequinRenderer, View, followed_path, world_rotations
from vimoflow.viewer.video import write_preview_video

_PANE = (380, 506)  # pixels, beside a picture of 16 : 9


def preview_costs(motion: Motion, video: Path) -> Iterator[Figure]:
    """Milliseconds of processor time a frame, of all threads.

    Args:
        motion: made from the video.
        video: it, at 30 fps or less.
    """
    drawing = _drawing_s(motion)  # first, so that what loads once is there
    with tempfile.TemporaryDirectory(prefix="vimoflow-preview-") as folder:
        begun = time.process_time()
        write_preview_video(motion, Path(folder) / "preview.mp4", video)
        whole = time.process_time() - begun
    frames = len(motion)
    yield Figure("preview, ms of processor time a frame", "", 1e3 * whole / frames)
    yield Figure("of it drawing, ms", "6", 1e3 * drawing / frames)


def _drawing_s(motion: Motion) -> float:
    view = View(*_PANE)
    renderer, follow = MannequinRenderer(view), followed_path(motion, view)
    R_world = world_rotations(motion.local_rotations)
    joints = motion.joint_positions / motion.skeleton.scale
    renderer.draw(R_world[0], joints[0], follow[0])
    begun = time.process_time()
    for index in range(len(motion)):
        renderer.draw(R_world[index], joints[index], follow[index])
    return time.process_time() - begun
