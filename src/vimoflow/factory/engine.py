"""Who does the work: this process, or Ray's workers on this machine or a cluster.

Work is a video that passes through stages; each stage writes its result to the work folder, so
nothing but the names of videos travels. At most a few videos for each worker are under way at a
time: the driver's memory does not grow with the number of videos.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar, runtime_checkable

from vimoflow.errors import ConfigError, VimoflowError
from vimoflow.installation import install_command
from vimoflow.options import Option, require_sensible

Item = TypeVar("Item")
Stage = Callable[[Item], object]
_IN_FLIGHT = 2  # tasks for each worker: one runs, one waits


@dataclass(frozen=True)
class EngineSettings:
    """Who works; the result does not depend on it.

    Attributes:
        workers: processes on this machine; 0 does everything in this one, without Ray. None is one
            for each processor, or of a cluster all there are.
        address: of a running Ray cluster, ``auto`` for the one this machine belongs to; None starts
            workers on this machine.
        retries: how often a task is given to another worker when its own died, or when it failed
            for a reason that is not the video's.

    Raises:
        ConfigError: a value that makes no sense.
    """

    workers: Annotated[int | None, Option(metavar="N", low=0, high=4096)] = None
    address: Annotated[str | None, Option(metavar="ADDRESS")] = None
    retries: Annotated[int, Option(metavar="N", low=0, high=1000)] = 3

    def __post_init__(self) -> None:
        require_sensible(self)
        if self.address is not None and self.workers == 0:
            raise ConfigError("--address: a cluster has workers; leave --workers 0 out")


@dataclass(frozen=True)
class Outcome(Generic[Item]):
    """An item that is through: the last stage's result, or why it was given up."""

    item: Item
    value: Any = None
    failure: str = ""


@runtime_checkable
class Engine(Protocol):
    """Takes items through stages."""

    def run(self, stages: Sequence[Stage[Item]], items: Iterable[Item]) -> Iterator[Outcome[Item]]:
        """Outcomes as they come, in any order; items are taken from the iterable as needed.

        Raises:
            VimoflowError: a stage raised it; nothing more is started.
        """


class PlainLoop:
    """Everything in this process, one item after the other."""

    def __init__(self, retries: int = 0) -> None:
        self._retries = retries

    def run(self, stages: Sequence[Stage[Item]], items: Iterable[Item]) -> Iterator[Outcome[Item]]:
        """Outcomes in the order of the items."""
        for item in items:
            value = None
            for stage in stages:
                value = attempt(stage, item, self._retries)
                if isinstance(value, _Failure):
                    break
            yield _outcome(item, value)


@dataclass(frozen=True)
class _Failure:
    reason: str


def attempt(stage: Stage[Item], item: Item, retries: int) -> object:
    """A stage's result, or what went wrong each of the times it was tried."""
    for left in range(retries, -1, -1):
        try:
            return stage(item)
        except VimoflowError:
            raise  # the user's to mend: trying again would not
        except Exception as error:  # one video must not end the work on all others
            if not left:
                words = " ".join(str(error).split())[:300]
                return _Failure(f"{type(error).__name__}: {words}")
    return None


def _outcome(item: Item, value: object) -> Outcome[Item]:
    if isinstance(value, _Failure):
        return Outcome(item, failure=value.reason)
    return Outcome(item, value)


class RayEngine:
    """Ray tasks; open it with :func:`open_engine`."""

    def __init__(self, ray: Any, workers: int, retries: int) -> None:
        self._ray, self._limit, self._retries = ray, _IN_FLIGHT * workers, retries

    def run(self, stages: Sequence[Stage[Item]], items: Iterable[Item]) -> Iterator[Outcome[Item]]:
        """Outcomes as they come; items that are under way go before new ones."""
        task = self._ray.remote(num_cpus=1, max_retries=self._retries)(attempt)
        pending: dict[Any, tuple[Item, int]] = {}
        waiting = iter(items)

        def submit(item: Item, number: int) -> None:
            pending[task.remote(stages[number], item, self._retries)] = (item, number)

        exhausted = False
        while pending or not exhausted:
            while not exhausted and len(pending) < self._limit:
                try:
                    submit(next(waiting), 0)
                except StopIteration:
                    exhausted = True
            for reference in self._finished(pending):
                item, number = pending.pop(reference)
                value = self._value(reference)
                if isinstance(value, _Failure) or number + 1 == len(stages):
                    yield _outcome(item, value)
                else:
                    submit(item, number + 1)

    def _finished(self, pending: dict[Any, Any]) -> list[Any]:
        """All that are done by now, at least one."""
        if not pending:
            return []
        references = list(pending)
        done, _ = self._ray.wait(references, num_returns=1)
        more, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        return more or done

    def _value(self, reference: Any) -> object:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, VimoflowError):
                raise error.cause from None
            raise
        except (
            self._ray.exceptions.WorkerCrashedError,
            self._ray.exceptions.OutOfMemoryError,
            self._ray.exceptions.NodeDiedError,
        ) as error:
            words = type(error).__name__
            return _Failure(f"its workers died {self._retries + 1} times ({words})")


@contextlib.contextmanager
def open_engine(settings: EngineSettings) -> Iterator[Engine]:
    """The engine that the settings ask for; workers that it started end with the block.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at the address.
    """
    if settings.workers == 0:
        yield PlainLoop(settings.retries)
        return
    ray = _import_ray()
    local = settings.address is None
    options: dict[str, Any] = (
        {
            "address": "local",
            "num_cpus": settings.workers or os.cpu_count() or 1,
            "num_gpus": 0,
            "include_dashboard": False,
            "object_store_memory": 200 * 2**20,  # only names travel
        }
        if local
        else {"address": settings.address, "runtime_env": {"env_vars": _ONE_THREAD}}
    )
    if local:  # its workers inherit them, which is quicker than an environment of their own
        os.environ.update(_ONE_THREAD)
    try:
        ray.init(**options, log_to_driver=False, logging_level="error", configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"--address: Ray cannot be used ({reason})") from error
    try:
        cpus = int(ray.cluster_resources().get("CPU", 1))
        workers = cpus if settings.workers is None else min(settings.workers, cpus)
        yield RayEngine(ray, max(1, workers), settings.retries)
    finally:
        ray.shutdown()


# Sums, and so the bytes of results, depend on how many threads share the work.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f"workers need Ray: {install_command('build')}, or work in this process alone with "
            "--workers 0"
        ) from error
    return ray
