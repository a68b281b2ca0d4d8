"""Threads that leave others their share: as many as there are free cores, and none that spins.

OpenMP's threads wait for each other by spinning. Beside other busy programs they then hold cores
and do nothing: a fit of 2.5 s took 53 s with two threads so, and 5 s with two that sleep.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_PROC_STAT = Path("/proc/stat")
_SLACK = 0.3  # of a core that may be busy with odds and ends
_SHORTEST_S = 0.2  # of a measurement that tells anything


def wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait, unless the user set it otherwise.

    Runtimes look once, when they load: without effect where PyTorch has been imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # GNU's, LLVM's
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # Intel's


def use_threads(count: int) -> None:
    """Have PyTorch compute in ``count`` threads."""
    import torch

    torch.set_num_threads(count)


@dataclass(frozen=True)
class CpuUse:
    """Seconds of cores used up to a moment.

    Attributes:
        at_s: the moment, on a clock of its own.
        own_s: by this process.
        all_s: by everybody; None where the system does not tell.
    """

    at_s: float
    own_s: float
    all_s: float | None

    @classmethod
    def now(cls) -> CpuUse:
        """Up to now."""
        return cls(time.perf_counter(), time.process_time(), _busy_s())


def free_cores(before: CpuUse, after: CpuUse) -> int:
    """How many cores others left to this process between two moments, at least one."""
    cores = own_cores()
    passed = after.at_s - before.at_s
    if before.all_s is None or after.all_s is None or passed < _SHORTEST_S:
        return cores
    others = (after.all_s - before.all_s - after.own_s + before.own_s) / passed
    return max(1, min(cores, int((os.cpu_count() or cores) - others + _SLACK)))


def own_cores() -> int:
    """Cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _busy_s() -> float | None:
    """Seconds that all cores together were busy since the system started."""
    try:
        name, *ticks = _PROC_STAT.read_text(encoding="ascii").splitlines()[0].split()
        user, nice, system, _idle, _waiting, interrupt, soft = (int(n) for n in ticks[:7])
    except (OSError, ValueError, IndexError):
        return None
    busy = user + nice + system + interrupt + soft
    return busy / os.sysconf("SC_CLK_TCK") if name == "cpu" and busy else None
