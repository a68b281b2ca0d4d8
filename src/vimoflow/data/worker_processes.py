"""Work spread over processes that neither outlive their parent nor compete for its cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

import torch

from vimoflow.errors import VimoflowError

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW = 8  # items not worth starting processes for
_CHUNK = 4  # items handed over at once
_AHEAD = 2  # such parts under way, for each worker


def map_in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Result]:
    """Results in the order of the items, each as soon as those before it are there.

    Every process computes with one thread, the only one as well: sums then do not depend on how
    many there are.

    Raises:
        VimoflowError: a process was killed, such as for want of memory.
    """
    if workers == 1 or len(items) < _FEW:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield from map(work, items)
        finally:
            torch.set_num_threads(threads)
        return
    pool = ProcessPoolExecutor(min(workers, len(items)), initializer=_start)
    under_way: deque[Future[list[Result]]] = deque()
    try:
        # Few at a time: where one fails, shutting down with many still waiting can hang (CPython
        # 3.11), and what waits for a slow one stays in memory.
        for first in range(0, len(items), _CHUNK):
            under_way.append(pool.submit(_each, work, items[first : first + _CHUNK]))
            if len(under_way) > _AHEAD * workers:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    except BrokenProcessPool:
        raise VimoflowError(
            "a worker process was killed, perhaps for want of memory; run the same command again "
            "with fewer --workers, it goes on from where it stopped"
        ) from None
    finally:
        pool.shutdown()


def _each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items]


def _start() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot stop its processes; they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
