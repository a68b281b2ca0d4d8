"""``vimoflow evaluate music``: dances on the beat, styles from few clips, and preferences."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError, InputError

if TYPE_CHECKING:
    from vimoflow.music.evaluation import BeatTest

app = typer.Typer(
    help="How well generated dances follow music and style.",
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


@app.command("folds")
def folds(
    data: Annotated[Path, _DATA],
    audio: Annotated[Path, _AUDIO],
    output: Annotated[Path, _OUTPUT],
    count: Annotated[int, typer.Option("--folds", metavar="N", help="Parts of the songs.")] = 5,
    steps: Annotated[int, typer.Option(metavar="N", help="Training steps of each model.")] = 1000,
    init: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Video checkpoint whose motion side is taken over."),
    ] = None,
    rematch: Annotated[int, typer.Option(metavar="N", help="As for `vimoflow music train`.")] = 0,
    seconds: Annotated[float, typer.Option(metavar="S", help="Of each song.")] = 30.0,
) -> None:
    """Train without each part of the songs in turn, and test on it; resumes where it stopped."""
    from vimoflow.music.comparison import unheard_songs
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.training import entries_of
    from vimoflow.training.options import RunOptions

    _require(data, audio, output)
    dances = read_dances(data, audio, split=None)
    options = RunOptions(steps=steps, resume=True, init=init, compile=False)
    as_drawn, on_beat = unheard_songs(
        dances, output, count, options, entries_of(data, dances), rematch, seconds=seconds,
        say=typer.echo,
    )  # fmt: skip
    _report({"as drawn": as_drawn, "on beat": on_beat}, output)


@app.command("styles")
def styles(
    data: Annotated[Path, _DATA],
    audio: Annotated[Path, _AUDIO],
    output: Annotated[Path, _OUTPUT],
    style: Annotated[str, typer.Option(metavar="PATTERN", help="As 'DANCE_W_*'.")],
    checkpoint: Annotated[str, _CHECKPOINT] = "music",
    clips: Annotated[str, typer.Option(metavar="LIST", help="Numbers of clips.")] = "5,10,20",
    scales: Annotated[str, typer.Option(metavar="LIST", help="Strengths of adapters.")] = "1",
    steps: Annotated[int, typer.Option(metavar="N", help="Training steps of each.")] = 400,
    songs: Annotated[int, typer.Option(metavar="N", help="Songs danced to, of either side.")] = 8,
    seconds: Annotated[float, typer.Option(metavar="S", help="Of each song.")] = 20.0,
    rematch: Annotated[int, typer.Option(metavar="N", help="As for `vimoflow music train`.")] = 0,
) -> None:
    """Adapters beside fine-tuning at equal budget; the backbone must not know the style."""
    from vimoflow.files import write_text
    from vimoflow.music.comparison import ComparisonOptions, compare_styles, score_table
    from vimoflow.music.denoiser import load_music_model
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.styles import StyleOptions

    _require(data, audio, output)
    options = ComparisonOptions(
        clips=tuple(int(n) for n in _numbers("--clips", clips)),
        scales=tuple(_numbers("--scales", scales)),
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
    rows = compare_styles(model, own, others, options, typer.echo)
    table = score_table(rows)
    typer.echo(table)
    write_text(output / "styles.md", table)
    content = json.dumps([dataclasses.asdict(row) for row in rows], indent=1)
    write_text(output / "styles.json", content + "\n")


@app.command("preference")
def preference(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of results of one model.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Folder of another's, same names.")],
    output: Annotated[Path, _OUTPUT],
    seed: Annotated[int, typer.Option(metavar="N", help="Of the order.")] = 0,
) -> None:
    """A page on which people choose between two dances to the same song, not knowing whose."""
    require_input(first)
    require_input(second)
    require_output_folder(output)
    from vimoflow.music.preference import write_preference_page

    path = write_preference_page(first, second, output, seed)
    typer.echo(f"page: {path}")


def _report(tests: dict[str, BeatTest], output: Path) -> None:
    """Beat tests in lines and in ``beats.json``."""
    from vimoflow.files import write_text
    from vimoflow.music.comparison import beat_line

    for name, test in tests.items():
        typer.echo(beat_line(name, test))
    content = {name: dataclasses.asdict(test) for name, test in tests.items()}
    write_text(output / "beats.json", json.dumps(content, indent=1) + "\n")


def _require(data: Path, audio: Path, output: Path) -> None:
    require_input(data)
    require_input(audio)
    require_output_folder(output)
    output.mkdir(parents=True, exist_ok=True)


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{option}: a list of numbers such as 5,10,20, not {text!r}") from None
