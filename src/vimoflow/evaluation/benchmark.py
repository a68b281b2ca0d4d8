"""The validation table: sample the checkpoint on held-out clips and compare with the truth.

2D comes from the real detections where a corpus has them (one view at a time), else from a virtual
camera with detector noise. The first sample of one seed counts; the truth chooses nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conditioning.corruption import CorruptionSettings, corrupt_keypoints, view_through
from vimoflow.conditioning.encoding import encode_condition, person_size_px
from vimoflow.data.batches import is_static
from vimoflow.data.shards import Shard, read_shards
from vimoflow.data.virtual_cameras import CameraSettings, sample_cameras
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation import metrics
from vimoflow.geometry.cameras import camera_heading
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    rotation_about,
)
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, CONTACT_JOINTS, coco, joint
from vimoflow.sampling import SamplingOptions, features_to_motion, sample_features

FPS = 30.0
_BATCH = 32


@dataclass(frozen=True)
class Case:
    """One clip seen from one view, with its truth turned so that the camera's heading is zero.

    Attributes:
        static_camera: whether the image's path of the person tells where the person went.
    """

    name: str
    corpus: str
    group: str
    points_px: Float[np.ndarray, "frames 17 3"]
    truth: Motion
    truth_coco: Float[np.ndarray, "frames 17 3"]
    static_camera: bool = True


@dataclass(frozen=True)
class Score:
    """Figures of one predicted motion; millimetres unless the name says otherwise."""

    mpjpe: float
    pa_mpjpe: float
    pa_mpjpe_clip: float
    foot_slide: float
    jitter: float  # m/s^3
    acceleration: float  # m/s^2


def validation_cases(
    shards: Sequence[Shard], limit: int, seed: int, longest: int = 150
) -> list[Case]:
    """Cases of the shards: all real views where there are any, else one virtual view a recording.

    At most ``limit`` recordings of each corpus and group, evenly spread, cut to ``longest`` frames
    (in the middle); real views are used over their whole length.
    """
    cases = []
    for shard in shards:
        for group in sorted(set(shard.groups)):
            rows = [i for i, g in enumerate(shard.groups) if g == group]
            picked = [
                rows[i] for i in np.linspace(0, len(rows) - 1, min(limit, len(rows))).astype(int)
            ]
            for row in picked:
                views = np.flatnonzero(shard.view_of == row)
                if len(views):
                    cases += [_real_case(shard, row, int(view)) for view in views]
                else:
                    cases.append(_virtual_case(shard, row, seed, longest))
    return cases


def _real_case(shard: Shard, row: int, view: int) -> Case:
    R, root, contacts, span = _recording(shard, row, None)
    start = int(shard.view_starts[view])
    points = shard.keypoints[start : start + len(root)]
    heading = float(shard.view_headings[view])
    return _case(shard, row, span, points, R, root, contacts, heading)


def _virtual_case(shard: Shard, row: int, seed: int, longest: int) -> Case:
    R, root, contacts, span = _recording(shard, row, longest)
    generator = torch.Generator().manual_seed(seed * 100_003 + row)
    R_world, joints = forward_kinematics(R, root)
    camera = sample_cameras(joints[None], generator, CameraSettings(truncation_share=0.0))
    clear = view_through(camera, coco_points(R_world, joints)[None])
    points = corrupt_keypoints(clear, generator, None, CorruptionSettings())[0]
    heading = float(camera_heading(camera.R_camera_world[0, 0]))
    case = _case(shard, row, span, points.numpy(), R, root, contacts, heading)
    return dataclasses.replace(case, static_camera=bool(is_static(camera)[0]))


def _recording(
    shard: Shard, row: int, longest: int | None
) -> tuple[Tensor, Tensor, np.ndarray, slice]:
    """Rotations, root, contacts and the rows of a recording, or of its middle."""
    first, end = int(shard.starts[row]), int(shard.starts[row + 1])
    if longest is not None and end - first > longest:
        first += (end - first - longest) // 2
        end = first + longest
    poses = torch.from_numpy(shard.poses[first:end]).unflatten(1, (24, 3))
    root = torch.from_numpy(shard.trans[first:end])
    return axis_angle_to_matrix(poses), root, shard.contacts[first:end], slice(first, end)


def _case(
    shard: Shard,
    row: int,
    span: slice,
    points: np.ndarray,
    R: Tensor,
    root: Tensor,
    contacts: np.ndarray,
    heading: float,
) -> Case:
    """Turn the truth so that the camera's heading is zero, as predictions are."""
    turn = rotation_about("y", torch.tensor(-heading))
    R = R.clone()
    R[:, 0] = turn @ R[:, 0]
    root = root @ turn.T
    truth = Motion(matrix_to_axis_angle(R).numpy(), root.numpy(), FPS, contacts)
    points_3d = coco_points(*forward_kinematics(R, root)).numpy()
    if len(shard.coco_truth):
        points_3d = shard.coco_truth[span] @ turn.numpy().T
    return Case(
        shard.names[row], shard.entry.corpus, shard.groups[row],
        points.astype(np.float32), truth, points_3d,
    )  # fmt: skip


