"""``vimoflow evaluate music``: dances on the beat."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import InputError

if TYPE_CHECKING:
    from vimoflow.music.evaluation import BeatTest

app = typer.Typer(
    help="How well generated dances follow music.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_DATA = typer.Option(metavar="DIR", help="Folder of prepared shards.")
_AUDIO = typer.Option(metavar="DIR", help="Folder with the music, named like the recordings.")
_OUTPUT = typer.Option("--output", "-o", metavar="DIR", help="Folder the results go to.")
_CHECKPOINT = typer.Option(metavar="NAME|PATH", help="A dance model that ships, or a file.")


@app.command("beats")
def beats(
    data: Annotated[Path, _DATA],
    audio: Annotated[Path, _AUDIO],
    output: Annotated[Path, _OUTPUT],
    checkpoint: Annotated[str, _CHECKPOINT] = "music",
    truth: Annotated[
        bool, typer.Option("--truth", help="Test the recordings' own motion.")
    ] = False,
    seconds: Annotated[float, typer.Option(metavar="S", help="Of each song.")] = 30.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Denoising steps.")] = 20,
    guidance: Annotated[float, typer.Option(metavar="W", help="0 is none.")] = 0.5,
) -> None:
    """Beat alignment on songs the model never heard, against random time offsets."""
    from vimoflow.music.denoiser import load_music_model
    from vimoflow.music.evaluation import (
        beat_test,
        beat_tests,
        drawn_to,
        heard_motion,
        song_groups,
    )
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.sampling import DanceOptions

    require_folders(data, audio, output)
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
            raise InputError(f"{audio}: the model has heard all of these songs")
        with progress("dancing") as show:
            drawn = drawn_to(model, new, DanceOptions(steps, guidance=guidance), seconds, show)
        as_drawn, on_beat = beat_tests(drawn, new)
        tests = {"as drawn": as_drawn, "on beat": on_beat}
    report_beats(tests, output)


def report_beats(tests: dict[str, BeatTest], output: Path) -> None:
    """Beat tests in lines and in ``beats.json``."""
    from vimoflow.files import write_text
    from vimoflow.music.evaluation import beat_line

    for name, test in tests.items():
        typer.echo(beat_line(name, test))
    content = {name: dataclasses.asdict(test) for name, test in tests.items()}
    write_text(output / "beats.json", json.dumps(content, indent=1) + "\n")


def require_folders(data: Path, audio: Path, output: Path) -> None:
    require_input(data)
    require_input(audio)
    require_output_folder(output)
    output.mkdir(parents=True, exist_ok=True)
