"""``vimoflow music``: train a dance model, and let it dance to a song."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.conclusion import conclude, report
from vimoflow.cli.paths import (
    DataFolder,
    Folder,
    OutputFolder,
    require_input,
    require_output_folder,
)
from vimoflow.cli.progress import progress
from vimoflow.music.dance_options import DanceOptions, SongOptions
from vimoflow.options import Option
from vimoflow.training.run_options import parse_share

MUSIC = CommandGroup(
    "music",
    "Music to dance.",
    {
        "Animation": {"generate": "vimoflow.cli.music:generate"},
        "Workshop": {"train": "vimoflow.cli.music:train"},
    },
    examples="vimoflow music generate song.mp3 -o dance --style waltz=0.8",
)


def train(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    made: Folder = None,
    motions: bool = False,
    name: str = "music",
    without: Annotated[tuple[str, ...], Option(metavar="PATTERN")] = (),
    all_splits: bool = False,
    rematch: Annotated[int, Option(metavar="N", low=0, high=1e6)] = 0,
    steps: Annotated[int, Option(metavar="N", low=1, high=1e9)] = 4000,
    minutes: Annotated[float | None, Option(metavar="M", low=0)] = None,
    init: Annotated[str | None, Option(metavar="NAME|PATH")] = None,
    shares: Annotated[
        Mapping[str, float], Option(("--share",), metavar="CORPUS=SHARE", parse=parse_share)
    ] = MappingProxyType({}),
    resume: bool = False,
) -> None:
    """Train a dance model on recordings that have music, and on others beside them.

    Args:
        data: folder of prepared shards.
        audio: folder with the music, named like the recordings.
        output: folder the results go to.
        made: folder with music that was made for recordings, in step with them.
        motions: learn from recordings that have neither, too.
        name: of the checkpoint.
        without: leave out recordings named so, as 'DANCE_W_*'; can be repeated.
        all_splits: train on the validation recordings, too.
        rematch: for pairs not in step: bring beats together, trying so many places and speeds.
        steps: optimizer steps in all.
        minutes: stop after so many minutes.
        init: video checkpoint whose motion side is taken over.
        shares: of the windows, 0 to 1, that come from a corpus; can be repeated.
        resume: go on from the state in the folder, if there is one.
    """
    for folder in (data, audio, *([made] if made else [])):
        require_input(folder)
    require_output_folder(output)
    from vimoflow.data.prepare_options import Split
    from vimoflow.music.pairs import read_dances, read_motions_only
    from vimoflow.music.training import entries_of, train_music
    from vimoflow.training.run_options import RunOptions

    split: Split | None = None if all_splits else "train"
    dances = read_dances(data, audio, split, without=without)
    if made is not None:
        dances += read_dances(data, made, split, without=without, in_step=True)
    click.echo(f"{len(dances)} dances, {sum(map(len, dances)) / 108_000:.2f} hours")
    if motions:
        heard = {dance.name for dance in dances}
        silent = read_motions_only(data, split, without=without)
        silent = [dance for dance in silent if dance.name not in heard]
        click.echo(f"{len(silent)} without music, {sum(map(len, silent)) / 108_000:.2f} hours")
        dances += silent
    options = RunOptions(
        steps=steps, minutes=minutes, resume=resume, init=init, compile=False, report_every=20,
        shares=shares,
    )  # fmt: skip
    train_music(dances, output, name, entries_of(data, dances), options, rematch=rematch)


def generate(song: Path, *, options: SongOptions, sampling: DanceOptions) -> None:
    """Let the model dance to a song.

    Args:
        song: audio, or a video whose sound counts.
    """
    require_input(song)
    require_output_folder(options.output)
    from vimoflow.music.song_to_dance import generate_dance

    with progress("dancing") as show:
        result = generate_dance(song, dataclasses.replace(options, sampling=sampling), show)
    report(
        f"{song.name}: {result.seconds:.1f} s of dance in {options.output}",
        result.files,
        [f"Beat alignment: {result.beat_alignment:.2f}; took {result.took_s:.0f} s"],
    )
    conclude([], result.terms)
