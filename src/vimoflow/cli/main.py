"""The command's entry point: what can be run, and how errors reach the user."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vimoflow import __version__
from vimoflow.cli import (
    bench,
    data,
    doctor,
    edit,
    evaluate,
    evaluate_completion,
    evaluate_music,
    evaluate_views,
    generate,
    keypoints,
    music,
    style,
    train,
    triangulate,
)
from vimoflow.errors import VimoflowError
from vimoflow.notes import shown_notes

# Plain messages: they come out the same on a terminal, in a log and in a test.
app = typer.Typer(
    name="vimoflow",
    help="Video of a person in, 3D animation out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("generate")(generate.generate)
app.add_typer(keypoints.app, name="keypoints")
app.command("train")(train.train)
evaluate.app.command("views")(evaluate_views.evaluate_views)
evaluate.app.add_typer(evaluate_music.app, name="music")
app.add_typer(evaluate.app, name="evaluate")
app.command("evaluate-completion")(evaluate_completion.evaluate_completion)
app.command("triangulate")(triangulate.triangulate)
app.command("doctor")(doctor.doctor)
app.add_typer(bench.app, name="bench")
app.add_typer(edit.app, name="edit")
app.add_typer(data.app, name="data")
app.add_typer(music.app, name="music")
app.add_typer(style.app, name="style")


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"vimoflow {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Video of a person in, 3D animation out."""


def main() -> None:
    """Run the command and exit, see :func:`run_app`."""
    run_app(app, "vimoflow")


def run_app(app: typer.Typer, name: str) -> None:
    """Run a command line and exit: 0 done, 1 not usable, 2 a user's mistake, 130 interrupted.

    A user's mistake is one line on stderr. Anything else that goes wrong is a programming error and
    keeps its traceback.
    """
    try:
        with shown_notes(lambda text: print(f"{name}: note: {text}", file=sys.stderr)):
            app(prog_name=name)
    except VimoflowError as error:
        print(f"{name}:", " ".join(str(error).split()), file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _say_interrupted()
    except SystemExit as stop:
        # typer turns Ctrl-C inside a command into this code, without a word.
        if stop.code == 130:
            _say_interrupted()
        raise


def _say_interrupted() -> None:
    print("vimoflow: interrupted", file=sys.stderr)
    raise SystemExit(130) from None
