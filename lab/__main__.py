"""``python -m lab``: commands for those who work on ViMo-Flow itself, run in a clone."""

from __future__ import annotations

import typer

from lab.cli import ablate, bench, figures, music, thesis_clips
from vimoflow.cli.main import run_app

app = typer.Typer(
    name="lab",
    help="Measure, compare and draw ViMo-Flow itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ablate")(ablate.ablate)
app.add_typer(bench.app, name="bench")
app.add_typer(figures.app, name="figures")
app.add_typer(music.app, name="music")
app.command("thesis-clips")(thesis_clips.thesis_clips)

if __name__ == "__main__":
    run_app(app, "lab")
