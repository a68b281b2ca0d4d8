"""``python -m lab evaluate policy``: training clips from noisy starts, and unseen worlds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.options import Option
from vimoflow.physics.policy_options import PolicyOptions


def policy(
    benchmark: Annotated[Path, Option(metavar="TOML")] = Path("benchmarks/physics/policy.toml"),
    *,
    data: DataFolder,
    output: OutputFolder,
    starts: Annotated[int, Option(metavar="N", low=1, high=10000)] = 50,
    worlds: Annotated[int, Option(metavar="N", low=0, high=1000)] = 7,
    clips: tuple[str, ...] = (),
    kinds: tuple[str, ...] = (),
    options: PolicyOptions,
) -> None:
    """Train a policy on a benchmark's clips, and count who comes to the end.

    A policy that is in the output folder already is taken as it is.

    Args:
        benchmark: clips of training recordings.
        data: folder of shards made by `vimoflow data prepare`.
        output: folder of the policy.
        starts: noisy ones for each clip.
        worlds: for each kind of change.
        clips: names of those to be trained on; all unless given.
        kinds: of change; all unless given.
    """
    from lab.studies.tracking_policy import (
        cut_clips,
        read_benchmark,
        shares_text,
        together,
        track_study,
        world_study,
    )
    from vimoflow.data.shards import read_shards
    from vimoflow.physics.bodies import bodies_of
    from vimoflow.physics.humanoid import make_humanoid
    from vimoflow.physics.policy_files import DEMONSTRATIONS, WEIGHTS, load_policy, save_policy
    from vimoflow.physics.policy_training import train_policy

    require_input(data)
    require_input(benchmark)
    require_output_folder(output)
    if not (output / WEIGHTS).exists():
        cut = cut_clips(read_benchmark(benchmark), read_shards(data, "train"))
        cut = {name: motion for name, motion in cut.items() if not clips or name in clips}
        humanoid = make_humanoid(next(iter(cut.values())).skeleton)
        used = time.process_time()
        trained = train_policy(
            cut, humanoid, bodies_of(humanoid), options, click.echo, output / DEMONSTRATIONS
        )
        click.echo(f"trained in {(time.process_time() - used) / 60:.1f} minutes of processor time")
        save_policy(trained, output)
    trained = load_policy(output)
    click.echo("\n| clip | control | reach the end | seconds | error mm |\n|---|---|---|---|---|")
    reached = {}
    for row in track_study(trained, starts, options.seed + 1000):
        click.echo(
            f"| {row.clip} | {row.control} | {row.reached} of {row.starts} | {row.seconds:.2f} "
            f"| {row.error_mm:.0f} |"
        )
        reached[row.clip] = row.reached
    # Failures in changed worlds tell something only of clips that are tracked in the usual one.
    able = [name for name, count in reached.items() if count >= 0.8 * starts]
    if not worlds or not able:
        return
    with progress("in other worlds") as show:
        found = world_study(trained, able, worlds, 10, options.seed + 1, show, kinds)
    click.echo(f"\nClips: {', '.join(able)}\n")
    click.echo("| change | worlds | policy | adapting |\n|---|---|---|---|")
    for one in [*found, together(found)]:
        cells = " | ".join(shares_text(shares) for shares in (one.without, one.with_it))
        click.echo(f"| {one.kind} | {one.worlds} | {cells} |")
