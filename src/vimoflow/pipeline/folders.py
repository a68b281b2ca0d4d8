"""Folders of results that are complete or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vimoflow.errors import OutputError


def result_folders(
    inputs: Sequence[Path], output: Path | None, together: bool = False, force: bool = False
) -> list[Path]:
    """Where the results of each input go.

    Args:
        inputs: the input files.
        output: the folder for one, or for folders named after several; None is a folder beside
            each input, named after it.
        together: the inputs are one performance, so there is one folder.
        force: whether a folder beside an input may be written over.

    Raises:
        OutputError: a folder beside an input is there already.
    """
    inputs = inputs[:1] if together else inputs
    if output is not None and len(inputs) == 1:
        return [output]
    folders: list[Path] = []
    for path in inputs:
        parent = path.parent if output is None else output
        name = path.stem if path.with_name(path.stem) != path else f"{path.name}_motion"
        folder, number = parent / (path.stem if output else name), 2
        while folder in folders:
            folder, number = parent / f"{path.stem}_{number}", number + 1
        folders.append(folder)
    there = [folder for folder in folders if output is None and folder.exists()]
    if there and not force:
        raise OutputError(
            f"{there[0]}: is there already; name another folder with -o, or write over it with "
            "--force"
        )
    return folders


@contextmanager
def all_or_nothing(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move into ``folder`` when everything has been written.

    New folders are removed again if writing fails or is interrupted.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    except OSError as error:
        _remove_empty(made)
        raise OutputError(f"{folder}: cannot write there ({error.strerror})") from error
    try:
        yield partial
        for entry in sorted(partial.iterdir()):
            target = folder / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(entry, target)
    except OSError as error:
        raise OutputError(f"{folder}: cannot write there ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(made)


def _remove_empty(folders: list[Path]) -> None:
    """Remove those of the folders, innermost first, that are there and hold nothing."""
    for path in folders:
        with suppress(OSError):
            path.rmdir()
