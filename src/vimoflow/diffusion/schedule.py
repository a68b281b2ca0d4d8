"""The forward process: how much noise there is at every timestep.

Timesteps are ``0 .. T - 1``: ``t`` has been through ``t + 1`` noising steps. ``-1`` means clean.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from vimoflow.errors import ConfigError


@dataclass(frozen=True)
class NoiseSchedule:
    """Variance-preserving diffusion with linear betas (Ho et al. 2020; thesis 3.3 i).

    Attributes:
        T: number of timesteps of training.
        beta_first: noise variance added at ``t = 0``.
        beta_last: noise variance added at ``t = T - 1``.

    Raises:
        ConfigError: unless ``T >= 2`` and ``0 < beta_first <= beta_last < 1``.
    """

    T: int = 1000
    beta_first: float = 1e-4
    beta_last: float = 0.02

    def __post_init__(self) -> None:
        if self.T < 2 or not 0 < self.beta_first <= self.beta_last < 1:
            raise ConfigError(
                f"the noise schedule needs T >= 2 and 0 < beta_first <= beta_last < 1, not {self}"
            )

    @functools.cached_property
    def betas(self) -> Float64[Tensor, "T"]:
        """Variance of the noise added by each step."""
        return torch.linspace(self.beta_first, self.beta_last, self.T, dtype=torch.float64)

    @functools.cached_property
    def alphas(self) -> Float64[Tensor, "T"]:
        """Share of the variance that each step keeps, ``1 - beta``."""
        return 1.0 - self.betas

    @functools.cached_property
    def alphas_cumprod(self) -> Float64[Tensor, "T"]:
        """Share of the data's variance left at each timestep, the product of alphas up to it."""
        return torch.cumprod(self.alphas, dim=0)

    def alpha_bar(self, t: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """``alphas_cumprod`` at timesteps (1 where ``t`` is -1), float32 on ``t``'s device."""
        return _table(self, "alpha_bar", t.device, torch.float32)[t + 1]

    def signal_rate(self, t: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """``sqrt(alpha_bar)``, the factor of the data in ``x_t``, float32."""
        return _table(self, "signal_rate", t.device, torch.float32)[t + 1]

    def noise_rate(self, t: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """``sqrt(1 - alpha_bar)``, the factor of the noise in ``x_t``, float32."""
        return _table(self, "noise_rate", t.device, torch.float32)[t + 1]

    def snr(self, t: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Signal-to-noise ratio ``alpha_bar / (1 - alpha_bar)``, float32 (infinite at -1)."""
        return _table(self, "snr", t.device, torch.float32)[t + 1]

    def add_noise(
        self,
        x0: Float[Tensor, "*shape"],
        t: Int[Tensor, "*first"],
        noise: Float[Tensor, "*shape"],
    ) -> Float[Tensor, "*shape"]:
        """``x_t`` given the data and standard normal noise (thesis, Algorithm 1).

        Args:
            x0: normalised data.
            t: one timestep for each clip, or one for each frame, in the shape of the first axes.
            noise: standard normal.
        """
        per_frame = over(x0, t)
        signal = self.signal_rate(per_frame).to(x0.dtype)
        return signal * x0 + self.noise_rate(per_frame).to(x0.dtype) * noise


def over(x: Tensor, values: Tensor) -> Tensor:
    """Values of the first axes of ``x``, with axes of length 1 for the others."""
    return values[(...,) + (None,) * (x.ndim - values.ndim)]


@functools.lru_cache(maxsize=32)
def _table(schedule: NoiseSchedule, name: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A quantity at ``t = -1 .. T - 1``, from float64: float32 cannot hold ``1 - alpha_bar``."""
    alpha_bar = torch.cat((torch.ones(1, dtype=torch.float64), schedule.alphas_cumprod))
    values = {
        "alpha_bar": lambda: alpha_bar,
        "signal_rate": lambda: alpha_bar.sqrt(),
        "noise_rate": lambda: (1.0 - alpha_bar).sqrt(),
        "snr": lambda: alpha_bar / (1.0 - alpha_bar),
    }[name]()
    return values.to(dtype).to(device)  # in this order: not every device has float64
