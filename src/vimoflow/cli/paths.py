"""Checks of the paths a user names, made before anything slow starts."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from vimoflow.errors import InputError, OutputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.options import Option

OutputFolder = Annotated[Path, Option(("-o", "--output"), metavar="DIR")]
OutputFile = Annotated[Path, Option(("-o", "--output"), metavar="FILE")]
DataFolder = Annotated[Path, Option(metavar="DIR")]
Folder = Annotated[Path | None, Option(metavar="DIR")]


def require_input(path: Path, archives: bool = False) -> None:
    """Raise ``InputError`` unless there is a readable file or folder at ``path``.

    A pattern of images' names (``frames/%05d.png``) is left to whoever reads it;
    an archive is an input only where ``archives`` says so.
    """
    refuse_foreign(path, archives)
    if not path.exists() and "%" in path.name and path.parent.is_dir():
        return
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: not readable; check its permissions")


def require_output_folder(folder: Path) -> None:
    """Raise ``OutputError`` unless files can be written to ``folder``; leaves nothing behind.

    A file is really written, because permission bits do not tell about read-only or full disks.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"vimoflow")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"{folder}: cannot write there ({reason}); choose another folder with -o"
        ) from None
    finally:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()


def require_output_file(path: Path) -> None:
    """Raise ``OutputError`` unless a file can be written at ``path``; leaves nothing behind."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file with -o")
    require_output_folder(path.parent)


def require_apart(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Raise ``OutputError`` if an output would be written over an input."""
    read = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in read:
            raise OutputError(f"{path}: is an input and would be written over; name another")
