"""``vimoflow data build``: from videos to the finished data set, as far as it has not been done."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vimoflow.errors import InputError, OutputError
from vimoflow.factory.assembly import assemble
from vimoflow.factory.dataset_files import import_pyarrow
from vimoflow.factory.engine import Engine, EngineSettings, open_engine
from vimoflow.factory.records import SourceVideo
from vimoflow.factory.selection import Selection
from vimoflow.factory.settings import BuildSettings
from vimoflow.factory.stages import (
    BuildPlan,
    animate,
    checkpoint_digest,
    identify,
    see,
)
from vimoflow.factory.video_lists import find_videos
from vimoflow.factory.work_files import WorkFolder
from vimoflow.physics.simulator import mujoco
from vimoflow.registry import DETECTORS

Progress = Callable[[str], contextlib.AbstractContextManager[Callable[[int, int | None], None]]]


@dataclass(frozen=True)
class Identified:
    """A video's content, or why it cannot be read."""

    content: str = ""
    error: str = ""


def build(
    inputs: Sequence[str | Path],
    output: Path,
    settings: BuildSettings | None = None,
    engine: EngineSettings | None = None,
    licence: str = "",
    progress: Progress | None = None,
) -> Selection:
    """Build a data set; what has been done before is not done again.

    Intermediate results are kept in ``OUTPUT.work`` beside the data set, so that it can be extended
    or built with other gates; it may be deleted.

    Args:
        inputs: see :func:`vimoflow.factory.video_lists.find_videos`.
        output: the data set's folder; one that is there is replaced when the new one is complete.
        settings: what is built.
        engine: who builds it.
        licence: of the videos for which no table says one.
        progress: makes a function to call with what is done and how much there is.

    Raises:
        InputError: no videos, or not one of them can be read.
        ConfigError, CheckpointError: settings that cannot be used.
        OutputError: something cannot be written, or the folder holds something else.
    """
    settings, progress = settings or BuildSettings(), progress or _quiet
    videos = find_videos(inputs, licence)
    _require_replaceable(output)
    import_pyarrow()
    DETECTORS.find(settings.estimator, "--estimator")
    if settings.physics:
        mujoco()
    work = WorkFolder(output.with_name(f"{output.name}.work").absolute())
    plan = BuildPlan(settings, checkpoint_digest(settings.checkpoint), work)
    with _locked(work.path), open_engine(engine or EngineSettings()) as workers:
        for leftover in work.path.rglob(".*.partial*"):  # of a build that was killed
            leftover.unlink(missing_ok=True)
        known, failures = _identified(plan, videos, workers, progress)
        failures |= _worked(plan, known, failures, workers, progress)
        with progress("writing"):
            return assemble(plan, known, failures, output)


def _identified(
    plan: BuildPlan, videos: Sequence[SourceVideo], engine: Engine, progress: Progress
) -> tuple[list[SourceVideo], dict[str, str]]:
    """The videos with their contents, and those that cannot be read."""
    known: list[SourceVideo] = []
    failures: dict[str, str] = {}
    with progress("reading") as show:
        stage = functools.partial(identify_or_error, plan)
        for outcome in engine.run([stage], videos):
            found = outcome.value or Identified(error=outcome.failure)
            known.append(dataclasses.replace(outcome.item, content=found.content))
            if found.error:
                failures[str(outcome.item.path)] = found.error
            show(len(known), len(videos))
    if len(failures) == len(videos):
        raise InputError(f"not one of {len(videos)} videos can be read: {min(failures.values())}")
    return known, failures


def identify_or_error(plan: BuildPlan, video: SourceVideo) -> Identified:
    """A task: :func:`identify`, errors as values."""
    try:
        return Identified(identify(plan, video))
    except InputError as error:
        return Identified(error=str(error))


def _worked(
    plan: BuildPlan,
    videos: Sequence[SourceVideo],
    unreadable: dict[str, str],
    engine: Engine,
    progress: Progress,
) -> dict[str, str]:
    """See and animate each content once; returns why some could not be, by path."""
    first: dict[str, SourceVideo] = {}
    for video in sorted(videos, key=lambda v: (v.name, str(v.path))):
        if str(video.path) not in unreadable:
            first.setdefault(video.content, video)
    key = plan.settings.animating(plan.checkpoint)
    todo = [v for v in first.values() if not plan.work.record(v.id, key).is_file()]
    failures: dict[str, str] = {}
    done = len(first) - len(todo)
    stages = [functools.partial(see, plan), functools.partial(animate, plan)]
    with progress("videos") as show:
        for outcome in engine.run(stages, todo):
            done += 1
            if outcome.failure:
                same = [v for v in videos if v.content == outcome.item.content]
                failures |= {str(v.path): outcome.failure for v in same}
            show(done, len(first))
    return failures


def _require_replaceable(output: Path) -> None:
    """Only a data set of ours may be replaced."""
    if output.is_dir() and any(output.iterdir()) and not (output / "rejected.csv").is_file():
        raise OutputError(f"{output}: holds something that is no data set; name another with -o")
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file; name a folder with -o")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One build at a time in a folder; the lock goes with the process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # Windows
        except OSError as error:
            raise OutputError(f"{folder}: another build is at work there; wait for it") from error
        yield


@contextlib.contextmanager
def _quiet(_: str) -> Iterator[Callable[[int, int | None], None]]:
    yield lambda done, total: None
