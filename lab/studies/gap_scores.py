"""How well gaps in held-out motion are filled, beside interpolation and the nearest clip.

L2P and L2Q are those of Harvey et al. 2020 ("Robust Motion In-Betweening"), NPSS that of
Gopalakrishnan et al. 2019 as Harvey et al. apply it, all over the frames of the gap. L2P is
normalised by the training data's statistics, in a frame that begins over the last known root and
faces +Z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.evaluation.metrics.paired import foot_slide
from vimoflow.geometry.rotations import (
    heading_of,
    matrix_to_quaternion,
    rotation_about,
)  # fmt: skip
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

CONTEXT = 30  # known frames on either side of a gap
_NEAR_FLOOR_M = 0.025  # a foot so low that moves slides

Filler = Callable[[Motion, int, int], Motion]
"""``(motion, first, end) -> motion`` with those frames anew; they must not be looked at."""


@dataclass(frozen=True)
class PositionScale:
    """Mean and standard deviation of each coordinate of each joint, metres."""

    mean: Float[Tensor, "24 3"]
    std: Float[Tensor, "24 3"]


@dataclass(frozen=True)
class GapScores:
    """Scores of one way to fill gaps of one length, over all clips.

    Attributes:
        method, frames, clips: what was filled, how.
        l2p, l2q, npss: see the module.
        mpjpe_mm: mean distance of the joints in the world, millimetres.
        slide_mm: horizontal way of feet near the floor, mm a frame, in the gap.
        join_jerk: mean jerk of differences across the joins over the mean inside the gap.
        join_jerk_kept: the same over the mean in the known frames around the gap.
    """

    method: str
    frames: int
    clips: int
    l2p: float
    l2q: float
    npss: float
    mpjpe_mm: float
    slide_mm: float
    join_jerk: float
    join_jerk_kept: float


def l2p(
    prediction: Float[Tensor, "clips frames 24 3"],
    truth: Float[Tensor, "clips frames 24 3"],
    scale: PositionScale,
) -> float:
    """Mean over frames of the distance of all normalised positions together (Harvey 2020)."""
    difference = (prediction - truth) / scale.std
    return float(difference.flatten(2).norm(dim=-1).mean())


def l2q(
    R_prediction: Float[Tensor, "clips frames 24 3 3"],
    R_truth: Float[Tensor, "clips frames 24 3 3"],
) -> float:
    """Mean over frames of the distance of all world quaternions together (Harvey 2020).

    Of the two quaternions of a rotation the one nearer to the truth's counts.
    """
    p, t = matrix_to_quaternion(R_prediction), matrix_to_quaternion(R_truth)
    p = torch.where((p * t).sum(-1, keepdim=True) < 0, -p, p)
    return float((p - t).flatten(2).norm(dim=-1).mean())


def npss(
    R_prediction: Float[Tensor, "clips frames 24 3 3"],
    R_truth: Float[Tensor, "clips frames 24 3 3"],
) -> float:
    """Normalised power spectrum similarity of world quaternions (Gopalakrishnan 2019, eq. 4-7).

    The earth mover's distance between the spectra of each channel, weighted by the truth's power.
    """
    truth = _continuous(matrix_to_quaternion(R_truth))
    prediction = _continuous(matrix_to_quaternion(R_prediction))
    start = (prediction[:, :1] * truth[:, :1]).sum(-1, keepdim=True)
    prediction = torch.where(start < 0, -prediction, prediction)
    power_t, power_p = (_power(x.flatten(2)) for x in (truth, prediction))
    total_t, total_p = power_t.sum(1), power_p.sum(1)
    cdf_t = (power_t / total_t.clamp(min=1e-12)[:, None]).cumsum(1)
    cdf_p = (power_p / total_p.clamp(min=1e-12)[:, None]).cumsum(1)
    distance = (cdf_p - cdf_t).abs().sum(1)
    return float((distance * total_t).sum() / total_t.sum())


def _power(x: Tensor) -> Tensor:
    return torch.fft.fft(x, dim=1).abs().square()


def _continuous(q: Float[Tensor, "clips frames 24 4"]) -> Tensor:
    """Signs chosen so that neighbouring frames' quaternions are near each other."""
    flips = ((q[:, 1:] * q[:, :-1]).sum(-1, keepdim=True) < 0).long().cumsum(1) % 2
    sign = 1 - 2 * flips
    return torch.cat((q[:, :1], q[:, 1:] * sign), dim=1)


def gap_clips(shards: Sequence[Shard], gap: int, limit: int, seed: int) -> list[Motion]:
    """Clips with room for a gap in the middle, at most ``limit`` recordings of each shard."""
    rng = np.random.default_rng(seed)
    length = gap + 2 * CONTEXT
    clips = []
    for shard in shards:
        spans = [(a, b) for a, b in zip(shard.starts[:-1], shard.starts[1:], strict=True)
                 if b - a >= length]  # fmt: skip
        for row in sorted(rng.permutation(len(spans))[:limit]):
            a, b = spans[row]
            start = int(rng.integers(a, b - length + 1))
            span = slice(start, start + length)
            clips.append(Motion(
                np.array(shard.poses[span]).reshape(-1, 24, 3), np.array(shard.trans[span]),
                MODEL_FPS, np.array(shard.contacts[span]),
            ))  # fmt: skip
    return clips


