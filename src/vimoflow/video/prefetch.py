"""Working ahead in a thread, so that decoding does not wait for whoever uses the frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice, repeat, takewhile
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
_END: Any = object()


@contextmanager
def prefetch(items: Iterable[Item], depth: int = 4) -> Iterator[Iterator[Item]]:
    """Iterate over `items` in one other thread, at most `depth` ahead of the reader.

    An error in `items` is raised where it would be read. Leaving the block early stops the thread
    after the item it is at.
    """
    source = iter(items)
    with made_ahead(lambda _: next(source, _END), repeat(None), 1, depth) as made:
        yield takewhile(lambda item: item is not _END, made)


@contextmanager
def made_ahead(
    make: Callable[[Item], Made], items: Iterable[Item], threads: int, depth: int = 4
) -> Iterator[Iterator[Made]]:
    """What `make` makes of each item, in their order, by some threads at most `depth` ahead.

    Errors and leaving early: as for `prefetch`. `items` are asked for in the reader's thread.
    """
    source = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="vimoflow-ahead") as pool:
        ahead = deque(pool.submit(make, item) for item in islice(source, depth))

        def read() -> Iterator[Made]:
            while ahead:
                made = ahead.popleft().result()
                ahead.extend(pool.submit(make, item) for item in islice(source, 1))
                yield made

        try:
            yield read()
        finally:
            for future in ahead:
                future.cancel()
