"""Strips of motions one below the other, at the same moments: a recorded dance, drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lab.music.beat_tests import motion_of
from vimoflow.data.motion_files import load_motion
from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.music.pairs import read_motions_only
from vimoflow.viewer.mannequin import MannequinRenderer, View, world_rotations

_VIEW = View(260, 340, distance=5.0)


def write_motion_strips(
    data: Path, clip: str, files: Sequence[Path], output: Path, times_s: Sequence[float]
) -> None:
    """A row of a recorded motion, and one of each motion file.

    Args:
        data: folder of shards.
        clip: name of the recording.
        files: motion files.
        output: the picture.
        times_s: moments shown, seconds.

    Raises:
        InputError: no recording is called so, or a file cannot be read.
    """
    recorded = read_motions_only(data, None, only=(clip,))
    if not recorded:
        raise InputError(f"{data}: no recording is called {clip}")
    motions = [motion_of(recorded[0]), *(load_motion(path) for path in files)]
    picture = Image.fromarray(np.concatenate([_row(motion, times_s) for motion in motions]))
    picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    picture.quantize(96, dither=Image.Dither.NONE).save(output, optimize=True)


def _row(motion: Motion, times_s: Sequence[float]) -> np.ndarray:
    frames = np.minimum(np.round(np.array(times_s) * motion.fps).astype(int), len(motion) - 1)
    R_world = world_rotations(motion.local_rotations[frames])
    figure = MannequinRenderer(_VIEW)
    joints = motion.joint_positions[frames]
    return np.concatenate(
        [figure.draw(R, p, p[0, [0, 2]]) for R, p in zip(R_world, joints, strict=True)], axis=1
    )
