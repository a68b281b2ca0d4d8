"""What styles are learnt from: recordings by class, and videos beside their true motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.music.comparison import cut_clips
from lab.rendered.clips import read_clips
from vimoflow.music.from_videos import dances_from_videos
from vimoflow.music.pairs import Dance, read_motions_only
from vimoflow.music.styles import style_dance

OTHER = "none of them"
# Classes beside Bandai-Namco's styled walks: recordings by name.
_KINDS = {
    "idle": "idle_*", "falling": "fall*", "climbing": "mocap_climb*", "cha-cha": "DANCE_C_*",
    "rumba": "DANCE_R_*", "tango": "DANCE_T_*", "waltz": "DANCE_W_*", OTHER: "cmu_*",
}  # fmt: skip
_PARTS = 3  # of the takes one part is held out
_CLIP_S = 10.0  # longer takes are cut into clips of so many seconds
_MOST = 60  # clips of a class, so that long corpora do not drown the rest


@dataclass(frozen=True)
class Lesson:
    """What a model is taught: a style, from these clips, in this way (``seen_styles.WAYS``)."""

    style: str
    way: str
    clips: Sequence[Dance]
    source: str = "recorded"


def real_motions(data: Path) -> tuple[dict[str, list[Dance]], dict[str, list[Dance]]]:
    """Clips by class, to learn from and held out."""
    found = by_style(read_motions_only(data, None, only=("dataset-2_walk*",)))
    for name, pattern in _KINDS.items():
        if dances := read_motions_only(data, None, only=(pattern,)):
            found[name] = dances
    given, held_out = (
        {name: spread(in_clips(dances), _MOST) for name, dances in part.items()}
        for part in parted(found)
    )
    return given, held_out


def by_style(dances: Iterable[Dance]) -> dict[str, list[Dance]]:
    """Dances named ``ACTION_STYLE_NUMBER`` by their style."""
    found: dict[str, list[Dance]] = {}
    for dance in sorted(dances, key=lambda dance: dance.name):
        found.setdefault(dance.name.split("_")[-2], []).append(dance)
    return found


def parted(
    styles: Mapping[str, Sequence[Dance]],
) -> tuple[dict[str, list[Dance]], dict[str, list[Dance]]]:
    """Takes to learn from, and every third, which is held out."""
    given = {k: [d for i, d in enumerate(v) if i % _PARTS] for k, v in styles.items()}
    return given, {k: list(v[::_PARTS]) for k, v in styles.items()}


def in_clips(dances: Iterable[Dance]) -> list[Dance]:
    """Long takes cut into clips, short ones as they are; of no corpus, as a user's are."""
    alike = [dataclasses.replace(dance, corpus="") for dance in dances]
    return [clip for dance in alike for clip in (cut_clips([dance], _CLIP_S) or [dance])]


def spread(clips: Sequence[Dance], count: int) -> list[Dance]:
    """So many of the clips, evenly spread over them."""
    return list(clips[:: max(1, len(clips) // count)][:count])


def recorded(
    given: Mapping[str, Sequence[Dance]],
    styles: Sequence[str],
    ways: Sequence[str],
    counts: Sequence[int],
) -> list[Lesson]:
    """Every style in every way from every number of clips."""
    return [
        Lesson(style, way, spread(given.get(style, ()), count))
        for style in styles
        for way in ways
        for count in counts
    ]


def filmed(folder: Path, style: str, way: str, say: Callable[[str], None]) -> list[Lesson]:
    """From rendered videos by this project's own animation, and from the same clips' true motion.

    Args:
        folder: of ``python -m lab evaluate render``.
        style: what they show.
        way: how it is taught.
        say: told which videos could not be used.

    Raises:
        InputError: there are no videos, or none could be used.
    """
    found = dances_from_videos(folder)
    for line in found.skipped:
        say(f"left out: {line}")
    truth = [style_dance(clip.motion, clip.name) for clip in read_clips(folder)]
    return [Lesson(style, way, truth, "true"), Lesson(style, way, found.dances, "from video")]
