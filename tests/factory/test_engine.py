"""Every engine takes every item through all stages and gives up only what fails."""

from __future__ import annotations

import pytest

from vimoflow.errors import ConfigError, OutputError
from vimoflow.factory.engine import EngineSettings, PlainLoop, attempt, open_engine


class Failing:
    """Fails a number of times for each item."""

    def __init__(self, times):
        self.times, self.tried = times, {}

    def __call__(self, item):
        self.tried[item] = self.tried.get(item, 0) + 1
        if self.tried[item] <= self.times.get(item, 0):
            raise ValueError(f"bad\n{item}")
        return item * 10


def test_plain_loop_takes_items_as_it_needs_them():
    taken = []

    def items():
        for i in range(3):
            taken.append(i)
            yield i

    outcomes = PlainLoop().run([str, Failing({})], items())
    assert next(outcomes).value == 0 and taken == [0]


def test_failures_are_tried_again_and_then_given_up():
    stage = Failing({1: 2, 2: 9})
    outcomes = list(PlainLoop(retries=2).run([stage, abs], range(4)))
    assert [o.failure for o in outcomes] == ["", "", "ValueError: bad 2", ""]
    assert stage.tried == {0: 1, 1: 3, 2: 3, 3: 1}


def test_users_mistakes_end_the_work():
    def full(_):
        raise OutputError("the disk is full")

    with pytest.raises(OutputError):
        attempt(full, 0, retries=5)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"workers": -1}, "--workers"), ({"retries": -1}, "--retries"),
     ({"workers": 0, "address": "auto"}, "--address")],
)  # fmt: skip
def test_settings_that_make_no_sense(options, word):
    with pytest.raises(ConfigError, match=word):
        EngineSettings(**options)


def test_no_workers_is_a_plain_loop():
    with open_engine(EngineSettings(workers=0)) as engine:
        assert isinstance(engine, PlainLoop)


@pytest.mark.slow
def test_ray_gives_the_same_outcomes_in_any_order():
    pytest.importorskip("ray")

    def stage(item):
        if item == 3:
            raise ValueError("bad")
        return 10 * item

    def refuse(item):
        raise OutputError("full")

    with open_engine(EngineSettings(workers=2, retries=1)) as engine:
        outcomes = sorted(engine.run([abs, stage], range(20)), key=lambda o: o.item)
        assert outcomes == list(PlainLoop().run([abs, stage], range(20)))
        with pytest.raises(OutputError, match="full"):
            list(engine.run([refuse], range(3)))
