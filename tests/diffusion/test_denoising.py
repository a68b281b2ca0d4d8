"""The denoising loop: against diffusers, on data with an exact denoiser, and block by block."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vimoflow.diffusion.denoising import Walk, WholeClips, denoise
from vimoflow.diffusion.sampler import SamplerName
from vimoflow.diffusion.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule()


def bent_denoiser(x_t: Tensor, t: Tensor) -> Tensor:
    """Some function of both arguments, so that a wrong timestep or state shows."""
    return torch.tanh(x_t) + 0.3 * torch.sin(t[:, None, None] / 200.0) - 0.1


def noise_of(steps: int, seed: int = 1) -> Tensor:
    return torch.randn(steps, 2, 5, 3, generator=torch.Generator().manual_seed(seed))


def diffusers_sample(
    sampler: str, steps: int, initial: Tensor, monkeypatch: pytest.MonkeyPatch
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
            x_t = scheduler.step(x0_hat, int(timestep), x_t).prev_sample
        states.append(x_t)
    return states


@pytest.mark.parametrize("steps", [1, 7, 50, 1000])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_agrees_with_diffusers_at_every_step(
    sampler: SamplerName, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    initial = noise_of(1, seed=0)[0]
    expected = diffusers_sample(sampler, steps, initial, monkeypatch)
    visited: list[Tensor] = []

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        visited.append(x_t)
        return bent_denoiser(x_t, t)

    noise = noise_of(steps)
    clips = WholeClips(model, lambda step: initial if step < 0 else noise[step])
    result = clips.denoised(Walk.of(SCHEDULE, steps, sampler))
    torch.testing.assert_close(result, expected[-1], rtol=0, atol=1e-5)
    for ours, theirs in zip(visited[1:], expected[:-1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 200), ("ddpm", 1000)])
def test_an_exact_denoiser_samples_the_data_distribution(sampler: SamplerName, steps: int) -> None:
    """Data N(mu, s^2) for each channel, whose mean given ``x_t`` is known."""
    mu = torch.tensor([-1.5, 0.0, 2.0])
    s = torch.tensor([0.3, 1.0, 0.6])

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        a = SCHEDULE.alpha_bar(t)[:, None, None]
        return mu + s**2 * a.sqrt() / (s**2 * a + 1 - a) * (x_t - a.sqrt() * mu)

    n = 8000
    generator = torch.Generator().manual_seed(2)
    clips = WholeClips(model, lambda _: torch.randn(n, 1, 3, generator=generator))
    x0 = clips.denoised(Walk.of(SCHEDULE, steps, sampler))[:, 0]
    # Four standard errors, and 1.5 % of s for the finite number of steps.
    assert ((x0.mean(0) - mu).abs() < s * (4 / n**0.5 + 0.015)).all()
    assert ((x0.std(0) / s - 1).abs() < 4 / (2 * n) ** 0.5 + 0.015).all()


@pytest.mark.parametrize("sampler", ["ddim", "mean"])
def test_deterministic_samplers_ask_for_noise_once(sampler: SamplerName) -> None:
    asked: list[int] = []

    def source(step: int) -> Tensor:
        asked.append(step)
        return noise_of(1)[0]

    WholeClips(bent_denoiser, source).denoised(Walk.of(SCHEDULE, 5, sampler))
    assert asked == [-1]


def test_a_level_that_comes_again_is_returned_to() -> None:
    """RePaint's rounds: the model sees every level as often as it is named, at its noise."""
    seen: list[int] = []
    truth = noise_of(1, seed=3)[0]
    fixed = noise_of(7, seed=4)

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        seen.append(int(t[0]))
        return truth

    walk = Walk(SCHEDULE, (900, 900, 900, 400, 400, 0))
    result = WholeClips(model, lambda step: fixed[step % 7]).denoised(walk)
    assert seen == list(walk.levels) and torch.equal(result, truth)


class Line:
    """Windows in a row that become the mean of themselves and their neighbours."""

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self.alive: set[int] = set()
        self.most = 0

    def start(self, windows: range) -> Tensor:
        self.alive.update(windows)
        return self.noise(0, windows)

    def shown(self, level: int, windows: range, noisy: Tensor) -> tuple[Tensor, Tensor]:
        self.most = max(self.most, len(self.alive))
        return noisy, torch.full(noisy.shape[:2], level)

    def estimate(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        return x_t.sin()

    def agree(self, level: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        rows = []
        for w in windows:
            near = range(max(w - self.reach, around.start), min(w + self.reach + 1, around.stop))
            rows.append(estimates[:, near.start - around.start : near.stop - around.start].mean(1))
        return torch.stack(rows, 1)

    def noise(self, number: int, windows: range) -> Tensor:
        return torch.tensor([[[[(number + 1.3) * (w % 7 - 3)]] for w in windows]])


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 40), ticks=st.integers(1, 9), block=st.integers(1, 9),
    reach=st.integers(0, 3), sampler=st.sampled_from(["ddim", "ddpm"]),
)  # fmt: skip
def test_blocks_give_what_all_at_once_give_and_memory_holds_a_block_and_its_staircase(
    count: int, ticks: int, block: int, reach: int, sampler: SamplerName
) -> None:
    walk = Walk.of(SCHEDULE, ticks, sampler)
    told: list[tuple[int, int]] = []
    task, whole = Line(reach), dict(denoise(Line(reach), walk, count, reach, block=count))
    found = []
    for number, x in denoise(task, walk, count, reach, block, lambda *now: told.append(now)):
        task.alive.discard(number)
        found.append(number)
        torch.testing.assert_close(x, whole[number])
    assert found == list(range(count))
    assert task.most <= 2 * max(block, 2 * reach) + reach * ticks
    assert told == sorted(told) and told[-1] == (ticks, ticks)
