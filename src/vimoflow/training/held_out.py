"""The x0 error on fixed held-out examples: the one curve that all recipes can be compared by.

A run's own training loss depends on which timesteps and windows its recipe draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.data.augmentation import AugmentationSettings
from vimoflow.data.batches import Batch, BatchSettings, WindowSource, make_batch
from vimoflow.data.shards import Shard
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.training.run_options import Precision

_PLAIN = AugmentationSettings(mirror=0.0, recombine=0.0, tilt=0.0, perturb=0.0, retime=0.0)


@dataclass(frozen=True)
class HeldOutErrors:
    """Errors of one model with all frames of a clip at the middle of each tenth of t.

    Attributes:
        x0: mean squared error over the normalised channels.
        joints_mm: mean distance of the joints relative to the pelvis, millimetres.
    """

    x0: tuple[float, ...]
    joints_mm: tuple[float, ...]

    @property
    def mean_x0(self) -> float:
        """Over all of t."""
        return sum(self.x0) / len(self.x0)


@dataclass(frozen=True)
class HeldOut:
    """Fixed examples: the same clips, cameras and noise however often they are asked for."""

    batch: Batch
    noise: Float[Tensor, "batch frames 151"]

    @classmethod
    def draw(
        cls, shards: Sequence[Shard], clips: int = 16, frames: int = 60, seed: int = 0
    ) -> HeldOut:
        """Windows of validation shards, filmed and detected as in training, not augmented."""
        generator = torch.Generator().manual_seed(seed)
        settings = BatchSettings(augmentation=_PLAIN)
        batch = make_batch(WindowSource(shards), clips, frames, generator, settings)
        return cls(batch, torch.randn(batch.features.shape, generator=generator))

    @torch.no_grad()
    def measure(
        self,
        model: Denoiser,
        normalization: Normalization,
        schedule: NoiseSchedule,
        precision: Precision = "float32",
    ) -> HeldOutErrors:
        """Errors of a model in evaluation mode, on its own device; its mode is left as it was."""
        training, device = model.training, next(model.parameters()).device
        model.eval()
        target = normalization.normalize(self.batch.features).to(device)
        joints = self.batch.joints.to(device)
        valid, noise = self.batch.valid.to(device), self.noise.to(device)
        condition = self.batch.condition.channels.to(device)
        x0, distance = [], []
        for tenth in range(10):
            t = torch.full(valid.shape, schedule.T * (2 * tenth + 1) // 20, device=device)
            x_t = schedule.add_noise(target, t, noise)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                predicted = model(x_t, t, condition, valid)
            predicted = predicted.float()
            R, _, _ = decode_features(normalization.denormalize(predicted))
            posed = forward_kinematics(R, torch.zeros_like(joints[..., 0, :]))[1]
            apart = (posed - (joints - joints[..., :1, :])).norm(dim=-1).mean(-1)
            x0.append(float((predicted - target).square().mean(-1)[valid].mean()))
            distance.append(1000 * float(apart[valid].mean()))
        model.train(training)
        return HeldOutErrors(tuple(x0), tuple(distance))
