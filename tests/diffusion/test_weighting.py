"""Weightings against literal transcriptions of their formulas and the areas of Figure 6."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lab.figures.drawing import area_under_curve_percent
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import (
    STRATEGIES,
    Weighting,
    normalise,
    parse_weighting,
)
from vimoflow.errors import ConfigError

SCHEDULE = NoiseSchedule()


def literal_snr(t: int) -> float:
    alpha_bar = 1.0
    for i in range(t + 1):
        alpha_bar *= 1.0 - (1e-4 + (0.02 - 1e-4) * i / 999)
    return alpha_bar / (1.0 - alpha_bar)


# Name to (SNR, t) -> weight, from the text of the thesis.
LITERAL: dict[str, Callable[[float, int], float]] = {
    "constant": lambda snr, t: 1.0,
    "snr": lambda snr, t: snr,
    "max_snr(1)": lambda snr, t: max(snr, 1.0),
    "max_snr(2)": lambda snr, t: max(snr, 2.0),
    "min_snr": lambda snr, t: min(snr, 5.0),
    "min_snr(2)": lambda snr, t: min(snr, 2.0),
    "min_cap": lambda snr, t: min(snr, 1.0),
    "min_cap(2)": lambda snr, t: min(snr, 2.0),
    "min_linear": lambda snr, t: min(snr, 1 - t / 1000),
    "min_sqrt": lambda snr, t: min(snr, math.sqrt(1 - t / 1000)),
    "average_linear": lambda snr, t: 0.5 * (min(snr, 1.0) + (1 - t / 1000)),
    "average_sqrt": lambda snr, t: 0.5 * (min(snr, 1.0) + math.sqrt(1 - t / 1000)),
    "ratio_split": lambda snr, t: 0.9 * min(snr, 1.0) + 0.1 * math.sqrt(1 - t / 1000),
    "scaled(min_snr(5))": lambda snr, t: min(snr, 5.0) / 5.0,
}


def test_every_strategy_has_a_literal_transcription() -> None:
    assert {parse_weighting(name).strategy for name in LITERAL} == set(STRATEGIES)


@pytest.mark.parametrize("name", LITERAL)
@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_weights_follow_the_formula(name: str, shape: tuple[int, ...]) -> None:
    t = torch.tensor([0, 3, 174, 250, 600, 999])
    weights = parse_weighting(name).weights(SCHEDULE, t.reshape(shape))
    expected = [LITERAL[name](literal_snr(step), step) for step in t.tolist()]
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights, torch.tensor(expected).reshape(shape), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("name", "percent"),
    [
        ("min_cap(1)", 35.520),
        ("min_linear", 31.789),
        ("min_sqrt", 33.672),
        ("average_sqrt", 51.092),
    ],
)
def test_areas_of_figure_6(name: str, percent: float) -> None:
    area = area_under_curve_percent(parse_weighting(name).curve(SCHEDULE))
    assert round(area, 3) == percent


def test_area_of_the_normalised_curve_of_figure_6() -> None:
    curve = parse_weighting("min_linear").curve(SCHEDULE)
    assert round(area_under_curve_percent(curve / curve.mean()), 3) == 99.843


def literal_normalised(weights: list[list[float]], valid: list[list[bool]]) -> list[list[float]]:
    kept = [
        w
        for row, flags in zip(weights, valid, strict=True)
        for w, keep in zip(row, flags, strict=True)
        if keep
    ]
    mean = sum(kept) / len(kept)
    return [[w / mean for w in row] for row in weights]


@given(st.data(), st.integers(1, 4), st.integers(1, 6))
def test_normalisation_is_over_all_valid_frames(data: st.DataObject, batch: int, frames: int):
    def table(elements: st.SearchStrategy) -> list:
        row = st.lists(elements, min_size=frames, max_size=frames)
        return data.draw(st.lists(row, min_size=batch, max_size=batch))

    t = table(st.integers(0, 999))
    valid = table(st.booleans())
    valid[0][0] = True
    weighting = parse_weighting("normalised(average_sqrt)")
    weights = weighting.weights(SCHEDULE, torch.tensor(t), torch.tensor(valid))
    plain = [[LITERAL["average_sqrt"](literal_snr(step), step) for step in row] for row in t]
    expected = torch.tensor(literal_normalised(plain, valid))
    torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-6)


def test_a_clips_weight_counts_once_for_every_valid_frame() -> None:
    weights = torch.tensor([1.0, 3.0])
    valid = torch.tensor([[True, True, True], [True, False, False]])
    result = normalise(weights, valid)
    torch.testing.assert_close(result, weights / 1.5)
    per_frame = normalise(weights[:, None].expand(2, 3), valid)
    torch.testing.assert_close(per_frame, result[:, None].expand(2, 3))


def test_a_batch_without_valid_frames_stays_finite() -> None:
    weights = normalise(torch.tensor([1.0]), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.isfinite(weights).all()


@given(
    st.sampled_from(STRATEGIES),
    st.floats(0.01, 1.0),
    st.booleans(),
    st.booleans(),
)
def test_names_round_trip(strategy: str, number: float, scaled: bool, normalised: bool) -> None:
    takes_parameter = Weighting(strategy).parameter is not None
    weighting = Weighting(strategy, number if takes_parameter else None, scaled, normalised)
    assert parse_weighting(str(weighting)) == weighting


def test_names_are_written_as_people_write_them() -> None:
    assert str(parse_weighting(" normalised( min_snr ) ")) == "normalised(min_snr(5))"
    assert str(parse_weighting("ratio_split")) == "ratio_split(0.1)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("snrr", "unknown loss weighting"),
        ("min_snr(five)", "not a number"),
        ("min_snr(-1)", "positive"),
        ("min_snr(nan)", "positive"),
        ("min_snr(inf)", "positive"),
        ("ratio_split(2)", "at most 1"),
        ("constant(2)", "takes no parameter"),
        ("min_snr()", "not a number"),
        ("min_snr(5", "cannot read"),
        ("", "cannot read"),
        ("normalised", "unknown loss weighting"),
    ],
)
def test_bad_names_are_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_weighting(name)
    assert "\n" not in str(caught.value)
