"""Motions for the cases of a benchmark: the checkpoint's, and the mean motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.inference.conditioning.encoding import Condition, encode_condition, person_size_px
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
            motions[i] = finished_motion(features[k, : len(cases[i].truth)], options)
        if progress is not None:
            progress(len(motions), len(cases))
    return [motions[i] for i in range(len(cases))]


def condition_of(case: Case) -> Condition:
    """What the model is told about a case, as a batch of one."""
    points = torch.from_numpy(case.points_px).float()[None]
    still = torch.tensor([case.static_camera])
    return encode_condition(points, person_size_px(points), still)


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
