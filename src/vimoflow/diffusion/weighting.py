"""Loss weights over diffusion timesteps (thesis 2.4, 3.4 iii, IV and Figure 6).

A weighting is a value with a name that configurations hold: ``min_snr(5)``, ``average_sqrt``,
``normalised(min_sqrt)``, ``normalised(scaled(min_snr(5)))``.

With ``SNR = alpha_bar / (1 - alpha_bar)`` and ``T`` timesteps the strategies are

======================  ==================================================  =======================
name                    weight of the squared x0 error                      source
======================  ==================================================  =======================
``constant``            1                                                   Ho et al. 2020
``snr``                 SNR                                                 2.4
``max_snr(g = 1)``      max(SNR, g)                                         Salimans and Ho 2022
``min_snr(g = 5)``      min(SNR, g)                                         Hang et al. 2023; 2.4
``min_cap(g = 1)``      min(SNR, g)                                         IV: another default
``min_linear``          min(SNR, 1 - t/T)                                   IV
``min_sqrt``            min(SNR, sqrt(1 - t/T))                             3.4 iii
``average_linear``      (min(SNR, 1) + 1 - t/T) / 2                         IV
``average_sqrt``        (min(SNR, 1) + sqrt(1 - t/T)) / 2                   IV
``ratio_split(r=0.1)``  (1 - r) min(SNR, 1) + r sqrt(1 - t/T)               Figure 6
======================  ==================================================  =======================

The thesis names "ratio-split = 0.1 blends" and "scaled weights" without defining them. Here the
ratio is the share given to the decay, so that ``ratio_split(0.5)`` is ``average_sqrt``; ``scaled``
divides by the largest weight of the schedule, so that the cap is 1 as in the figure's caption.
``normalised`` divides by the mean weight of the batch.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError

Curve = Callable[[Tensor, Tensor, float], Tensor]
"""Weights from the SNR, the linear decay ``1 - t/T`` and the strategy's parameter."""


@dataclass(frozen=True)
class _Strategy:
    curve: Curve
    default: float | None = None  # of the parameter; None where there is none
    largest: float = math.inf  # of the parameter


_STRATEGIES = {
    "constant": _Strategy(lambda snr, decay, _: torch.ones_like(snr)),
    "snr": _Strategy(lambda snr, decay, _: snr),
    "max_snr": _Strategy(lambda snr, decay, gamma: snr.clamp(min=gamma), 1.0),
    "min_snr": _Strategy(lambda snr, decay, gamma: snr.clamp(max=gamma), 5.0),
    "min_cap": _Strategy(lambda snr, decay, gamma: snr.clamp(max=gamma), 1.0),
    "min_linear": _Strategy(lambda snr, decay, _: torch.minimum(snr, decay)),
    "min_sqrt": _Strategy(lambda snr, decay, _: torch.minimum(snr, decay.sqrt())),
    "average_linear": _Strategy(lambda snr, decay, _: (snr.clamp(max=1.0) + decay) / 2),
    "average_sqrt": _Strategy(lambda snr, decay, _: (snr.clamp(max=1.0) + decay.sqrt()) / 2),
    "ratio_split": _Strategy(
        lambda snr, decay, ratio: (1.0 - ratio) * snr.clamp(max=1.0) + ratio * decay.sqrt(),
        default=0.1,
        largest=1.0,
    ),
}

STRATEGIES: tuple[str, ...] = tuple(_STRATEGIES)
"""Names of the strategies, for documentation and completion."""


