"""Dances from videos: the video pipeline's motions, with the videos' own sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.errors import InputError, VimoflowError
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.geometry.signals import runs_of_true
from vimoflow.keypoints.doubt import POINTS, doubt_m
from vimoflow.motion.clip import Motion
from vimoflow.music.audio_features import FPS, music_features
from vimoflow.music.pairs import Dance
from vimoflow.music.styles import LEAST_FRAMES, style_dance
from vimoflow.pipeline import GenerateOptions, generate
from vimoflow.pipeline.inputs import Progress

_SURE_M = 0.025  # mean doubt of a body's points that is taken as it is
_ALIKE = 1.25  # of what is typical in a folder is taken, too, however doubtful all of it is
_UNSEEN_M = 0.3
ENDINGS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")


@dataclass(frozen=True)
class FoundDances:
    """What came of a folder of videos.

    Attributes:
        dances: stretches of the videos that could be used.
        skipped: one line for each video that could not.
    """

    dances: list[Dance]
    skipped: list[str]


def dances_from_videos(
    folder: Path, progress: Progress | None = None, checkpoint: str = DEFAULT_CHECKPOINT
) -> FoundDances:
    """Run the pipeline on every video of a folder; its motions are kept in ``motions/`` there.

    Only stretches of a second or more are kept in which the body's points are not doubted
    (``keypoints.doubt``), or hardly more than is typical of the folder: somebody half hidden
    teaches a style that nobody has. A video whose motion is there already, and not older, is not
    run again. Videos without sound teach how to move, not when.

    Args:
        folder: of videos with one person each.
        progress: shown by the pipeline.
        checkpoint: of the video model.

    Raises:
        InputError: there is no video, or none could be used.
    """
    videos = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS)
    if not videos:
        raise InputError(f"{folder}: holds no videos ({', '.join(ENDINGS)})")
    found: list[tuple[Dance, np.ndarray]] = []
    skipped = []
    for video in videos:
        try:
            found.append(_dance(video, folder / "motions" / video.stem, progress, checkpoint))
        except VimoflowError as error:
            skipped.append(" ".join(str(error).split()))
    if not found:
        raise InputError(f"{folder}: no video could be used; the first: {skipped[0]}")
    typical = float(np.median(np.concatenate([doubt for _, doubt in found])))
    most = max(_SURE_M, _ALIKE * typical)
    kept = []
    for dance, doubt in found:
        runs = [(a, b) for a, b in runs_of_true(doubt <= most) if b - a >= LEAST_FRAMES]
        kept += [dance if b - a == len(dance) else dance.part(a, b) for a, b in runs]
        if not runs:
            skipped.append(f"{dance.name}: no second of it shows clearly enough how the body moves")
    if not kept:
        raise InputError(f"{folder}: no video could be used; the first: {skipped[0]}")
    return FoundDances(kept, skipped)


def _doubt(motion: Motion, frames: int) -> Float[np.ndarray, " frames"]:
    """How far off the body's points typically are, metres, at a dance's frames."""
    if motion.joints2d is None:
        return np.zeros(frames)
    points = motion.joints2d[:, POINTS]
    each = np.where(points[..., 2] > 0, doubt_m(motion.joints2d)[:, POINTS], _UNSEEN_M)
    times = motion.timestamps - motion.timestamps[0]
    return np.interp(np.arange(frames) / FPS, times, each.mean(1))


def _dance(
    video: Path, output: Path, progress: Progress | None, checkpoint: str
) -> tuple[Dance, np.ndarray]:
    made = output / "motion.npz"
    if not made.is_file() or made.stat().st_mtime < video.stat().st_mtime:
        options = GenerateOptions(output, checkpoint=checkpoint, formats=("npz",))
        generate([video], options, progress)
    try:
        music = music_features(video)
    except InputError:  # no sound, or silence: common in clips
        music = None
    motion = load_motion_npz(made)
    dance = style_dance(motion, video.name, music)
    return dance, _doubt(motion, len(dance))
