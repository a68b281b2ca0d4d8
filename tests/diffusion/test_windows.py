"""Windows over a sequence: cover, split, merge."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vimoflow.diffusion.windows import WindowPlan


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, int, int]:
    """Frames, window length and overlap."""
    length = draw(st.integers(2, 40))
    return draw(st.integers(1, 200)), length, draw(st.integers(0, length - 1))


@settings(deadline=None)
@given(requests())
def test_every_frame_is_covered_and_neighbours_share_at_least_the_overlap(wanted):
    plan, overlap = WindowPlan.cover(*wanted), wanted[2]
    covered = set(plan.index.flatten().tolist())
    assert covered == set(range(plan.frames))
    for left, right in zip(plan.starts, plan.starts[1:], strict=False):
        assert left < right and left + plan.length - right >= overlap
    assert plan.starts[-1] + plan.length == plan.frames


@settings(deadline=None)
@given(requests())
def test_no_fewer_windows_would_do(wanted):
    plan, overlap = WindowPlan.cover(*wanted), wanted[2]
    fewer = len(plan.starts) - 1
    hop = plan.length - overlap
    assert fewer == 0 or plan.length + (fewer - 1) * hop < plan.frames


@settings(max_examples=30, deadline=None)
@given(requests())
def test_merge_is_the_inverse_of_split(wanted):
    plan = WindowPlan.cover(*wanted)
    x = torch.randn(2, plan.frames, 3, generator=torch.Generator().manual_seed(0))
    windows = plan.split(x)
    assert windows.shape == (2, len(plan.starts), plan.length, 3)
    torch.testing.assert_close(plan.merge(windows), x, atol=1e-5, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(requests())
def test_merged_values_lie_between_those_of_the_windows(wanted):
    """Weights are positive and sum to one at every frame."""
    plan = WindowPlan.cover(*wanted)
    values = torch.rand(len(plan.starts), generator=torch.Generator().manual_seed(0))
    merged = plan.merge(values[None, :, None].repeat(1, 1, plan.length))[0]
    owners = [
        [v for v, s in zip(values, plan.starts, strict=True) if s <= frame < s + plan.length]
        for frame in range(plan.frames)
    ]
    low = torch.tensor([min(map(float, own)) for own in owners])
    high = torch.tensor([max(map(float, own)) for own in owners])
    assert bool((merged >= low - 1e-6).all() and (merged <= high + 1e-6).all())


def test_an_overlap_fades_linearly_from_one_window_to_the_next():
    plan = WindowPlan.cover(10, length=6, overlap=2)
    assert plan.starts == (0, 4)
    x = torch.tensor([0.0, 1.0])[None, :, None].repeat(1, 1, 6)
    expected = torch.tensor([0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1])
    torch.testing.assert_close(plan.merge(x)[0], expected)


def test_what_fits_one_window_is_one_window():
    assert WindowPlan.cover(150) == WindowPlan(150, 150, (0,))
    assert WindowPlan.cover(7) == WindowPlan(7, 7, (0,))
    assert len(WindowPlan.cover(151).starts) == 2


def test_masks_can_be_split_too():
    plan = WindowPlan.cover(9, length=6, overlap=3)
    valid = torch.arange(9)[None] < 8
    assert plan.split(valid).tolist() == [[[True] * 6, [True] * 5 + [False]]]
