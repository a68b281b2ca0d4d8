"""Folders of results that are complete or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vimoflow.errors import OutputError


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
