"""Whether people who stand are level: heights of their soles, and how straight their knees are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch.nn.functional import normalize

from lab.rendered.benchmark import rendered_cases
from lab.rendered.clips import RenderedClip
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.skeleton import joint

_PLANTED = 0.5  # of the contacts of all four foot joints
_ON_FLOOR_M = 0.05
_FEWEST = 15  # frames of a clip in which somebody stands
_STRAIGHT_DEG = 15.0  # true bend of the knees of somebody who stands upright


@dataclass(frozen=True)
class Standing:
    """One clip, over the frames in which both feet are planted in the truth.

    Attributes:
        name: of the clip.
        frames: how many.
        soles_mm, true_soles_mm: mean difference in height of the two soles, and that of the truth.
        knees_deg, true_knees_deg: mean bend of both knees, 0 when straight.
        off_deg: mean size of the difference of the bends.
    """

    name: str
    frames: int
    soles_mm: float
    true_soles_mm: float
    knees_deg: float
    true_knees_deg: float
    off_deg: float


def standing_feet(checkpoint: Checkpoint, clips: Sequence[RenderedClip]) -> list[Standing]:
    """Those clips in which somebody stands on both feet, through the real detector."""
    clips = [clip for clip in clips if planted(clip.motion).sum() >= _FEWEST]
    cases = rendered_cases(clips, "video")
    motions = predict(checkpoint, cases, SamplingOptions())
    return [
        compared(case.name, motion, case.truth) for case, motion in zip(cases, motions, strict=True)
    ]


def planted(truth: Motion) -> Bool[np.ndarray, " frames"]:
    """Frames in which ankles and balls of both feet rest on the floor, and on nothing else."""
    left, right = _soles(truth).T
    level = np.maximum(np.abs(left), np.abs(right)) < _ON_FLOOR_M
    return np.asarray((truth.contacts > _PLANTED).all(axis=1) & level)


def compared(name: str, motion: Motion, truth: Motion) -> Standing:
    """A motion against the truth where both feet are planted there."""
    on = planted(truth)
    bends, true_bends = (knee_bends(one)[on] for one in (motion, truth))
    return Standing(
        name, int(on.sum()), _unlevel_mm(motion, on), _unlevel_mm(truth, on),
        float(bends.mean()), float(true_bends.mean()), float(np.abs(bends - true_bends).mean()),
    )  # fmt: skip


def knee_bends(motion: Motion) -> Float[np.ndarray, "frames 2"]:
    """Degrees between thigh and shin, left and right."""
    p = torch.from_numpy(motion.joint_positions).double()
    bends = []
    for side in ("left", "right"):
        hip, knee, ankle = (p[:, joint(f"{side}_{name}")] for name in ("hip", "knee", "ankle"))
        cosine = (normalize(knee - hip, dim=-1) * normalize(ankle - knee, dim=-1)).sum(-1)
        bends.append(torch.rad2deg(torch.acos(cosine.clamp(-1, 1))))
    return torch.stack(bends, dim=-1).numpy()


def standing_table(rows: Sequence[Standing]) -> str:
    """A line a clip, the means over clips, and over those of people who stand upright."""
    lines = [
        "| clip | frames | soles' difference mm (truth) | knees bent deg (truth) | off deg |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.frames} | {row.soles_mm:.1f} ({row.true_soles_mm:.1f}) "
        f"| {row.knees_deg:.1f} ({row.true_knees_deg:.1f}) | {row.off_deg:.1f} |"
        for row in rows
    ]
    upright = [row for row in rows if row.true_knees_deg < _STRAIGHT_DEG]
    lines += [_mean_line("mean", rows), _mean_line("mean of straight knees", upright)]
    return "\n".join(lines)


def _mean_line(name: str, rows: Sequence[Standing]) -> str:
    columns = ("soles_mm", "true_soles_mm", "knees_deg", "true_knees_deg", "off_deg")
    mean = [np.mean([getattr(row, k) for row in rows] or [np.nan]) for k in columns]
    return (
        f"| {name} | {sum(row.frames for row in rows)} | {mean[0]:.1f} ({mean[1]:.1f}) "
        f"| {mean[2]:.1f} ({mean[3]:.1f}) | {mean[4]:.1f} |"
    )


def _unlevel_mm(motion: Motion, on: Bool[np.ndarray, " frames"]) -> float:
    """Mean difference in height of the lower joints of the two feet."""
    return 1000 * float(np.abs(np.diff(_soles(motion)[on], axis=1)).mean())


def _soles(motion: Motion) -> Float[np.ndarray, "frames 2"]:
    """Height of the lower joint of each foot over the floor, metres."""
    heights = sole_heights(torch.from_numpy(motion.joint_positions).double())
    return heights.unflatten(-1, (2, 2)).amin(-1).numpy()
