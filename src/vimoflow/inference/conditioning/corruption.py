"""What a real detector does to perfect 2D points: noise, swaps, gaps, truncation, confidence.

Sizes of errors are in metres at the person's distance, so that they hold for every resolution.
The fitted parameters are a :class:`DetectorNoise`; what else happens, and how often, is a matter of
:class:`CorruptionSettings`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from vimoflow.conventions import COCO_NAMES, MODEL_FPS
from vimoflow.geometry.cameras import Camera, project
from vimoflow.inference.conditioning.detector_noise import (
    ARMS,
    FACE,
    SWAP_GROUPS,
    DetectorNoise,
    load_detector_noise,
)
from vimoflow.inference.conditioning.occlusion import hidden_share, hidden_weight
from vimoflow.inference.conditioning.random_processes import (
    autoregressive,
    intervals,
    rand,
    randn,
    randn_series,
    spread_over_points,
)
from vimoflow.motion.skeleton import MIRROR_COCO, coco

_LARGEST_M = 0.6  # errors of single axes saturate here
_GAP_GROUPS = (
    FACE,
    tuple(i for i, name in enumerate(COCO_NAMES) if name in ("left_elbow", "left_wrist")),
    tuple(i for i, name in enumerate(COCO_NAMES) if name in ("right_elbow", "right_wrist")),
    tuple(i for i, name in enumerate(COCO_NAMES) if name in ("left_knee", "left_ankle")),
    tuple(i for i, name in enumerate(COCO_NAMES) if name in ("right_knee", "right_ankle")),
    tuple(i for i in range(17) if i not in (*FACE, *ARMS, 5, 6)),
)


@dataclass(frozen=True)
class CorruptionSettings:
    """How much of what; shares are probabilities per clip, rates are per second.

    Attributes:
        severity: factor on all noise and rates; 0 gives the exact points with confidence 1.
        severity_spread: standard deviation of the logarithm of each clip's own factor on the noise.
        swap_rate: factor on the fitted rates of left-right swaps, which last a frame or two.
        long_swap_per_s: swaps of the whole body for ``long_swap_s`` seconds in the mean, as
            detectors without a tracker make when a person turns or stands on the hands.
        long_swap_s: mean duration of these swaps.
        joint_gap_per_s: dropouts of one joint, per joint.
        joint_gap_s: mean duration of these dropouts.
        group_gap_per_s: dropouts of a limb, the face or the lower body.
        group_gap_s: mean duration of these dropouts.
        frame_gap_per_s: stretches of frames in which nobody is found.
        frame_gap_s: mean duration of these stretches.
        long_gap_share: clips with one long gap in them.
        long_gap_s: shortest and longest duration of that gap.
        outside_missing_share: clips in which points outside the image are missing; in the others
            they are guessed, with larger errors and little confidence.
        mediapipe_share: clips with confidences like MediaPipe's, mostly 0.8 to 1.
        binary_share: clips with confidences of 0 and 1 only; the others are as fitted, 0.3 to 0.9.
        exponent_spread: standard deviation of the logarithm of an exponent on each clip's
            confidences: detectors differ in how sure they say they are.
        fps: frame rate of the clips in Hz.
    """

    severity: float = 1.0
    severity_spread: float = 0.3
    swap_rate: float = 1.0
    long_swap_per_s: float = 0.04
    long_swap_s: float = 0.7
    joint_gap_per_s: float = 0.02
    joint_gap_s: float = 0.25
    group_gap_per_s: float = 0.015
    group_gap_s: float = 0.6
    frame_gap_per_s: float = 0.05
    frame_gap_s: float = 0.25
    long_gap_share: float = 0.04
    long_gap_s: tuple[float, float] = (0.5, 2.5)
    outside_missing_share: float = 0.5
    mediapipe_share: float = 0.35
    binary_share: float = 0.15
    exponent_spread: float = 0.2
    fps: float = MODEL_FPS


@dataclass(frozen=True)
class ClearView:
    """What a camera sees of the 17 COCO points, before any detector.

    Attributes:
        points_px: exact projections in pixels.
        depth: metres along the optical axis.
        scale_px: pixels per metre at the person's distance.
        image_size_px: width and height in pixels.
    """

    points_px: Float[Tensor, "batch frames 17 2"]
    depth: Float[Tensor, "batch frames 17"]
    scale_px: Float[Tensor, "batch frames"]
    image_size_px: Float[Tensor, "batch frames 2"]


def view_through(camera: Camera, coco_world: Float[Tensor, "batch frames 17 3"]) -> ClearView:
    """Projects COCO points (metres) through cameras whose principal point is the image's centre."""
    points_px, depth = project(camera, coco_world)
    hips = depth[..., [coco("left_hip"), coco("right_hip")]].mean(-1)
    return ClearView(points_px, depth, camera.focal_px / hips.clamp(min=0.3), camera.center_px * 2)


