"""What a command that made something says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click


def report(title: str, files: Sequence[Path], lines: Iterable[str] = ()) -> None:
    """A line on what was made, its files, and further lines."""
    click.echo(title)
    click.echo("  " + ", ".join(path.name for path in files))
    for line in lines:
        click.echo(f"  {line}")


def conclude(notes: Sequence[str], terms: str, record: str = "run.json") -> None:
    """Every warning once, with how often it came, and the terms of the weights in short.

    Args:
        notes: of all results, in order.
        terms: of the weights, in full.
        record: the file that holds both whole.
    """
    for note, times in Counter(notes).items():
        click.echo(f"note: {note}" + (f" ({times} times)" if times > 1 else ""))
    click.echo(f"Terms of the weights: {terms_in_short(terms)} (in full: {record})")


def terms_in_short(terms: str) -> str:
    """The first statement of the terms."""
    return terms.split(". ")[0].split(", because")[0].rstrip(".")
