"""How fast training is: beside a plain loop and the machine's matrix products, in the same run.

The plain loop is what one would write first: eager, float32, batches with their virtual cameras
made in the training process. Both loops take the same steps (window lengths and clips) with the
same network, losses and optimizer. Started by ``torchrun`` the training is spread over processes,
as it would be; the plain loop has the machine for itself, in the first process, while the others
wait.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vimoflow.data.batches import WindowSource, make_batch
from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.reference import Kriging, noisy_or_guessed
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import parse_weighting
from vimoflow.motion.variogram import feature_variogram
from vimoflow.training.learner import Learner
from vimoflow.training.losses import frame_losses
from vimoflow.training.objective import count, share_of_objective
from vimoflow.training.optimization import make_optimizer, update_average
from vimoflow.training.options import RunOptions
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.regression import make_model
from vimoflow.training.statistics import measure_normalization
from vimoflow.training.step_batches import (
    MicroBatch,
    Share,
    StepBatches,
    make_loader,
    parts_of,
    window_frames,
)

_PRODUCT_SIZE = {"cpu": 2048, "cuda": 8192}


@dataclass(frozen=True)
class TrainingSpeed:
    """Figures of one measurement.

    Attributes:
        device: what it ran on, with the number of processes and threads of the training.
        steps: optimizer steps of each loop.
        samples_per_s: training windows a second.
        waiting: share of the time in which the training waited for data, 0 to 1.
        flop_per_s: floating-point operations of the network's products, forward and backward.
        ceiling_flop_per_s: one large matrix product in the same precision.
        warm_up_s: compiling, and the first step of each window length.
        plain_samples_per_s: training windows a second of the plain loop.
    """

    device: str
    steps: int
    samples_per_s: float
    waiting: float
    flop_per_s: float
    ceiling_flop_per_s: float
    warm_up_s: float
    plain_samples_per_s: float

    @property
    def ratio(self) -> float:
        """How many times as fast as the plain loop."""
        return self.samples_per_s / self.plain_samples_per_s

    def __str__(self) -> str:
        share = self.flop_per_s / self.ceiling_flop_per_s
        return (
            f"training: {self.samples_per_s:.1f} windows/s, {self.waiting:.1%} of the time waiting "
            f"for data, {self.flop_per_s / 1e9:.1f} GFLOP/s; warm-up {self.warm_up_s:.0f} s\n"
            f"matrix product: {self.ceiling_flop_per_s / 1e9:.1f} GFLOP/s, of which training "
            f"reaches {share:.1%}\n"
            f"plain loop: {self.plain_samples_per_s:.1f} windows/s; training is {self.ratio:.2f}x "
            f"as fast ({self.steps} steps each, {self.device})"
        )


def measure_training(
    recipe: Recipe,
    data: Path,
    steps: int = 20,
    rounds: int = 2,
    options: RunOptions | None = None,
) -> TrainingSpeed | None:
    """Time both loops, alternating, after a warm-up of each.

    Args:
        recipe: what to train.
        data: folder of shards.
        steps: optimizer steps in a round of each loop.
        rounds: how often the two take turns, so that a change of the machine's load meets both.
        options: precision, compiling and workers of the loop that is measured.

    Returns:
        The figures in the first process, None in the others.
    """
    options = options or RunOptions()
    recipe = dataclasses.replace(recipe, steps=steps * rounds)
    processes = Processes()
    source = WindowSource(read_shards(data, "train", without=options.without), options.shares)
    normalization = measure_normalization(source, recipe.batches, recipe.seed, batches=1)
    loop = _Loop(recipe, source, normalization, processes, options)
    plain = _PlainLoop(recipe, source, normalization, processes.device)
    first_of_length = {window_frames(recipe, s): s for s in reversed(range(recipe.steps))}
    warm_up = _seconds(lambda: loop.warm_up(list(first_of_length.values())))
    flop = {}
    if processes.first:
        with _all_threads(processes.device):
            flop = {length: plain.flop(step) for length, step in first_of_length.items()}
    fast = slow = waited = 0.0
    for turn in range(rounds):
        first, end = turn * steps, (turn + 1) * steps
        processes.wait()
        seconds, waiting = loop.run(first, end)
        fast, waited = fast + seconds, waited + waiting
        processes.wait()
        if processes.first:
            with _all_threads(processes.device):
                slow += plain.run(first, end)
    processes.wait()
    if not processes.first:
        return None
    lengths = [window_frames(recipe, step) for step in range(recipe.steps)]
    samples = sum(_clips(recipe, length) for length in lengths)
    return TrainingSpeed(
        device=f"{_name(processes.device)}, {processes.count} x {torch.get_num_threads()} threads",
        steps=recipe.steps,
        samples_per_s=samples / fast,
        waiting=waited / fast,
        flop_per_s=sum(flop[length] for length in lengths) / fast,
        ceiling_flop_per_s=_ceiling(processes.device, options.precision),
        warm_up_s=warm_up,
        plain_samples_per_s=samples / slow,
    )


def product_flop_per_s(
    device: torch.device, dtype: torch.dtype, size: int | None = None, repeats: int = 5
) -> float:
    """Floating-point operations a second of the fastest of some square matrix products."""
    size = size or _PRODUCT_SIZE.get(device.type, 2048)
    a, b = torch.randn(2, size, size, device=device).to(dtype)
    torch.mm(a, b)
    return 2 * size**3 / min(_seconds(lambda: torch.mm(a, b), device) for _ in range(repeats))


def _ceiling(device: torch.device, precision: str) -> float:
    with _all_threads(device):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        return product_flop_per_s(device, dtype)


@contextlib.contextmanager
def _all_threads(device: torch.device) -> Iterator[None]:
    """As many threads as the machine has processors: processes of a group have fewer each."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(max(threads, os.cpu_count() or 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Loop:
    """The loop of ``vimoflow train``."""

    def __init__(
        self, recipe: Recipe, source: WindowSource, normalization: Normalization,
        processes: Processes, options: RunOptions,
    ) -> None:  # fmt: skip
        self.recipe, self.source, self.device = recipe, source, processes.device
        self.share = Share(
            processes.rank, processes.count, recipe.accumulation, options.part_frames
        )
        workers = options.workers
        self.workers = processes.suitable_workers if workers is None else workers
        self.learner = Learner(recipe, normalization, processes, options.precision, options.compile)

    def warm_up(self, steps: Sequence[int]) -> None:
        batches = StepBatches(self.source, self.recipe, 0, self.share)
        for step in steps:
            self.learner.learn(batches.at(step))

    def run(self, first: int, end: int) -> tuple[float, float]:
        """Seconds of the steps, and how many of them were spent waiting.

        The time until the first batch is there is left out: it comes once in a run.
        """
        recipe = dataclasses.replace(self.recipe, steps=end)
        batches = make_loader(
            StepBatches(self.source, recipe, first, self.share),
            self.workers,
            pin=self.device.type == "cuda",
        )
        self.learner.step = first
        ready: tuple[MicroBatch, ...] | None = next(batches)
        waited, started = 0.0, time.perf_counter()
        while ready is not None:
            self.learner.learn(ready)
            before = time.perf_counter()
            ready = next(batches, None)
            waited += time.perf_counter() - before
        _settle(self.device)
        return time.perf_counter() - started, waited


class _PlainLoop:
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
        self.model = make_model(recipe, self.schedule).to(device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.optimizer = make_optimizer(self.model.parameters(), recipe)

    def run(self, first: int, end: int) -> float:
        """Seconds of the steps from ``first`` up to ``end``."""
        started = time.perf_counter()
        for step in range(first, end):
            self.learn(step)
        _settle(self.device)
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
        clips = _clips(recipe, frames)
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


def _clips(recipe: Recipe, frames: int) -> int:
    return sum(part.clips for part in parts_of(recipe, frames, part_frames=frames))


def _seconds(work: Callable[[], object], device: torch.device | None = None) -> float:
    started = time.perf_counter()
    work()
    if device is not None:
        _settle(device)
    return time.perf_counter() - started


def _settle(device: torch.device) -> None:
    """Wait until the device has done all that it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
