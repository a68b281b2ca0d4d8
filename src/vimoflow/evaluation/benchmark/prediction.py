"""Motions for the cases of a benchmark: the checkpoint's, and the mean motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.regression import as_trained
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.conditioning.shot import see_shot
from vimoflow.inference.conditioning.steadying import Steadied, steadied, turned_along
from vimoflow.inference.conditioning.viewpoint import Lens
from vimoflow.inference.gravity import upright_shot
from vimoflow.inference.sampling import (
    SamplingOptions,
    features_to_motion,
    finished_motion,
    sample_features,
)
from vimoflow.motion.clip import Motion

_BATCH = 32


def predict(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    options: SamplingOptions,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Motion]:
    """One sample of each case, in small batches of cases sorted by length."""
    motions: dict[int, Motion] = {}
    for rows in batches([len(case.truth) for case in cases], options.window):
        longest = max(len(cases[i].truth) for i in rows)
        points, yaw = torch.zeros(len(rows), longest, 17, 3), torch.zeros(len(rows), longest)
        valid = torch.zeros(len(rows), longest, dtype=torch.bool)
        views = [steadied_case(cases[i]) for i in rows]
        for k, view in enumerate(views):
            length = len(view.points_px)
            points[k, :length] = torch.from_numpy(view.points_px)
            yaw[k, :length] = torch.from_numpy(view.yaw)
            valid[k, :length] = True
        focal = torch.tensor([view.focal for view in views])
        lens, _ = filming_of([cases[i] for i in rows], focal)
        still = torch.tensor([view.still for view in views])
        shot = upright_shot(checkpoint, points, lens, still, valid)
        condition = dataclasses.replace(
            shot.condition, trust=_trust([cases[i] for i in rows], longest)
        )
        features = sample_features(checkpoint, condition, options, valid)
        features = turned_along(features, shot.yaw[:, None] + yaw)
        for k, i in enumerate(rows):
            motions[i] = finished_motion(features[k, : len(cases[i].truth)], options)
        if progress is not None:
            progress(len(motions), len(cases))
    return [motions[i] for i in range(len(cases))]


def steadied_case(case: Case) -> Steadied:
    """What its camera saw as a steady one would have seen it."""
    if case.camera is None:
        return Steadied(case.points_px, np.zeros(len(case.points_px)), case.static_camera)
    size = case.image_size_px or _extent(case.points_px)
    return steadied(case.points_px, size, case.camera)


def _trust(cases: Sequence[Case], longest: int) -> Float[Tensor, "cases frames 17"]:
    trust = torch.ones(len(cases), longest, 17)
    for row, case in zip(trust, cases, strict=True):
        if case.trust is not None:
            row[: len(case.trust)] = torch.from_numpy(case.trust)
    return trust


def condition_of(case: Case) -> Condition:
    """The model's condition for a case, as a batch of one."""
    points = torch.from_numpy(case.points_px).float()[None]
    condition = see_shot(points, *filming_of([case])).condition
    return dataclasses.replace(condition, trust=_trust([case], len(case.points_px)))


def filming_of(
    cases: Sequence[Case], focal: Float[Tensor, " cases"] | None = None
) -> tuple[Lens, Tensor]:
    """The lens of each case's picture, see `Lens.guessed`, and whether its camera stood still."""
    sizes = [case.image_size_px or _extent(case.points_px) for case in cases]
    still = torch.tensor([case.static_camera for case in cases])
    return Lens.guessed(torch.tensor(sizes, dtype=torch.float32), focal), still


def _extent(points_px: Float[np.ndarray, "frames 17 3"]) -> tuple[float, float]:
    """Width and height of a picture in whose middle the seen points are."""
    seen = points_px[points_px[..., 2] > 0][:, :2]
    width, height = seen.max(axis=0) + seen.min(axis=0) if len(seen) else (1.0, 1.0)
    return float(max(width, 1.0)), float(max(height, 1.0))


def batches(lengths: Sequence[int], window: int) -> list[list[int]]:
    """Clips that are sampled together: of one length, or padded where one window holds them all.

    Padding a longer clip would move its windows.
    """
    found: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        fits = bool(found) and len(found[-1]) < _BATCH
        if fits and (lengths[i] <= window or lengths[i] == lengths[found[-1][0]]):
            found[-1].append(i)
        else:
            found.append([i])
    return found


def mean_motions(checkpoint: Checkpoint, cases: Sequence[Case]) -> list[Motion]:
    """The training set's mean features, standing still: the baseline that looks at nothing."""
    mean = checkpoint.normalization.mean
    return [features_to_motion(mean.expand(len(case.truth), -1)) for case in cases]


def regression_motions(
    checkpoint: Checkpoint, cases: Sequence[Case], options: SamplingOptions
) -> list[Motion]:
    """A regression transformer's answers: one pass, windows and refinement as for the model."""
    once = dataclasses.replace(options, steps=1, sampler="ddim", guidance=0.0)
    return predict(as_trained(checkpoint), cases, once)