@torch.no_grad()
def corrupt_keypoints(
    view: ClearView,
    generator: torch.Generator,
    noise: DetectorNoise | None = None,
    settings: CorruptionSettings | None = None,
) -> Float[Tensor, "batch frames 17 3"]:
    """x and y in pixels and a confidence in [0, 1], as a detector would give them.

    A missing point has confidence 0 and x = y = 0. Confidence falls as the expected error grows.
    The same generator state gives the same result; severity 0 gives the exact points.
    """
    noise, settings = noise or load_detector_noise(), settings or CorruptionSettings()
    if settings.severity <= 0:
        return torch.cat([view.points_px, torch.ones_like(view.depth)[..., None]], -1)
    hidden = hidden_weight(hidden_share(view.points_px, view.depth, view.scale_px))
    outside = _outside(view)
    error_m, factor = _error(torch.maximum(hidden, outside), generator, noise, settings)
    confidence = _confidence(hidden, factor, generator, noise)
    points_px = view.points_px + error_m * view.scale_px[..., None, None]
    points_px = _swap_sides(points_px, generator, noise, settings)

    missing = _gaps(view.depth, generator, settings)
    confidence, missing = _at_border(confidence, missing, outside, view, generator, settings)
    confidence, missing = _style(confidence, missing, generator, settings)
    softened = 1 - min(settings.severity, 1.0) * (1 - confidence)
    points = torch.cat([points_px, softened[..., None]], -1)
    return points.masked_fill(missing[..., None], 0.0)


def _error(
    hidden: Tensor, generator: torch.Generator, noise: DetectorNoise, settings: CorruptionSettings
) -> tuple[Tensor, Tensor]:
    """Errors in metres (batch frames 17 2) and the normal score of their slow factor."""
    clips, frames, points = hidden.shape
    like = _like(hidden)
    score = autoregressive(
        randn_series(hidden.shape, generator, hidden), like(noise.tail_correlation)
    )
    spread = torch.exp(settings.severity_spread * randn((clips, 1, 1), generator, hidden))
    tail, gain = like(noise.tail), like(noise.hidden_gain)
    size = torch.exp(score * (tail + (like(noise.hidden_tail) - tail) * hidden) + gain * hidden)
    size *= spread * settings.severity
    shape = (clips, frames, points, 2)
    drift = autoregressive(
        randn_series(shape, generator, hidden), like(noise.drift_correlation)[:, None]
    )
    error = drift * like(noise.drift_m)[:, None]
    error += randn_series(shape, generator, hidden) * like(noise.white_m)[:, None]
    # However lost, a detector stays near the person: single axes saturate.
    error = _LARGEST_M * torch.tanh(error * (size[..., None] / _LARGEST_M))
    bias = randn((clips, 1, points, 2), generator, hidden) * like(noise.bias_std_m)[:, None]
    return error + settings.severity * (bias + like(noise.bias_mean_m)), score


def _confidence(
    hidden: Tensor, factor_score: Tensor, generator: torch.Generator, noise: DetectorNoise
) -> Tensor:
    """Fitted quantiles at a score that falls with the expected error and varies slowly."""
    like = _like(hidden)
    coupling = like(noise.confidence_error)
    own = autoregressive(
        randn_series(hidden.shape, generator, hidden), like(noise.confidence_correlation)
    )
    score = own * (1 - coupling**2).sqrt() - coupling * factor_score
    visible, occluded = like(noise.confidence_visible), like(noise.confidence_hidden)
    steps = visible.shape[-1] - 1
    # One row of neighbours (visible low, high, hidden low, high) a cell of the table: one look-up.
    cells = torch.stack(
        [visible[:, :-1], visible[:, 1:], occluded[:, :-1], occluded[:, 1:]], -1
    ).flatten(0, 1)
    at = torch.special.ndtr(score) * steps
    low = at.floor().clamp(0, steps - 1)
    row = low + steps * torch.arange(17, device=hidden.device)
    seen_low, seen_high, hidden_low, hidden_high = F.embedding(row.long(), cells).unbind(-1)
    within = at - low
    seen = torch.lerp(seen_low, seen_high, within)
    return torch.lerp(seen, torch.lerp(hidden_low, hidden_high, within), hidden)


