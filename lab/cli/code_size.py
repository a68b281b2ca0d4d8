"""``python -m lab code-size``: how much code the wheel holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.code_size import PACKAGE, code_size, code_size_report
from vimoflow.cli.paths import require_input


def report_code_size(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Folder of Python files; the package's.")
    ] = PACKAGE,
) -> None:
    """Lines of code without blanks, comments and docstrings, and what is too long."""
    require_input(folder)
    typer.echo(code_size_report(code_size(folder)))
