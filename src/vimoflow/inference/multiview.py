"""One motion from several views of it: sampled from each, brought together, fitted to all.

No calibration is needed: every view's sample knows its heading relative to its own camera, so the
turns about the vertical that make the samples agree are the cameras' headings. The other camera
parameters come out of the fit (``refinement``).

How much each view counts, frame by frame, is one of three: its keypoints' confidence ("mean"), all
or nothing for the most confident view ("best"), or one over the squared error that is to be
expected of it ("learned": a regression of the error of samples of virtual views of training motion
on what can be seen of a view, ``view_weights.json``, made by ``lab/fitting/view_weights.py``).
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from importlib import resources
from operator import itemgetter

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.geometry.rotations import matrix_to_sixd, rotation_about, sixd_to_matrix
from vimoflow.inference.choices import Aggregation
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.conditioning.resampling import resample_keypoints
from vimoflow.inference.refinement import Evidence, RefinementSettings, refine
from vimoflow.inference.refinement.evidence import keypoint_weight
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics

WEIGHT_FEATURES = ("confidence", "share_seen", "facing", "sideways")
# A single view's keypoints are followed loosely, because what is wrong with them would be followed
# as well; several views contradict each other's errors, so that together they can be trusted more.
_TOGETHER = RefinementSettings(noise_m=0.025)
_ROUNDS = 4  # of aligning to the mean and taking the mean again
_FADE_FRAMES = 9  # over which one view takes over from another


def on_first_clock(
    views: Sequence[Keypoints2D], offsets_s: Sequence[float]
) -> tuple[Keypoints2D, ...]:
    """Views as if all had been taken at the first one's times; confidence 0 where one was not on.

    Args:
        views: of one performance, at any frame rates and of any lengths.
        offsets_s: what to add to each view's times to get the first one's, seconds.
    """
    first, times = views[0], views[0].timestamps
    moved = [
        dataclasses.replace(
            view,
            points=resample_keypoints(view, times - offset).double().numpy(),
            timestamps=times,
        )
        for view, offset in zip(views[1:], offsets_s[1:], strict=True)
    ]
    return (first, *moved)


def sample_views(
    checkpoint: Checkpoint,
    condition: Condition,
    options: SamplingOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
    aggregation: Aggregation = "mean",
) -> Float[Tensor, "batch frames 151"]:
    """Clean features at 30 fps in the frame of the first view's camera.

    Args:
        checkpoint: the model; it sees one view at a time.
        condition: of synchronous views, pose (batch views frames 17 3), track likewise.
        options: how to sample; without refinement the views' mean comes back.
        progress: called with the denoising steps done and to do.
        aggregation: how much each view counts, see above.
    """
    batch, views = condition.pose.shape[:2]
    rows = condition.map(lambda x: x.flatten(0, 1))
    sampled = sample_features(checkpoint, rows, options, progress=progress).unflatten(
        0, (batch, views)
    )
    fitted = []
    for clip in range(batch):
        evidence = Evidence.of(condition.map(itemgetter(slice(clip, clip + 1))))
        weights = view_weights(sampled[clip], condition.pose[clip], aggregation)
        together, yaws = join_views(sampled[clip], weights)
        if options is not None and not options.refine:
            fitted.append(together[None])
            continue
        R, _, root = decode_features(together[None])
        points = coco_points(*forward_kinematics(R, root))
        chunks = len(_TOGETHER.plan(len(together)).starts)
        cameras = evidence.cameras(points, yaws[None])[:, None].expand(-1, chunks, -1, -1)
        fitted.append(refine(together[None], evidence, _TOGETHER, cameras=cameras).features)
    return torch.cat(fitted)


def view_weights(
    features: Float[Tensor, "views frames 151"],
    pose: Float[Tensor, "views frames 17 3"],
    aggregation: Aggregation,
) -> Float[Tensor, "views frames"]:
    """How much each view counts in each frame, up to a factor of the frame.

    Args:
        features: a motion sampled from each view alone, relative to its own camera's heading.
        pose: what the views saw, as in ``Condition``.
        aggregation: see above.
    """
    trust = keypoint_weight(pose)
    if aggregation == "mean":
        return trust.sum(-1)
    if aggregation == "best":
        best = torch.nn.functional.one_hot(_faded(trust.sum(-1)).argmax(0), len(pose)).T
        return _faded(best.to(pose))
    seen = (pose[..., 2] > 0).any(-1)
    expected = weight_features(features, pose) @ _coefficients().to(pose)
    return torch.exp(-2 * (expected - expected.amin(0))) * seen


def weight_features(
    features: Float[Tensor, "views frames 151"], pose: Float[Tensor, "views frames 17 3"]
) -> Float[Tensor, "views frames 4"]:
    """What tells the error of a view's sample: ``WEIGHT_FEATURES``, each about 0 to 1.

    The mean confidence of the points seen; their share; how far the pelvis faces the camera (-1 is
    its back) and how far it is turned sideways.
    """
    seen = (pose[..., 2] > 0).to(pose)
    share = seen.mean(-1)
    confidence = pose[..., 2].sum(-1) / seen.sum(-1).clamp(min=1)
    forward = decode_features(features)[0][:, :, 0, :, 2]
    level = forward[..., [0, 2]]
    level = level / level.norm(dim=-1, keepdim=True).clamp(min=0.1)
    return torch.stack((confidence, share, level[..., 1], level[..., 0].abs()), dim=-1)


def join_views(
    features: Float[Tensor, "views frames 151"], trust: Float[Tensor, "views frames"]
) -> tuple[Float[Tensor, "frames 151"], Float[Tensor, " views"]]:
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


def _faded(weights: Tensor) -> Tensor:
    """Running mean over a few frames (views, frames), shorter at the ends."""
    half = _FADE_FRAMES // 2
    window = torch.nn.functional.avg_pool1d
    return window(weights[:, None], _FADE_FRAMES, 1, half, count_include_pad=False)[:, 0]


@functools.cache
def _coefficients() -> Tensor:
    """What each of ``WEIGHT_FEATURES`` adds to the logarithm of a view's expected error."""
    file = resources.files("vimoflow.inference").joinpath("view_weights.json")
    fitted = json.loads(file.read_text("utf-8"))["log_error"]
    return torch.tensor([fitted[name] for name in WEIGHT_FEATURES])
