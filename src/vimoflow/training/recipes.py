"""Named training recipes: ours, and the settings of the thesis."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from vimoflow.data.batches import BatchSettings
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.diffusion.timesteps import ProbabilityRise
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.errors import ConfigError
from vimoflow.training.losses import LossOptions, LossWeights, thesis_weights
from vimoflow.training.schedules import (
    DivergenceRule,
    LossMilestone,
    TimestepShares,
    loss_weights_at,
)

_CONDITIONED = TimestepShares(block=0.06, late=0.14, blank=0.6, gap=0.1)
_ALONE = TimestepShares(block=0.1, gap=0.8)
EPOCH_STEPS = 812  # the thesis' 26,000 clips in batches of 32 (section IV)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, apart from the data.

    Attributes:
        model: sizes of the network.
        frames: window lengths in frames; one is drawn for each step with probability ``shares``.
            Short windows show more different poses for the same work.
        shares: probability of each of these lengths; they sum to 1.
        batch_frames: frames in a batch; clips = batch_frames / length.
        accumulation: batches whose gradients make one optimizer step.
        steps: optimizer steps of the whole run.
        epoch_steps: steps that count as an epoch; batches are drawn at random, so this only
            gives the thesis' schedules their clock.
        learning_rate: of Adan, at its highest.
        weight_decay: of Adan.
        warmup_steps: steps over which the learning rate rises linearly from zero.
        decay: share of the run, at its end, over which the rate falls to zero along a cosine.
        clip_norm: largest norm of the gradient; a larger one is scaled down to it.
        weighting: loss weight by timestep, see ``diffusion.weighting``.
        independent_timesteps: PTSS p, the share of clips with a timestep of their own per frame; a
            number, or a rise over the run.
        divergence: when PTSS goes back to a low p; never if None.
        timesteps: which shares of the clips with a condition take other timesteps than PTSS'.
        timesteps_alone: the same for clips without a condition.
        condition_drop: share of clips without condition, for completion and classifier-free
            guidance.
        losses: factors on the losses at the start of the run.
        loss_milestones: factors that hold from an epoch on; linear in between.
        loss_options: variants of the losses.
        regression: no diffusion: the same transformer maps the condition to the motion.
        batches: how windows of motion become training examples.
        ema: decay of the weights' exponential moving average, which is what ships.
        seed: of the initial weights and of all batches.
    """

    model: DenoiserConfig
    frames: tuple[int, ...] = (24, 60, 150)
    shares: tuple[float, ...] = (0.4, 0.35, 0.25)
    batch_frames: int = 32 * 150  # the thesis' batch of 32 clips
    accumulation: int = 1
    steps: int = 10_500
    epoch_steps: int = EPOCH_STEPS
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    decay: float = 0.5
    clip_norm: float = 1.0
    weighting: str = "constant"
    independent_timesteps: float | ProbabilityRise = 0.2
    divergence: DivergenceRule | None = None
    timesteps: TimestepShares = _CONDITIONED
    timesteps_alone: TimestepShares = _ALONE
    condition_drop: float = 0.25
    losses: LossWeights = field(default_factory=LossWeights)
    loss_milestones: tuple[LossMilestone, ...] = ()
    loss_options: LossOptions = field(default_factory=LossOptions)
    regression: bool = False
    batches: BatchSettings = field(default_factory=BatchSettings)
    ema: float = 0.999
    seed: int = 0

    def __post_init__(self) -> None:
        parse_weighting(self.weighting)
        if len(self.frames) != len(self.shares) or not self.frames or min(self.frames) < 2:
            raise ConfigError("a recipe needs window lengths of 2 frames or more and a share each")
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ConfigError(f"the shares of the window lengths must sum to 1, not {self.shares}")
        for name in ("batch_frames", "accumulation", "steps", "epoch_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"the recipe's {name} must be 1 or more")
        for name in ("learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"the recipe's {name} must be positive")
        for name in ("condition_drop", "decay", "ema"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"the recipe's {name} must be from 0 to 1")
        if isinstance(self.independent_timesteps, float | int):
            ProbabilityRise(self.independent_timesteps, self.independent_timesteps)
        epochs = [milestone.epoch for milestone in self.loss_milestones]
        if epochs != sorted(set(epochs)) or min(epochs, default=1) <= 0:
            raise ConfigError("the epochs of loss_milestones must be positive and rise")

    def loss_weights(self, step: int) -> LossWeights:
        """The loss factors at a step."""
        return loss_weights_at(self.losses, self.loss_milestones, step / self.epoch_steps)


def thesis_recipe(
    epochs: int, losses: LossWeights, milestones: tuple[LossMilestone, ...] = ()
) -> Recipe:
    """The small model as the thesis trained it (sections 3.3 iv, 3.4 and IV), without PTSS.

    Its batch is 32 clips of 150 frames. ``average_sqrt`` is what section IV recommends.
    """
    return Recipe(
        model=DenoiserConfig(width=128, heads=4),
        frames=(150,),
        shares=(1.0,),
        steps=epochs * EPOCH_STEPS,
        learning_rate=1e-4,
        warmup_steps=500,
        decay=1 / 3,
        weighting="average_sqrt",
        independent_timesteps=0.0,
        timesteps=TimestepShares(),
        timesteps_alone=TimestepShares(),
        condition_drop=0.25,
        losses=losses,
        loss_milestones=milestones,
        loss_options=LossOptions(foot_mask="learned", supervise_contacts=False),
    )


_EARLY = thesis_weights(joints=0.01, velocity=1.0, foot=0.1)
_FINAL = thesis_weights(joints=0.1, velocity=0.02, foot=0.05)
# "lambda_joints increased to 0.1 by epoch 25, lambda_vel reduced to 0.01 by epoch 40, and
# lambda_foot rose to 0.5": straight lines, the last one by epoch 40 as well.
_EVOLVED = (
    LossMilestone(25.0, thesis_weights(0.1, 1.0 - 0.99 * 25 / 40, 0.1 + 0.4 * 25 / 40)),
    LossMilestone(40.0, thesis_weights(0.1, 0.01, 0.5)),
)
_NO_PTSS = thesis_recipe(50, _FINAL)


def _with_ptss(epochs: int, model: DenoiserConfig) -> Recipe:
    """p from 0.2 to 0.5 over the first 50 epochs, and back to 0.2 after divergence."""
    return dataclasses.replace(
        thesis_recipe(epochs, _FINAL),
        model=model,
        independent_timesteps=ProbabilityRise(0.2, 0.5, until=50 / epochs),
        divergence=DivergenceRule(),
    )


# The thesis' small size with a deeper pose encoder: at high noise all depends on lifting the 2D,
# and what the encoder makes of it does not depend on the noise.
_SMALL = dataclasses.replace(DenoiserConfig.small(), encoder_layers=6, estimate_std=0.1)

RECIPES: dict[str, Recipe] = {
    "small": Recipe(model=_SMALL),
    "base": Recipe(
        model=dataclasses.replace(DenoiserConfig.big(), encoder_layers=6, estimate_std=0.1),
        steps=12_000,
        learning_rate=4e-4,
        decay=0.75,
        condition_drop=0.1,
        timesteps=TimestepShares(block=0.04, late=0.1, blank=0.74, gap=0.06),
        losses=LossWeights(distance=3.0),
    ),
    "big": Recipe(
        model=dataclasses.replace(DenoiserConfig.big(), encoder_layers=6, estimate_std=0.1),
        steps=40_000,
    ),
    # To see on one core that everything fits together, and for ablations: diffusion and PTSS alone,
    # so that weightings and timesteps are compared by themselves; losses as once shipped.
    "quick": Recipe(
        model=DenoiserConfig(width=64, heads=4, blocks=2, encoder_layers=2),
        batch_frames=960,
        frames=(24, 60),
        shares=(0.5, 0.5),
        learning_rate=3e-3,
        warmup_steps=40,
        timesteps=TimestepShares(),
        timesteps_alone=TimestepShares(),
        losses=LossWeights(velocity=40.0, rotation_velocity=0.0),
    ),
    "regression": Recipe(
        model=dataclasses.replace(_SMALL, estimate_std=0.0),
        regression=True,
        timesteps=TimestepShares(),
        condition_drop=0.0,
    ),
    "thesis-early": thesis_recipe(50, _EARLY),
    "thesis-evolved": thesis_recipe(50, _EARLY, _EVOLVED),
    "thesis-final": _NO_PTSS,
    "small-v1-no-ptss": _NO_PTSS,  # Figures 7 to 9
    "small-v1-ptss": _with_ptss(65, DenoiserConfig(width=128, heads=4)),  # 10 to 12
    "small-v2-ptss": _with_ptss(65, DenoiserConfig(width=128, heads=4, film_version=2)),  # 13-15
    "big-v1-ptss": _with_ptss(100, DenoiserConfig(width=256, heads=8)),  # 16 to 21
}


def find_recipe(name_or_path: str | Path) -> Recipe:
    """A recipe by name, or from a TOML or JSON file (see ``recipe_files``).

    Raises:
        ConfigError: there is none of that name, or the file holds a wrong field or value.
        InputError: the file cannot be read.
    """
    name = str(name_or_path)
    if name in RECIPES:
        return RECIPES[name]
    if name.endswith((".toml", ".json")):
        from vimoflow.training.recipe_files import read_recipe

        return read_recipe(Path(name))
    raise ConfigError(
        f"unknown recipe '{name}': one of {', '.join(RECIPES)}, or a TOML file's path"
    )


def recipe_name(name_or_path: str | Path) -> str:
    """What to call a recipe's checkpoint: its name, or its file's without the suffix."""
    name = str(name_or_path)
    return name if name in RECIPES else Path(name).stem
