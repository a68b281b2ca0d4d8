"""The command's entry point: what can be run, and how errors reach the user."""

from __future__ import annotations

import logging
import sys

import click
from click.exceptions import NoArgsIsHelpError

from vimoflow import __version__
from vimoflow.cli.commands import CommandGroup
from vimoflow.errors import VimoflowError
from vimoflow.notes import shown_notes

_ANIMATION = {
    "generate": "vimoflow.cli.generate:generate",
    "edit": "vimoflow.cli.edit:EDIT",
    "retarget": "vimoflow.cli.onto_character:retarget",
    "convert": "vimoflow.cli.convert:convert",
    "keypoints": "vimoflow.cli.keypoints:KEYPOINTS",
    "music": "vimoflow.cli.music:MUSIC",
    "style": "vimoflow.cli.style:STYLE",
    "physics": "vimoflow.cli.physics:PHYSICS",
    "data": "vimoflow.cli.data:DATA",
    "doctor": "vimoflow.cli.doctor:doctor",
}
_WORKSHOP = {
    "train": "vimoflow.cli.train:train",
    "evaluate": "vimoflow.cli.evaluate:EVALUATE",
    "bench": "vimoflow.cli.bench:BENCH",
}
_EXAMPLES = """
vimoflow generate dance.mp4                    a video to animation files, in the folder dance
vimoflow generate takes/*.json -o results      keypoint files of other tools
vimoflow edit inbetween motion.npz -o better --frames 40:60
vimoflow retarget dance/motion.npz hero.glb -o hero    onto your own character
vimoflow music generate song.mp3 -o dance
vimoflow train small --data shards -o run      a model of your own
"""

APP = CommandGroup(
    "vimoflow",
    "Video of a person in, 3D animation out.",
    {"Animation": _ANIMATION, "Workshop: models of your own, and how good they are": _WORKSHOP},
    examples=_EXAMPLES,
)
click.version_option(
    __version__, message="%(prog)s %(version)s", help="Print the version and stop."
)(APP)


def main() -> None:
    """Run the command and exit, see :func:`run_app`."""
    run_app(APP, "vimoflow")


def run_app(app: click.Command, name: str) -> None:
    """Run a command line and exit: 0 done, 1 not usable, 2 a user's mistake, 130 interrupted.

    A user's mistake is one line on stderr. Anything else that goes wrong is a programming error and
    keeps its traceback.
    """
    _show_log()
    try:
        with shown_notes(lambda text: print(f"{name}: note: {text}", file=sys.stderr)):
            code = app.main(prog_name=name, standalone_mode=False)
        raise SystemExit(code or 0)
    except NoArgsIsHelpError as help:
        help.show()
        raise SystemExit(2) from None
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} -h)" if error.ctx else ""
        _stop(name, f"{error.format_message().rstrip('.')}{where}")
    except click.ClickException as error:
        _stop(name, error.format_message())
    except VimoflowError as error:
        _stop(name, str(error))
    except (KeyboardInterrupt, click.Abort):
        print(f"{name}: interrupted", file=sys.stderr)
        raise SystemExit(130) from None


def _show_log() -> None:
    """What the library logs goes to stderr, as plain lines."""
    log = logging.getLogger("vimoflow")
    log.handlers = [logging.StreamHandler()]
    log.setLevel(logging.INFO)


def _stop(name: str, message: str) -> None:
    print(f"{name}:", " ".join(message.split()), file=sys.stderr)
    raise SystemExit(2) from None
