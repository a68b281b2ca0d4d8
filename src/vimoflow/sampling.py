"""From 2D keypoints to features: the checkpoint sampled over windows of any number."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.conditioning.encoding import Condition
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.sampler import sample
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.geometry.rotations import matrix_to_axis_angle, matrix_to_sixd, sixd_to_matrix
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import LAYOUT, decode_features
from vimoflow.motion.floor import fit_floor
from vimoflow.refinement import Evidence, EvidenceGuidance, refine
from vimoflow.refinement.foot_locking import lock_feet

_MODEL_BATCH = 16  # windows a call: bounds the memory that long inputs take
_LEAST_GUIDED_T = 60  # below, the noise is weaker than what guidance would bring in
_GROUND = (LAYOUT.root.start, LAYOUT.root.start + 2)  # x and z of the root


@dataclass(frozen=True)
class SamplingOptions:
    """How to sample.

    Attributes:
        steps: denoising steps.
        sampler: "ddim", "ddpm" or "mean".
        guidance: the thesis' w; 0 is none.
        seed: of the noise.
        window: frames a window at 30 fps, as trained.
        refine: bring the result closer to the keypoints afterwards, see ``refinement``.
        lock_feet: let resting feet rest, see ``refinement.foot_locking``.
        guide_every: pull the estimate towards the keypoints at every so many denoising steps, too;
            0 is never (with the shipped weights it gains on some clips what it loses on others).
        overlap: frames that neighbouring windows share at least.
    """

    steps: int = 50
    sampler: str = "ddim"
    guidance: float = 0.0
    seed: int = 0
    window: int = 150
    overlap: int = 50
    refine: bool = True
    guide_every: int = 0
    lock_feet: bool = True

    def guided_at(self, step: int, t: int) -> bool:
        """Whether the estimate of this step, counted from 1, at timestep ``t`` is guided."""
        every = self.guide_every if self.refine else 0
        return every > 0 and step % every == 0 and t >= _LEAST_GUIDED_T


@torch.no_grad()
def sample_features(
    checkpoint: Checkpoint,
    condition: Condition,
    options: SamplingOptions | None = None,
    valid: Bool[Tensor, "batch frames"] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Clean features at 30 fps in the frame of the camera, origin under the first root.

    Long inputs are cut into overlapping windows that denoise together: noise belongs to absolute
    frames, and at every step the windows' predictions are aligned on the ground and cross-faded.
    Each row of the batch draws its own noise from the seed, whatever the size of the batch.
    """
    options = options or SamplingOptions()
    batch, frames = condition.pose.shape[:2]
    plan = WindowPlan.cover(frames, options.window, options.overlap)
    rows = _windowed(condition, plan).channels
    kept = None if valid is None else plan.split(valid).flatten(0, 1)
    denoise = _denoiser(checkpoint, rows, kept, options.guidance)
    noise = _FrameNoise(options.seed, batch, frames, rows.device)
    guide = EvidenceGuidance(Evidence.of(condition), valid=valid)
    steps_done = 0

    def joined(x0: Tensor, t: Tensor) -> Tensor:
        nonlocal steps_done
        steps_done += 1
        if progress is not None:
            progress(steps_done, options.steps)
        features = checkpoint.normalization.denormalize(x0).unflatten(0, (batch, -1))
        if options.guidance > 0:
            features = orthonormal(features)
        together = merge_windows(features, plan)
        if options.guided_at(steps_done, int(t[0])):
            together = guide(together)
        return checkpoint.normalization.normalize(split_windows(together, plan)).flatten(0, 1)

    x0 = sample(
        denoise,
        plan.split(noise(-1)).flatten(0, 1),
        checkpoint.schedule,
        sampler=options.sampler,  # type: ignore[arg-type]  # sample refuses other names
        steps=options.steps,
        noise=lambda step: plan.split(noise(step)).flatten(0, 1),
        x0_transform=joined,
    )
    features = checkpoint.normalization.denormalize(x0).unflatten(0, (batch, -1))
    together = merge_windows(features, plan)
    if not options.refine:
        return together
    return refine(together, guide.evidence, None, valid, guide.cameras).features


def finished_motion(
    features: Float[Tensor, "frames 151"], options: SamplingOptions | None = None
) -> Motion:
    """Features at 30 fps as a motion that stands on the floor (y = 0) with feet that rest."""
    motion = features_to_motion(features)
    drop = float(fit_floor(torch.from_numpy(motion.joint_positions), motion.fps))
    motion = dataclasses.replace(motion, trans=motion.trans - np.array([0, drop, 0], np.float32))
    return lock_feet(motion) if (options or SamplingOptions()).lock_feet else motion


