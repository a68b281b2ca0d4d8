"""Several views of one performance brought onto the first one's clock."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vimoflow.inference.multiview import on_first_clock
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.synchronisation import Offset, motion_offsets, spanning_offsets
from vimoflow.pipeline.generate_options import require_views
from vimoflow.video import Footage
from vimoflow.video.sound import read_onsets, sound_lag

_LEAST_CERTAIN = 0.1  # peaks less prominent than this may be a beat off
_LEAST_SOUND = 0.15  # correlation: below, the files have no sound in common
_SOUND_CERTAIN = 0.3
_LEAST_SHARED = 0.25  # of the first view's time


@dataclass(frozen=True)
class AlignedViews:
    """Views on one clock.

    Attributes:
        views: all at the first one's times; confidence 0 where a view was not running.
        offsets: where each started on the first one's clock.
        warnings: one sentence each.
    """

    views: tuple[Keypoints2D, ...]
    offsets: tuple[Offset, ...]
    warnings: tuple[str, ...]


def align_views(
    views: Sequence[Keypoints2D],
    offsets_s: Sequence[float] | None = None,
    sounds: Sequence[Path | Footage | None] = (),
) -> AlignedViews:
    """Bring views of one performance onto the first one's clock.

    Args:
        views: of any frame rates and lengths, the first is the one that counts.
        offsets_s: where each view starts on the first one's clock, seconds (0 for the first);
            found from the sound, or else from the motion, where not given.
        sounds: the video file of each view, None for those that are no video.

    Raises:
        ConfigError: more than nine views, or not one offset a view.
        InputError: a sound file cannot be read.
    """
    require_views(len(views), offsets_s)
    if offsets_s is not None:
        offsets = _given(views, offsets_s)
    else:
        offsets = _heard(views, sounds) or motion_offsets(views)
    aligned = on_first_clock(views, [offset.seconds for offset in offsets])
    return AlignedViews(aligned, offsets, _warnings(aligned, offsets))


def _given(views: Sequence[Keypoints2D], offsets_s: Sequence[float]) -> tuple[Offset, ...]:
    return tuple(
        Offset(float(s) - float(offsets_s[0]), 1.0, "given" if number else "first")
        for number, s in enumerate(offsets_s)
    )


def _heard(
    views: Sequence[Keypoints2D], sounds: Sequence[Path | Footage | None]
) -> tuple[Offset, ...] | None:
    """Offsets by sound; None unless every view has some, and they agree."""
    if len(sounds) != len(views):
        return None
    onsets = []
    for path in sounds:
        heard = None if path is None else read_onsets(path)
        if heard is None:
            return None
        onsets.append(heard)
    lags = {
        (i, j): sound_lag(onsets[i], onsets[j])
        for i, j in itertools.combinations(range(len(onsets)), 2)
    }
    found = spanning_offsets(lags, len(views))
    if min(lag.correlation for lag in found) < _LEAST_SOUND:
        return None
    if min(lag.certainty for lag in found) < _SOUND_CERTAIN:
        return None
    return tuple(
        Offset(lag.seconds, lag.certainty, "sound" if number else "first")
        for number, lag in enumerate(found)
    )


def _warnings(aligned: Sequence[Keypoints2D], offsets: Sequence[Offset]) -> tuple[str, ...]:
    found = []
    length = max(len(aligned[0]), 1)
    for view, offset in zip(aligned[1:], offsets[1:], strict=True):
        where = f"{view.source or 'a view'} starts at {offset.seconds:+.2f} s"
        if offset.certainty < _LEAST_CERTAIN:
            found.append(
                f"{where} of the first view, but other starts fit nearly as well (repeated "
                "movement?); check it, or give --offsets"
            )
        shared = float(view.observed.any(axis=1).sum()) / length
        if shared < _LEAST_SHARED:
            found.append(f"{where} and shows {shared:.0%} of the first view's time only")
    return tuple(found)
