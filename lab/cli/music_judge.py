"""``python -m lab music judge``: whether styles learnt from a few clips can be seen."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import click

from lab.cli.music_beats import Checkpoint, require_folders
from vimoflow.cli.paths import DataFolder, OutputFolder
from vimoflow.options import Option

Names = Annotated[tuple[str, ...], Option(metavar="LIST")]


def judge(
    *,
    data: DataFolder,
    output: OutputFolder,
    checkpoint: Checkpoint = "music",
    only: Annotated[str, Option(metavar="PATTERN")] = "dataset-2_walk*",
    others: Annotated[str, Option(metavar="PATTERN")] = "cmu_*",
    styles: Names = ("elderly", "exhausted", "feminine"),
    ways: Names = ("adapter", "low-rank", "fine-tuned"),
    clips: Annotated[tuple[int, ...], Option(metavar="LIST")] = (10, 5),
    steps: Annotated[int, Option(metavar="N", low=1, high=1e9)] = 400,
    samples: Annotated[int, Option(metavar="N", low=1, high=1e4)] = 12,
) -> None:
    """How often a judge that was taught real motion names the style that a model learnt.

    Args:
        data: folder of prepared shards.
        output: folder the results go to.
        checkpoint: a dance model that has not seen the styles.
        only: recordings named ACTION_STYLE_NUMBER that the judge learns styles from.
        others: recordings of no style, so that not everything is of one.
        styles: those to learn.
        ways: adapter, low-rank, fine-tuned.
        clips: numbers of clips.
        steps: training steps of each.
        samples: motions of five seconds drawn of each.
    """
    from lab.music.seen_styles import OTHER, SeenStyle, StyleStudy, by_style, parted, seen_styles
    from lab.music.style_judge import StyleJudge
    from vimoflow.files import write_text
    from vimoflow.music.dance_options import StyleOptions
    from vimoflow.music.music_model import load_music_model
    from vimoflow.music.pairs import read_motions_only

    require_folders(data, data, output)
    found = by_style(read_motions_only(data, None, only=(only,)))
    given, held_out = parted(found | {OTHER: read_motions_only(data, None, only=(others,))})
    judge = StyleJudge(given)
    accuracy = judge.accuracy(held_out)
    mean = sum(accuracy.values()) / len(accuracy)
    click.echo(f"judge: {mean:.3f} of held-out real windows named right ({accuracy})")

    def say(row: SeenStyle) -> None:
        click.echo(
            f"{row.style}, {row.way}, {row.clips} clips: named {row.named:.2f}, "
            f"foot slide {row.foot_slide_mm:.1f} mm"
        )

    study = StyleStudy(clips, ways, samples, style=StyleOptions(steps=steps, learning_rate=1e-3))
    rows = seen_styles(load_music_model(checkpoint), given, styles, judge, study, say)
    content = {"accuracy": accuracy, "rows": [dataclasses.asdict(row) for row in rows]}
    write_text(output / "judge.json", json.dumps(content, indent=1) + "\n")
