from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, active_count, current_thread

import pytest

from vimoflow.video import prefetch
from vimoflow.video.prefetch import made_ahead


def test_items_come_in_order_from_one_other_thread() -> None:
    threads = set()

    def source() -> Iterator[int]:
        for item in range(100):
            threads.add(current_thread().name)
            yield item

    with prefetch(source()) as ahead:
        assert list(ahead) == list(range(100))
    assert len(threads) == 1 and current_thread().name not in threads


def test_it_runs_no_further_ahead_than_its_depth_and_stops_with_the_block() -> None:
    made: list[int] = []
    before = active_count()
    with prefetch((made.append(i) or i for i in range(10_000)), depth=3) as ahead:
        for _ in range(5):
            next(ahead)
    assert 5 <= len(made) <= 5 + 3 + 1
    assert active_count() == before


def test_an_error_is_raised_where_the_item_would_be_read() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with prefetch(source()) as ahead:
        assert next(ahead) == 1
        with pytest.raises(ValueError, match="broken"):
            next(ahead)


def test_several_threads_make_items_at_once_and_hand_them_out_in_order() -> None:
    both = Barrier(2, timeout=10)  # nobody passes alone

    def make(item: int) -> int:
        both.wait()
        return item * item

    with made_ahead(make, range(10), threads=2) as made:
        assert list(made) == [i * i for i in range(10)]
