"""``python -m lab bench build``: how fast data sets are built on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def build(
    videos: Annotated[
        list[str] | None, typer.Argument(metavar="[VIDEOS...]", help="Videos to build from.")
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="Length of the clips.")] = 5.0,
    repeats: Annotated[
        int, typer.Option(min=1, metavar="N", help="Turns; the quickest of each kind counts.")
    ] = 1,
    tasks: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also time the driver on N empty tasks.")
    ] = 0,
) -> None:
    """Time two workers, one worker and a plain loop on the same videos, one thread each."""
    from lab.speed.factory import measure_building, measure_driver
    from vimoflow.errors import ConfigError
    from vimoflow.factory.settings import BuildSettings

    if not videos and not tasks:
        raise ConfigError("nothing to time: name videos, or give --tasks")
    if videos:
        speed = measure_building(videos, BuildSettings(seconds=seconds), repeats)
        typer.echo(
            f"plain loop {speed.loop_s:.1f} s, 1 worker {speed.one_s:.1f} s "
            f"({speed.overhead:+.1%} scheduling), 2 workers {speed.two_s:.1f} s "
            f"({speed.ratio:.2f} of 1 worker)"
        )
    if tasks:
        driver = measure_driver(tasks, workers=2)
        typer.echo(
            f"driver: {driver.ms_per_task:.2f} ms a task, {driver.peak_mb:.0f} MB at most; with "
            f"tasks of 30 s it keeps {driver.most_workers(30):.0f} workers busy"
        )
