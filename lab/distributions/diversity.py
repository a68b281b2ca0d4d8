"""How different the samples of one video are, and whether they differ where the image is silent.

Samples should differ in what a picture does not show (depth) and agree in what it does. Diversity
bought by leaving the image is no virtue, so it is always given beside its 2D consistency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.paired import MM, require_finite

TOWARD_CAMERA = (0.0, 0.0, 1.0)  # in the frame in which the camera's heading is zero


@dataclass(frozen=True)
class SampleDiversity:
    """Average pairwise distance (APD) of the samples of one video, mm a joint and frame.

    Attributes:
        apd: in space, roots moved together.
        image: its part across the line of sight, which the image shows.
        depth: its part along the line of sight.
        samples: how many there were.
    """

    apd: float
    image: float
    depth: float
    samples: int

    @property
    def depth_share(self) -> float:
        """Share of the squared spread that lies along the line of sight; a third if isotropic."""
        total = self.image**2 + self.depth**2
        return self.depth**2 / total if total > 0 else float("nan")


@dataclass(frozen=True)
class DiversityRelation:
    """Over videos: does what is more diverse fit the image worse?

    Attributes:
        rank_correlation: Spearman's, of APD and reprojection error; NaN where one is constant.
        p_value: of no relation.
        n: videos.
    """

    rank_correlation: float
    p_value: float
    n: int


def sample_diversity(
    samples: Float[Tensor, "samples frames joints 3"],
    toward_camera: tuple[float, float, float] = TOWARD_CAMERA,
    root: int = 0,
) -> SampleDiversity:
    """Mean distance between two samples' joints, relative to their roots.

    APD as in DLow (Yuan and Kitani 2020), there the norm over a whole sequence; here per joint and
    frame, so that clips of any length compare. ``image`` and ``depth`` are root mean squares a
    pair, so they need not add up to ``apd``.

    Raises:
        InputError: fewer than two samples, or NaN.
    """
    if len(samples) < 2:
        raise InputError(f"{len(samples)} samples have no diversity; at least 2 are needed")
    points = require_finite(samples)
    points = points - points[..., root : root + 1, :]
    axis = torch.nn.functional.normalize(torch.tensor(toward_camera).to(points), dim=0)
    a, b = torch.triu_indices(len(points), len(points), 1)
    apd, across, along = [], [], []
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        gap = points[i] - points[j]
        depth = gap @ axis
        apd.append(gap.norm(dim=-1).mean())
        along.append(depth.square().mean())
        across.append((gap.square().sum(-1) - depth.square()).clamp(min=0).mean())
    return SampleDiversity(
        apd=MM * float(torch.stack(apd).mean()),
        image=MM * float(torch.stack(across).mean().sqrt()),
        depth=MM * float(torch.stack(along).mean().sqrt()),
        samples=len(points),
    )


def diversity_relation(
    apd: Sequence[float] | Float[np.ndarray, " videos"],
    reprojection: Sequence[float] | Float[np.ndarray, " videos"],
) -> DiversityRelation:
    """Spearman's rank correlation of APD and reprojection error over videos.

    Raises:
        InputError: fewer than three videos, other lengths, or NaN.
    """
    from scipy.stats import spearmanr

    x, y = np.asarray(apd, float), np.asarray(reprojection, float)
    if x.shape != y.shape:
        raise InputError(f"{len(x)} diversities and {len(y)} reprojection errors do not pair up")
    if len(x) < 3:
        raise InputError(f"{len(x)} videos show no relation; at least 3 are needed")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("diversities or reprojection errors hold NaN or infinity")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return DiversityRelation(float("nan"), float("nan"), len(x))
    result = spearmanr(x, y)
    return DiversityRelation(float(result.statistic), float(result.pvalue), len(x))
