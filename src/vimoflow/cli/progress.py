"""How far long work has come: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINES = 10  # at most, where there is no terminal


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A function to call with what is done and, when known, how much there is, from 1 on.

    It writes to stderr; stdout holds results only.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=label, dynamic_ncols=True, leave=False) as bar:

            def show(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show
    else:
        print(f"{label} ...", file=sys.stderr, flush=True)
        yield _line_printer(label)


def _line_printer(label: str) -> Callable[[int, int | None], None]:
    printed = 0

    def show(done: int, total: int | None) -> None:
        nonlocal printed
        if total and done * LINES // total > printed:
            printed = done * LINES // total
            print(f"{label}: {done} of {total}", file=sys.stderr, flush=True)

    return show
