"""Single steps against Gaussian algebra."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vimoflow.diffusion.sampler import SamplerName, inference_timesteps, raised, step
from vimoflow.diffusion.sampler import step_coefficients as coefficients
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError

SCHEDULE = NoiseSchedule()


def noise_of(steps: int, seed: int = 1) -> Tensor:
    return torch.randn(steps, 2, 5, 3, generator=torch.Generator().manual_seed(seed))


timestep_pairs = st.tuples(st.integers(0, 999), st.integers(-1, 998)).map(
    lambda pair: (max(pair[0], pair[1] + 1), pair[1])
)


@given(timestep_pairs)
def test_posterior_is_the_product_of_two_gaussians(pair: tuple[int, int]) -> None:
    t, t_prev = pair
    ours = coefficients(SCHEDULE, torch.tensor(t), torch.tensor(t_prev), "ddpm")
    alpha_bar = SCHEDULE.alphas_cumprod[t].item()
    alpha_bar_prev = SCHEDULE.alphas_cumprod[t_prev].item() if t_prev >= 0 else 1.0
    if t_prev < 0:
        assert (ours.x0, ours.x_t, ours.noise) == (1.0, 0.0, 0.0)
        return
    # q(x_prev | x0) times q(x_t | x_prev), both as functions of x_prev.
    alpha = alpha_bar / alpha_bar_prev
    precision = 1 / (1 - alpha_bar_prev) + alpha / (1 - alpha)
    assert ours.x0.item() == pytest.approx(
        alpha_bar_prev**0.5 / (1 - alpha_bar_prev) / precision, rel=1e-9
    )
    assert ours.x_t.item() == pytest.approx(alpha**0.5 / (1 - alpha) / precision, rel=1e-9)
    assert ours.noise.item() ** 2 == pytest.approx(1 / precision, rel=1e-9)


@given(timestep_pairs)
def test_ddim_keeps_the_marginals(pair: tuple[int, int]) -> None:
    """With the true x0 the result has the signal and noise of ``t_prev`` (Song et al., lemma 1)."""
    t, t_prev = (torch.tensor(value) for value in pair)
    c = coefficients(SCHEDULE, t, t_prev, "ddim")
    now = SCHEDULE.alphas_cumprod[t].item()
    prev = SCHEDULE.alphas_cumprod[t_prev].item() if pair[1] >= 0 else 1.0
    assert (c.x0 + c.x_t * now**0.5).item() == pytest.approx(prev**0.5, abs=1e-9)
    variance = (c.x_t**2 * (1 - now) + c.noise**2).item()
    assert variance == pytest.approx(1 - prev, abs=1e-9)


@given(timestep_pairs)
def test_mean_is_ddpm_without_noise(pair: tuple[int, int]) -> None:
    t, t_prev = (torch.tensor(value) for value in pair)
    ddpm = coefficients(SCHEDULE, t, t_prev, "ddpm")
    mean = coefficients(SCHEDULE, t, t_prev, "mean")
    assert (mean.x0, mean.x_t, mean.noise) == (ddpm.x0, ddpm.x_t, 0.0)


@given(st.lists(timestep_pairs, min_size=2, max_size=2), st.sampled_from(["ddim", "ddpm", "mean"]))
def test_equal_timesteps_per_frame_give_exactly_the_scalar_step(
    pairs: list[tuple[int, int]], sampler: SamplerName
) -> None:
    x_t, x0_hat, noise = noise_of(3)
    t, t_prev = torch.tensor(pairs).T
    scalar = step(SCHEDULE, x_t, x0_hat, t, t_prev, noise, sampler)
    t, t_prev = t[:, None].expand(2, 5), t_prev[:, None].expand(2, 5)
    assert torch.equal(step(SCHEDULE, x_t, x0_hat, t, t_prev, noise, sampler), scalar)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "mean"])
def test_frames_at_different_timesteps_do_not_mix(sampler: SamplerName) -> None:
    x_t, x0_hat, noise = noise_of(3)
    t = torch.tensor([[-1, 0, 40, 500, 999]]).expand(2, 5)
    t_prev = torch.tensor([[-1, -1, 20, 499, 0]]).expand(2, 5)
    result = step(SCHEDULE, x_t, x0_hat, t, t_prev, noise, sampler)
    assert torch.equal(result[:, 0], x_t[:, 0])  # clean frames stay
    assert torch.equal(result[:, 1], x0_hat[:, 1])  # the last step is the estimate
    for frame in (2, 3, 4):
        alone = step(SCHEDULE, x_t, x0_hat, t[:, frame], t_prev[:, frame], noise, sampler)
        assert torch.equal(result[:, frame], alone[:, frame])


@given(timestep_pairs)
def test_noised_up_again_data_have_the_signal_and_noise_of_the_level(pair: tuple[int, int]) -> None:
    to, t = pair
    if t < 0:
        return
    level = torch.tensor([t, to])
    signal, noise = SCHEDULE.signal_rate(level), SCHEDULE.noise_rate(level)
    # Signal, and two independent noises: what was there, and what is added.
    kept = raised(SCHEDULE, torch.stack((signal[0], noise[0])), t, to, torch.zeros(2))
    added = raised(SCHEDULE, torch.zeros(1), t, to, torch.ones(1))
    torch.testing.assert_close(kept[0], signal[1], rtol=1e-3, atol=1e-6)
    power = kept[1:].square() + added.square()
    torch.testing.assert_close(power, noise[1:].square(), rtol=1e-3, atol=1e-6)


def test_timesteps_fall_to_zero_without_repeats() -> None:
    for steps in (1, 3, 50, 999, 1000):
        timesteps = inference_timesteps(1000, steps)
        assert len(timesteps) == steps and timesteps[-1] == 0
        assert timesteps == sorted(set(timesteps), reverse=True)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_numbers_of_steps_are_refused(steps: int) -> None:
    with pytest.raises(ConfigError, match="sampling steps"):
        inference_timesteps(1000, steps)


def test_a_stochastic_step_without_noise_is_refused() -> None:
    x_t, x0_hat = noise_of(2)
    t = torch.tensor([10, 10])
    with pytest.raises(ValueError, match="needs noise"):
        step(SCHEDULE, x_t, x0_hat, t, t - 5, None, "ddpm")
