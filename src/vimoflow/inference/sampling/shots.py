"""One continuous motion from the shots of a cut video: the same person, a camera each.

Every shot is sampled by itself, in the frame of its own camera and a little beyond its ends, where
the model goes on without evidence. Where two shots then overlap, the turn about the vertical that
makes their poses agree is the second camera's heading, and they are cross-faded. Finally the whole
motion is fitted to what all cameras saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoising import Progress
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.refinement import Evidence, RefinementSettings, refine
from vimoflow.inference.sampling.conditional_denoising import denoise_features
from vimoflow.inference.sampling.joining import GROUND, Joined
from vimoflow.inference.sampling.sampling_options import SamplingOptions
from vimoflow.inference.sampling.turning import heading_between, turned_features
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics

_BEYOND = 15  # frames that a shot is sampled beyond its ends
_AGREE = 10  # frames to either side of a cut whose poses tell the heading


@dataclass(frozen=True)
class Shot:
    """What one camera saw between two cuts.

    Attributes:
        first: the shot's first frame at 30 fps.
        condition: of the shot's own frames, sized by the shot itself.
    """

    first: int
    condition: Condition

    @property
    def end(self) -> int:
        """The frame after the shot's last."""
        return self.first + self.condition.pose.shape[-3]

    def over(self, first: int, end: int) -> Condition:
        """The condition of any frames; nothing is seen where the shot is not."""
        a, b = max(first, self.first), max(min(end, self.end), max(first, self.first))
        a = min(a, b)
        own = slice(max(a - self.first, 0), max(b - self.first, 0))
        before, after = (a - first, end - b) if b > a else (0, end - first)
        own_part = self.condition.map(lambda x: x[:, own])
        return own_part.map(lambda x: F.pad(x, (*(0, 0) * (x.ndim - 2), before, after)))


@torch.no_grad()
def sample_shots(
    checkpoint: Checkpoint,
    shots: Sequence[Shot],
    options: SamplingOptions | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Clean features at 30 fps in the frame of the first shot's camera.

    Args:
        checkpoint: the model.
        shots: one after the other, without a frame between them.
        options: how to sample; without refinement the joined samples come back.
        progress: told the denoising steps done and to do.
    """
    options = options or SamplingOptions()
    joined, yaws = _joined(checkpoint, shots, options, progress)
    return _fitted(joined, shots, torch.stack(yaws, 1)) if options.refine else joined


def _joined(
    checkpoint: Checkpoint,
    shots: Sequence[Shot],
    options: SamplingOptions,
    progress: Progress | None,
) -> tuple[Tensor, list[Tensor]]:
    """The shots' samples in the first one's frame, cross-faded, and each camera's heading there."""
    frames, batch = shots[-1].end, len(shots[0].condition.pose)
    out, yaws = Joined(batch, frames), [torch.zeros(batch)]
    for number, shot in enumerate(shots):
        before = shots[number - 1] if number else None
        first = shot.first - (0 if before is None else _beyond(before, shot))
        last = number + 1 == len(shots)
        end = shot.end + (0 if last else _beyond(shot, shots[number + 1]))
        tell = None if progress is None else _share(progress, number, len(shots))
        drawn = denoise_features(
            checkpoint, shot.over(first, end), options, progress=tell, first_frame=first
        )
        if before is not None:
            agree = min(_AGREE, shot.first - first)
            there = out.features[:, shot.first - agree : shot.first + agree]
            ours = drawn[:, shot.first - agree - first : shot.first + agree - first]
            yaws.append(heading_between(ours, there))
            drawn = turned_features(drawn, yaws[-1])
            gap = (
                there[..., GROUND] - drawn[:, shot.first - agree - first :][:, : 2 * agree, GROUND]
            )
            drawn[..., GROUND] += gap.mean(1, keepdim=True)
        out.append(first, drawn)
    return out.features, yaws


def _beyond(before: Shot, after: Shot) -> int:
    """Frames that two neighbouring shots are sampled beyond their cut."""
    return min(_BEYOND, before.end - before.first, after.end - after.first)


def _share(progress: Progress, number: int, of: int) -> Progress:
    """The progress of one shot as part of all of them."""

    def tell(done: int, total: int) -> None:
        progress((number * total + done) // of, total)

    return tell


def _fitted(features: Tensor, shots: Sequence[Shot], yaws: Tensor) -> Tensor:
    """The motion fitted to what the cameras saw, piece by piece."""
    batch, frames = features.shape[:2]
    plan = RefinementSettings().plan(frames)
    out = Joined(batch, frames)
    for first in plan.starts:
        end = first + plan.length
        seen = [i for i, shot in enumerate(shots) if shot.first < end and shot.end > first]
        views = [shots[i].over(first, end) for i in seen]
        evidence = Evidence.of(Condition.joined(views, partial(torch.stack, dim=1)))
        piece = features[:, first:end]
        R, _, root = decode_features(piece.double())
        points = coco_points(*forward_kinematics(R, root))
        cameras = evidence.cameras(points, yaws[:, seen])[:, None]
        out.append(first, refine(piece, evidence, cameras=cameras).features)
    return out.features
