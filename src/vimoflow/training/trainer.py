"""The training loop: batches in, checkpoint out, resumable at any step."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from vimoflow import __version__
from vimoflow.data.batches import Batch, WindowSource, make_batch
from vimoflow.data.shards import Shard, read_shards
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.timesteps import PTSS, BlockTimesteps, MixedTimesteps
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.errors import CheckpointError, OutputError
from vimoflow.training.losses import frame_losses, pairwise, weighted_mean
from vimoflow.training.recipes import Recipe, find_recipe
from vimoflow.training.statistics import measure_normalization

STATE = "state.pt"
LOG = "log.jsonl"
_LOG_EVERY = 50
_SAVE_EVERY_S = 240.0


def train(
    recipe_name: str,
    data: Path,
    output: Path,
    steps: int | None = None,
    minutes: float | None = None,
    resume: bool = False,
) -> Path:
    """Train a recipe on the training shards of ``data``; returns the checkpoint's path.

    Every step draws its batch and noise from seeds of its own, so a run that was stopped and
    resumed goes on as if it had not been.
    """
    recipe = find_recipe(recipe_name)
    if steps is not None:
        recipe = dataclasses.replace(recipe, steps=steps)
    output.mkdir(parents=True, exist_ok=True)
    shards = read_shards(data, "train")
    run = _Run(recipe_name, recipe, WindowSource(shards), output)
    if resume:
        run.load()
    deadline = time.monotonic() + 60 * minutes if minutes is not None else math.inf
    run.loop(deadline)
    return run.finish(shards)


class _Batches(IterableDataset[Batch]):
    """Batches of steps ``first`` to the last, each from its own seed."""

    def __init__(self, source: WindowSource, recipe: Recipe, first: int) -> None:
        self.source, self.recipe, self.first = source, recipe, first

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.first, self.recipe.steps):
            generator = torch.Generator().manual_seed(step_seed(self.recipe.seed, step, 0))
            pick = torch.multinomial(torch.tensor(self.recipe.shares), 1, generator=generator)
            frames = self.recipe.frames[int(pick)]
            clips = max(1, self.recipe.batch_frames // frames)
            yield make_batch(self.source, clips, frames, generator, self.recipe.batches)


def step_seed(seed: int, step: int, stream: int) -> int:
    """A seed of its own for each step and each use of randomness."""
    return (seed * 1_000_003 + step) * 16 + stream


@dataclass
class _Run:
    """State of one training run."""

    name: str
    recipe: Recipe
    source: WindowSource
    output: Path

    def __post_init__(self) -> None:
        from pytorch_optimizer import Adan

        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.step = 0
        self.seconds = 0.0
        self.schedule = NoiseSchedule()
        self.model = Denoiser(recipe.model).to(self.device)
        self.ema = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizer = Adan(
            self.model.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            weight_decouple=True,
        )
        self.normalization = measure_normalization(self.source, recipe.batches, recipe.seed)
        self.weighting = parse_weighting(recipe.weighting)
        mixed = recipe.block_timesteps
        self.timesteps = MixedTimesteps(
            (PTSS(recipe.independent_timesteps), BlockTimesteps()), (1 - mixed, mixed)
        )
        self.model.compile()

    def loop(self, deadline: float) -> None:
        """Train until the recipe's last step or the deadline."""
        self.model.train()
        loader = DataLoader(
            _Batches(self.source, self.recipe, self.step),
            batch_size=None,
            num_workers=1,
            prefetch_factor=4,
            worker_init_fn=_one_thread,
        )
        started = saved = time.monotonic()
        before = self.seconds
        sums: dict[str, float] = {}
        summed = 0
        for batch in loader:
            values = self.optimize(batch)
            self.step += 1
            now = time.monotonic()
            self.seconds = before + now - started
            for key, value in values.items():
                sums[key] = sums.get(key, 0.0) + float(value)
            summed += 1
            if self.step % _LOG_EVERY == 0 or self.step == self.recipe.steps:
                self.log({key: value / summed for key, value in sums.items()})
                sums, summed = {}, 0
            if now - saved > _SAVE_EVERY_S:
                self.save()
                saved = now
            if now > deadline:
                break
        self.save()

    def optimize(self, batch: Batch) -> dict[str, Tensor]:
        """One optimizer step; returns the unweighted losses."""
        generator = torch.Generator().manual_seed(step_seed(self.recipe.seed, self.step, 1))
        clips, frames = batch.valid.shape
        t = self.timesteps.sample(clips, frames, generator, self.step / self.recipe.steps)
        noise = torch.randn(batch.features.shape, generator=generator)
        keep = torch.rand(clips, generator=generator) >= self.recipe.condition_drop
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * rate_factor(self.recipe, self.step)
        condition = batch.condition.masked(keep)
        t = t if t.ndim == 2 else t[:, None].expand(clips, frames)
        target = self.normalization.normalize(batch.features)
        x_t = self.schedule.add_noise(target, t, noise)
        weights = self.weighting.weights(self.schedule, t, batch.valid)
        inputs = (
            x_t, t, condition.channels, target, batch.features, batch.joints, weights, batch.valid
        )  # fmt: skip
        total, values = self.losses(*(x.to(self.device) for x in inputs))
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.ema.parameters(), self.model.parameters(), strict=True)
            for average, parameter in pairs:
                average.lerp_(parameter, 1 - decay)
        return {**values, "total": total.detach(), "gradient_norm": norm}

    def losses(
        self, x_t: Tensor, t: Tensor, condition: Tensor, target: Tensor, features: Tensor,
        joints: Tensor, weights: Tensor, valid: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
        """The training objective (thesis 3.4 iii) and its parts."""
        with torch.autocast(self.device, torch.bfloat16):
            predicted = self.model(x_t, t, condition, valid)
        predicted = predicted.float()
        parts = frame_losses(
            predicted, target, self.normalization.denormalize(predicted), features, joints
        )
        pair_weights, pairs = pairwise(weights, valid)
        factors = self.recipe.losses
        total = (
            weighted_mean(parts.simple, weights, valid)
            + factors.joints * weighted_mean(parts.joints, weights, valid)
            + factors.velocity * weighted_mean(parts.velocity, pair_weights, pairs)
            + factors.foot * weighted_mean(parts.foot, pair_weights, pairs)
        )
        if self.step >= factors.root_and_contacts_from:
            total = (
                total
                + factors.root * weighted_mean(parts.root, weights, valid)
                + factors.contacts * weighted_mean(parts.contacts, weights, valid)
            )
        with torch.no_grad():
            one = torch.ones_like(weights)
            late = valid & (t >= 800)
            values = {
                "simple": weighted_mean(parts.simple, one, valid),
                "joints": weighted_mean(parts.joints, one, valid),
                "velocity": weighted_mean(parts.velocity, one, pairs),
                "foot": weighted_mean(parts.foot, one, pairs),
                "root": weighted_mean(parts.root, one, valid),
                "contacts": weighted_mean(parts.contacts, one, valid),
                "simple_late": weighted_mean(parts.simple, one, late),
                "joints_late": weighted_mean(parts.joints, one, late),
                "prediction_std": predicted.std(),
            }
        return total, values

    def log(self, means: dict[str, float]) -> None:
        """One JSON line and one readable line."""
        row = {"step": self.step, "seconds": round(self.seconds, 1)}
        row |= {key: float(f"{value:.5g}") for key, value in means.items()}
        with (self.output / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        text = " ".join(f"{key} {value:.4g}" for key, value in means.items())
        print(f"step {self.step}/{self.recipe.steps} {self.seconds:.0f} s {text}", flush=True)

    def save(self) -> None:
        """Everything needed to go on, complete or not at all."""
        state = {
            "name": self.name,
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mean": self.normalization.mean,
            "std": self.normalization.std,
        }
        partial = self.output / (STATE + ".partial")
        try:
            torch.save(state, partial)
            os.replace(partial, self.output / STATE)
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise OutputError(f"{self.output}: cannot save the state ({error})") from error

    def load(self) -> None:
        """Go on from the state in the output folder."""
        path = self.output / STATE
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.normalization = Normalization(state["mean"].cpu(), state["std"].cpu())
            self.step, self.seconds = state["step"], state["seconds"]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(f"{path}: cannot resume from it ({reason})") from error
        except (EOFError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{path}: damaged; train again without --resume") from error

    def finish(self, shards: list[Shard]) -> Path:
        """Write the averaged weights as a checkpoint with its provenance."""
        provenance = {
            "recipe": self.name,
            "settings": dataclasses.asdict(self.recipe),
            "steps": self.step,
            "hours": round(self.seconds / 3600, 3),
            "device": self.device,
            "vimoflow": __version__,
            "torch": torch.__version__,
            "data": [
                {key: getattr(s.entry, key) for key in ("corpus", "licence", "source", "hours")}
                for s in shards
            ],
        }
        checkpoint = Checkpoint(
            self.name,
            self.ema.cpu(),
            self.normalization,
            self.schedule,
            terms_of(shards),
            provenance,
        )
        path = self.output / f"{self.name}.safetensors"
        save_checkpoint(checkpoint, path)
        print(f"checkpoint: {path}")
        return path


def rate_factor(recipe: Recipe, step: int) -> float:
    """Linear warm-up, constant, then a cosine to zero over the last ``decay`` of the run."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    start = recipe.steps * (1 - recipe.decay)
    done = min(1.0, max(0.0, (step - start) / max(1.0, recipe.steps - start)))
    return warm * 0.5 * (1 + math.cos(math.pi * done))


def terms_of(shards: list[Shard]) -> str:
    """The terms of weights trained on these corpora, in one sentence each."""
    licences = {s.entry.corpus: s.entry.licence for s in shards}
    listed = "; ".join(f"{corpus}: {licence}" for corpus, licence in sorted(licences.items()))
    commercial = not any("NC" in licence for licence in licences.values())
    use = (
        "No corpus bars commercial use by its licence."
        if commercial
        else "Non-commercial use only, because corpora under NC terms were trained on."
    )
    return f"{use} Trained on {listed}."


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
