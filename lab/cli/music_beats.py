"""``python -m lab evaluate music``: dances on the beat."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import InputError
from vimoflow.music.dance_options import DanceOptions
from vimoflow.options import Option

if TYPE_CHECKING:
    from lab.music.beat_tests import BeatTest

Checkpoint = Annotated[str, Option(metavar="NAME|PATH")]
_LEAST = 8  # songs, in halves
Seconds = Annotated[float, Option(metavar="S", low=1, high=3600)]


def beats(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    checkpoint: Checkpoint = "music",
    truth: bool = False,
    seconds: Seconds = 30.0,
    heard: bool = False,
    sampling: DanceOptions,
) -> None:
    """Beat alignment on songs the model never heard, foot slide, FID and diversity beside real.

    Args:
        data: folder of prepared shards.
        audio: folder with the music, named like the recordings.
        output: folder the results go to.
        checkpoint: a dance model that ships, or a file.
        truth: test the recordings' own motion.
        seconds: of each song.
        heard: songs that the model was trained on, too.
    """
    from lab.music.beat_tests import (
        beat_test,
        drawn_to,
        finished_dances,
        heard_motion,
        song_groups,
    )
    from lab.music.dance_quality import dance_quality, own_beats
    from vimoflow.files import write_text
    from vimoflow.music.music_model import load_music_model
    from vimoflow.music.pairs import read_dances

    require_folders(data, audio, output)
    dances = read_dances(data, audio, split=None)
    if truth:
        tests = {
            "recorded": beat_test([heard_motion(d) for d in dances]),
            "recorded, music made for it": beat_test(own_beats(dances)),
        }
    else:
        model = load_music_model(checkpoint)
        known = set(model.checkpoint.provenance.get("dances", ()))
        groups = song_groups(dances)
        old = {g for d, g in zip(dances, groups, strict=True) if d.name in known}
        unheard = [d.name for d, g in zip(dances, groups, strict=True) if g not in old]
        new = [d for d in dances if heard or d.name in unheard]
        click.echo(f"{len(new)} songs, never heard: {', '.join(unheard) or 'none'}")
        if not new:
            raise InputError(f"{audio}: the model has heard all of these songs")
        with progress("dancing") as show:
            drawn = drawn_to(model, new, sampling, seconds, show)
        motions = finished_dances(drawn, new, sampling)
        heard_motions = [heard_motion(d, m) for d, m in zip(new, motions, strict=True)]
        tests = {"as drawn": beat_test(heard_motions)}
        if len(new) >= _LEAST and seconds >= 5:
            quality = dance_quality(motions, new)
            click.echo(str(quality))
            content = json.dumps(dataclasses.asdict(quality), indent=1)
            write_text(output / "quality.json", content + "\n")
    report_beats(tests, output)


def report_beats(tests: dict[str, BeatTest], output: Path) -> None:
    """Beat tests in lines and in ``beats.json``."""
    from lab.music.beat_tests import beat_line
    from vimoflow.files import write_text

    for name, test in tests.items():
        click.echo(beat_line(name, test))
    content = {name: dataclasses.asdict(test) for name, test in tests.items()}
    write_text(output / "beats.json", json.dumps(content, indent=1) + "\n")


def require_folders(data: Path, audio: Path, output: Path) -> None:
    require_input(data)
    require_input(audio)
    require_output_folder(output)
    output.mkdir(parents=True, exist_ok=True)
