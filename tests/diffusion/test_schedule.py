"""The forward process against Algorithm 1 written out, and its statistics."""

from __future__ import annotations

import math

import pytest
import torch

from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError

SCHEDULE = NoiseSchedule()


def literal_alpha_bars() -> list[float]:
    """Algorithm 1, lines 1 and 2, in Python's own arithmetic."""
    product, result = 1.0, []
    for i in range(1000):
        product *= 1.0 - (1e-4 + (0.02 - 1e-4) * i / 999)
        result.append(product)
    return result


def test_alpha_bars_are_the_running_product() -> None:
    expected = torch.tensor(literal_alpha_bars(), dtype=torch.float64)
    torch.testing.assert_close(SCHEDULE.alphas_cumprod, expected, rtol=1e-12, atol=0)
    t = torch.arange(1000)
    torch.testing.assert_close(SCHEDULE.alpha_bar(t), expected.float(), rtol=0, atol=0)


def test_rates_and_snr_keep_float32_precision_where_there_is_little_noise() -> None:
    t = torch.tensor([0, 1, 10, 999])
    alpha_bars = literal_alpha_bars()
    for index, timestep in enumerate(t.tolist()):
        alpha_bar = alpha_bars[timestep]
        expected = alpha_bar / (1 - alpha_bar)
        assert SCHEDULE.snr(t)[index].item() == pytest.approx(expected, rel=1e-6)
        noise_rate = SCHEDULE.noise_rate(t)[index].item()
        assert noise_rate == pytest.approx(math.sqrt(1 - alpha_bar), rel=1e-6)


@pytest.mark.parametrize("per_frame", [False, True])
def test_add_noise_is_algorithm_1(per_frame: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 3, 5, 4, generator=generator).unbind(0)
    t = torch.randint(1000, (3, 5) if per_frame else (3,), generator=generator)
    x_t = SCHEDULE.add_noise(x0, t, noise)
    alpha_bars = literal_alpha_bars()
    for clip in range(3):
        for frame in range(5):
            a = alpha_bars[int(t[clip, frame] if per_frame else t[clip])]
            expected = math.sqrt(a) * x0[clip, frame] + math.sqrt(1 - a) * noise[clip, frame]
            torch.testing.assert_close(x_t[clip, frame], expected, rtol=1e-6, atol=1e-6)


def test_minus_one_is_clean_and_other_timesteps_outside_are_refused() -> None:
    x0 = torch.randn(1, 4, 2)
    clean = SCHEDULE.add_noise(x0, torch.tensor([-1]), torch.randn(1, 4, 2))
    torch.testing.assert_close(clean, x0, rtol=0, atol=0)
    with pytest.raises(IndexError):
        SCHEDULE.add_noise(x0, torch.tensor([1000]), x0)


def test_unit_variance_is_preserved() -> None:
    t = torch.arange(1000)
    total = SCHEDULE.signal_rate(t) ** 2 + SCHEDULE.noise_rate(t) ** 2
    torch.testing.assert_close(total, torch.ones(1000))


@pytest.mark.parametrize(
    "fields", [{"T": 1}, {"beta_first": 0.0}, {"beta_first": 0.1}, {"beta_last": 1.0}]
)
def test_impossible_schedules_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="noise schedule"):
        NoiseSchedule(**fields)
