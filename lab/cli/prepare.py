"""``python -m lab prepare``: the public corpora to training shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.paths import OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.data.prepare_options import PrepareOptions
from vimoflow.options import Option


def prepare(
    source: str,
    paths: Annotated[tuple[Path, ...], Option(metavar="PATH")],
    *,
    output: OutputFolder,
    options: PrepareOptions,
) -> None:
    """Turn a public corpus into training shards, as `vimoflow data prepare` does with formats.

    A run that was stopped goes on when the same command is given again.

    Args:
        source: which corpus it is, such as aistpp or hdm05.
        paths: the corpus as downloaded: archives or folders.
        output: folder the shards go to.
    """
    for path in paths:
        require_input(path, archives=True)
    require_output_folder(output)
    from lab.corpora.public import ALL
    from vimoflow.data.preparation_summary import summary_table
    from vimoflow.data.prepare import prepare as run

    with progress(source) as show:
        entries = run(source, list(paths), output, options, show, ALL)
    click.echo(summary_table(entries))