def score(motion: Motion, case: Case) -> Score:
    """Compare one motion with the truth of its case; COCO points 5 to 16, as published."""
    R = torch.from_numpy(motion.local_rotations)
    R_world, joints = forward_kinematics(R, torch.from_numpy(motion.trans).double())
    limbs = list(COCO_LIMBS)
    predicted = coco_points(R_world, joints)[:, limbs]
    truth = torch.from_numpy(case.truth_coco).double()[:, limbs]
    feet = joints[:, [joint(name) for name in CONTACT_JOINTS]]
    contacts = torch.from_numpy(case.truth.contacts).double()
    hips = tuple(COCO_LIMBS.index(coco(name)) for name in ("left_hip", "right_hip"))
    return Score(
        mpjpe=float(metrics.mpjpe(predicted, truth, root=hips)),
        pa_mpjpe=float(metrics.pa_mpjpe(predicted, truth)),
        pa_mpjpe_clip=float(metrics.pa_mpjpe_clip(predicted, truth)),
        foot_slide=float(metrics.foot_slide(feet, contacts, FPS)),
        jitter=float(metrics.jitter(joints, FPS)),
        acceleration=float(metrics.acceleration(joints, FPS)),
    )


def predict(
    checkpoint: Checkpoint, cases: Sequence[Case], options: SamplingOptions
) -> list[Motion]:
    """One default sample of each case, in small batches of cases sorted by length."""
    motions: dict[int, Motion] = {}
    for rows in _batches([len(case.truth) for case in cases], options.window):
        longest = max(len(cases[i].truth) for i in rows)
        points = torch.zeros(len(rows), longest, 17, 3)
        valid = torch.zeros(len(rows), longest, dtype=torch.bool)
        for k, i in enumerate(rows):
            length = len(cases[i].truth)
            points[k, :length] = torch.from_numpy(cases[i].points_px)
            valid[k, :length] = True
        still = torch.tensor([cases[i].static_camera for i in rows])
        condition = encode_condition(points, person_size_px(points), still)
        features = sample_features(checkpoint, condition, options, valid)
        for k, i in enumerate(rows):
            motions[i] = features_to_motion(features[k, : len(cases[i].truth)])
    return [motions[i] for i in range(len(cases))]


def _batches(lengths: Sequence[int], window: int) -> list[list[int]]:
    """Clips that are sampled together: of one length, or padded where one window holds them all.

    Padding a longer clip would move its windows.
    """
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        fits = bool(batches) and len(batches[-1]) < _BATCH
        if fits and (lengths[i] <= window or lengths[i] == lengths[batches[-1][0]]):
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def mean_motions(checkpoint: Checkpoint, cases: Sequence[Case]) -> list[Motion]:
    """The training set's mean features, standing still: the baseline that looks at nothing."""
    mean = checkpoint.normalization.mean
    return [features_to_motion(mean.expand(len(case.truth), -1)) for case in cases]


def summarize(
    cases: Sequence[Case], scores: Sequence[Score]
) -> dict[tuple[str, str], tuple[int, Score]]:
    """Per corpus and group: the number of cases and the mean of each figure (NaN left out)."""
    table = {}
    for key in sorted({(case.corpus, case.group) for case in cases}):
        rows = [
            s for case, s in zip(cases, scores, strict=True) if (case.corpus, case.group) == key
        ]
        values = np.array([dataclasses.astuple(s) for s in rows])
        table[key] = (len(rows), Score(*(_mean_of_numbers(column) for column in values.T)))
    return table


def _mean_of_numbers(values: np.ndarray) -> float:
    """Mean without the NaN; NaN where there is nothing else, without numpy's warning."""
    numbers = values[~np.isnan(values)]
    return float(numbers.mean()) if len(numbers) else float("nan")


def validation_report(
    data: Path, checkpoint: Checkpoint, options: SamplingOptions, limit: int = 24, seed: int = 0
) -> str:
    """The table of the README as Markdown: checkpoint and mean motion on every held-out corpus."""
    cases = validation_cases(read_shards(data, "validation"), limit, seed)
    lines = [
        "| clips | n | method | MPJPE mm | PA-MPJPE mm | PA clip mm | foot slide mm "
        "| jitter m/s³ |",
        "|---|---|---|---|---|---|---|---|",
    ]
    methods = {
        checkpoint.name: predict(checkpoint, cases, options),
        "mean motion": mean_motions(checkpoint, cases),
        "truth": [case.truth for case in cases],
    }
    tables = {
        name: summarize(cases, [score(m, c) for m, c in zip(motions, cases, strict=True)])
        for name, motions in methods.items()
    }
    for key in tables[checkpoint.name]:
        title = " ".join(part for part in key if part)
        for name, table in tables.items():
            n, s = table[key]
            lines.append(
                f"| {title} | {n} | {name} | {s.mpjpe:.1f} | {s.pa_mpjpe:.1f} | "
                f"{s.pa_mpjpe_clip:.1f} | {s.foot_slide:.1f} | {s.jitter:.0f} |"
            )
    return "\n".join(lines)
