"""The global batch of each step, shared out between processes and micro-batches.

The batch of a step is drawn in parts, each from a seed made of the recipe's seed, the step and the
part's number. Which process draws a part, and when, changes nothing in it: the content of a step is
the same whatever the number of processes and micro-batches, and a resumed run sees what it would
have seen.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from vimoflow.diffusion.timesteps import TimestepSampler
from vimoflow.errors import ConfigError
from vimoflow.geometry.cameras import Camera
from vimoflow.motion.features import LAYOUT
from vimoflow.training.material import Examples, Material
from vimoflow.training.projection import draw_cameras
from vimoflow.training.recipes import Recipe

_LENGTH, _BATCH, _NOISE, _TIMESTEPS, _DROPOUT = range(5)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Share:
    """What one process does of every step.

    Attributes:
        rank: number of the process.
        processes: how many there are.
        micro_batches: forward and backward passes of a process for one step.
        part_frames: size of the parts of the global batch.
    """

    rank: int = 0
    processes: int = 1
    micro_batches: int = 1
    part_frames: int = 1200

    def require_enough(self, recipe: Recipe) -> None:
        """Raise ``ConfigError`` unless every process gets work in every step."""
        fewest = min(len(parts_of(recipe, frames, self.part_frames)) for frames in recipe.frames)
        if fewest < self.processes:
            raise ConfigError(
                f"{self.processes} processes, but the batch has only {fewest} parts: "
                "raise the recipe's batch_frames"
            )

    def of(self, parts: Sequence[_T]) -> tuple[tuple[_T, ...], ...]:
        """This process' parts, in micro-batches."""
        own = parts[self.rank :: self.processes]
        size, extra = divmod(len(own), self.micro_batches)
        ends = [size * i + min(i, extra) for i in range(self.micro_batches + 1)]
        return tuple(tuple(own[a:b]) for a, b in itertools.pairwise(ends) if b > a)


@dataclass(frozen=True)
class Part:
    """One part of a step's batch: its number, and how many clips it has."""

    number: int
    clips: int


@dataclass(frozen=True)
class MicroBatch:
    """Some parts of a step's batch and the randomness that goes with them.

    Attributes:
        step: the step it belongs to.
        parts: what it consists of, in order.
        examples: clips of all parts.
        noise: to be added to the normalised features.
        keep: clips that keep their condition; the others train guidance.
        cameras: of the projection loss, where the recipe has one.
    """

    step: int
    parts: tuple[Part, ...]
    examples: Examples
    noise: Float[Tensor, "batch frames 151"]
    keep: Bool[Tensor, "batch"]
    cameras: Camera | None = None


class StepBatches(IterableDataset[tuple[MicroBatch, ...]]):
    """For each step from ``first`` to the recipe's last, this process' micro-batches."""

    def __init__(self, material: Material, recipe: Recipe, first: int, share: Share) -> None:
        self.material, self.recipe, self.first, self.share = material, recipe, first, share

    def __iter__(self) -> Iterator[tuple[MicroBatch, ...]]:
        worker = get_worker_info()
        offset, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for step in range(self.first + offset, self.recipe.steps, stride):
            yield self.at(step)

    def at(self, step: int) -> tuple[MicroBatch, ...]:
        """The micro-batches of one step."""
        frames = window_frames(self.recipe, step)
        parts = parts_of(self.recipe, frames, self.share.part_frames)
        return tuple(self._micro_batch(step, frames, some) for some in self.share.of(parts))

    def _micro_batch(self, step: int, frames: int, parts: tuple[Part, ...]) -> MicroBatch:
        drawn = [self._draw(step, frames, part) for part in parts]
        return drawn[0] if len(drawn) == 1 else dataclasses.replace(_joined(drawn), parts=parts)

    def _draw(self, step: int, frames: int, part: Part) -> MicroBatch:
        recipe = self.recipe
        generator = _generator(recipe.seed, step, _BATCH, part.number)
        examples = self.material.draw(part.clips, frames, generator)
        generator = _generator(recipe.seed, step, _NOISE, part.number)
        noise = torch.randn(examples.features.shape, generator=generator)
        keep = torch.rand(part.clips, generator=generator) >= recipe.condition_drop
        views, cameras = recipe.loss_options.projection_views, None
        if views:
            cameras = draw_cameras(examples.features[..., LAYOUT.root], views, generator)
        return MicroBatch(step, (part,), examples, noise, keep, cameras)


def make_loader(
    batches: StepBatches, workers: int, pin: bool = False
) -> Iterator[tuple[MicroBatch, ...]]:
    """Micro-batches step by step, made ahead of time by ``workers`` processes."""
    loader = DataLoader(
        batches,
        batch_size=None,
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread,
    )
    return iter(loader)


def step_seed(seed: int, step: int, stream: int = 0, part: int = 0) -> int:
    """A seed of its own for each step, use of randomness and part of the batch."""
    return ((seed * 1_000_003 + step) * 16 + stream) * 4096 + part


def dropout_seed(seed: int, step: int, rank: int) -> int:
    """What PyTorch's own generator starts a step from."""
    return step_seed(seed, step, _DROPOUT, rank)


def window_frames(recipe: Recipe, step: int) -> int:
    """Length of the windows of a step, frames."""
    generator = _generator(recipe.seed, step, _LENGTH)
    pick = torch.multinomial(torch.tensor(recipe.shares), 1, generator=generator)
    return recipe.frames[int(pick)]


def parts_of(recipe: Recipe, frames: int, part_frames: int) -> tuple[Part, ...]:
    """The parts of a global batch of windows of ``frames``: alike in size, at least a clip each."""
    batch_frames = recipe.batch_frames * recipe.accumulation
    clips = max(1, batch_frames // frames)
    count = min(clips, max(1, round(batch_frames / part_frames)))
    return tuple(Part(i, clips // count + (i < clips % count)) for i in range(count))


def draw_timesteps(
    sampler: TimestepSampler, seed: int, micro_batch: MicroBatch, progress: float
) -> Int[Tensor, "batch frames"]:
    """Timesteps of a micro-batch, one a frame.

    They are drawn when the step is trained, not with the batch, since their distribution may have
    changed after divergence.
    """
    frames = micro_batch.noise.shape[1]
    rows = []
    for part in micro_batch.parts:
        generator = _generator(seed, micro_batch.step, _TIMESTEPS, part.number)
        t = sampler.sample(part.clips, frames, generator, progress)
        rows.append(t.reshape(part.clips, -1).expand(part.clips, frames))
    return torch.cat(rows)


def _generator(seed: int, step: int, stream: int, part: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(step_seed(seed, step, stream, part))


def _joined(values: Sequence[Any]) -> Any:
    """Dataclasses of tensors along the first axis; what is no tensor is the first's."""
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(list(values))
    if dataclasses.is_dataclass(first) and not isinstance(first, Part | type):
        names = [field.name for field in dataclasses.fields(first)]
        return dataclasses.replace(
            first, **{name: _joined([getattr(value, name) for value in values]) for name in names}
        )
    return first


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