def _swap_sides(
    points_px: Tensor, generator: torch.Generator, noise: DetectorNoise,
    settings: CorruptionSettings,
) -> Tensor:  # fmt: skip
    """Left and right exchanged for a while; what is swapped twice is itself again."""
    like = _like(points_px)
    rate = like(noise.swap_per_s) * settings.swap_rate * settings.severity
    rate = torch.cat([rate, like([settings.long_swap_per_s * settings.severity])])
    length = torch.cat([like(noise.swap_s), like([settings.long_swap_s])])
    active = intervals(points_px, rate, length, generator, settings.fps)
    rows = [SWAP_GROUPS[name] for name in noise.swap_names] + [SWAP_GROUPS["body"]]
    swapped = spread_over_points(active, rows) % 2 == 1
    mirrored = points_px.index_select(2, torch.tensor(MIRROR_COCO, device=points_px.device))
    return torch.where(swapped[..., None], mirrored, points_px)


def _gaps(depth: Tensor, generator: torch.Generator, settings: CorruptionSettings) -> Tensor:
    """Which points (batch frames 17) the detector does not report at all."""
    clips, frames, points = depth.shape
    kinds = [(settings.joint_gap_per_s, settings.joint_gap_s)] * points
    kinds += [(settings.group_gap_per_s, settings.group_gap_s)] * len(_GAP_GROUPS)
    kinds += [(settings.frame_gap_per_s, settings.frame_gap_s)]
    rate, length = depth.new_tensor(kinds).unbind(-1)
    active = intervals(depth, rate * settings.severity, length, generator, settings.fps)
    missing = (
        spread_over_points(active, [*((p,) for p in range(points)), *_GAP_GROUPS, range(points)])
        > 0
    )
    seconds = torch.arange(frames, device=depth.device) / settings.fps
    low, high = settings.long_gap_s
    length_s = low + (high - low) * rand((clips, 1), generator, depth)
    start_s = rand((clips, 1), generator, depth) * (frames / settings.fps)
    chosen = rand((clips, 1), generator, depth) < settings.long_gap_share * settings.severity
    long_gap = chosen & (seconds >= start_s) & (seconds < start_s + length_s)
    return missing | long_gap[..., None]


def _at_border(
    confidence: Tensor, missing: Tensor, outside: Tensor, view: ClearView,
    generator: torch.Generator, settings: CorruptionSettings,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Points outside the image: missing in some clips, hardly believed in the others."""
    drops = rand((len(confidence), 1, 1), generator, confidence) < settings.outside_missing_share
    out = outside > 0
    behind = view.depth < 0.1
    return torch.where(out, confidence * 0.2, confidence), missing | (out & drops) | behind


def _style(
    confidence: Tensor, missing: Tensor, generator: torch.Generator, settings: CorruptionSettings
) -> tuple[Tensor, Tensor]:
    """Each clip's way of stating confidence: as fitted, like MediaPipe, or yes and no."""
    clip = (len(confidence), 1, 1)
    kind, exponent = rand(clip, generator, confidence), randn(clip, generator, confidence)
    threshold = 0.02 + 0.28 * rand(clip, generator, confidence)
    mediapipe = kind < settings.mediapipe_share
    binary = kind >= 1 - settings.binary_share
    # A saturating curve: 0.3 becomes 0.87 and 0.05 becomes 0.28.
    saturated = -torch.expm1(-confidence / 0.15)
    graded = torch.where(mediapipe, saturated, confidence).clamp(min=1e-3)
    graded = graded ** torch.exp(settings.exponent_spread * exponent)
    stated = torch.where(binary, torch.ones_like(graded), graded)
    return stated, missing | (binary & (confidence < threshold))


def _outside(view: ClearView) -> Tensor:
    """1 for points beyond the image's border, else 0."""
    size = view.image_size_px[..., None, :]
    inside = ((view.points_px >= 0) & (view.points_px < size)).all(-1)
    return (~inside).to(view.depth.dtype)


def _like(tensor: Tensor) -> Callable[[ArrayLike], Tensor]:
    return functools.partial(torch.as_tensor, dtype=tensor.dtype, device=tensor.device)
