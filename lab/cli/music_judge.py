"""``python -m lab music judge``: whether styles learnt from a few clips can be seen."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import click

from lab.cli.music_beats import Checkpoint, require_folders
from vimoflow.cli.paths import DataFolder, OutputFolder
from vimoflow.music.dance_options import StyleOptions
from vimoflow.options import Option

Names = Annotated[tuple[str, ...], Option(metavar="LIST")]


def judge(
    *,
    data: DataFolder,
    output: OutputFolder,
    checkpoint: Checkpoint = "music",
    styles: Names = ("elderly", "idle", "falling"),
    ways: Names = ("adapter", "low-rank", "fine-tuned"),
    clips: Annotated[tuple[int, ...], Option(metavar="LIST")] = (10, 5),
    audio: Annotated[Path | None, Option(metavar="DIR")] = None,
    videos: Annotated[Path | None, Option(metavar="DIR")] = None,
    samples: Annotated[int, Option(metavar="N", low=1, high=1e4)] = 12,
    learning: StyleOptions,
) -> None:
    """How often a judge that was taught real motion names the style that a model learnt.

    Its classes: Bandai-Namco's styled walks, and other kinds of movement, by corpora.

    Args:
        data: folder of prepared shards.
        output: folder the results go to.
        checkpoint: a dance model that has not seen the styles.
        styles: those to learn.
        ways: adapter, low-rank, fine-tuned; replayed is an adapter that learns the songs, too.
        clips: numbers of clips.
        audio: folder with music; what is forgotten shows in dances to its songs.
        videos: folder of `python -m lab evaluate render`, of the first style; learnt from these
            videos and from their true motion instead of from recordings.
        samples: motions of five seconds drawn of each.
        learning: how they learn.
    """
    from lab.music.seen_styles import StyleStudy, seen_styles
    from lab.music.style_judge import StyleJudge
    from lab.music.style_lessons import filmed, real_motions, recorded
    from vimoflow.files import write_text
    from vimoflow.music.music_model import load_music_model
    from vimoflow.music.pairs import read_dances

    require_folders(data, audio or data, output)
    given, held_out = real_motions(data)
    judge = StyleJudge(given)
    accuracy = judge.accuracy(held_out)
    mean = sum(accuracy.values()) / len(accuracy)
    told = ", ".join(f"{name} {share:.2f}" for name, share in accuracy.items())
    click.echo(f"judge: {mean:.3f} of held-out real windows named right ({told})")
    songs = read_dances(data, audio, split=None) if audio else ()
    lessons = (
        [lesson for way in ways for lesson in filmed(videos, styles[0], way, click.echo)]
        if videos
        else recorded(given, styles, ways, clips)
    )
    study = StyleStudy(samples=samples, style=learning, songs=songs)
    rows = seen_styles(load_music_model(checkpoint), lessons, judge, study, click.echo)
    content = {"accuracy": accuracy, "rows": [dataclasses.asdict(row) for row in rows]}
    write_text(output / "judge.json", json.dumps(content, indent=1) + "\n")
