"""Dances from videos: the video pipeline's motions, with the videos' own sound."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.errors import InputError, VimoflowError
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.music.audio_features import music_features
from vimoflow.music.pairs import Dance
from vimoflow.music.styles import style_dance
from vimoflow.pipeline import GenerateOptions, generate
from vimoflow.pipeline.inputs import Progress

_RISK = 0.1  # of which no clip is left out
ENDINGS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")


@dataclass(frozen=True)
class FoundDances:
    """What came of a folder of videos.

    Attributes:
        dances: one a video that could be used.
        skipped: one line for each that could not.
    """

    dances: list[Dance]
    skipped: list[str]


def dances_from_videos(
    folder: Path, progress: Progress | None = None, checkpoint: str = DEFAULT_CHECKPOINT
) -> FoundDances:
    """Run the pipeline on every video of a folder; its motions are kept in ``motions/`` there.

    Motions much riskier than the others (``pipeline.verdict``) are left out: some clips in which
    somebody was hidden teach a style that nobody has. A video whose motion is there already, and
    not older, is not run again. Videos without sound teach how to move, not when.

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
    dances, risks, skipped = [], [], []
    for video in videos:
        made = folder / "motions" / video.stem
        try:
            dances.append(_dance(video, made, progress, checkpoint))
            risks.append(_risk(made))
        except VimoflowError as error:
            skipped.append(" ".join(str(error).split()))
    if not dances:
        raise InputError(f"{folder}: no video could be used; the first: {skipped[0]}")
    most = max(_RISK, 2 * float(np.median(risks)))
    kept = [dance for dance, risk in zip(dances, risks, strict=True) if risk <= most]
    skipped += [
        f"{dance.name}: its motion is likely to be wrong, beside the others ({risk:.0%})"
        for dance, risk in zip(dances, risks, strict=True)
        if risk > most
    ]
    return FoundDances(kept, skipped)


def _risk(made: Path) -> float:
    """What the verdict said of a motion; 0 where there is none."""
    try:
        return float(json.loads((made / "run.json").read_text("utf-8"))["verdict"]["risk"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def _dance(video: Path, output: Path, progress: Progress | None, checkpoint: str) -> Dance:
    made = output / "motion.npz"
    if not made.is_file() or made.stat().st_mtime < video.stat().st_mtime:
        options = GenerateOptions(output, checkpoint=checkpoint, formats=("npz",))
        generate([video], options, progress)
    try:
        music = music_features(video)
    except InputError:  # no sound, or silence: common in clips
        music = None
    return style_dance(load_motion_npz(made), video.name, music)
