"""Several samples of one video: which to believe, and how far they leave the truth open.

Samples are ranked by what can be known without the truth: how well they fit what the camera saw,
how their feet meet the floor, and how likely the model finds them. Their spread, scaled so that it
was right on held-out clips, says how uncertain each joint is.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.errors import InputError
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.refinement import Evidence, RefinementSettings
from vimoflow.inference.refinement.cameras import best_reprojection
from vimoflow.inference.sampling import SamplingOptions, split_windows
from vimoflow.inference.sampling.denoising import window_channels
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import encode_features
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, JOINT_NAMES, joint
from vimoflow.motion.uncertainty import JointUncertainty

_MM = 1000.0
_CONTACT = 0.5  # a foot is in contact from here on
_OUTLIER_M = 0.15  # a keypoint that is farther off than this says less and less
_TIMESTEPS = (20, 60, 120)  # low: what is asked is whether details are those of a motion
_NOISE_SEED = 1
_CALIBRATION = "hypotheses.json"


@dataclass(frozen=True)
class RankWeights:
    """What one unit of each term costs, in mm of expected error.

    Fitted on training clips (docs/experiments/0004): regression of the samples' PA-MPJPE on their
    terms, both relative to the clip's mean, with no weight below zero. 18 clips determine them
    poorly: on validation clips they did not beat a sample taken blindly.
    """

    reprojection: float = 0.159
    contact: float = 0.473
    denoising: float = 353.0


@dataclass(frozen=True)
class Merit:
    """How well one sample does; smaller is better.

    Attributes:
        reprojection_mm: distance between keypoints and the motion's projections at the person's
            distance, through the camera that suits this sample best: of the pose, and of the
            figure's place where it is known. Bounded for outliers (Geman-McClure, root mean).
        contact_mm: horizontal way of feet that the sample itself says are in contact, per frame,
            plus how deep its lowest foot is below the floor, mean over frames.
        denoising: mean squared error of the checkpoint's estimate of this sample after noise of low
            timesteps was added, in standard deviations of the features; the terms of the evidence
            lower bound (Ho et al. 2020, eq. 14), the same noise for all samples.
        total_mm: weighted sum, see :class:`RankWeights`.
    """

    reprojection_mm: float
    contact_mm: float
    denoising: float
    total_mm: float


@dataclass(frozen=True)
class Ranking:
    """Samples from the best to the worst.

    Attributes:
        order: their numbers.
        merits: of every sample, in the order in which they were given.
    """

    order: tuple[int, ...]
    merits: tuple[Merit, ...]


@dataclass(frozen=True)
class Calibration:
    """By what the spread of each joint is multiplied to get a radius that holds the truth.

    Attributes:
        factor_50, factor_90: for half and for nine tenths of all frames, joint by joint.
        samples: how many samples the spread was measured from.
        source: checkpoint and clips.
    """

    factor_50: tuple[float, ...]
    factor_90: tuple[float, ...]
    samples: int
    source: str


def rank(
    checkpoint: Checkpoint,
    samples: Sequence[Motion],
    condition: Condition,
    weights: RankWeights | None = None,
) -> Ranking:
    """Order finished samples at 30 fps by what was seen of them, contact and likelihood.

    Args:
        checkpoint: the model that drew them.
        samples: of one length, in the frame of the condition's camera.
        condition: of one view, pose (1 frames 17 3).
        weights: what each term counts.
    """
    weights = weights or RankWeights()
    R = torch.stack([torch.from_numpy(m.local_rotations) for m in samples]).float()
    root = torch.stack([torch.from_numpy(m.trans) for m in samples]).float()
    contacts = torch.stack([torch.from_numpy(m.contacts) for m in samples]).float()
    R_world, joints = forward_kinematics(R, root)
    terms = torch.stack(
        (
            _reprojection_mm(coco_points(R_world, joints), condition),
            _contact_mm(joints, contacts),
            denoising_error(checkpoint, encode_features(R, contacts, root), condition),
        ),
        dim=1,
    ).double()
    total = terms @ terms.new_tensor((weights.reprojection, weights.contact, weights.denoising))
    rows = torch.cat((terms, total[:, None]), dim=1).tolist()
    merits = tuple(Merit(a, b, c, d) for a, b, c, d in rows)
    return Ranking(tuple(torch.argsort(total, stable=True).tolist()), merits)


def _reprojection_mm(
    points_world: Float[Tensor, "samples frames 17 3"], condition: Condition
) -> Float[Tensor, "samples"]:
    (view,) = Evidence.of(condition).of_clip(0)
    settings = RefinementSettings(outlier_m=_OUTLIER_M)
    out = []
    for points in points_world.double().numpy():
        seen = best_reprojection(
            points, view, settings.noise_m, settings.outlier_m, settings.place_m
        )
        pose, place = (_bounded(np.square(off).sum(-1)) for off in (seen.pose, seen.place))
        pose = (view.weight * pose).sum() / max(view.weight.sum(), 1e-6)
        out.append(pose + (view.placed * place).sum() / max(view.placed.sum(), 1))
    return _MM * torch.tensor(out).sqrt()


def _bounded(squared_m: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    return squared_m / (1 + squared_m / _OUTLIER_M**2)


def _contact_mm(
    joints: Float[Tensor, "samples frames 24 3"], contacts: Float[Tensor, "samples frames 4"]
) -> Float[Tensor, "samples"]:
    feet = joints[:, :, [joint(name) for name in CONTACT_JOINTS]][..., (0, 2)]
    on_ground = contacts >= _CONTACT
    held = (on_ground[:, 1:] & on_ground[:, :-1]).to(joints)
    way = (feet[:, 1:] - feet[:, :-1]).norm(dim=-1)
    slide = (way * held).sum((1, 2)) / held.sum((1, 2)).clamp(min=1)
    depth = (-sole_heights(joints).amin(-1)).clamp(min=0).mean(-1)
    return _MM * (slide + depth)


@torch.no_grad()
def denoising_error(
    checkpoint: Checkpoint,
    features: Float[Tensor, "samples frames 151"],
    condition: Condition,
    timesteps: Sequence[int] = _TIMESTEPS,
) -> Float[Tensor, "samples"]:
    """How far the checkpoint's estimates are from samples to which a little noise was added.

    Long samples are looked at in windows, each with its origin under its own first root.

    Args:
        checkpoint: the model.
        features: samples at 30 fps.
        condition: of one view, pose (1 frames 17 3).
        timesteps: how much noise.
    """
    count, frames = features.shape[:2]
    plan = WindowPlan.cover(frames, SamplingOptions().window, 0)
    windows = checkpoint.normalization.normalize(split_windows(features, plan))
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    errors = []
    for number, channels in enumerate(window_channels(condition, plan)):
        x0 = windows[:, number]
        rows = channels.expand(count, -1, -1)
        for timestep in timesteps:
            noise = torch.randn(x0.shape[1:], generator=generator).expand_as(x0)
            t = torch.full((count,), timestep)
            x_t = checkpoint.schedule.add_noise(x0, t, noise)
            estimate = checkpoint.denoiser(x_t, t, rows, None)
            errors.append((estimate - x0).square().mean((1, 2)))
    return torch.stack(errors).mean(0)


def joint_spread_m(
    joints: Float[np.ndarray, "samples frames 24 3"],
) -> Float[np.ndarray, "frames 24"]:
    """Standard deviation of each joint over the samples, roots moved together, metres.

    The root of the three axes' variances added, each divided by the number of samples less one.

    Raises:
        InputError: fewer than two samples.
    """
    if len(joints) < 2:
        raise InputError(f"{len(joints)} samples have no spread; at least 2 are needed")
    posed = joints - joints[:, :, :1]
    return np.sqrt(posed.var(axis=0, ddof=1).sum(-1))


def joint_uncertainty(
    samples: Sequence[Motion], calibration: Calibration | None = None
) -> JointUncertainty:
    """Spread and calibrated radii of several samples on one clock; radii are around the first.

    Raises:
        InputError: fewer than two samples.
    """
    calibration = calibration or shipped_calibration()
    spread = joint_spread_m(np.stack([motion.joint_positions for motion in samples]))
    return JointUncertainty(
        spread, spread * np.array(calibration.factor_50), spread * np.array(calibration.factor_90)
    )


@functools.cache
def shipped_calibration() -> Calibration:
    """The factors that come with the package."""
    text = resources.files("vimoflow.inference").joinpath(_CALIBRATION).read_text("utf-8")
    return _calibration(text, _CALIBRATION)


def load_calibration(path: Path) -> Calibration:
    """Factors written by ``vimoflow evaluate hypotheses``.

    Raises:
        InputError: no such file, or not one of these.
    """
    try:
        return _calibration(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; name a file of factors") from error


def _calibration(text: str, name: str) -> Calibration:
    try:
        document = json.loads(text)
        half, most = (
            tuple(float(document[key][j]) for j in JOINT_NAMES)
            for key in ("factor_50", "factor_90")
        )
        found = Calibration(half, most, int(document["samples"]), str(document["source"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{name}: holds no factors for the joints of this skeleton") from error
    if not all(np.isfinite(values).all() and min(values) >= 0 for values in (half, most)):
        raise InputError(f"{name}: holds factors that are no sizes")
    return found
