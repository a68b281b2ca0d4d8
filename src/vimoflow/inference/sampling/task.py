"""Windows of features that are denoised together, whatever they are made from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoising import Progress, Walk, denoise
from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.inference.sampling.joining import Joined, merge_windows, split_windows
from vimoflow.inference.sampling.noise import FrameNoise

_MODEL_BATCH = 16  # windows a call: bounds the memory that a step takes


@dataclass
class FeatureTask(ABC):
    """What video, music and editing have in common; see ``diffusion.denoising.Task``.

    Attributes:
        checkpoint: the model.
        plan: where the windows lie.
        batch: sequences that are denoised together.
        seed: of the noise.
        guidance: the thesis' w; 0 is none.
        first_frame: the sequence's first frame in the time line that noise belongs to.
    """

    checkpoint: Checkpoint
    plan: WindowPlan
    batch: int
    seed: int = 0
    guidance: float = 0.0
    first_frame: int = 0

    @abstractmethod
    def estimate(
        self, windows: range, x_t: Float[Tensor, "batch w l 151"], t: Int[Tensor, "batch w *l"]
    ) -> Float[Tensor, "batch w l 151"]:
        """Clean features, not normalised, as each window sees them."""

    def start(self, windows: range) -> Tensor:
        """Pure noise."""
        return self.noise(-1, windows)

    def shown(self, level: int, windows: range, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy data, one timestep a window."""
        return noisy, torch.full(noisy.shape[:2], level, device=noisy.device)

    def constrained(
        self, merged: Float[Tensor, "batch frames 151"], level: int
    ) -> Float[Tensor, "batch frames 151"]:
        """The estimate as one sequence, with what must hold of it."""
        return merged

    def agree(self, level: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        """Cross-faded with the neighbours on common ground."""
        plan = self.plan.part(around)
        merged = self.constrained(merge_windows(estimates, plan), level)
        inner = slice(windows.start - around.start, windows.stop - around.start)
        return self.checkpoint.normalization.normalize(split_windows(merged, plan)[:, inner])

    def noise(self, number: int, windows: range) -> Tensor:
        """Noise that belongs to frames: windows that overlap share it."""
        span = self.plan.span(windows)
        first, end = span.start + self.first_frame, span.stop + self.first_frame
        source = FrameNoise(self.seed, self.batch, self.checkpoint.normalization.mean.device)
        return self.plan.part(windows).split(source(number, first, end))

    def rows(self, x: Tensor, windows: range) -> Tensor:
        """The windows of a sequence (batch, frames, ...), one after the other."""
        return self.plan.part(windows).split(x[:, self.plan.span(windows)]).flatten(0, 1)

    def asked(
        self,
        condition: Float[Tensor, "rows l c"],
        x_t: Float[Tensor, "batch w l 151"],
        t: Int[Tensor, "batch w *l"],
        valid: Bool[Tensor, "rows l"] | None = None,
    ) -> Float[Tensor, "batch w l 151"]:
        """The model's guided answer, not normalised, in calls of bounded size."""

        def ask(x: Tensor, at: Tensor, told: Tensor) -> Tensor:
            exists = None if valid is None else valid.repeat(len(x) // len(valid), 1)
            rows = [slice(i, i + _MODEL_BATCH) for i in range(0, len(x), _MODEL_BATCH)]
            model = self.checkpoint.denoiser
            return torch.cat(
                [model(x[r], at[r], told[r], None if exists is None else exists[r]) for r in rows]
            )

        model = guided(ask, condition, torch.zeros_like(condition), self.guidance)
        x0 = model(x_t.flatten(0, 1), t.flatten(0, 1))
        return self.checkpoint.normalization.denormalize(x0).unflatten(0, x_t.shape[:2])


def denoised(
    task: FeatureTask, walk: Walk, progress: Progress | None = None, block: int = _MODEL_BATCH
) -> Float[Tensor, "batch frames 151"]:
    """The clean sequence; beyond it, memory does not grow with its length.

    Args:
        task: what is denoised.
        walk: the steps.
        progress: told the steps done and to do.
        block: windows that take a step together.
    """
    plan, out = task.plan, Joined(task.batch, task.plan.frames)
    windows = denoise(task, walk, len(plan.starts), plan.reach, block, progress)
    for window, x0 in windows:
        out.append(plan.starts[window], task.checkpoint.normalization.denormalize(x0))
    return out.features
