"""From noise to data with a model that predicts the clean data (thesis, Algorithm 2).

Every sampler's step is linear, ``x_prev = a * x0_hat + b * x_t + c * noise``; they differ in the
three coefficients only. ``alpha_bar`` is 1 at ``t = -1``, so the last step comes out as ``a = 1``
and ``b = c = 0`` without being a special case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from vimoflow.diffusion.schedule import NoiseSchedule, broadcast_over_frames
from vimoflow.errors import ConfigError

SamplerName = Literal["ddim", "ddpm", "mean"]

Denoise = Callable[[Tensor, Tensor], Tensor]
"""``(x_t, t) -> x0_hat``: (batch, frames, channels) and (batch,) to (batch, frames, channels)."""

X0Transform = Callable[[Tensor, Tensor], Tensor]
"""``(x0_hat, t) -> x0_hat``: a correction of the clean estimate, such as a constraint."""

NoiseSource = Callable[[int], Tensor]
"""Standard normal noise (batch, frames, channels) for the step with this number, from 0."""


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


def lagging_timesteps(
    timesteps: Sequence[int], tick: int, lag: Int[Tensor, "*shape"]
) -> Int[Tensor, "*shape"]:
    """Where frames stand on the way through ``timesteps`` that start ``lag`` ticks late.

    Before they start it is the first timestep; when they have been through all of them, -1 (clean).
    """
    ladder = torch.tensor([*timesteps, -1], device=lag.device)
    return ladder[(tick - lag).clamp(0, len(timesteps))]


def require_sampler(sampler: str, eta: float = 0.0) -> SamplerName:
    """The sampler's name, if there is one of that name.

    Raises:
        ConfigError: there is none, or ``eta`` is out of range.
    """
    if sampler not in get_args(SamplerName):
        raise ConfigError(f"unknown sampler {sampler!r}: choose one-pass, ddim, ddpm or mean")
    if not 0.0 <= eta <= 1.0:
        raise ConfigError(f"eta must be from 0 to 1, not {eta:g}")
    return cast(SamplerName, sampler)


def step_coefficients(
    schedule: NoiseSchedule,
    t: Int[Tensor, "*shape"],
    t_prev: Int[Tensor, "*shape"],
    sampler: SamplerName = "ddim",
    eta: float = 0.0,
) -> StepCoefficients:
    """Coefficients of one step from ``t`` to the less noisy ``t_prev``, in float64 on the CPU.

    ``ddpm`` draws from the posterior ``q(x_prev | x_t, x0_hat)`` with ``beta = 1 - alpha_bar(t) /
    alpha_bar(t_prev)`` (Ho et al. 2020, eq. 7), ``mean`` takes its mean, and ``ddim`` follows Song
    et al. 2021, eq. 12 and 16: deterministic at ``eta`` 0, the same as ``ddpm`` at 1.

    Args:
        schedule: the noise schedule of training.
        t: timesteps of the noisy data; -1 (clean) leaves it as it is.
        t_prev: timesteps to go to, at most ``t``; -1 is clean.
        sampler: which step.
        eta: share of the posterior's standard deviation that ``ddim`` adds.
    """
    table = torch.cat((torch.ones(1, dtype=torch.float64), schedule.alphas_cumprod))
    now, prev = table[t.cpu() + 1], table[t_prev.cpu() + 1]
    clean = now == 1.0
    noise_now = torch.where(clean, 1.0, 1.0 - now)  # of clean data it is 0, and divides below
    beta = 1.0 - now / prev
    variance = beta * (1.0 - prev) / noise_now
    if sampler == "ddim":
        variance = eta**2 * variance
        x_t = ((1.0 - prev - variance).clamp(min=0.0) / noise_now).sqrt()
        x0 = prev.sqrt() - x_t * now.sqrt()
    else:
        x_t = (now / prev).sqrt() * (1.0 - prev) / noise_now
        x0 = prev.sqrt() * beta / noise_now
    noise = torch.zeros_like(variance) if sampler == "mean" else variance.sqrt()
    return StepCoefficients(torch.where(clean, 0.0, x0), torch.where(clean, 1.0, x_t), noise)


def step(
    schedule: NoiseSchedule,
    x_t: Float[Tensor, "batch frames channels"],
    x0_hat: Float[Tensor, "batch frames channels"],
    t: Int[Tensor, " batch"] | Int[Tensor, "batch frames"],
    t_prev: Int[Tensor, " batch"] | Int[Tensor, "batch frames"],
    noise: Float[Tensor, "batch frames channels"] | None = None,
    sampler: SamplerName = "ddim",
    eta: float = 0.0,
) -> Float[Tensor, "batch frames channels"]:
    """One reverse step, with one timestep for each clip or one for each frame.

    Args:
        schedule: the noise schedule of training.
        x_t: noisy data.
        x0_hat: the model's estimate of the clean data.
        t: timesteps of ``x_t``.
        t_prev: timesteps of the result, at most ``t``; -1 is clean.
        noise: standard normal; may be missing where the step is deterministic.
        sampler: which step.
        eta: see :func:`step_coefficients`.
    """
    coefficients = step_coefficients(schedule, t, t_prev, sampler, eta)

    def spread(values: Tensor) -> Tensor:
        return broadcast_over_frames(values).to(x_t.dtype).to(x_t.device)

    x_prev = spread(coefficients.x0) * x0_hat + spread(coefficients.x_t) * x_t
    if noise is None:
        if bool((coefficients.noise > 0).any()):
            raise ValueError("a stochastic step needs noise")
        return x_prev
    return x_prev + spread(coefficients.noise) * noise


@torch.no_grad()
def sample(
    denoise: Denoise,
    initial: Float[Tensor, "batch frames channels"] | tuple[int, int, int],
    schedule: NoiseSchedule,
    *,
    sampler: SamplerName = "ddim",
    steps: int = 50,
    eta: float = 0.0,
    noise: NoiseSource | None = None,
    generator: torch.Generator | None = None,
    x0_transform: X0Transform | None = None,
) -> Float[Tensor, "batch frames channels"]:
    """Normalised data from noise.

    Args:
        denoise: the model with its condition and guidance.
        initial: standard normal noise to start from, or its shape (drawn where the generator is).
        schedule: the noise schedule of training.
        sampler: ``ddim``, ``ddpm`` or ``mean`` (Algorithm 2 without its flag).
        steps: how often the model is asked.
        eta: randomness of ``ddim``, 0 to 1.
        noise: where the steps' noise comes from, for callers whose noise belongs to something
            (absolute frames of a long video); asked only when a step uses it.
        generator: source of randomness for what the caller does not give.
        x0_transform: correction of every clean estimate before the step uses it. It runs without
            gradients unless it enables them.

    Raises:
        ConfigError: an unknown sampler, or ``steps`` or ``eta`` out of range.
    """
    require_sampler(sampler, eta)
    timesteps = inference_timesteps(schedule.T, steps)
    x_t = _standard_normal(initial, generator) if isinstance(initial, tuple) else initial
    stochastic = sampler == "ddpm" or (sampler == "ddim" and eta > 0.0)
    for number, (now, prev) in enumerate(zip(timesteps, [*timesteps[1:], -1], strict=True)):
        t = torch.full((len(x_t),), now)  # the step's coefficients are made on the CPU
        t_device = t.to(x_t.device)
        x0_hat = denoise(x_t, t_device)
        if x0_transform is not None:
            x0_hat = x0_transform(x0_hat, t_device)
        step_noise = None
        if stochastic and prev >= 0:
            step_noise = noise(number) if noise else _standard_normal(tuple(x_t.shape), generator)
            step_noise = step_noise.to(x_t)
        t_prev = torch.full_like(t, prev)
        x_t = step(schedule, x_t, x0_hat, t, t_prev, step_noise, sampler, eta)
    return x_t


def _standard_normal(shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    device = None if generator is None else generator.device
    return torch.randn(shape, generator=generator, device=device)
