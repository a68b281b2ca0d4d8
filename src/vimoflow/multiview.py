"""One motion from several views of it: sampled from each, brought together, fitted to all.

No calibration is needed: every view's sample knows its heading relative to its own camera, so the
turns about the vertical that make the samples agree are the cameras' headings. The other camera
parameters come out of the fit (``refinement``).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conditioning.encoding import Condition
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.geometry.rotations import matrix_to_sixd, rotation_about, sixd_to_matrix
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.refinement import Evidence, RefinementSettings, refine
from vimoflow.sampling import SamplingOptions, sample_features

_ROUNDS = 4  # of aligning to the mean and taking the mean again


def sample_views(
    checkpoint: Checkpoint,
    condition: Condition,
    options: SamplingOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "batch frames 151"]:
    """Clean features at 30 fps in the frame of the first view's camera.

    Args:
        checkpoint: the model; it sees one view at a time.
        condition: of synchronous views, pose (batch views frames 17 3), track likewise.
        options: how to sample; without refinement the views' mean comes back.
        progress: called with the denoising steps done and to do.
    """
    batch, views = condition.pose.shape[:2]
    rows = Condition(condition.pose.flatten(0, 1), condition.track.flatten(0, 1))
    sampled = sample_features(checkpoint, rows, options, progress=progress).unflatten(
        0, (batch, views)
    )
    fitted = []
    for clip in range(batch):
        evidence = Evidence.of(
            Condition(condition.pose[clip : clip + 1], condition.track[clip : clip + 1])
        )
        together, yaws = join_views(sampled[clip], evidence.weight[0].sum(-1))
        if options is not None and not options.refine:
            fitted.append(together[None])
            continue
        R, _, root = decode_features(together[None])
        points = coco_points(*forward_kinematics(R, root))
        chunks = len(RefinementSettings().plan(len(together)).starts)
        cameras = evidence.cameras(points, yaws[None])[:, None].expand(-1, chunks, -1, -1)
        fitted.append(refine(together[None], evidence, cameras=cameras).features)
    return torch.cat(fitted)


def join_views(
    features: Float[Tensor, "views frames 151"], trust: Float[Tensor, "views frames"]
) -> tuple[Float[Tensor, "frames 151"], Float[Tensor, "views"]]:
    """The mean of the views' motions in the first one's frame, and each camera's heading there.

    Args:
        features: one motion a view, each relative to its own camera's heading.
        trust: how much of a frame each view has seen.
    """
    R, contacts, root = decode_features(features)
    joints = forward_kinematics(R, root)[1]
    pose = joints - joints[:, :, :1]
    weight = (trust + 1e-3) / (trust + 1e-3).sum(0)
    mean, yaws = pose[0], torch.zeros(len(features))
    for _ in range(_ROUNDS):
        yaws = _headings(pose, mean, weight)
        mean = (weight[..., None, None] * _turned(pose, yaws)).sum(0)
    yaws = yaws - yaws[0]
    turn = rotation_about("y", yaws)
    R = R.clone()
    R[:, :, 0] = turn[:, None] @ R[:, :, 0]
    sixd = (weight[..., None, None] * matrix_to_sixd(R)).sum(0)
    path = (weight[..., None] * (root @ turn.transpose(-1, -2))).sum(0)
    touch = (weight[..., None] * contacts).sum(0)
    return encode_features(sixd_to_matrix(sixd), touch, path), yaws


def _headings(pose: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Turn about the vertical that brings each view's pose nearest to the target, radians."""
    w = weight[..., None]
    sine = (w * (target[..., 0] * pose[..., 2] - target[..., 2] * pose[..., 0])).sum((-1, -2))
    cosine = (w * (target[..., 0] * pose[..., 0] + target[..., 2] * pose[..., 2])).sum((-1, -2))
    return torch.atan2(sine, cosine)


def _turned(points: Tensor, yaws: Tensor) -> Tensor:
    return points @ rotation_about("y", yaws).transpose(-1, -2)[:, None]
