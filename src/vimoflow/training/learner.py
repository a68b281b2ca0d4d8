"""One training step: a global batch in, changed weights out."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.reference import Kriging, noisy_or_guessed
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.errors import ConfigError
from vimoflow.geometry.cameras import Camera
from vimoflow.motion.features import LAYOUT
from vimoflow.motion.variogram import feature_variogram
from vimoflow.training.losses import FrameLosses, frame_losses
from vimoflow.training.monitor import Monitor
from vimoflow.training.objective import Counts, count, share_of_objective
from vimoflow.training.optimization import make_optimizer, rate_factor, set_rate, update_average
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.schedules import DivergenceGuard
from vimoflow.training.step_batches import MicroBatch, draw_timesteps, dropout_seed

_MOST_SKIPPED = 50


@dataclass(frozen=True)
class _Drawn:
    """A micro-batch with its timesteps and their weights, still on the CPU."""

    micro_batch: MicroBatch
    t: Int[Tensor, "batch frames"]
    weights: Float[Tensor, "batch frames"]


@dataclass(frozen=True)
class _Seen:
    """What the monitor wants to know of a micro-batch; nothing of it needs gradients."""

    losses: FrameLosses
    predicted_normalized: Tensor
    predicted: Tensor
    features: Tensor
    t: Tensor
    valid: Tensor
    share: Tensor


class Learner:
    """Network, averaged weights and optimizer of a run.

    Args:
        model: the network; only parameters that require gradients change.
        recipe: how to learn.
        normalization: of the features.
        processes: those that learn together.
        precision: of the network's products.
        compile: compile the network, each shape for itself: then what a step computes does not
            depend on which shapes came before, and a resumed run stays the same bit for bit.
    """

    def __init__(
        self,
        model: Denoiser,
        recipe: Recipe,
        normalization: Normalization,
        processes: Processes,
        precision: str = "bf16",
        compile: bool = True,
    ) -> None:
        self.recipe, self.normalization, self.processes = recipe, normalization, processes
        self.precision = precision
        self.schedule = NoiseSchedule()
        self.kriging = Kriging(feature_variogram())
        weighting = parse_weighting(recipe.weighting)
        self.normalised = weighting.normalised
        # The mean weight of the global batch is known only after all pieces have been counted.
        self.weighting = dataclasses.replace(weighting, normalised=False)
        self.model = model.to(processes.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.trained, recipe)
        self.guard = DivergenceGuard(recipe.divergence)
        settling = max(recipe.warmup_steps, min(300, recipe.steps // 4))
        self.monitor = Monitor(settle_steps=settling, T=self.schedule.T)
        if compile:
            # A shape for each window length, and another where a batch cannot be shared out evenly.
            torch._dynamo.config.recompile_limit = max(8, 4 * len(recipe.frames))
            self.model.compile(dynamic=False)
        self.shared = processes.share(self.model)
        self.step = 0
        self._skipped = 0

    def learn(self, micro_batches: Sequence[MicroBatch]) -> bool:
        """Take one optimizer step; True when the guard answered to divergence."""
        scheduled = self.recipe.learning_rate * rate_factor(self.recipe, self.step)
        set_rate(self.optimizer, scheduled * self.guard.rate_factor)
        seen = self.add_gradients(micro_batches)
        norm = nn.utils.clip_grad_norm_(self.trained, self.recipe.clip_norm)
        if bool(torch.isfinite(norm)):
            self._skipped = 0
            self.optimizer.step()
        else:
            self._skip()
        update_average(self.average, self.model, self.recipe.ema, self.step)
        self._show(seen, norm)
        self.step += 1
        return self._guarded(seen)

    def add_gradients(self, micro_batches: Sequence[MicroBatch]) -> tuple[_Seen, ...]:
        """Forward and backward passes over this process' micro-batches of one step."""
        torch.manual_seed(dropout_seed(self.recipe.seed, self.step, self.processes.rank))
        drawn = tuple(map(self._draw, micro_batches))
        counts = self._count(drawn)
        self.optimizer.zero_grad(set_to_none=True)
        seen = []
        for piece in drawn:
            with self.processes.accumulating(self.shared, last=piece is drawn[-1]):
                passed = self._forward(piece, counts)
                # Gradients are averaged over processes, but the shares add up.
                (passed.share * self.processes.count).backward()
            seen.append(dataclasses.replace(passed, share=passed.share.detach()))
        return tuple(seen)

    def _draw(self, micro_batch: MicroBatch) -> _Drawn:
        recipe = self.recipe
        p = self.guard.probability(recipe.independent_timesteps)
        conditioned, alone = (
            draw_timesteps(
                shares.sampler(p, self.schedule.T),
                recipe.seed,
                micro_batch,
                self.step / recipe.steps,
            )
            for shares in (recipe.timesteps, recipe.timesteps_alone)
        )
        t = torch.where(micro_batch.keep[:, None], conditioned, alone)
        return _Drawn(micro_batch, t, self.weighting.weights(self.schedule, t))

    def _count(self, drawn: Sequence[_Drawn]) -> Counts:
        counts = [count(piece.weights, piece.micro_batch.examples.valid) for piece in drawn]
        own = functools.reduce(Counts.__add__, counts)
        together = self.processes.sum(torch.stack((own.frames, own.pairs, own.weight)))
        return Counts(*together)

    def _forward(self, piece: _Drawn, counts: Counts) -> _Seen:
        """This piece's share of the objective."""
        device, batch = self.processes.device, piece.micro_batch.examples
        condition = batch.told(piece.micro_batch.keep)
        features, joints, valid, noise, condition, t, weights = (
            x.to(device, non_blocking=True)
            for x in (
                batch.features, batch.joints, batch.valid, piece.micro_batch.noise, condition,
                piece.t, piece.weights,
            )
        )  # fmt: skip
        target = self.normalization.normalize(features)
        x_t = noisy_or_guessed(self.schedule, target, t, noise, self.kriging)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            output = self.shared(x_t, t, condition, valid)
        output = output.float()
        predicted = self.normalization.denormalize(output)
        losses = frame_losses(
            output, target, predicted, features, joints,
            self.recipe.loss_options, _moved(piece.micro_batch.cameras, device),
        )  # fmt: skip
        if self.normalised:
            weights = weights * (counts.frames / counts.weight.clamp(min=1e-30)).to(weights)
        factors = self.recipe.loss_weights(self.step)
        share = share_of_objective(losses, factors, weights, valid, counts)
        detached = FrameLosses(
            **{f.name: getattr(losses, f.name).detach() for f in dataclasses.fields(losses)}
        )
        return _Seen(detached, output.detach(), predicted.detach(), features, t, valid, share)

    def _show(self, seen: Sequence[_Seen], norm: Tensor) -> None:
        for piece in seen:
            self.monitor.observe(
                piece.losses, piece.predicted_normalized, piece.predicted, piece.features,
                piece.t, piece.valid, piece.share * len(seen) * self.processes.count, norm,
            )  # fmt: skip

    def _guarded(self, seen: Sequence[_Seen]) -> bool:
        if self.guard.rule is None:
            return False
        sums = [
            torch.stack(
                (s.share, _root_power(s.predicted, s.valid), _root_power(s.features, s.valid))
            )
            for s in seen
        ]
        total, predicted, truth = self.processes.sum(torch.stack(sums).sum(0)).tolist()
        scale = (predicted / truth) ** 0.5 if truth > 0 else 1.0
        return self.guard.observe(self.step, total, scale)

    def _skip(self) -> None:
        self._skipped += 1
        if self._skipped >= _MOST_SKIPPED:
            raise ConfigError(
                f"step {self.step}: the gradients of {_MOST_SKIPPED} steps in a row were not "
                "finite; lower the recipe's learning_rate and start from the last checkpoint"
            )


def _root_power(features: Tensor, valid: Tensor) -> Tensor:
    return (features[..., LAYOUT.root].square().sum(-1) * valid).sum()


def _moved(cameras: Camera | None, device: torch.device) -> Camera | None:
    if cameras is None:
        return None
    return Camera(
        **{f.name: getattr(cameras, f.name).to(device) for f in dataclasses.fields(cameras)}
    )
