"""One step towards the data with a model that predicts the clean data (thesis, Algorithm 2).

Every sampler's step is linear, ``x_prev = a * x0_hat + b * x_t + c * noise``; they differ in the
three coefficients only. ``alpha_bar`` is 1 at ``t = -1``, so the last step comes out as ``a = 1``
and ``b = c = 0`` without being a special case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from vimoflow.diffusion.schedule import NoiseSchedule, over
from vimoflow.errors import ConfigError

SamplerName = Literal["ddim", "ddpm", "mean"]


@dataclass(frozen=True)
class StepCoefficients:
    """``x_prev = x0 * x0_hat + x_t * x_t + noise * noise``, each in the shape of the timesteps."""

    x0: Float64[Tensor, "*shape"]
    x_t: Float64[Tensor, "*shape"]
    noise: Float64[Tensor, "*shape"]


def inference_timesteps(T: int, steps: int) -> list[int]:
    """Timesteps to visit, falling to 0, equally spaced ("leading" spacing, as in diffusers).

    Raises:
        ConfigError: unless ``1 <= steps <= T``.
    """
    if not 1 <= steps <= T:
        raise ConfigError(f"the number of sampling steps must be from 1 to {T}, not {steps}")
    stride = T // steps
    return [index * stride for index in reversed(range(steps))]


def require_sampler(sampler: str) -> SamplerName:
    """The sampler's name, if there is one of that name.

    Raises:
        ConfigError: there is none.
    """
    if sampler not in get_args(SamplerName):
        raise ConfigError(f"unknown sampler {sampler!r}: choose one-pass, ddim, ddpm or mean")
    return cast(SamplerName, sampler)


def step_coefficients(
    schedule: NoiseSchedule,
    t: Int[Tensor, "*shape"],
    t_prev: Int[Tensor, "*shape"],
    sampler: SamplerName = "ddim",
) -> StepCoefficients:
    """Coefficients of one step from ``t`` to the less noisy ``t_prev``, in float64 on the CPU.

    ``ddpm`` draws from the posterior ``q(x_prev | x_t, x0_hat)`` with ``beta = 1 - alpha_bar(t) /
    alpha_bar(t_prev)`` (Ho et al. 2020, eq. 7), ``mean`` takes its mean, and ``ddim`` is the
    deterministic step of Song et al. 2021, eq. 12.

    Args:
        schedule: the noise schedule of training.
        t: timesteps of the noisy data; -1 (clean) leaves it as it is.
        t_prev: timesteps to go to, at most ``t``; -1 is clean.
        sampler: which step.
    """
    table = torch.cat((torch.ones(1, dtype=torch.float64), schedule.alphas_cumprod))
    now, prev = table[t.cpu() + 1], table[t_prev.cpu() + 1]
    clean = now == 1.0
    noise_now = torch.where(clean, 1.0, 1.0 - now)  # of clean data it is 0, and divides below
    beta = 1.0 - now / prev
    noise = torch.zeros_like(beta)
    if sampler == "ddim":
        x_t = ((1.0 - prev) / noise_now).sqrt()
        x0 = prev.sqrt() - x_t * now.sqrt()
    else:
        x_t = (now / prev).sqrt() * (1.0 - prev) / noise_now
        x0 = prev.sqrt() * beta / noise_now
    if sampler == "ddpm":
        noise = (beta * (1.0 - prev) / noise_now).sqrt()
    return StepCoefficients(torch.where(clean, 0.0, x0), torch.where(clean, 1.0, x_t), noise)


def step(
    schedule: NoiseSchedule,
    x_t: Float[Tensor, "*shape"],
    x0_hat: Float[Tensor, "*shape"],
    t: Int[Tensor, "*timed"],
    t_prev: Int[Tensor, "*timed"],
    noise: Float[Tensor, "*shape"] | None = None,
    sampler: SamplerName = "ddim",
) -> Float[Tensor, "*shape"]:
    """One reverse step, with one timestep for each clip or one for each frame.

    Args:
        schedule: the noise schedule of training.
        x_t: noisy data.
        x0_hat: the model's estimate of the clean data.
        t: timesteps of ``x_t``, in the shape of its first axes.
        t_prev: timesteps of the result, at most ``t``; -1 is clean.
        noise: standard normal; may be missing where the step is deterministic.
        sampler: which step.
    """
    coefficients = step_coefficients(schedule, t, t_prev, sampler)

    def spread(values: Tensor) -> Tensor:
        return over(x_t, values).to(x_t.dtype).to(x_t.device)

    x_prev = spread(coefficients.x0) * x0_hat + spread(coefficients.x_t) * x_t
    if noise is None:
        if bool((coefficients.noise > 0).any()):
            raise ValueError("a stochastic step needs noise")
        return x_prev
    return x_prev + spread(coefficients.noise) * noise


def raised(
    schedule: NoiseSchedule, x: Float[Tensor, "*shape"], t: int, to: int, noise: Tensor
) -> Float[Tensor, "*shape"]:
    """Data at timestep ``t`` noised up to ``to`` (Lugmayr et al. 2022, algorithm 1, line 10)."""
    kept = schedule.alpha_bar(torch.tensor([to, t]))
    ratio = kept[0] / kept[1]
    return ratio.sqrt() * x + (1 - ratio).sqrt() * noise
