"""The process that reads USD files, and what it found; it is given up where it stalls or ends.

The parser's error messages each repeat the rest of a text, which takes time in the square of the
length; of a binary file it believes how much memory to take, and damage ends the process. Only the
end of its process interrupts it.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import InputError
from vimoflow.formats.takes import MAX_JOINTS, MAX_POSES

TIME_S = 5.0
MODULE = "vimoflow.formats.usd_extraction"
ARRAYS = "vimoflow-usd-"  # names of temporary files and folders begin so


def skeletons(path: Path) -> list[dict[str, Any]]:
    """What `usd_extraction.extract` gives, by another process in so many seconds at most.

    Raises:
        InputError: the file cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix=ARRAYS) as folder:
        arrays = Path(folder) / f"{ARRAYS}arrays.npz"
        answer = _ask([str(path.absolute()), str(arrays), MAX_JOINTS, MAX_POSES])
        if not answer:
            raise InputError(
                f"{path}: USD's parser broke off, or was at it for more than {TIME_S:g} s; "
                "the file is damaged, or very long text (save it as .usdc)"
            )
        if complaint := json.loads(answer):
            raise InputError(f"{path}: {' '.join(complaint.split())}")
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        with np.load(arrays) as named:
            for key in named.files:
                number, _, field = key.partition("/")
                found[number][field] = named[key]
    return list(found.values())


def _ask(request: list[str | int]) -> str:
    process = _process(os.getpid())
    assert process.stdin is not None and process.stdout is not None
    clock = threading.Timer(TIME_S, process.kill)
    clock.start()
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except OSError:
        answer = ""
    finally:
        clock.cancel()
    if not answer:
        process.kill()
        process.wait()
        _process.cache_clear()
    return answer


@functools.cache
def _process(asker: int) -> subprocess.Popen[str]:
    """One for each process that asks; it ends when that one does."""
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stdout is not None
    process.stdout.readline()  # it is ready: starting takes none of a file's time
    return process
