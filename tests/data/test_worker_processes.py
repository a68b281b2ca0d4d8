"""Work over processes: order, one thread each, and what a killed process looks like."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from vimoflow.data.worker_processes import map_in_processes
from vimoflow.errors import InputError, VimoflowError


def facts(item: int) -> tuple[int, int, int]:
    return item, torch.get_num_threads(), os.getpid()


def fail(item: int) -> int:
    if item == 11:
        raise InputError("eleven")
    return item


def die(item: int) -> int:
    if item == 11:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_order_and_made_with_one_thread(workers: int) -> None:
    threads = torch.get_num_threads()
    rows = list(map_in_processes(facts, range(40), workers))
    assert [item for item, _, _ in rows] == list(range(40))
    assert {used for _, used, _ in rows} == {1}
    assert (os.getpid() in {pid for _, _, pid in rows}) == (workers == 1)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_reach_the_caller(workers: int) -> None:
    with pytest.raises(InputError, match="eleven"):
        list(map_in_processes(fail, range(40), workers))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_process_is_said() -> None:
    with pytest.raises(VimoflowError, match="a worker process was killed"):
        list(map_in_processes(die, range(40), 2))
