"""USD's own parser on trial in a process of its own: damage can stall it for minutes, or end it.

Its error messages each repeat the rest of a text, which takes time in the square of the length; of
a binary file it believes how much memory to take. Only the end of its process interrupts it.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vimoflow.errors import InputError

TRIAL_S = 5.0
COPIES = "vimoflow-usd-"  # their names begin so
TRIAL = """
import json, sys
from pxr import Sdf
try:
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))
except (ImportError, ValueError, OSError):
    pass
for line in sys.stdin:
    path, copy = json.loads(line)
    try:
        layer = Sdf.Layer.OpenAsAnonymous(path)
        done = layer is not None and layer.Export(copy)
    except Exception:
        done = False
    print(json.dumps(done), flush=True)
"""


@contextmanager
def parsed_elsewhere(path: Path) -> Iterator[Path]:
    """A sound copy of a USD file, by another process in so many seconds at most.

    All values are read for it, which a binary file's parser puts off.

    Raises:
        InputError: the file cannot be read, or not in that time.
    """
    with tempfile.TemporaryDirectory(prefix=COPIES) as folder:
        copy = Path(folder) / f"{COPIES}copy.usdc"
        answer = _ask([str(path.absolute()), str(copy)])
        if not answer:
            raise InputError(
                f"{path}: USD's parser broke off, or was at it for more than {TRIAL_S:g} s; "
                "the file is damaged, or very long text (save it as .usdc)"
            )
        if not json.loads(answer):
            raise InputError(f"{path}: damaged, or not USD; its parser cannot read it")
        yield copy


def _ask(paths: list[str]) -> str:
    trial = _trial(os.getpid())
    assert trial.stdin is not None and trial.stdout is not None
    clock = threading.Timer(TRIAL_S, trial.kill)
    clock.start()
    try:
        trial.stdin.write(json.dumps(paths) + "\n")
        trial.stdin.flush()
        answer = trial.stdout.readline()
    except OSError:
        answer = ""
    finally:
        clock.cancel()
    if not answer:
        trial.kill()
        trial.wait()
        _trial.cache_clear()
    return answer


@functools.cache
def _trial(process: int) -> subprocess.Popen[str]:
    """The process that tries, one for each that asks; it ends when that one does."""
    return subprocess.Popen(
        [sys.executable, "-c", TRIAL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
