"""Whether a style learnt from a few clips can be seen: named by a judge of real motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from lab.music.beat_tests import beat_test, drawn_to, finished_dances, heard_motion, motion_of
from lab.music.comparison import fine_tuned
from lab.music.dance_quality import dance_quality
from lab.music.low_rank import low_rank_tuned
from lab.music.style_judge import StyleJudge
from lab.music.style_lessons import Lesson
from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.music.adapters import adapted
from vimoflow.music.audio_features import FPS
from vimoflow.music.dance_options import DanceOptions, StyleOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.pairs import Dance, dance_of
from vimoflow.music.sampling import dance_features, finished_dance
from vimoflow.music.song_to_dance import slide_of
from vimoflow.music.styles import train_style

REPLAYED = "replayed"  # an adapter that learns from the study's songs and their dances, too

Taught = Callable[[MusicModel, Sequence[Dance], StyleOptions], MusicModel]


def _adapter(model: MusicModel, clips: Sequence[Dance], options: StyleOptions) -> MusicModel:
    return adapted(model, [(train_style(model, clips, "style", "", options), 1.0)])


WAYS: dict[str, Taught] = {
    "adapter": _adapter,
    REPLAYED: _adapter,
    "low-rank": low_rank_tuned,
    "fine-tuned": fine_tuned,
}


@dataclass(frozen=True)
class Remembered:
    """How a model dances to songs of the old styles.

    Attributes:
        beats: beat alignment.
        fid_k: see ``dance_quality.DanceQuality``.
        named: share of the windows that are of the new style, by the judge.
        foot_slide_mm: mm a frame by the motions' own contacts.
    """

    beats: float
    fid_k: float
    named: float
    foot_slide_mm: float


@dataclass(frozen=True)
class SeenStyle:
    """What the judge says of one model's motions.

    Attributes:
        style: that it was taught, or that is looked for in the backbone's.
        way: how.
        source, clips: from what, and from how many.
        named: share of the windows that are of the style, by the judge.
        foot_slide_mm: mm a frame by the motions' own contacts.
        old: how it dances to songs; None where none are given.
    """

    style: str
    way: str
    source: str
    clips: int
    named: float
    foot_slide_mm: float
    old: Remembered | None = None

    def __str__(self) -> str:
        told = (
            f"{self.style}, {self.way}, {self.clips} clips {self.source}: named {self.named:.2f}, "
            f"foot slide {self.foot_slide_mm:.1f} mm"
        )
        if (old := self.old) is None:
            return told
        return (
            f"{told}; to old songs beat alignment {old.beats:.3f}, FID_k {old.fid_k:.1f}, "
            f"named {old.named:.2f}, foot slide {old.foot_slide_mm:.1f} mm"
        )


@dataclass(frozen=True)
class StyleStudy:
    """What is judged.

    Attributes:
        samples, seconds: motions drawn of each model without music, and how long.
        style: how they learn.
        sampling: how they are drawn.
        songs: of old styles, which every model dances to for so many seconds, too.
    """

    samples: int = 12
    seconds: float = 5.0
    style: StyleOptions = dataclasses.field(default_factory=StyleOptions)
    sampling: DanceOptions = dataclasses.field(
        default_factory=lambda: DanceOptions(20, guidance=0.0, liveliness=1.2, by_feet=False)
    )
    songs: Sequence[Dance] = ()


def seen_styles(
    model: MusicModel,
    lessons: Sequence[Lesson],
    judge: StyleJudge,
    study: StyleStudy | None = None,
    say: Callable[[SeenStyle], None] = print,
) -> list[SeenStyle]:
    """The backbone's motions, and each taught model's, before the judge.

    Args:
        model: the backbone, which has not seen the styles.
        lessons: what to teach it, each time anew.
        judge: taught real motion.
        study: what to do.
        say: told each result.

    Raises:
        InputError: a style that the judge does not know.
    """
    study = study or StyleStudy()
    styles = list(dict.fromkeys(lesson.style for lesson in lessons))
    if missing := [style for style in styles if style not in judge.styles]:
        raise InputError(f"no style {missing[0]!r}; there are {', '.join(judge.styles)}")
    rows: list[SeenStyle] = []

    def judged(taught: MusicModel, told: Sequence[Lesson]) -> None:
        drawn, dances = drawn_without_music(taught, study), _dances(taught, study)
        for lesson in told:
            rows.append(_row(lesson, judge, drawn, _remembered(lesson.style, judge, dances, study)))
            say(rows[-1])

    judged(model, [Lesson(style, "backbone", ()) for style in styles])
    for lesson in lessons:
        old = study.songs if lesson.way == REPLAYED else ()
        # As two corpora of no name's share: half of the windows each.
        clips = [*lesson.clips, *(dataclasses.replace(song, corpus="old") for song in old)]
        judged(WAYS[lesson.way](model, clips, study.style), [lesson])
    return rows


def drawn_without_music(model: MusicModel, study: StyleStudy) -> list[Dance]:
    """Motions that a model draws to nothing."""
    silence = torch.zeros(round(study.seconds * FPS), model.channels)
    drawn = dance_features(model, silence, study.sampling, study.samples)
    return [
        dance_of(finished_dance(one, None, study.sampling.by_feet), f"{k}")
        for k, one in enumerate(drawn)
    ]


def _row(
    lesson: Lesson, judge: StyleJudge, drawn: Sequence[Dance], old: Remembered | None
) -> SeenStyle:
    return SeenStyle(
        lesson.style, lesson.way, lesson.source, len(lesson.clips),
        judge.named(drawn).share.get(lesson.style, 0.0), _slide(map(motion_of, drawn)), old,
    )  # fmt: skip


def _dances(model: MusicModel, study: StyleStudy) -> list[Motion]:
    """To the songs, as they are drawn by default."""
    sampling = DanceOptions()
    drawn = drawn_to(model, study.songs, sampling, study.seconds)
    return finished_dances(drawn, study.songs, sampling)


def _remembered(
    style: str, judge: StyleJudge, dances: Sequence[Motion], study: StyleStudy
) -> Remembered | None:
    if not dances:
        return None
    heard = [heard_motion(d, m) for d, m in zip(study.songs, dances, strict=True)]
    named = judge.named([dance_of(m, "") for m in dances]).share.get(style, 0.0)
    quality = dance_quality(dances, study.songs)
    return Remembered(
        beat_test(heard, 100).alignment.value, quality.fid_k.value, named, quality.foot_slide_mm
    )


def _slide(motions: Iterable[Motion]) -> float:
    slides = [slide for motion in motions if (slide := slide_of(motion)) is not None]
    return sum(slides) / len(slides) if slides else float("nan")
