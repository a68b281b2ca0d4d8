"""What knowing the detector's errors would be worth: its points mended with the truth beside them.

Each reading is what MediaPipe found with one kind of error taken away, which only somebody who has
the exact 2D can do. The error of the animation from it bounds what noticing such errors can gain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float

from lab.rendered.benchmark import RenderedCase, rendered_cases
from lab.rendered.clips import RenderedClip
from vimoflow.conventions import COCO_NAMES, STATURE_M
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import condition_of
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.inference.conditioning.encoding import person_size_px
from vimoflow.inference.refinement import Evidence
from vimoflow.inference.sampling import SamplingOptions, finished_motion
from vimoflow.inference.sampling.condition_to_features import LONGER, refined_features
from vimoflow.inference.sampling.conditional_denoising import denoise_features
from vimoflow.inference.sampling.joining import GROUND
from vimoflow.keypoints.mirroring import OTHER_SIDE

Points = Float[np.ndarray, "frames 17 3"]
Reading = Callable[[Points, Points], Points]  # of what was found and of the exact points

_SHARES = (0.05, 0.07, 0.1, 0.2)  # of the person's height
_GROUPS = (("elbow", "wrist"), ("knee", "ankle"))


def found_error(found: Points, exact: Points) -> Float[np.ndarray, "frames 17"]:
    """Distance of found points to the exact ones, as a share of the person's height."""
    size = float(person_size_px(torch.from_numpy(exact)[None].float()))
    return np.linalg.norm(found[..., :2] - exact[..., :2], axis=-1) / (STATURE_M * size)


def unseen_beyond(share: float) -> Reading:
    """Points that are off by more than a share of the height count as unseen."""

    def reading(found: Points, exact: Points) -> Points:
        return found * (found_error(found, exact) <= share)[..., None]

    return reading


def exact_beyond(share: float) -> Reading:
    """Points that are off by more are put where they belong."""

    def reading(found: Points, exact: Points) -> Points:
        far = (found_error(found, exact) > share) & (found[..., 2] > 0)
        return np.where(far[..., None], np.dstack((exact[..., :2], found[..., 2:])), found)

    return reading


def exchanges_undone(found: Points, exact: Points) -> Points:
    """Arms and legs, frame by frame, with the sides that lie nearer to the truth."""
    points = found.copy()
    for parts in _GROUPS:
        group = [i for i, name in enumerate(COCO_NAMES) if name.endswith(parts)]
        rows = np.ix_(_nearer_exchanged(found, exact, group), np.array(group))
        points[rows] = found[:, OTHER_SIDE][rows]
    return points


def _nearer_exchanged(
    found: Points, exact: Points, group: list[int]
) -> Bool[np.ndarray, " frames"]:
    own, other = (
        np.linalg.norm(points[:, group, :2] - exact[:, group, :2], axis=-1).sum(axis=1)
        for points in (found, found[:, OTHER_SIDE])
    )
    return (found[:, group, 2] > 0).all(axis=1) & (other < own)


READINGS: Mapping[str, Reading] = {
    "as found": lambda found, exact: found,
    **{f"unseen beyond {100 * x:.0f} %": unseen_beyond(x) for x in _SHARES},
    **{f"exact beyond {100 * x:.0f} %": exact_beyond(x) for x in (0.1,)},
    "exchanges undone": exchanges_undone,
    "exchanges undone, unseen beyond 7 %": lambda found, exact: unseen_beyond(0.07)(
        exchanges_undone(found, exact), exact
    ),
    "all exact": lambda found, exact: exact,
}


def oracle_errors(
    checkpoint: Checkpoint,
    clips: Sequence[RenderedClip],
    readings: Mapping[str, Reading] = READINGS,
    progress: Callable[[int, int | None], None] | None = None,
) -> dict[str, Float[np.ndarray, "clips 2"]]:
    """PA-MPJPE (mm) of each clip from each reading: the network's own answer, and refined."""
    found, exact = (rendered_cases(clips, kind, mend=False) for kind in ("video", "truth"))
    pairs = list(zip(found, exact, strict=True))
    results = {}
    for number, (name, reading) in enumerate(readings.items()):
        cases = [_with(a, reading(a.points_px, b.points_px)) for a, b in pairs]
        results[name] = np.array([answer_errors(checkpoint, case) for case in cases])
        if progress is not None:
            progress(number + 1, len(readings))
    return results


@torch.no_grad()
def answer_errors(checkpoint: Checkpoint, case: Case) -> tuple[float, float]:
    """PA-MPJPE (mm) of the network's own answer, and of the refined one.

    The camera is taken for level, as those of the rendered clips nearly are.
    """
    condition, options = condition_of(case), SamplingOptions()
    drawn = denoise_features(checkpoint, condition, options)
    refined = drawn.clone()
    refined[..., GROUND] *= LONGER
    refined = refined_features(refined, Evidence.of(condition))
    motions = (finished_motion(features[0], options) for features in (drawn, refined))
    own, fitted = (score(motion, case).pa_mpjpe for motion in motions)
    return own, fitted


def mended_errors(
    checkpoint: Checkpoint, clips: Sequence[RenderedClip]
) -> dict[str, Float[np.ndarray, "clips 2"]]:
    """The same for what ``generate`` makes of what was found: mended, and then also doubted."""
    doubted = rendered_cases(clips, "video")
    mended = [dataclasses.replace(case, trust=None) for case in doubted]
    return {
        name: np.array([answer_errors(checkpoint, case) for case in cases])
        for name, cases in (("mended", mended), ("mended and doubted", doubted))
    }


def oracle_table(errors: Mapping[str, Float[np.ndarray, "clips 2"]]) -> str:
    """Means over the clips as Markdown."""
    lines = ["| reading | PA-MPJPE mm, network alone | refined |", "|---|---|---|"]
    for name, rows in errors.items():
        lines.append(f"| {name} | " + " | ".join(f"{row.mean():.1f}" for row in rows.T) + " |")
    return "\n".join(lines)


def _with(case: RenderedCase, points: Points) -> RenderedCase:
    return dataclasses.replace(case, points_px=points.astype(np.float32))
