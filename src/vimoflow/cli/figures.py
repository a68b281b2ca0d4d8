"""``vimoflow figures``: the figures of the documentation, computed anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_output_folder

app = typer.Typer(help="Draw figures.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Draw figures."""


@app.command("snr")
def snr(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the figure goes to.")
    ],
) -> None:
    """Loss weights over the noise schedule, with the area under each curve."""
    require_output_folder(output)
    from vimoflow.evaluation.figures import write_snr_figure

    write_snr_figure(output)
