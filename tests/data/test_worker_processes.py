"""Work over processes: order, one thread each, and what a killed process looks like."""

from __future__ import annotations

import os
import pickle
import signal
import time

import pytest
import torch

from lab.corpora.public import ALL
from vimoflow.data.worker_processes import map_in_processes
from vimoflow.errors import InputError, VimoflowError


def facts(item: int) -> tuple[int, int, int]:
    return item, torch.get_num_threads(), os.getpid()


def fail(item: int) -> int:
    if item == 11:
        raise InputError("eleven")
    return item


def fail_early(item: int) -> int:
    if item < 4:
        raise InputError("at once")
    time.sleep(0.01)
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


def test_an_error_with_many_items_waiting_does_not_hang() -> None:
    with pytest.raises(InputError, match="at once"):
        list(map_in_processes(fail_early, range(2000), 2))


def test_what_cannot_be_handed_over_is_an_error() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        list(map_in_processes(lambda item: item, range(100), 2))


@pytest.mark.parametrize("name", sorted(ALL))
def test_corpora_can_be_handed_to_processes(name: str) -> None:
    assert pickle.loads(pickle.dumps(ALL[name])) == ALL[name]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_process_is_said() -> None:
    with pytest.raises(VimoflowError, match="a worker process was killed"):
        list(map_in_processes(die, range(40), 2))