def features_to_motion(features: Float[Tensor, "frames 151"], fps: float = 30.0) -> Motion:
    """Features as a motion; contacts are clipped to [0, 1]."""
    R, contacts, root = decode_features(features.cpu())
    return Motion(
        poses=matrix_to_axis_angle(R).numpy(),
        trans=root.numpy(),
        fps=fps,
        contacts=contacts.clamp(0, 1).numpy(),
    )


def merge_windows(
    features: Float[Tensor, "batch w l 151"], plan: WindowPlan
) -> Float[Tensor, "batch frames 151"]:
    """One sequence from windows whose origins lie under their own first root.

    Each window is moved on the ground to where its overlap with the one before agrees in the mean.
    """
    ground = features[..., _GROUND[0] : _GROUND[1] + 1 : 2]
    offsets = [torch.zeros_like(ground[:, 0, 0])]
    for i in range(1, len(plan.starts)):
        shared = plan.starts[i - 1] + plan.length - plan.starts[i]
        gap = ground[:, i - 1, plan.length - shared :] - ground[:, i, :shared]
        offsets.append(offsets[-1] + gap.mean(dim=1))
    moved = features.clone()
    moved[..., _GROUND[0] : _GROUND[1] + 1 : 2] += torch.stack(offsets, dim=1)[:, :, None]
    return plan.merge(moved)


def split_windows(
    features: Float[Tensor, "batch frames 151"], plan: WindowPlan
) -> Float[Tensor, "batch w l 151"]:
    """The inverse: windows with their origin under their own first root."""
    windows = plan.split(features)
    ground = windows[..., _GROUND[0] : _GROUND[1] + 1 : 2]
    windows[..., _GROUND[0] : _GROUND[1] + 1 : 2] = ground - ground[:, :, :1]
    return windows


def orthonormal(features: Float[Tensor, "*batch 151"]) -> Float[Tensor, "*batch 151"]:
    """Features whose 6D channels are proper rotations again."""
    sixd = features[..., LAYOUT.rotations].unflatten(-1, (-1, 6))
    clean = features.clone()
    clean[..., LAYOUT.rotations] = matrix_to_sixd(sixd_to_matrix(sixd)).flatten(-2)
    return clean


def _windowed(condition: Condition, plan: WindowPlan) -> Condition:
    """The condition of each window, its track relative to the window's own first known frame."""
    pose = plan.split(condition.pose).flatten(0, 1)
    track = plan.split(condition.track).flatten(0, 1)
    known = track[..., 2:]
    first = known[..., 0].argmax(dim=1)
    start = track[torch.arange(len(track)), first][:, None, :2]
    path = (track[..., :2] - start) * known
    return dataclasses.replace(condition, pose=pose, track=torch.cat((path, known), dim=-1))


def _denoiser(
    checkpoint: Checkpoint, rows: Tensor, valid: Tensor | None, guidance: float
) -> Callable[[Tensor, Tensor], Tensor]:
    """The checkpoint as a function of x_t and t, in calls of bounded size."""

    def model(x_t: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        mask = valid
        if mask is not None and len(mask) != len(x_t):  # guidance doubles the batch
            mask = mask.repeat(len(x_t) // len(mask), 1)
        out = [
            checkpoint.denoiser(
                x_t[i : i + _MODEL_BATCH],
                t[i : i + _MODEL_BATCH],
                condition[i : i + _MODEL_BATCH],
                None if mask is None else mask[i : i + _MODEL_BATCH],
            )
            for i in range(0, len(x_t), _MODEL_BATCH)
        ]
        return torch.cat(out)

    return guided(model, rows, torch.zeros_like(rows), guidance)


class _FrameNoise:
    """Noise that belongs to a row, a denoising step and an absolute frame."""

    def __init__(self, seed: int, batch: int, frames: int, device: torch.device) -> None:
        self.seed, self.batch, self.frames, self.device = seed, batch, frames, device

    def __call__(self, step: int) -> Float[Tensor, "batch frames 151"]:
        rows = []
        for row in range(self.batch):
            generator = torch.Generator().manual_seed(
                ((self.seed * 100_003 + row) * 2_003 + step + 1) % 2**63
            )
            # Whole sixteens: torch draws the odd rest differently, so that the last frames' noise
            # would depend on how many frames there are.
            sixteens = -(-self.frames // 16) * 16
            rows.append(torch.randn(sixteens, LAYOUT.size, generator=generator)[: self.frames])
        return torch.stack(rows).to(self.device)