def position_scale(shards: Sequence[Shard], gap: int, seed: int) -> PositionScale:
    """Statistics of training clips in the frame of their last known root."""
    points = [_seen_from_last(*_world(m)[:2], CONTEXT)[CONTEXT : CONTEXT + gap]
              for m in gap_clips(shards, gap, 100, seed)]  # fmt: skip
    stacked = torch.cat(points)
    return PositionScale(stacked.mean(0), stacked.std(0).clamp(min=1e-3))


def score_filler(
    method: str, fill: Filler, clips: Sequence[Motion], scale: PositionScale,
    progress: Callable[[int, int | None], None] | None = None,
) -> GapScores:  # fmt: skip
    """All scores of one way to fill the gaps of clips of one length."""
    gap = len(clips[0]) - 2 * CONTEXT
    span = slice(CONTEXT, CONTEXT + gap)
    predicted, true, R_predicted, R_true, slides, jerks = [], [], [], [], [], []
    for number, clip in enumerate(clips):
        filled = fill(clip, CONTEXT, CONTEXT + gap)
        R_t, p_t = _world(clip)
        R_p, p_p = _world(filled)
        true.append(_seen_from_last(R_t, p_t, CONTEXT)[span])
        # The same frame for both: that of the truth's last known root.
        predicted.append(_seen_from(R_t, p_t, p_p, CONTEXT)[span])
        R_predicted.append(R_p[span])
        R_true.append(R_t[span])
        slides.append(_slide(p_p[CONTEXT - 1 : CONTEXT + gap + 1]))
        jerks.append(_join_jerk(p_p, CONTEXT, CONTEXT + gap))
        if progress is not None:
            progress(number + 1, len(clips))
    p, t, Rp, Rt = (torch.stack(x) for x in (predicted, true, R_predicted, R_true))
    joins, inside, kept = np.array(jerks).mean(0)
    return GapScores(
        method, gap, len(clips), l2p(p, t, scale), l2q(Rp, Rt), npss(Rp, Rt),
        float(1000 * (p - t).norm(dim=-1).mean()), float(np.nanmean(slides)),
        joins / inside, joins / kept,
    )  # fmt: skip


def markdown_table(scores: Sequence[GapScores]) -> str:
    """The scores as a table, interpolation's L2P being 100 %."""
    lines = [
        "| gap | method | L2P | of interpolation | L2Q | NPSS | mm | slide mm "
        "| jerk at joins | of the kept frames' |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    base = {s.frames: s.l2p for s in scores if s.method == "interpolation"}
    for s in scores:
        share = f"{100 * s.l2p / base[s.frames]:.0f} %" if s.frames in base else ""
        lines.append(
            f"| {s.frames / MODEL_FPS:g} s | {s.method} | {s.l2p:.3f} | {share} | {s.l2q:.3f} | "
            f"{s.npss:.4f} | {s.mpjpe_mm:.0f} | {s.slide_mm:.1f} | {s.join_jerk:.2f} | "
            f"{s.join_jerk_kept:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _world(motion: Motion) -> tuple[Tensor, Tensor]:
    R = torch.from_numpy(motion.local_rotations)
    return forward_kinematics(R, torch.from_numpy(np.asarray(motion.trans, np.float64)))


def _seen_from_last(R_world: Tensor, p: Tensor, first: int) -> Tensor:
    return _seen_from(R_world, p, p, first)


def _seen_from(R_world: Tensor, p_truth: Tensor, p: Tensor, first: int) -> Tensor:
    """Positions from over the truth's last known root, which faces +Z."""
    turn = rotation_about("y", -heading_of(R_world[first - 1, 0]))
    return (p - p_truth[first - 1, 0] * torch.tensor([1.0, 0.0, 1.0])) @ turn.T


def _slide(p: Tensor) -> float:
    feet = p[:, [joint(name) for name in CONTACT_JOINTS]]
    return float(foot_slide(feet, (sole_heights(p) < _NEAR_FLOOR_M).double(), MODEL_FPS))


def _join_jerk(p: Tensor, first: int, end: int) -> tuple[float, float, float]:
    """Mean jerk across the joins, inside the gap, and in the known frames."""
    jerk = p.diff(n=3, dim=0).norm(dim=-1).mean(1)
    at = torch.cat((jerk[first - 3 : first], jerk[end - 3 : end]))
    kept = torch.cat((jerk[: first - 3], jerk[end:]))
    return float(at.mean()), float(jerk[first : end - 3].mean()), float(kept.mean())
