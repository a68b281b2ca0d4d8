"""``python -m lab bench build``: how fast data sets are built on this machine."""

from __future__ import annotations

from typing import Annotated

import click

from vimoflow.options import Option


def build(
    videos: tuple[str, ...] = (),
    *,
    seconds: Annotated[float, Option(metavar="S")] = 5.0,
    repeats: Annotated[int, Option(metavar="N", low=1, high=1000)] = 1,
    tasks: Annotated[int, Option(metavar="N", low=0, high=1e9)] = 0,
) -> None:
    """Time two workers, one worker and a plain loop on the same videos, one thread each.

    Args:
        videos: videos to build from.
        seconds: length of the clips.
        repeats: turns; the quickest of each kind counts.
        tasks: also time the driver on so many empty tasks.
    """
    from lab.speed.factory import measure_building, measure_driver
    from vimoflow.errors import ConfigError
    from vimoflow.factory.settings import BuildSettings

    if not videos and not tasks:
        raise ConfigError("nothing to time: name videos, or give --tasks")
    if videos:
        speed = measure_building(list(videos), BuildSettings(seconds=seconds), repeats)
        click.echo(
            f"plain loop {speed.loop_s:.1f} s, 1 worker {speed.one_s:.1f} s "
            f"({speed.overhead:+.1%} scheduling), 2 workers {speed.two_s:.1f} s "
            f"({speed.ratio:.2f} of 1 worker)"
        )
    if tasks:
        driver = measure_driver(tasks, workers=2)
        click.echo(
            f"driver: {driver.ms_per_task:.2f} ms a task, {driver.peak_mb:.0f} MB at most; with "
            f"tasks of 30 s it keeps {driver.most_workers(30):.0f} workers busy"
        )
