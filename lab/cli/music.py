"""``python -m lab music``: dance models compared."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import click

from lab.cli.music_beats import Checkpoint, Seconds, report_beats, require_folders
from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.options import Option

_HERE = "lab.cli.music"
MUSIC = CommandGroup(
    "music",
    "Dance models compared.",
    {
        "Commands": {
            "made": "lab.cli.music_made:made",
            "in-step": "lab.cli.music_steps:in_step",
            "judge": "lab.cli.music_judge:judge",
            "folds": f"{_HERE}:folds",
            "styles": f"{_HERE}:styles",
            "preference": f"{_HERE}:preference",
        }
    },
)
_Steps = Annotated[int, Option(metavar="N", low=1, high=1e9)]
_Rematch = Annotated[int, Option(metavar="N", low=0, high=1e6)]


def folds(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    folds: Annotated[int, Option(metavar="N", low=2, high=1000)] = 5,
    steps: _Steps = 1000,
    init: Annotated[str | None, Option(metavar="NAME|PATH")] = None,
    rematch: _Rematch = 0,
    seconds: Seconds = 30.0,
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
    from lab.music.comparison import unheard_songs
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.training import entries_of
    from vimoflow.training.run_options import RunOptions

    require_folders(data, audio, output)
    dances = read_dances(data, audio, split=None)
    options = RunOptions(steps=steps, resume=True, init=init, compile=False)
    as_drawn, on_beat = unheard_songs(
        dances, output, folds, options, entries_of(data, dances), rematch, seconds=seconds,
        say=click.echo,
    )  # fmt: skip
    report_beats({"as drawn": as_drawn, "on beat": on_beat}, output)


def styles(
    *,
    data: DataFolder,
    audio: DataFolder,
    output: OutputFolder,
    style: Annotated[str, Option(metavar="PATTERN")],
    checkpoint: Checkpoint = "music",
    clips: Annotated[tuple[int, ...], Option(metavar="LIST")] = (5, 10, 20),
    scales: Annotated[tuple[float, ...], Option(metavar="LIST")] = (1.0,),
    steps: _Steps = 400,
    songs: Annotated[int, Option(metavar="N", low=1, high=1e6)] = 8,
    seconds: Seconds = 20.0,
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
    from lab.music.comparison import ComparisonOptions, compare_styles, score_table
    from vimoflow.files import write_text
    from vimoflow.music.dance_options import StyleOptions
    from vimoflow.music.music_model import load_music_model
    from vimoflow.music.pairs import read_dances

    require_folders(data, audio, output)
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
    from lab.music.preference import write_preference_page

    path = write_preference_page(a, b, output, seed)
    click.echo(f"page: {path}")
