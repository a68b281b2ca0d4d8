"""Views on one clock, by given offsets, by sound or by motion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vimoflow.errors import ConfigError
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.pipeline.views import align_views


def test_given_offsets_move_a_view_and_leave_what_it_did_not_film_empty(
    swaying_keypoints: Callable[..., Keypoints2D],
) -> None:
    first, late = swaying_keypoints(60), swaying_keypoints(120, 60.0)
    cut = Keypoints2D(late.points[30:], late.timestamps[:-30], late.image_size, "late")
    aligned = align_views([first, cut], [0.25, 0.75])  # the first need not be zero
    view = aligned.views[1]
    np.testing.assert_array_equal(view.timestamps, first.timestamps)
    assert not view.observed[:10].any() and view.observed[16:59].all()
    np.testing.assert_allclose(view.points[16:59], first.points[16:59], atol=1e-3)
    assert [o.seconds for o in aligned.offsets] == [0.0, 0.5] and not aligned.warnings


def test_a_view_that_hardly_overlaps_and_repeats_itself_is_told_of(
    swaying_keypoints: Callable[..., Keypoints2D],
) -> None:
    first = swaying_keypoints(120)
    aligned = align_views([first, first], [0.0, 3.5])
    assert "16% of the first view's time" in aligned.warnings[0]  # and a few frames around it
    swaying = align_views([first, first])
    assert swaying.offsets[1].method == "motion"
    assert swaying.offsets[1].seconds == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("views", "offsets"), [(1, None), (10, None), (2, [0.0]), (3, [0.0, 1.0])])
def test_wrong_numbers(
    swaying_keypoints: Callable[..., Keypoints2D], views: int, offsets: list[float] | None
) -> None:
    with pytest.raises(ConfigError, match=r"--views|--offsets"):
        align_views([swaying_keypoints(8)] * views, offsets)
