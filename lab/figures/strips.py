"""Skeleton strips (thesis, Figures 7 to 21): the truth, x0 predictions and stochastic samples.

All rows show the same moments of one held-out clip, seen by the camera that filmed it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.denoising import Walk, WholeClips
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.prediction import condition_of
from vimoflow.evaluation.benchmark.running import Case, validation_cases
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS

TIMESTEPS = (100, 200, 300, 400, 500)
_STEPS = 50  # at most, from a noisy clip to a sample
_COLUMN_PX, _ROW_PX, _LABEL_PX, _PX_PER_M = 112, 190, 90, 84.0
_SUPERSAMPLING = 3
_YAW, _PITCH = math.radians(20.0), math.radians(8.0)  # shows depth without hiding the sides
_COLORS = {"left": (38, 97, 196), "right": (214, 84, 32), "": (70, 70, 74)}


@dataclass(frozen=True)
class StripRow:
    """One row: joint positions of a clip, metres, +Y up, facing the camera is +Z."""

    label: str
    joints: Float[np.ndarray, "frames 24 3"]


@dataclass(frozen=True)
class Strips:
    """The three kinds of rows of one clip."""

    truth: StripRow
    predictions: tuple[StripRow, ...]
    samples: tuple[StripRow, ...]

    def errors_mm(self, rows: Sequence[StripRow]) -> tuple[float, ...]:
        """Mean distance from the truth of the joints relative to the pelvis, for each row."""
        truth = self.truth.joints - self.truth.joints[:, :1]
        return tuple(
            1000 * float(np.linalg.norm(row.joints - row.joints[:, :1] - truth, axis=-1).mean())
            for row in rows
        )


@torch.no_grad()
def make_strips(
    denoiser: Denoiser,
    normalization: Normalization,
    schedule: NoiseSchedule,
    case: Case,
    timesteps: Sequence[int] = TIMESTEPS,
    seed: int = 0,
) -> Strips:
    """Rows for a clip whose truth is noised to each of the timesteps.

    A prediction is the denoiser's x0 estimate at ``t``; a sample goes on from there to the clean
    motion by the stochastic sampler (ddpm), with the same condition.

    Raises:
        ConfigError: a timestep the schedule does not have.
    """
    if not timesteps or min(timesteps) < 0 or max(timesteps) >= schedule.T:
        raise ConfigError(f"strips need timesteps from 0 to {schedule.T - 1}, not {timesteps}")
    device = next(denoiser.parameters()).device
    features = _case_features(case)
    target = normalization.normalize(features)[None].to(device)
    condition = condition_of(case).channels.to(device)
    generator = torch.Generator().manual_seed(seed)

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        return denoiser(x_t, t, condition)

    def row(label: str, x0: Tensor) -> StripRow:
        return StripRow(label, _joints(normalization.denormalize(x0.cpu())[0]))

    predictions, sampled = [], []
    for t in timesteps:
        noise = torch.randn(target.shape, generator=generator).to(device)
        level = torch.full((1,), t, device=device)
        x_t = schedule.add_noise(target, level, noise)
        predictions.append(row(f"t = {t}", denoise(x_t, level)))
        sampled.append(row(f"t = {t}", _sample_from(denoise, x_t, t, schedule, generator)))
    return Strips(StripRow("truth", _joints(features)), tuple(predictions), tuple(sampled))


def _sample_from(
    denoise: Callable[[Tensor, Tensor], Tensor],
    x_t: Tensor,
    t: int,
    schedule: NoiseSchedule,
    generator: torch.Generator,
) -> Tensor:
    levels = sorted({round(x) for x in np.linspace(t, 0, min(t + 1, _STEPS))}, reverse=True)

    def noise(step: int) -> Tensor:
        return x_t if step < 0 else torch.randn(x_t.shape, generator=generator).to(x_t.device)

    return WholeClips(denoise, noise).denoised(Walk(schedule, tuple(levels), "ddpm"))


def _case_features(case: Case) -> Float[Tensor, "frames 151"]:
    root = torch.from_numpy(case.truth.trans).float()
    origin = root[:1] * torch.tensor([1.0, 0.0, 1.0])
    R = torch.from_numpy(case.truth.local_rotations).float()
    return encode_features(R, torch.from_numpy(case.truth.contacts).float(), root - origin)


def _joints(features: Float[Tensor, "frames 151"]) -> Float[np.ndarray, "frames 24 3"]:
    R, _, root = decode_features(features)
    return forward_kinematics(R, root)[1].numpy()


def draw_strip(rows: Sequence[StripRow], columns: int = 11) -> UInt8[np.ndarray, "height width 3"]:
    """Rows of figures at evenly spread frames; left limbs blue, right ones orange.

    Every figure stands in its own column, wherever its root went; heights are kept.
    """
    from PIL import Image, ImageDraw, ImageFont

    columns = min(columns, len(rows[0].joints))
    k = _SUPERSAMPLING
    width, height = _LABEL_PX + columns * _COLUMN_PX, len(rows) * _ROW_PX
    picture = Image.new("RGB", (k * width, k * height), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=13 * k)
    for index, row in enumerate(rows):
        floor_px = (index + 1) * _ROW_PX - 20
        pen.line((0, k * floor_px, k * width, k * floor_px), fill=(222, 222, 226), width=k)
        pen.text((6 * k, k * (floor_px - _ROW_PX / 2)), row.label, fill=(40, 40, 44), font=font)
        frames = np.linspace(0, len(row.joints) - 1, columns).round().astype(int)
        for column, frame in enumerate(frames):
            middle_px = _LABEL_PX + (column + 0.5) * _COLUMN_PX
            points = _on_page(row.joints[frame]) * _PX_PER_M + (middle_px, floor_px)
            for joint, parent in enumerate(PARENTS):
                if parent >= 0:
                    ends = [tuple(k * points[parent]), tuple(k * points[joint])]
                    pen.line(ends, fill=_color(joint), width=round(2.4 * k), joint="curve")
            x, y = k * points[JOINT_NAMES.index("head")]
            r = 6.5 * k
            pen.ellipse((x - r, y - 1.6 * r, x + r, y + 0.4 * r), fill=_COLORS[""])
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _on_page(joints: Float[np.ndarray, "24 3"]) -> Float[np.ndarray, "24 2"]:
    """Metres right of and below the point of the floor under the root, a little from above."""
    x, y, z = (joints - joints[0] * (1.0, 0.0, 1.0)).T
    right = math.cos(_YAW) * x + math.sin(_YAW) * z
    near = math.cos(_YAW) * z - math.sin(_YAW) * x
    return np.stack((right, math.sin(_PITCH) * near - math.cos(_PITCH) * y), axis=-1)


def _color(joint: int) -> tuple[int, int, int]:
    side = JOINT_NAMES[joint].split("_")[0]
    return _COLORS.get(side, _COLORS[""])


def strip_case(data: Path, clip: str | None = None) -> Case:
    """A held-out clip to draw, by a part of its recording's name.

    Raises:
        ConfigError: none of that name.
    """
    shards = read_shards(data, "validation")
    limit = 1 if clip is None else max(len(shard.names) for shard in shards)
    for shard in shards:
        wanted = clip is None or any(clip in name for name in shard.names)
        for case in validation_cases([shard], limit, seed=0) if wanted else ():
            if clip is None or clip in case.name:
                return case
    raise ConfigError(f"{data}: no held-out recording whose name has '{clip}' in it")
