"""How fast training is: beside a plain loop and the machine's matrix products, in the same run.

The plain loop is what one would write first: eager, float32, batches with their virtual cameras
made in the training process. Both loops take the same steps (window lengths and clips) with the
same network, losses and optimizer. Started by ``torchrun`` the training is spread over processes,
as it would be; the plain loop has the machine for itself, in the first process, while the others
wait.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lab.speed.plain_loop import PlainLoop, clips_of_step, settle
from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.training.learner import Learner
from vimoflow.training.material import Material, ShardMaterial
from vimoflow.training.precision import product_rate, resolved
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_options import RunOptions
from vimoflow.training.starting import new_model
from vimoflow.training.statistics import measure_normalization
from vimoflow.training.step_batches import (
    MicroBatch,
    Share,
    StepBatches,
    make_loader,
    window_frames,
)

# Parts of the names that products have in a profile.
_PRODUCTS = ("mm", "linear", "attention", "conv", "gemm")
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
        width_flop_per_s: one of the size of the network's own, in one thread: what its width leaves
            of that.
        product_share: of a step's time that its matrix products take, 0 to 1; the rest goes over
            activations and gradients number by number.
        warm_up_s: compiling, and the first step of each window length.
        plain_samples_per_s: training windows a second of the plain loop.
    """

    device: str
    steps: int
    samples_per_s: float
    waiting: float
    flop_per_s: float
    ceiling_flop_per_s: float
    width_flop_per_s: float
    product_share: float
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
            f"reaches {share:.1%}; of the network's own size, one thread: "
            f"{self.width_flop_per_s / 1e9:.1f} GFLOP/s; products take {self.product_share:.0%} "
            f"of a step\n"
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
    options = dataclasses.replace(options, precision=resolved(options.precision, processes))
    shards = read_shards(data, "train", options.without, options.commercial)
    material = ShardMaterial(shards, recipe.batches, options.shares)
    normalization = measure_normalization(material, recipe.seed, batches=1)
    loop = _Loop(recipe, material, normalization, processes, options)
    plain = PlainLoop(recipe, material.source, normalization, processes.device)
    first_of_length = {window_frames(recipe, s): s for s in reversed(range(recipe.steps))}
    warm_up = _seconds(lambda: loop.warm_up(list(first_of_length.values())))
    flop = {}
    if processes.first:
        with _all_threads(processes.device):
            flop = {length: plain.flop(step) for length, step in first_of_length.items()}
    product_share = loop.product_share()
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
    samples = sum(clips_of_step(recipe, length) for length in lengths)
    return TrainingSpeed(
        device=f"{_name(processes.device)}, {processes.count} x {torch.get_num_threads()} threads",
        steps=recipe.steps,
        samples_per_s=samples / fast,
        waiting=waited / fast,
        flop_per_s=sum(flop[length] for length in lengths) / fast,
        ceiling_flop_per_s=_ceiling(processes.device, options.precision),
        width_flop_per_s=_width_rate(processes.device, options.precision),
        product_share=product_share,
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


def _all_threads(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """As many threads as the machine has processors: processes of a group have fewer each."""
    threads = torch.get_num_threads()
    return _threads(max(threads, os.cpu_count() or 1) if device.type == "cpu" else threads)


def _width_rate(device: torch.device, precision: str) -> float:
    with _threads(1):
        return product_rate(device, "bf16" if precision == "bf16" else "float32")


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Loop:
    """The loop of ``vimoflow train``."""

    def __init__(
        self, recipe: Recipe, material: Material, normalization: Normalization,
        processes: Processes, options: RunOptions,
    ) -> None:  # fmt: skip
        self.recipe, self.material, self.device = recipe, material, processes.device
        self.share = Share(
            processes.rank, processes.count, recipe.accumulation, options.part_frames
        )
        workers = options.workers
        self.workers = processes.suitable_workers if workers is None else workers
        self.learner = Learner(
            new_model(recipe), recipe, normalization, processes, options.precision, options.compile
        )

    def warm_up(self, steps: Sequence[int]) -> None:
        batches = StepBatches(self.material, self.recipe, 0, self.share)
        for step in steps:
            self.learner.learn(batches.at(step))

    def product_share(self) -> float:
        """Share of a step's time on the device that its matrix products take, 0 to 1."""
        batch = StepBatches(self.material, self.recipe, 0, self.share).at(0)
        with torch.profiler.profile() as profile:
            self.learner.learn(batch)
            settle(self.device)
        spent = {
            event.key: event.self_device_time_total
            if self.device.type == "cuda"
            else event.self_cpu_time_total
            for event in profile.key_averages()
        }
        products = (s for key, s in spent.items() if any(name in key for name in _PRODUCTS))
        return sum(products) / sum(spent.values())

    def run(self, first: int, end: int) -> tuple[float, float]:
        """Seconds of the steps, and how many of them were spent waiting.

        The time until the first batch is there is left out: it comes once in a run.
        """
        recipe = dataclasses.replace(self.recipe, steps=end)
        batches = make_loader(
            StepBatches(self.material, recipe, first, self.share),
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
        settle(self.device)
        return time.perf_counter() - started, waited


def _seconds(work: Callable[[], object], device: torch.device | None = None) -> float:
    started = time.perf_counter()
    work()
    if device is not None:
        settle(device)
    return time.perf_counter() - started


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
