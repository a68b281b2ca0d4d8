"""Linear resampling against numpy."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.geometry.signals import linear_resample, longest_run, runs_of_true


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 20))
def test_it_is_numpys_interp_per_channel(seed: int, frames: int, new: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 1.0, frames))
    values = rng.normal(size=(frames, 2, 3))
    new_times = rng.uniform(times[0] - 1, times[-1] + 1, new)  # the ends are held
    result = linear_resample(*(torch.from_numpy(a) for a in (values, times, new_times)))
    expected = np.stack(
        [np.interp(new_times, times, column) for column in values.reshape(frames, -1).T], axis=-1
    )
    np.testing.assert_allclose(result.reshape(new, -1), expected, atol=1e-9)


def test_the_given_times_give_the_given_values_in_their_type() -> None:
    values = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    times = torch.arange(7, dtype=torch.float64) / 30
    result = linear_resample(values, times, times)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, values)


@given(st.lists(st.booleans(), max_size=40))
def test_runs_of_true_cover_the_true_values_without_touching(flags: list[bool]) -> None:
    runs = runs_of_true(np.array(flags, bool))
    covered = [i for first, end in runs for i in range(first, end)]
    assert covered == list(np.flatnonzero(flags))
    assert all(end < first for (_, end), (first, _) in itertools.pairwise(runs))


@given(st.lists(st.booleans(), max_size=40))
def test_the_longest_run_is_the_first_of_the_longest(flags: list[bool]) -> None:
    run = longest_run(np.array(flags, bool))
    lengths = [len(list(group)) for value, group in itertools.groupby(flags) if value]
    assert run.stop - run.start == max(lengths, default=0)
    assert all(flags[run])
    before = runs_of_true(np.array(flags[: run.start], bool))
    assert all(end - first < run.stop - run.start for first, end in before)
