"""Whether a style learnt from a few clips can be seen: named by a judge of real motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from lab.music.comparison import fine_tuned
from lab.music.low_rank import low_rank_tuned
from lab.music.style_judge import StyleJudge
from vimoflow.errors import InputError
from vimoflow.music.adapters import adapted
from vimoflow.music.audio_features import FPS
from vimoflow.music.dance_options import DanceOptions, StyleOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.pairs import Dance, dance_of
from vimoflow.music.sampling import dance_features, finished_dance
from vimoflow.music.song_to_dance import slide_of
from vimoflow.music.styles import train_style

OTHER = "none of them"
_PARTS = 3  # of the takes one part is held out

Taught = Callable[[MusicModel, Sequence[Dance], StyleOptions], MusicModel]


def _adapter(model: MusicModel, clips: Sequence[Dance], options: StyleOptions) -> MusicModel:
    return adapted(model, [(train_style(model, clips, "style", "", options), 1.0)])


WAYS: dict[str, Taught] = {
    "adapter": _adapter,
    "low-rank": low_rank_tuned,
    "fine-tuned": fine_tuned,
}


@dataclass(frozen=True)
class SeenStyle:
    """What the judge says of one model's motions.

    Attributes:
        style: that it was taught, or that is looked for in the backbone's.
        way: how.
        clips: from so many.
        named: share of the windows that are of the style, by the judge.
        foot_slide_mm: mm a frame by the motions' own contacts.
    """

    style: str
    way: str
    clips: int
    named: float
    foot_slide_mm: float


@dataclass(frozen=True)
class StyleStudy:
    """What is judged.

    Attributes:
        clips: numbers of clips to learn from.
        ways: of :data:`WAYS`.
        samples, seconds: motions drawn of each model, and how long.
        style: how they learn.
        sampling: how they are drawn.
    """

    clips: tuple[int, ...] = (10, 5)
    ways: tuple[str, ...] = ("adapter",)
    samples: int = 12
    seconds: float = 5.0
    style: StyleOptions = dataclasses.field(default_factory=StyleOptions)
    sampling: DanceOptions = dataclasses.field(
        default_factory=lambda: DanceOptions(guidance=0.0, liveliness=1.2, by_feet=False)
    )


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


def seen_styles(
    model: MusicModel,
    given: Mapping[str, Sequence[Dance]],
    styles: Sequence[str],
    judge: StyleJudge,
    study: StyleStudy | None = None,
    say: Callable[[SeenStyle], None] = print,
) -> list[SeenStyle]:
    """The backbone's motions without music, and each taught model's, before the judge.

    Args:
        model: the backbone, which has not seen the styles.
        given: motions to learn from, by style.
        styles: those to learn.
        judge: taught real motion.
        study: what to do.
        say: told each result.

    Raises:
        InputError: a style that is not there.
    """
    study = study or StyleStudy()
    if missing := [style for style in styles if style not in given]:
        raise InputError(f"no style {missing[0]!r}; there are {', '.join(given)}")
    plain = drawn_without_music(model, study)
    rows = [_row(style, "backbone", 0, judge, plain) for style in styles]
    for row in rows:
        say(row)
    for style in styles:
        for way in study.ways:
            for count in study.clips:
                clips = given[style][:: max(1, len(given[style]) // count)][:count]
                styled = WAYS[way](model, clips, study.style)
                rows.append(_row(style, way, count, judge, drawn_without_music(styled, study)))
                say(rows[-1])
    return rows


def drawn_without_music(model: MusicModel, study: StyleStudy) -> list[Dance]:
    """Motions that a model draws to nothing."""
    silence = torch.zeros(round(study.seconds * FPS), model.channels)
    drawn = dance_features(model, silence, study.sampling, study.samples)
    return [
        dance_of(finished_dance(one, None, study.sampling.by_feet), f"{k}")
        for k, one in enumerate(drawn)
    ]


def _row(style: str, way: str, count: int, judge: StyleJudge, drawn: list[Dance]) -> SeenStyle:
    from lab.music.beat_tests import motion_of

    slides = [slide for d in drawn if (slide := slide_of(motion_of(d))) is not None]
    mean = sum(slides) / len(slides) if slides else float("nan")
    return SeenStyle(style, way, count, judge.named(drawn).share.get(style, 0.0), mean)
