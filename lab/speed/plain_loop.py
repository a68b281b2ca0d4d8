"""The training loop that one would write first: what ``bench train`` compares with."""

from __future__ import annotations

import copy
import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vimoflow.data.batches import WindowSource, make_batch
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.reference import Kriging, noisy_or_guessed
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.motion.variogram import feature_variogram
from vimoflow.training.losses import frame_losses
from vimoflow.training.objective import count, share_of_objective
from vimoflow.training.optimization import make_optimizer, update_average
from vimoflow.training.recipes import Recipe
from vimoflow.training.starting import new_model
from vimoflow.training.step_batches import (
    parts_of,
    window_frames,
)


class PlainLoop:
    """Eager, float32, everything in one process."""

    def __init__(
        self, recipe: Recipe, source: WindowSource, normalization: Normalization,
        device: torch.device,
    ) -> None:  # fmt: skip
        self.recipe, self.source, self.normalization = recipe, source, normalization
        self.device = device
        self.schedule = NoiseSchedule()
        self.kriging = Kriging(feature_variogram())
        self.weighting = parse_weighting(recipe.weighting)
        self.timesteps, self.alone = (
            shares.sampler(recipe.independent_timesteps, self.schedule.T)
            for shares in (recipe.timesteps, recipe.timesteps_alone)
        )
        self.model = new_model(recipe).to(device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizer = make_optimizer(self.model.parameters(), recipe)

    def run(self, first: int, end: int) -> float:
        """Seconds of the steps from ``first`` up to ``end``."""
        started = time.perf_counter()
        for step in range(first, end):
            self.learn(step)
        settle(self.device)
        return time.perf_counter() - started

    def flop(self, step: int) -> int:
        """Operations of one step's matrix products."""
        with FlopCounterMode(display=False) as counter:
            self.learn(step)
        return counter.get_total_flops()

    def learn(self, step: int) -> None:
        recipe, device = self.recipe, self.device
        generator = torch.Generator().manual_seed(step)
        frames = window_frames(recipe, step)
        clips = clips_of_step(recipe, frames)
        batch = make_batch(self.source, clips, frames, generator, recipe.batches)
        keep = torch.rand(clips, generator=generator) >= recipe.condition_drop
        conditioned, alone = (
            sampler.sample(clips, frames, generator, step / recipe.steps)
            for sampler in (self.timesteps, self.alone)
        )
        t = torch.where(keep[:, None], conditioned, alone).to(device)
        condition = batch.condition.masked(keep).channels.to(device)
        features, joints, valid = (
            x.to(device) for x in (batch.features, batch.joints, batch.valid)
        )
        target = self.normalization.normalize(features)
        noise = torch.randn(features.shape, generator=generator).to(device)
        output = self.model(
            noisy_or_guessed(self.schedule, target, t, noise, self.kriging), t, condition, valid
        )
        predicted = self.normalization.denormalize(output)
        losses = frame_losses(output, target, predicted, features, joints, recipe.loss_options)
        weights = self.weighting.weights(self.schedule, t, valid)
        factors, counts = recipe.loss_weights(step), count(weights, valid)
        total = share_of_objective(losses, factors, weights, valid, counts)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimizer.step()
        update_average(self.average, self.model, recipe.ema, step)


def clips_of_step(recipe: Recipe, frames: int) -> int:
    """How many windows of so many frames a step sees."""
    return sum(part.clips for part in parts_of(recipe, frames, part_frames=frames))


def settle(device: torch.device) -> None:
    """Wait until the device has done all that it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
