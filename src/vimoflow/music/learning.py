"""One training step on dances: of a whole model, or of the part of it that is not frozen."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.music.dance_windows import DanceBatch, WindowSettings, draw_windows
from vimoflow.music.music_model import MusicScale
from vimoflow.music.pairs import Dance
from vimoflow.training.losses import frame_losses
from vimoflow.training.objective import count, share_of_objective
from vimoflow.training.optimization import make_optimizer, rate_factor, set_rate, update_average
from vimoflow.training.recipes import Recipe
from vimoflow.training.step_batches import step_seed


@dataclass(frozen=True)
class StepReport:
    """Figures of one step: the objective, and the joints' mean squared error in m^2."""

    step: int
    objective: float
    joints: float


class DanceLearner:
    """Network, averaged weights and optimizer; only parameters that require gradients change.

    Every step draws its windows, noise and timesteps from a seed of its own.

    Args:
        model: called as ``Denoiser.forward``.
        dances: what to learn from.
        normalization: of the motion features.
        scale: of the music features.
        recipe: see ``training.recipes``; its ``batches`` (cameras, detectors) do not apply.
        windows: how windows are varied.
        precision: of the network's products, "bf16" or "fp32".
    """

    def __init__(
        self,
        model: nn.Module,
        dances: Sequence[Dance],
        normalization: Normalization,
        scale: MusicScale,
        recipe: Recipe,
        windows: WindowSettings | None = None,
        precision: str = "bf16",
    ) -> None:
        self.model, self.dances, self.recipe = model, dances, recipe
        self.normalization, self.scale = normalization, scale
        self.windows, self.precision = windows, precision
        self.schedule = NoiseSchedule()
        self.weighting = parse_weighting(recipe.weighting)
        self.timesteps = recipe.timesteps.sampler(recipe.independent_timesteps, self.schedule.T)
        self.average = copy.deepcopy(model).requires_grad_(False)
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.trained, recipe)
        self.step = 0

    def learn(self) -> StepReport:
        """Take one optimizer step."""
        recipe = self.recipe
        set_rate(self.optimizer, recipe.learning_rate * rate_factor(recipe, self.step))
        generator = torch.Generator().manual_seed(step_seed(recipe.seed, self.step))
        pick = int(torch.multinomial(torch.tensor(recipe.shares), 1, generator=generator))
        frames = recipe.frames[pick]
        clips = max(1, recipe.batch_frames // frames)
        channels = len(self.scale.mean)
        batch = draw_windows(self.dances, clips, frames, generator, self.windows, channels)
        objective, joints = self._objective(batch, generator)
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()
        norm = nn.utils.clip_grad_norm_(self.trained, recipe.clip_norm)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
        update_average(self.average, self.model, recipe.ema, self.step)
        self.step += 1
        return StepReport(self.step, float(objective.detach()), float(joints))

    def _objective(
        self, batch: DanceBatch, generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        recipe, shape = self.recipe, batch.features.shape
        progress = self.step / recipe.steps
        t = self.timesteps.sample(shape[0], shape[1], generator, progress)
        t = t.reshape(shape[0], -1).expand(shape[:2])
        noise = torch.randn(shape, generator=generator)
        keep = torch.rand(shape[0], generator=generator) >= recipe.condition_drop
        condition = self.scale(batch.music) * (batch.heard & keep)[:, None, None]
        condition = condition * batch.valid[..., None]
        target = self.normalization.normalize(batch.features)
        x_t = self.schedule.add_noise(target, t, noise)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bf16"):
            output = self.model(x_t, t, condition, batch.valid)
        output = output.float()
        predicted = self.normalization.denormalize(output)
        losses = frame_losses(
            output, target, predicted, batch.features, batch.joints, recipe.loss_options
        )
        weights = self.weighting.weights(self.schedule, t, batch.valid)
        counts = count(weights, batch.valid)
        factors = recipe.loss_weights(self.step)
        objective = share_of_objective(losses, factors, weights, batch.valid, counts)
        return objective, losses.joints.detach()[batch.valid].mean()
