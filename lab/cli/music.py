"""``python -m lab music``: dance models compared."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.evaluate_music import report_beats, require_folders
from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.errors import ConfigError

app = typer.Typer(help="Dance models compared.", no_args_is_help=True, rich_markup_mode=None)
_DATA = typer.Option(metavar="DIR", help="Folder of prepared shards.")
_AUDIO = typer.Option(metavar="DIR", help="Folder with the music, named like the recordings.")
_OUTPUT = typer.Option("--output", "-o", metavar="DIR", help="Folder the results go to.")
_CHECKPOINT = typer.Option(metavar="NAME|PATH", help="A dance model that ships, or a file.")


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
    from lab.music.comparison import unheard_songs
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.training import entries_of
    from vimoflow.training.options import RunOptions

    require_folders(data, audio, output)
    dances = read_dances(data, audio, split=None)
    options = RunOptions(steps=steps, resume=True, init=init, compile=False)
    as_drawn, on_beat = unheard_songs(
        dances, output, count, options, entries_of(data, dances), rematch, seconds=seconds,
        say=typer.echo,
    )  # fmt: skip
    report_beats({"as drawn": as_drawn, "on beat": on_beat}, output)


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
    from lab.music.comparison import ComparisonOptions, compare_styles, score_table
    from vimoflow.files import write_text
    from vimoflow.music.denoiser import load_music_model
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.styles import StyleOptions

    require_folders(data, audio, output)
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
    from lab.music.preference import write_preference_page

    path = write_preference_page(first, second, output, seed)
    typer.echo(f"page: {path}")


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{option}: a list of numbers such as 5,10,20, not {text!r}") from None
