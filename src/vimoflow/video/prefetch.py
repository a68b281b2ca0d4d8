"""Working ahead in a thread, so that decoding does not wait for whoever uses the frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
_END: Any = object()


@contextmanager
def prefetch(items: Iterable[Item], depth: int = 4) -> Iterator[Iterator[Item]]:
    """Iterate over `items` in one other thread, at most `depth` ahead of the reader.

    An error in `items` is raised where it would be read. Leaving the block early stops the thread
    after the item it is at.
    """
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="vimoflow-prefetch") as thread:
        ahead = deque(thread.submit(next, source, _END) for _ in range(depth))

        def read() -> Iterator[Item]:
            while (item := ahead.popleft().result()) is not _END:
                ahead.append(thread.submit(next, source, _END))
                yield item

        try:
            yield read()
        finally:
            for future in ahead:
                future.cancel()
