"""The ground-truth row of AIST++ as papers print it, beside what the sequences at hand give.

Published numbers are over many sequences, with their music; a folder with few of them, or without
music, reproduces only a part, and the table says which.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lab.corpora.aistpp_files import read_motion
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.music_beats import find_beats, music_of
from vimoflow.evaluation.metrics.dance_features import PUBLISHED_FPS
from vimoflow.evaluation.metrics.distribution import compare_sets, feature_set
from vimoflow.evaluation.metrics.intervals import bootstrap_mean
from vimoflow.evaluation.metrics.rhythm import beat_alignment, motion_beats, physical_foot_contact
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.geometry.signals import longest_run
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import load_skeleton

SLICE_S = 5.0  # EDGE's evaluation cuts dances into slices of this length
_FAR_TOO_FEW = 73  # slices: more than kinetic features


@dataclass(frozen=True)
class TruthRow:
    """One published metric of real dances and ours.

    Attributes:
        published: with the paper that prints it.
        value, low, high: ours with its interval over sequences; NaN where it cannot be had.
        n: how many slices or sequences.
        remark: how far the two compare.
    """

    metric: str
    published: str
    value: float
    low: float
    high: float
    n: int
    remark: str


def truth_rows(folder: Path, music: Path | None = None) -> list[TruthRow]:
    """Metrics of the real dances of a folder of AIST++ motions (``.pkl``).

    Args:
        folder: of AIST++ motions as distributed.
        music: audio files named like the sequences.

    Raises:
        InputError: no sequence, or one that is damaged.
    """
    paths = sorted(folder.glob("*.pkl"))
    if not paths:
        raise InputError(f"{folder}: holds no AIST++ motions (*.pkl)")
    dances = [_joints(path) for path in paths]
    slices = [(path.stem, part) for path, dance in zip(paths, dances, strict=True)
              for part in _slices(dance)]  # fmt: skip
    if len(slices) < 2:
        raise InputError(f"{folder}: less than two slices of {SLICE_S:g} s; nothing to compare")
    names = [name for name, _ in slices]
    pfc = bootstrap_mean([physical_foot_contact(p, PUBLISHED_FPS) for _, p in slices], names)
    features = feature_set("real dances", [part for _, part in slices], PUBLISHED_FPS)
    spread = compare_sets(features, features, resamples=0)
    count = f"{len(slices)} slices of {len(paths)} sequences"
    few = f"{count}; z-scored with their own statistics, not with those of all AIST++"
    if len(slices) < _FAR_TOO_FEW:
        few += "; too few for a FID: its covariance would be singular"
    rows = [
        TruthRow("PFC", "1.332 (EDGE)", pfc.value, pfc.low, pfc.high, pfc.n, count),
        TruthRow("Div_k", "8.19 (Bailando), 10.61 (EDGE)", spread.div_k, math.nan, math.nan,
                 len(slices), few),
        TruthRow("Div_g", "7.45 (Bailando), 7.48 (EDGE)", spread.div_g, math.nan, math.nan,
                 len(slices), few),
    ]  # fmt: skip
    return [*rows, _beat_row(paths, dances, music)]


def truth_table(rows: Sequence[TruthRow]) -> str:
    """The rows as a Markdown table."""
    lines = ["| metric | published | here | n | how far it compares |", "|---|---|---|---|---|"]
    for row in rows:
        value = "–" if math.isnan(row.value) else f"{row.value:.3f}"
        if not math.isnan(row.low):
            value += f" [{row.low:.3f}, {row.high:.3f}]"
        lines.append(f"| {row.metric} | {row.published} | {value} | {row.n} | {row.remark} |")
    return "\n".join(lines)


def _beat_row(paths: Sequence[Path], dances: Sequence[np.ndarray], music: Path | None) -> TruthRow:
    published = "0.2374 (Bailando), 0.24 (EDGE)"
    values, names = [], []
    for path, joints in zip(paths, dances, strict=True):
        file = None if music is None else music_of(music, path.stem)
        if file is not None:
            beats = find_beats(file)
            beats = beats[beats <= (len(joints) - 1) / PUBLISHED_FPS]
            values.append(beat_alignment(beats, motion_beats(joints, PUBLISHED_FPS)))
            names.append(path.stem)
    if not values:
        nan = math.nan
        return TruthRow("beat alignment", published, nan, nan, nan, 0, "no music at hand")
    found = bootstrap_mean(values, names)
    return TruthRow("beat alignment", published, found.value, found.low, found.high, found.n,
                    f"{found.n} of {len(paths)} sequences have music")  # fmt: skip


def _slices(joints: np.ndarray) -> list[np.ndarray]:
    frames = round(SLICE_S * PUBLISHED_FPS)
    return [joints[i : i + frames] for i in range(0, len(joints) - frames + 1, frames)]


def _joints(path: Path) -> Float[np.ndarray, "frames 24 3"]:
    """The longest stretch without gaps, posed on the canonical skeleton, metres."""
    motion = read_motion(path)
    poses = torch.from_numpy(motion.poses)
    root = motion.trans / motion.scaling + np.array(load_skeleton().smpl_trans_to_pelvis)
    span = longest_run(np.isfinite(motion.poses).all((1, 2)))
    R = axis_angle_to_matrix(poses[span])
    _, joints = forward_kinematics(R, torch.from_numpy(root[span]))
    return joints.numpy()
