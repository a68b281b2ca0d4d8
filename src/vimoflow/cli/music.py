"""``vimoflow music``: train a dance model, and let it dance to a song."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress

app = typer.Typer(help="Music to dance.", no_args_is_help=True, rich_markup_mode=None)


@app.command("train")
def train(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of prepared shards.")],
    audio: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with the music, named like the recordings.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the results go to.")
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the checkpoint.")] = "music",
    steps: Annotated[int, typer.Option(metavar="N", help="Optimizer steps in all.")] = 4000,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Stop after so many minutes.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Video checkpoint whose motion side is taken over."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the state in the folder, if there is one.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Leave out recordings named so, as 'DANCE_W_*'."),
    ] = None,
    rematch: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="For pairs not in step: bring beats together, trying N places and speeds.",
        ),
    ] = 0,
    all_splits: Annotated[
        bool, typer.Option("--all-splits", help="Train on the validation recordings, too.")
    ] = False,
) -> None:
    """Train a dance model on recordings that have music."""
    require_input(data)
    require_input(audio)
    require_output_folder(output)
    from vimoflow.data.recording import Split
    from vimoflow.music.pairs import read_dances
    from vimoflow.music.training import entries_of, train_music
    from vimoflow.training.options import RunOptions

    split: Split | None = None if all_splits else "train"
    dances = read_dances(data, audio, split, without=tuple(without or ()))
    typer.echo(f"{len(dances)} dances, {sum(map(len, dances)) / 108_000:.2f} hours")
    options = RunOptions(
        steps=steps, minutes=minutes, resume=resume, init=init, compile=False, report_every=20
    )
    train_music(dances, output, name, entries_of(data, dances), options, rematch=rematch)


@app.command("generate")
def generate(
    song: Annotated[
        Path, typer.Argument(metavar="SONG", help="Audio, or a video whose sound counts.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the results go to.")
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=S]", help="A style and its strength, 1 by default; several add."
        ),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A dance model that ships, or a file.")
    ] = "music",
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same dance.")] = 0,
    guidance: Annotated[
        float, typer.Option(metavar="W", help="How closely to follow the music; 0 is none.")
    ] = 0.5,
    steps: Annotated[int, typer.Option(metavar="N", help="Denoising steps.")] = 20,
    sampler: Annotated[
        str, typer.Option(metavar="ddim|ddpm|mean", help="How to denoise.")
    ] = "ddim",
    start: Annotated[
        float, typer.Option(metavar="S", help="Where in the song to begin, seconds.")
    ] = 0.0,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="How much of the song to dance to.")
    ] = None,
    on_beat: Annotated[
        bool,
        typer.Option(
            "--on-beat/--as-drawn",
            help="Bend the dance's time a little so that it halts on beats, or leave it.",
        ),
    ] = True,
) -> None:
    """Let the model dance to a song."""
    require_input(song)
    require_output_folder(output)
    from vimoflow.music.generation import SongOptions, generate_dance
    from vimoflow.music.sampling import DanceOptions

    sampling = DanceOptions(steps, sampler, guidance, seed, on_beat=on_beat)
    options = SongOptions(output, checkpoint, tuple(style or ()), sampling, start, seconds)
    with progress("dancing") as show:
        result = generate_dance(song, options, show)
    typer.echo(f"{song.name}: {result.seconds:.1f} s of dance in {output}")
    typer.echo("  " + ", ".join(path.name for path in result.files))
    typer.echo(f"  Beat alignment: {result.beat_alignment:.2f}; took {result.took_s:.0f} s")
    typer.echo(f"  Terms of the weights: {result.terms}")