@dataclass(frozen=True)
class Weighting:
    """A strategy with its parameter and options; make one with :func:`parse_weighting`.

    Attributes:
        strategy: one of :data:`STRATEGIES`.
        parameter: gamma or ratio; None stands for the strategy's default, or for none.
        scaled: divide by the largest weight of the schedule.
        normalised: divide by the mean over the valid frames of the batch.

    Raises:
        ConfigError: an unknown strategy, or a parameter it does not take.
    """

    strategy: str = "constant"
    parameter: float | None = None
    scaled: bool = False
    normalised: bool = False

    def __post_init__(self) -> None:
        known = _STRATEGIES.get(self.strategy)
        if known is None:
            raise ConfigError(
                f"unknown loss weighting {self.strategy!r}: choose from {', '.join(STRATEGIES)}"
            )
        if self.parameter is None:
            object.__setattr__(self, "parameter", known.default)
        elif known.default is None:
            raise ConfigError(f"the loss weighting {self.strategy!r} takes no parameter")
        elif not 0 < self.parameter <= known.largest or math.isinf(self.parameter):
            raise ConfigError(
                f"the parameter of the loss weighting {self.strategy!r} must be positive"
                f"{'' if math.isinf(known.largest) else f' and at most {known.largest:g}'}, "
                f"not {self.parameter:g}"
            )

    def __str__(self) -> str:
        name = self.strategy
        if self.parameter is not None:
            whole = float(self.parameter).is_integer()
            name += f"({int(self.parameter) if whole else repr(float(self.parameter))})"
        name = f"scaled({name})" if self.scaled else name
        return f"normalised({name})" if self.normalised else name

    def curve(self, schedule: NoiseSchedule) -> Float64[Tensor, " T"]:
        """Weights at ``t = 0 .. T - 1``, before any normalisation over a batch."""
        snr = schedule.alphas_cumprod / (1.0 - schedule.alphas_cumprod)
        decay = 1.0 - torch.arange(schedule.T, dtype=torch.float64) / schedule.T
        weights = _STRATEGIES[self.strategy].curve(snr, decay, self.parameter or 0.0)
        return weights / weights.max() if self.scaled else weights

    def weights(
        self,
        schedule: NoiseSchedule,
        t: Int[Tensor, " batch"] | Int[Tensor, "batch frames"],
        valid: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, " batch"] | Float[Tensor, "batch frames"]:
        """Weights of the loss at timesteps, float32, in the shape of ``t``.

        Args:
            schedule: the noise schedule that ``t`` counts.
            t: one timestep for each clip, or one for each frame; T weighs as much as T - 1.
            valid: frames that count in the normalisation (padding does not); all if None.
        """
        values = _table(self, schedule, t.device)[t.clamp(max=schedule.T - 1)]
        return normalise(values, valid) if self.normalised else values


def normalise(
    weights: Float[Tensor, " batch"] | Float[Tensor, "batch frames"],
    valid: Bool[Tensor, "batch length"] | None = None,
) -> Float[Tensor, " batch"] | Float[Tensor, "batch frames"]:
    """Divide by the mean weight over all valid frames of the batch (not of each clip).

    A weight for a whole clip counts once for every valid frame of it.
    """
    if valid is None:
        return weights / weights.mean()
    per_frame = weights[:, None] if weights.ndim == 1 else weights
    mean = (per_frame * valid).sum() / valid.sum().clamp(min=1)
    return weights / mean.clamp(min=torch.finfo(weights.dtype).tiny)


def parse_weighting(name: str) -> Weighting:
    """A weighting from its name; ``str`` of the result is the full name.

    Raises:
        ConfigError: the name cannot be read, or names no weighting.
    """
    call = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", name)
    if call is None:
        raise ConfigError(f"cannot read the loss weighting {name!r}: write one like 'min_snr(5)'")
    function, argument = call.groups()
    if function == "normalised" and argument:
        return replace(parse_weighting(argument), normalised=True)
    if function == "scaled" and argument:
        return replace(parse_weighting(argument), scaled=True)
    if argument is None:
        return Weighting(function)
    try:
        return Weighting(function, float(argument))
    except ValueError as error:
        raise ConfigError(
            f"the parameter of the loss weighting {name!r} is not a number"
        ) from error


@functools.lru_cache(maxsize=32)
def _table(weighting: Weighting, schedule: NoiseSchedule, device: torch.device) -> Tensor:
    return weighting.curve(schedule).float().to(device)
