"""``vimoflow evaluate music``: dances on the beat, styles from few clips, and preferences."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import InputError
from vimoflow.music.options import DanceOptions, StyleOptions, TrainOptions
from vimoflow.options import Option

if TYPE_CHECKING:
    from vimoflow.music.evaluation import BeatTest

_HERE = "vimoflow.cli.evaluate_music"
MUSIC = CommandGroup(
    "music",
    "How well generated dances follow music and style.",
    {
        "Commands": {
            "beats": f"{_HERE}:beats",
            "folds": f"{_HERE}:folds",
            "styles": f"{_HERE}:styles",
            "preference": f"{_HERE}:preference",
        }
    },
)
_Checkpoint = Annotated[str, Option(metavar="NAME|PATH")]
_Seconds = Annotated[float, Option(metavar="S", low=1, high=3600)]
_Steps = Annotated[int, Option(metavar="N", low=1, high=1e9)]
_Rematch = Annotated[int, Option(metavar="N", low=0, high=1e6)]


def beats(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    checkpoint: _Checkpoint = "music",
    truth: bool = False,
    seconds: _Seconds = 30.0,
    steps: Annotated[int, Option(metavar="N", low=1, high=1000)] = 20,
    guidance: Annotated[float, Option(metavar="W", low=0, high=20)] = 0.5,
) -> None:
    """Beat alignment on songs the model never heard, against random time offsets.

    Args:
        data: folder of prepared shards.
        audio: folder with the music, named like the recordings.
        output: folder the results go to.
        checkpoint: a dance model that ships, or a file.
        truth: test the recordings' own motion.
        seconds: of each song.
        steps: denoising steps.
        guidance: how closely to follow the music; 0 is none.
    """
    from vimoflow.music.denoiser import load_music_model
    from vimoflow.music.evaluation import (
        beat_test,
        beat_tests,
        drawn_to,
        heard_motion,
        song_groups,
    )
    from vimoflow.music.pairs import read_dances

    _require(data, audio, output)
    dances = read_dances(data, audio, split=None)
    if truth:
        tests = {"recorded": beat_test([heard_motion(d) for d in dances])}
    else:
        model = load_music_model(checkpoint)
        known = set(model.checkpoint.provenance.get("dances", ()))
        groups = song_groups(dances)
        heard = {g for d, g in zip(dances, groups, strict=True) if d.name in known}
        new = [d for d, g in zip(dances, groups, strict=True) if g not in heard]
        if not new:
            raise InputError(f"{audio}: the model has heard all of these songs; use `folds`")
        with progress("dancing") as show:
            drawn = drawn_to(model, new, DanceOptions(steps, guidance=guidance), seconds, show)
        as_drawn, on_beat = beat_tests(drawn, new)
        tests = {"as drawn": as_drawn, "on beat": on_beat}
    _report(tests, output)


def folds(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    folds: Annotated[int, Option(metavar="N", low=2, high=1000)] = 5,
    steps: _Steps = 1000,
    init: Annotated[str | None, Option(metavar="NAME|PATH")] = None,
    rematch: _Rematch = 0,
    seconds: _Seconds = 30.0,
) -> None:
    """Train without each part of the songs in turn, and test on it; resumes where it stopped.

    Args:
        data: folder of prepared shards.
        audio: folder with the music, named like the recordings.
        output: folder the results go to.
        folds: parts of the songs.
        steps: training steps of each model.
        init: video checkpoint whose motion side is taken over.
        rematch: as for `vimoflow music train`.
        seconds: of each song.
    """
    from vimoflow.music.comparison import unheard_songs
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.training import entries_of

    _require(data, audio, output)
    dances = read_dances(data, audio, split=None)
    options = TrainOptions(steps, resume=True, init=init, rematch=rematch)
    as_drawn, on_beat = unheard_songs(
        dances, output, folds, options, entries_of(data, dances), seconds=seconds, say=click.echo
    )
    _report({"as drawn": as_drawn, "on beat": on_beat}, output)


def styles(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    style: Annotated[str, Option(metavar="PATTERN")],
    checkpoint: _Checkpoint = "music",
    clips: Annotated[tuple[int, ...], Option(metavar="LIST")] = (5, 10, 20),
    scales: Annotated[tuple[float, ...], Option(metavar="LIST")] = (1.0,),
    steps: _Steps = 400,
    songs: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 8,
    seconds: _Seconds = 20.0,
    rematch: _Rematch = 0,
) -> None:
    """Adapters beside fine-tuning at equal budget; the backbone must not know the style.

    Args:
        data: folder of prepared shards.
        audio: folder with the music, named like the recordings.
        output: folder the results go to.
        style: names of the style's recordings, as 'DANCE_W_*'.
        checkpoint: a dance model that ships, or a file.
        clips: numbers of clips.
        scales: strengths of adapters.
        steps: training steps of each.
        songs: songs danced to, of either side.
        seconds: of each song.
        rematch: as for `vimoflow music train`.
    """
    from vimoflow.files import write_text
    from vimoflow.music.comparison import ComparisonOptions, compare_styles, score_table
    from vimoflow.music.denoiser import load_music_model
    from vimoflow.music.pairs import read_dances

    _require(data, audio, output)
    options = ComparisonOptions(
        clips=clips,
        scales=scales,
        songs=songs,
        seconds=seconds,
        style=StyleOptions(steps=steps, rematch=rematch),
    )
    model = load_music_model(checkpoint)
    own = read_dances(data, audio, split=None, only=(style,))
    known = set(model.checkpoint.provenance.get("dances", ()))
    others = read_dances(data, audio, split=None, without=(style,))
    # Those it has not trained on come first: forgetting shows on them, too, and memory does not.
    others.sort(key=lambda dance: dance.name in known)
    rows = compare_styles(model, own, others, options, click.echo)
    table = score_table(rows)
    click.echo(table)
    write_text(output / "styles.md", table)
    content = json.dumps([dataclasses.asdict(row) for row in rows], indent=1)
    write_text(output / "styles.json", content + "\n")


def preference(
    a: Path,
    b: Path,
    *,
    output: OutputFolder,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
) -> None:
    """A page on which people choose between two dances to the same song, not knowing whose.

    Args:
        a: folder of results of one model.
        b: folder of another's, same names.
        output: folder the page goes to.
        seed: of the order.
    """
    require_input(a)
    require_input(b)
    require_output_folder(output)
    from vimoflow.music.preference import write_preference_page

    path = write_preference_page(a, b, output, seed)
    click.echo(f"page: {path}")


def _report(tests: dict[str, BeatTest], output: Path) -> None:
    """Beat tests in lines and in ``beats.json``."""
    from vimoflow.files import write_text
    from vimoflow.music.comparison import beat_line

    for name, test in tests.items():
        click.echo(beat_line(name, test))
    content = {name: dataclasses.asdict(test) for name, test in tests.items()}
    write_text(output / "beats.json", json.dumps(content, indent=1) + "\n")


def _require(data: Path, audio: Path, output: Path) -> None:
    require_input(data)
    require_input(audio)
    require_output_folder(output)
    output.mkdir(parents=True, exist_ok=True)
