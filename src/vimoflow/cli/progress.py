"""How far long work has come and how long it will take: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINES = 10  # at most, where there is no terminal
EARLY_S, WORTH_TELLING_S = 5, 60  # one line more, so that long work is no surprise
_BAR = "{desc}: {percentage:3.0f} % |{bar}| {n_fmt} of {total_fmt}, {remaining} left"


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A function to call with what is done and, when known, how much there is, from 1 on.

    It writes to stderr; stdout holds results only.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=label, dynamic_ncols=True, leave=False, bar_format=_BAR) as bar:

            def show(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show
    else:
        print(f"{label} ...", file=sys.stderr, flush=True)
        yield _line_printer(label)


def _line_printer(label: str) -> Callable[[int, int | None], None]:
    printed, started, foretold = 0, time.monotonic(), False

    def show(done: int, total: int | None) -> None:
        nonlocal printed, foretold
        if not total or not done:
            return
        spent = time.monotonic() - started
        left_s = spent * (total - done) / done
        early = not foretold and spent > EARLY_S and left_s > WORTH_TELLING_S
        if early or done * LINES // total > printed:
            printed, foretold = done * LINES // total, foretold or early
            left = f"{_readable(left_s)} left" if done < total else "done"
            share = f"{done} of {total} ({done / total:.0%})"
            print(f"{label}: {share}, {left}", file=sys.stderr, flush=True)

    return show


def _readable(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
