"""How a motion is completed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from vimoflow.errors import ConfigError
from vimoflow.options import MODEL, PYTHON_ONLY, Option, require_sensible

Method = Literal["auto", "one-pass", "timesteps", "repaint"]


@dataclass(frozen=True)
class DenoisingOptions:
    """How the unknown part is denoised.

    Attributes:
        samples: motions drawn together, each from noise of its own; the smoothest is kept.
        seed: of the noise; same seed, same motion.
        method: one-pass is the likeliest motion at once, the others draw one from noise; auto is
            one-pass where one sample is wanted, the checkpoint was taught to, and every window
            holds something known; else timesteps.
        steps: denoising steps.
        known_t: timestep of known frames with ``timesteps``; 0 is the lowest noise trained.
        rounds: how often repaint denoises every step, re-noising in between; 1 is once.
        guidance: the thesis' w, for evidence; 0 is none.
        prior: weight, in frames without evidence, of an interpolation (or another prior) in every
            clean estimate, from 0, the model alone, to below 1.
        start: share of the way down from pure noise that is walked, from the noised prior on; 1 is
            all of it, and the prior's own noise does not count.

    Raises:
        ConfigError: a value that makes no sense.
    """

    method: Annotated[Method, Option(group=MODEL)] = "auto"
    steps: Annotated[int, Option(metavar="N", low=1, high=1000, group=MODEL)] = 50
    known_t: Annotated[int, PYTHON_ONLY] = 0
    rounds: Annotated[int, Option(metavar="N", low=1, high=1000, group=MODEL)] = 1
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1, group=MODEL)] = 0
    samples: Annotated[int, Option(metavar="K", low=1, group=MODEL)] = 1
    guidance: Annotated[float, PYTHON_ONLY] = 0.0
    prior: Annotated[float, Option(metavar="SHARE", group=MODEL)] = 0.5
    start: Annotated[float, PYTHON_ONLY] = 1.0

    def __post_init__(self) -> None:
        require_sensible(self)
        if not 0 < self.start <= 1:
            raise ConfigError(f"start must be above 0 and at most 1, not {self.start:g}")
        if not 0 <= self.prior < 1:
            raise ConfigError(f"--prior: must be at least 0 and below 1, not {self.prior:g}")

    def levels(self, T: int) -> tuple[int, ...]:
        """Timesteps at which the model is asked."""
        from vimoflow.diffusion.sampler import inference_timesteps

        timesteps = inference_timesteps(T, self.steps)
        timesteps = timesteps[round((1 - self.start) * len(timesteps)) :]
        return tuple(t for t in timesteps for _ in range(self.rounds if t > timesteps[-1] else 1))


@dataclass(frozen=True)
class CompletionOptions:
    """How to complete a motion.

    Attributes:
        denoising: see :class:`DenoisingOptions`.
        lock_feet: let generated feet that rest stay where they are; between known frames it does
            not make them slide less (docs/editing).
        refine: bring what follows keypoints closer to them.
    """

    denoising: Annotated[DenoisingOptions, PYTHON_ONLY] = field(default_factory=DenoisingOptions)
    lock_feet: bool = False
    refine: Annotated[bool, PYTHON_ONLY] = True
