"""How fast data sets are built: workers beside a plain loop, and what the driver itself costs."""

from __future__ import annotations

import dataclasses
import functools
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vimoflow.factory.engine import Engine, EngineSettings, PlainLoop, open_engine
from vimoflow.factory.inputs import find_videos
from vimoflow.factory.records import SourceVideo
from vimoflow.factory.settings import BuildSettings
from vimoflow.factory.stages import BuildPlan, animate, checkpoint_digest, identify, see
from vimoflow.factory.work_files import WorkFolder


@dataclass(frozen=True)
class BuildSpeed:
    """Seconds for the same videos; starting workers and loading the model is not in them.

    Attributes:
        loop_s: a plain loop in this process.
        one_s, two_s: one and two of Ray's workers, one thread each.
    """

    loop_s: float
    one_s: float
    two_s: float

    @property
    def overhead(self) -> float:
        """What scheduling adds to the plain loop, as a share of it."""
        return self.one_s / self.loop_s - 1

    @property
    def ratio(self) -> float:
        """Two workers' time over one's."""
        return self.two_s / self.one_s


@dataclass(frozen=True)
class DriverSpeed:
    """What a driver spends on tasks that do nothing.

    Attributes:
        tasks: how many.
        ms_per_task: of the driver's processor time: others on the machine do not count.
        peak_mb: memory of the driver at most.
    """

    tasks: int
    ms_per_task: float
    peak_mb: float

    def most_workers(self, task_s: float) -> float:
        """Workers that the driver can keep busy with tasks of a length."""
        return 1000 * task_s / self.ms_per_task


def measure_building(
    inputs: Sequence[str | Path], settings: BuildSettings, repeats: int = 1
) -> BuildSpeed:
    """Build from the same videos three ways in turns, each from nothing; the quickest turn counts.

    Raises:
        VimoflowError: the videos or the settings cannot be used, or Ray is not installed.
    """
    videos = find_videos(inputs)
    digest = checkpoint_digest(settings.checkpoint)
    arms: list[Callable[[], float]] = [
        functools.partial(_timed_loop, videos, settings, digest),
        functools.partial(_timed_workers, videos, settings, digest, 1),
        functools.partial(_timed_workers, videos, settings, digest, 2),
    ]
    rounds = [[arm() for arm in arms] for _ in range(repeats)]
    return BuildSpeed(*(min(column) for column in zip(*rounds, strict=True)))


def _timed_loop(videos: Sequence[SourceVideo], settings: BuildSettings, digest: str) -> float:
    return _timed(PlainLoop(), videos, settings, digest)


def _timed_workers(
    videos: Sequence[SourceVideo], settings: BuildSettings, digest: str, workers: int
) -> float:
    with open_engine(EngineSettings(workers)) as engine:
        # Workers import what they need and load the model before the clock starts.
        warm = functools.partial(_warm, settings.checkpoint)
        list(engine.run([warm], range(8 * workers)))
        return _timed(engine, videos, settings, digest)


def _warm(checkpoint: str, _: int) -> None:
    checkpoint_digest(checkpoint)
    time.sleep(0.5)  # long enough that every worker gets one


def _timed(
    engine: Engine, videos: Sequence[SourceVideo], settings: BuildSettings, digest: str
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        plan = BuildPlan(settings, digest, WorkFolder(Path(folder)))
        known = [dataclasses.replace(v, content=identify(plan, v)) for v in videos]
        started = time.perf_counter()
        stages = [functools.partial(see, plan), functools.partial(animate, plan)]
        failed = [o.failure for o in engine.run(stages, known) if o.failure]
        assert not failed, failed[0]
        return time.perf_counter() - started


def measure_driver(tasks: int, workers: int) -> DriverSpeed:
    """Give workers tasks that do nothing, with arguments as large as a real build's.

    Raises:
        ConfigError: Ray is not installed.
    """
    plan = BuildPlan(BuildSettings(), "0" * 64, WorkFolder(Path("/a/shared/folder/set.work")))
    videos = (
        SourceVideo(Path(f"/a/shared/folder/videos/{i:08d}.mp4"), f"{i:08d}.mp4", f"{i:064x}")
        for i in range(tasks)
    )
    stage = functools.partial(_nothing, plan)
    with open_engine(EngineSettings(workers)) as engine:
        list(engine.run([stage], [SourceVideo(Path("x"), "x")] * 8))
        started = time.process_time()
        for _ in engine.run([stage], videos):
            pass
        seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return DriverSpeed(tasks, 1000 * seconds / tasks, peak)


def _nothing(plan: BuildPlan, video: SourceVideo) -> str:
    return plan.work.path.name + video.content
