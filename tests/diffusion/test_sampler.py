"""Samplers against diffusers, against Gaussian algebra, and on data with an exact denoiser."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vimoflow.diffusion.sampler import SamplerName, inference_timesteps, sample, step
from vimoflow.diffusion.sampler import step_coefficients as coefficients
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError

SCHEDULE = NoiseSchedule()


def bent_denoiser(x_t: Tensor, t: Tensor) -> Tensor:
    """Some function of both arguments, so that a wrong timestep or state shows."""
    return torch.tanh(x_t) + 0.3 * torch.sin(t[:, None, None] / 200.0) - 0.1


def noise_of(steps: int, seed: int = 1) -> Tensor:
    return torch.randn(steps, 2, 5, 3, generator=torch.Generator().manual_seed(seed))


def diffusers_sample(
    sampler: str, steps: int, eta: float, initial: Tensor, monkeypatch: pytest.MonkeyPatch
) -> list[Tensor]:
    """All states that diffusers visits, given the noise of :func:`noise_of`."""
    from diffusers import DDIMScheduler, DDPMScheduler
    from diffusers.schedulers import scheduling_ddpm

    settings = {
        "num_train_timesteps": 1000,
        "beta_start": 1e-4,
        "beta_end": 0.02,
        "beta_schedule": "linear",
        "prediction_type": "sample",
        "clip_sample": False,
    }
    noise = iter(noise_of(steps))
    # The DDPM scheduler takes a generator only; the test's noise goes in where it draws.
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *_, **__: next(noise))
    scheduler = DDPMScheduler(**settings) if sampler == "ddpm" else DDIMScheduler(**settings)
    if steps == 1000:
        # Its float32 product of alphas is good to 1e-4 of the noise at small t, which adds up to
        # 2e-5 over so many steps.
        betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
        scheduler.alphas_cumprod = torch.cumprod(1.0 - betas, dim=0)
    scheduler.set_timesteps(steps)
    x_t, states = initial, []
    for timestep in scheduler.timesteps:
        x0_hat = bent_denoiser(x_t, torch.full((len(x_t),), int(timestep)))
        if sampler == "ddpm":
            x_t = scheduler.step(x0_hat, int(timestep), x_t).prev_sample
        else:
            drawn = next(noise)
            x_t = scheduler.step(
                x0_hat, int(timestep), x_t, eta=eta, variance_noise=drawn
            ).prev_sample
        states.append(x_t)
    return states


@pytest.mark.parametrize("steps", [1, 7, 50, 1000])
@pytest.mark.parametrize(("sampler", "eta"), [("ddpm", 0.0), ("ddim", 0.0), ("ddim", 0.6)])
def test_agrees_with_diffusers_at_every_step(
    sampler: SamplerName, eta: float, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    initial = noise_of(1, seed=0)[0]
    expected = diffusers_sample(sampler, steps, eta, initial, monkeypatch)
    visited: list[Tensor] = []

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        visited.append(x_t)
        return bent_denoiser(x_t, t)

    noise = noise_of(steps)
    result = sample(
        denoise, initial, SCHEDULE, sampler=sampler, steps=steps, eta=eta, noise=noise.__getitem__
    )
    torch.testing.assert_close(result, expected[-1], rtol=0, atol=1e-5)
    for ours, theirs in zip(visited[1:], expected[:-1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


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


@given(timestep_pairs, st.floats(0, 1))
def test_ddim_keeps_the_marginals(pair: tuple[int, int], eta: float) -> None:
    """With the true x0 the result has the signal and noise of ``t_prev`` (Song et al., lemma 1)."""
    t, t_prev = (torch.tensor(value) for value in pair)
    c = coefficients(SCHEDULE, t, t_prev, "ddim", eta)
    now = SCHEDULE.alphas_cumprod[t].item()
    prev = SCHEDULE.alphas_cumprod[t_prev].item() if pair[1] >= 0 else 1.0
    assert (c.x0 + c.x_t * now**0.5).item() == pytest.approx(prev**0.5, abs=1e-9)
    variance = (c.x_t**2 * (1 - now) + c.noise**2).item()
    assert variance == pytest.approx(1 - prev, abs=1e-9)


@given(timestep_pairs)
def test_ddim_with_eta_1_is_ddpm_and_mean_is_ddpm_without_noise(pair: tuple[int, int]) -> None:
    t, t_prev = (torch.tensor(value) for value in pair)
    ddpm = coefficients(SCHEDULE, t, t_prev, "ddpm")
    ddim = coefficients(SCHEDULE, t, t_prev, "ddim", 1.0)
    mean = coefficients(SCHEDULE, t, t_prev, "mean")
    for name in ("x0", "x_t", "noise"):
        torch.testing.assert_close(getattr(ddim, name), getattr(ddpm, name), rtol=1e-6, atol=1e-9)
    assert (mean.x0, mean.x_t, mean.noise) == (ddpm.x0, ddpm.x_t, 0.0)


samplers = st.sampled_from([("ddim", 0.0), ("ddim", 0.7), ("ddpm", 0.0), ("mean", 0.0)])


@given(st.lists(timestep_pairs, min_size=2, max_size=2), samplers)
def test_equal_timesteps_per_frame_give_exactly_the_scalar_step(
    pairs: list[tuple[int, int]], sampler: tuple[SamplerName, float]
) -> None:
    x_t, x0_hat, noise = noise_of(3)
    t, t_prev = torch.tensor(pairs).T
    scalar = step(SCHEDULE, x_t, x0_hat, t, t_prev, noise, *sampler)
    t, t_prev = t[:, None].expand(2, 5), t_prev[:, None].expand(2, 5)
    assert torch.equal(step(SCHEDULE, x_t, x0_hat, t, t_prev, noise, *sampler), scalar)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "mean"])
def test_frames_at_different_timesteps_do_not_mix(sampler: SamplerName) -> None:
    x_t, x0_hat, noise = noise_of(3)
    t = torch.tensor([[-1, 0, 40, 500, 999]]).expand(2, 5)
    t_prev = torch.tensor([[-1, -1, 20, 499, 0]]).expand(2, 5)
    result = step(SCHEDULE, x_t, x0_hat, t, t_prev, noise, sampler, 0.5)
    assert torch.equal(result[:, 0], x_t[:, 0])  # clean frames stay
    assert torch.equal(result[:, 1], x0_hat[:, 1])  # the last step is the estimate
    for frame in (2, 3, 4):
        alone = step(SCHEDULE, x_t, x0_hat, t[:, frame], t_prev[:, frame], noise, sampler, 0.5)
        assert torch.equal(result[:, frame], alone[:, frame])


@pytest.mark.parametrize(
    ("sampler", "eta", "steps"),
    [("ddim", 0.0, 200), ("ddim", 0.5, 400), ("ddpm", 0.0, 1000)],
)
def test_an_exact_denoiser_samples_the_data_distribution(
    sampler: SamplerName, eta: float, steps: int
) -> None:
    """Data N(mu, s^2) for each channel, whose mean given ``x_t`` is known."""
    mu = torch.tensor([-1.5, 0.0, 2.0])
    s = torch.tensor([0.3, 1.0, 0.6])

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        a = SCHEDULE.alpha_bar(t)[:, None, None]
        return mu + s**2 * a.sqrt() / (s**2 * a + 1 - a) * (x_t - a.sqrt() * mu)

    n = 8000
    generator = torch.Generator().manual_seed(2)
    x0 = sample(
        denoise,
        (n, 1, 3),
        SCHEDULE,
        sampler=sampler,
        steps=steps,
        eta=eta,
        generator=generator,
    )[:, 0]
    # Four standard errors, and 1.5 % of s for the finite number of steps.
    assert ((x0.mean(0) - mu).abs() < s * (4 / n**0.5 + 0.015)).all()
    assert ((x0.std(0) / s - 1).abs() < 4 / (2 * n) ** 0.5 + 0.015).all()


@pytest.mark.parametrize("sampler", ["ddim", "mean"])
def test_deterministic_samplers_ask_for_no_noise(sampler: SamplerName) -> None:
    def refuse(number: int) -> Tensor:
        raise AssertionError(f"noise was asked for step {number}")

    initial = noise_of(1)[0]
    first, second = (
        sample(bent_denoiser, initial, SCHEDULE, sampler=sampler, noise=refuse) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_the_same_seed_gives_the_same_sample_and_another_seed_another() -> None:
    def draw(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return sample(
            bent_denoiser, (2, 5, 3), SCHEDULE, sampler="ddpm", steps=10, generator=generator
        )

    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))


def test_noise_keyed_by_step_and_frame_makes_overlapping_windows_agree() -> None:
    """Two windows of one long noise field give the same frames where they overlap."""
    field = torch.randn(11, 1, 8, 3, generator=torch.Generator().manual_seed(0))

    def window(first: int) -> Tensor:
        frames = slice(first, first + 5)
        return sample(
            bent_denoiser,
            field[10, :, frames],
            SCHEDULE,
            sampler="ddpm",
            steps=10,
            noise=lambda number: field[number, :, frames],
        )

    torch.testing.assert_close(window(0)[:, 3:], window(3)[:, :2], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "mean"])
def test_the_transform_sees_every_estimate_and_has_the_last_word(sampler: SamplerName) -> None:
    seen: list[int] = []

    def pin_first_frame(x0_hat: Tensor, t: Tensor) -> Tensor:
        seen.append(int(t[0]))
        return torch.cat((torch.full_like(x0_hat[:, :1], 7.0), x0_hat[:, 1:]), dim=1)

    result = sample(
        bent_denoiser,
        (2, 5, 3),
        SCHEDULE,
        sampler=sampler,
        steps=4,
        generator=torch.Generator().manual_seed(0),
        x0_transform=pin_first_frame,
    )
    assert seen == [750, 500, 250, 0]
    assert (result[:, 0] == 7.0).all() and not (result[:, 1] == 7.0).any()


def test_gradients_do_not_pile_up_unless_a_transform_wants_them() -> None:
    weight = torch.ones(3, requires_grad=True)

    def descend(x0_hat: Tensor, t: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = x0_hat.detach().requires_grad_()
            (gradient,) = torch.autograd.grad((leaf**2).sum(), leaf)
        return x0_hat - 0.1 * gradient

    result = sample(
        lambda x_t, t: weight * bent_denoiser(x_t, t),
        (1, 2, 3),
        SCHEDULE,
        steps=3,
        x0_transform=descend,
    )
    assert not result.requires_grad


def test_timesteps_fall_to_zero_without_repeats() -> None:
    for steps in (1, 3, 50, 999, 1000):
        timesteps = inference_timesteps(1000, steps)
        assert len(timesteps) == steps and timesteps[-1] == 0
        assert timesteps == sorted(set(timesteps), reverse=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "sampling steps"),
        ({"steps": 1001}, "sampling steps"),
        ({"eta": 1.5}, "eta"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sample(bent_denoiser, (1, 2, 3), SCHEDULE, **options)


def test_a_stochastic_step_without_noise_is_refused() -> None:
    x_t, x0_hat = noise_of(2)
    t = torch.tensor([10, 10])
    with pytest.raises(ValueError, match="needs noise"):
        step(SCHEDULE, x_t, x0_hat, t, t - 5, None, "ddpm")
