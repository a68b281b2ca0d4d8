"""Adapters beside fine-tuning at equal budget, and dances to songs that a model never heard."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lab.music.beat_tests import BeatTest, beat_tests, drawn_to, motion_of, song_groups
from lab.music.style_scores import (
    StyleClassifier,
    StyleScores,
    StyleTest,
    kinetic_windows,
)
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import ShardEntry
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.errors import InputError
from vimoflow.music.adapters import adapted
from vimoflow.music.dance_options import DanceOptions, StyleOptions
from vimoflow.music.music_model import MusicModel, load_music_model
from vimoflow.music.pairs import Dance
from vimoflow.music.styles import taught, train_style
from vimoflow.music.training import music_recipe, train_music
from vimoflow.training.run_options import RunOptions

Say = Callable[[str], None]


@dataclass(frozen=True)
class ComparisonOptions:
    """What is compared, and how much of it.

    Attributes:
        clips: numbers of clips to learn the style from.
        clip_s: seconds of each.
        scales: strengths that the adapters are tried at.
        seconds: of each dance that is generated.
        songs: of either side that are danced to, at most.
        style: how both learn.
        sampling: how both dance.
    """

    clips: tuple[int, ...] = (5, 10, 20)
    clip_s: float = 10.0
    scales: tuple[float, ...] = (1.0,)
    seconds: float = 20.0
    songs: int = 8
    style: StyleOptions = dataclasses.field(default_factory=StyleOptions)
    sampling: DanceOptions = dataclasses.field(default_factory=DanceOptions)


def compare_styles(
    model: MusicModel,
    style: Sequence[Dance],
    others: Sequence[Dance],
    options: ComparisonOptions | None = None,
    say: Say = print,
) -> list[StyleScores]:
    """The backbone, and adapters and fine-tuning from some clips of a style it has never seen.

    Half of the style's dances give the clips, the other half is held out: its motions are the
    reference, its music is danced to. The classifier learns from the first half and from others.

    Args:
        model: a backbone trained without the style.
        style: dances of it.
        others: dances of the old genres that the backbone was not trained on, if there are any.
        options: what to compare.
        say: told what is done.

    Raises:
        InputError: too few dances, or the backbone was trained on the style.
    """
    options = options or ComparisonOptions()
    _require_unseen(model, style)
    if len(style) < 2 or not others:
        raise InputError("a comparison needs two dances of the style and one of another genre")
    given, kept = style[::2], style[1::2]
    clips = cut_clips(given, options.clip_s)
    if len(clips) < max(options.clips):
        raise InputError(f"the style has {len(clips)} clips only; ask for fewer")
    test = StyleTest(
        kept[: options.songs],
        others[: options.songs],
        kinetic_windows([motion_of(d) for d in kept]),
        StyleClassifier(
            kinetic_windows([motion_of(d) for d in given]),
            kinetic_windows([motion_of(d) for d in others]),
        ),
        options.seconds,
        options.sampling,
    )
    rows = [test.scores("backbone", model)]
    for count in options.clips:
        say(f"learning from {count} clips")
        chosen = clips[:: max(1, len(clips) // count)][:count]
        adapter = train_style(model, chosen, "style", "", options.style)
        for scale in options.scales:
            styled = adapted(model, [(adapter, scale)])
            rows.append(test.scores(f"adapter, {count} clips, x {scale:g}", styled))
        tuned = fine_tuned(model, chosen, options.style)
        rows.append(test.scores(f"fine-tuned, {count} clips", tuned))
    return rows


def cut_clips(dances: Sequence[Dance], seconds: float) -> list[Dance]:
    """Clips of so many seconds at 30 fps that do not overlap, one dance's after another's."""
    frames = round(MODEL_FPS * seconds)
    return [
        dance.part(first, first + frames)
        for dance in dances
        for first in range(0, len(dance) - frames + 1, frames)
    ]


def unheard_songs(
    dances: Sequence[Dance],
    output: Path,
    folds: int = 5,
    options: RunOptions | None = None,
    entries: Sequence[ShardEntry] = (),
    rematch: int = 0,
    sampling: DanceOptions | None = None,
    seconds: float | None = 30.0,
    say: Say = print,
) -> tuple[BeatTest, BeatTest]:
    """Train a model for each fold of songs without them, and test how it dances to them.

    Returns the tests of the dances as drawn, and of the same put on the beat.

    A fold whose training is done already, in ``output/fold<n>``, is not trained again.

    Args:
        dances: all pairs.
        output: folder of the models.
        folds: parts of the songs, each left out once.
        options: of the training; ``resume`` is implied.
        entries: for the models' terms.
        rematch: see ``windows.WindowSettings``.
        sampling: how to dance.
        seconds: of each song that is danced to; None is all.
        say: told what is done.
    """
    options = dataclasses.replace(options or RunOptions(compile=False), resume=True)
    wanted = options.steps or music_recipe().steps
    tested: list[Dance] = []
    drawn: list[Float[Tensor, "_ 151"]] = []
    for number, names in enumerate(song_folds(dances, folds)):
        kept = [d for d in dances if d.name not in names]
        say(f"fold {number + 1} of {folds}: {len(kept)} dances to learn, {len(names)} to test")
        path = train_music(
            kept, output / f"fold{number}", "music", entries, options, rematch=rematch
        )
        model = load_music_model(path)
        if (done := int(model.checkpoint.provenance["steps"])) < wanted:
            raise InputError(f"{path}: stopped after {done} steps; run it again to go on")
        tests = [d for d in dances if d.name in names]
        drawn += drawn_to(model, tests, sampling, seconds)
        tested += tests
    return beat_tests(drawn, tested)


def score_table(rows: Sequence[StyleScores]) -> str:
    """Scores as a Markdown table."""
    lines = [
        "| model | FID_k to the style | classifier | diversity | foot slide, mm "
        "| old beats as drawn | on beat |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        f, p = r.fid_k, r.probability
        lines.append(
            f"| {r.name} | {f.value:.2f} ({f.low:.2f} to {f.high:.2f}) "
            f"| {p.value:.2f} ({p.low:.2f} to {p.high:.2f}) | {r.diversity_k:.2f} "
            f"| {r.foot_slide_mm:.2f} | {r.beats_as_drawn:.3f} | {r.beats_on_beat:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _require_unseen(model: MusicModel, style: Sequence[Dance]) -> None:
    seen = {d.name for d in style} & set(model.checkpoint.provenance.get("dances", ()))
    if seen:
        raise InputError(
            f"the model {model.checkpoint.name!r} was trained on {min(seen)} of the style; train "
            "one with `vimoflow music train --without`"
        )


def song_folds(dances: Sequence[Dance], folds: int) -> list[list[str]]:
    """Names of the dances of each fold: whole songs, spread so that folds are alike in length.

    Raises:
        InputError: fewer songs than folds.
    """
    groups = song_groups(dances)
    lengths = {
        g: sum(len(d) for d, o in zip(dances, groups, strict=True) if o == g) for g in groups
    }
    if not 2 <= folds <= len(lengths):
        raise InputError(f"{len(lengths)} songs cannot be divided into {folds} folds")
    sums = [0] * folds
    names: list[list[str]] = [[] for _ in range(folds)]
    for group in sorted(lengths, key=lambda g: (-lengths[g], g)):
        fold = sums.index(min(sums))
        sums[fold] += lengths[group]
        names[fold] += [d.name for d, own in zip(dances, groups, strict=True) if own == group]
    return names


def fine_tuned(
    model: MusicModel,
    dances: Sequence[Dance],
    options: StyleOptions | None = None,
    say: Callable[[str], None] | None = None,
) -> MusicModel:
    """The baseline: all of a copy of the backbone trained on these dances."""
    options = options or StyleOptions()
    torch.manual_seed(options.seed)
    network = copy.deepcopy(model.checkpoint.denoiser).requires_grad_(True).train()
    return with_network(model, taught(model, network, dances, options, 0.1, say))


def with_network(model: MusicModel, network: Denoiser) -> MusicModel:
    """The model with another network, which learns no more."""
    network = network.eval().requires_grad_(False)
    return dataclasses.replace(
        model, checkpoint=dataclasses.replace(model.checkpoint, denoiser=network)
    )
