"""``vimoflow style``: learn a style from videos or motions, and list what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_file
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError

if TYPE_CHECKING:
    from vimoflow.music.pairs import Dance

app = typer.Typer(
    help="Dance styles, learnt from a few clips.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("train")
def train(
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call the style.")],
    videos: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of videos, one person in each.")
    ] = None,
    motions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of motions (.npz); a sound beside one is its music."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: among your styles."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="The dance model to train beside.")
    ] = "music",
    steps: Annotated[int, typer.Option(metavar="N", help="Optimizer steps.")] = 400,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the training.")] = 0,
) -> None:
    """Train an adapter on a few clips, beside a dance model that stays as it is."""
    from vimoflow.music.adapters import require_style_name, save_adapter, style_path
    from vimoflow.music.music_model import load_music_model
    from vimoflow.music.styles import StyleOptions, read_motions, train_style

    if videos is None and motions is None:
        raise ConfigError("name a folder with --videos or --motions")
    require_style_name(name)
    path = output or style_path(name)
    require_output_file(path)
    model = load_music_model(checkpoint)
    dances: list[Dance] = []
    if motions is not None:
        require_input(motions)
        dances += read_motions(motions)
    if videos is not None:
        require_input(videos)
        dances += _from_videos(videos)
    if len(dances) < 5:
        typer.echo(f"note: {len(dances)} clips are few; five or more give a steadier style")
    options = StyleOptions(steps=steps, seed=seed)
    terms = "motions of the user."
    adapter = train_style(model, dances, name, terms, options, lambda line: typer.echo(line))
    save_adapter(adapter, path)
    typer.echo(f"style {name!r} from {len(dances)} clips: {path}")


@app.command("list")
def list_styles() -> None:
    """The styles you have, and from what they were learnt."""
    from vimoflow.music.adapters import describe, styles_folder

    folder = styles_folder()
    paths = sorted(folder.glob("*.safetensors"))
    for path in paths:
        typer.echo(describe(path))
    if not paths:
        typer.echo(f"no styles in {folder}; make one with `vimoflow style train`")


def _from_videos(folder: Path) -> list[Dance]:
    from vimoflow.music.from_videos import dances_from_videos

    found = dances_from_videos(folder, progress)
    for note in found.skipped:
        typer.echo(f"note: left out {note}")
    return found.dances
