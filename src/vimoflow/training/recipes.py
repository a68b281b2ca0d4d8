"""Named training recipes."""

from __future__ import annotations

from dataclasses import dataclass, field

from vimoflow.data.batches import BatchSettings
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.errors import ConfigError


@dataclass(frozen=True)
class LossWeights:
    """Factors on the auxiliary losses (thesis 3.4 ii; lambda_1 to lambda_3).

    The losses are in metres, so the factors are far from the thesis' own, which are not in any
    stated unit: these make each term about as large as the simple loss when training settles.

    Root and contacts, seven of 151 channels, hardly weigh in the simple loss. The shipped run got
    terms for them from step ``root_and_contacts_from`` on, when that showed: a schedule by step, as
    the thesis' own lambdas have.
    """

    joints: float = 6.0
    velocity: float = 40.0
    foot: float = 10.0
    root: float = 1.0
    contacts: float = 1.0
    root_and_contacts_from: int = 2974


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, apart from the data.

    Attributes:
        frames: window lengths in frames; one is drawn for each step with probability ``shares``.
        batch_frames: frames in a batch; clips = batch_frames / length.
        weighting: loss weight by timestep, see ``diffusion.weighting``.
        independent_timesteps: PTSS p, the share of clips with a timestep of their own per frame.
        block_timesteps: share of clips whose timesteps look like gaps.
        condition_drop: share of clips without condition, for classifier-free guidance.
        warmup_steps: linear rise of the learning rate.
        decay: share of the run, at its end, over which the rate falls to zero along a cosine.
        ema: decay of the weights' exponential moving average, which is what ships.
    """

    model: DenoiserConfig
    frames: tuple[int, ...] = (60, 150)
    shares: tuple[float, ...] = (0.5, 0.5)
    batch_frames: int = 32 * 150  # the thesis' batch of 32 clips
    steps: int = 5300
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    decay: float = 0.438
    clip_norm: float = 1.0
    weighting: str = "constant"
    independent_timesteps: float = 0.2
    block_timesteps: float = 0.1
    condition_drop: float = 0.25
    losses: LossWeights = field(default_factory=LossWeights)
    batches: BatchSettings = field(default_factory=BatchSettings)
    ema: float = 0.999
    seed: int = 0


RECIPES = {
    "small": Recipe(model=DenoiserConfig.small()),
    "big": Recipe(model=DenoiserConfig.big(), steps=40_000),
}


def find_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in RECIPES:
        raise ConfigError(f"unknown recipe '{name}': one of {', '.join(RECIPES)}")
    return RECIPES[name]
