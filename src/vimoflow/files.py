"""Files that appear complete or not at all, and one line for the user where they cannot."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from vimoflow.errors import OutputError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed to it unless the block fails.

    After a failure nothing is left of it and ``path`` stays as it was; the block's own error comes
    out, not one of the cleaning up. The ending is kept, because some writers go by it.

    Raises:
        OSError: the file cannot be renamed.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


@contextlib.contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """What the block cannot write is an error that names ``path``.

    Raises:
        OutputError: in place of the block's ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, complete or not at all; ``OSError`` where it cannot be written."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file with Unix line ends, complete or not at all; else ``OSError``."""
    write_bytes(path, text.encode("utf-8"))
