"""``vimoflow style``: learn a style from videos or motions, and list what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import Folder, require_input, require_output_file
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError
from vimoflow.music.dance_options import StyleOptions
from vimoflow.options import Option

if TYPE_CHECKING:
    from vimoflow.music.pairs import Dance

STYLE = CommandGroup(
    "style",
    "Dance styles, learnt from a few clips.",
    {"Commands": {"train": "vimoflow.cli.style:train", "list": "vimoflow.cli.style:list_styles"}},
    examples="vimoflow style train --name waltz --videos my_clips",
)


def train(
    *,
    name: str,
    videos: Folder = None,
    motions: Folder = None,
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="FILE")] = None,
    checkpoint: Annotated[str, Option(metavar="NAME|PATH")] = "music",
    options: StyleOptions,
) -> None:
    """Train an adapter on a few clips, beside a dance model that stays as it is.

    Args:
        name: what to call the style.
        videos: folder of videos, one person in each.
        motions: folder of motions (.npz); a sound beside one is its music.
        output: the file to write; else among your styles.
        checkpoint: the dance model to train beside.
    """
    from vimoflow.music.adapters import require_style_name, save_adapter, style_path
    from vimoflow.music.music_model import load_music_model
    from vimoflow.music.styles import read_motions, train_style

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
        click.echo(f"note: {len(dances)} clips are few; five or more give a steadier style")
    adapter = train_style(model, dances, name, "motions of the user.", options, click.echo)
    save_adapter(adapter, path)
    click.echo(f"style {name!r} from {len(dances)} clips: {path}")


def list_styles() -> None:
    """List the styles you have, and from what they were learnt."""
    from vimoflow.music.adapters import describe, styles_folder

    folder = styles_folder()
    paths = sorted(folder.glob("*.safetensors"))
    for path in paths:
        click.echo(describe(path))
    if not paths:
        click.echo(f"no styles in {folder}; make one with `vimoflow style train`")


def _from_videos(folder: Path) -> list[Dance]:
    from vimoflow.music.from_videos import dances_from_videos

    found = dances_from_videos(folder, progress)
    for note in found.skipped:
        click.echo(f"note: left out {note}")
    return found.dances
