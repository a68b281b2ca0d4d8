"""``vimoflow train``: training shards to a checkpoint."""

from __future__ import annotations

from typing import Annotated

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.options import Option
from vimoflow.training.run_options import RunOptions


def train(
    recipe: Annotated[str, Option(metavar="RECIPE")],
    *,
    data: DataFolder,
    output: OutputFolder,
    options: RunOptions = RunOptions(held_out_every=1000),  # noqa: B008
) -> None:
    """Train a model by a recipe.

    Several GPUs or machines: `torchrun --nproc-per-node N -m vimoflow train ...`, or `accelerate
    launch -m vimoflow train ...`.

    Args:
        recipe: small, big, ..., or a TOML file of one's own.
        data: folder of shards made by `vimoflow data prepare`.
        output: folder for checkpoints and logs.
    """
    require_input(data)
    require_output_folder(output)
    from vimoflow.training.trainer import train as run

    run(recipe, data, output, options)
