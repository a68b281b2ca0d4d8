"""What several views are worth: one motion from two or four against the best of one alone.

The real detections of AIST++ recordings. "Shifted" views start up to two seconds apart, by
fractions of a frame, and are brought together again by their motion; all methods are scored on the
frames of the first view that are left. Cameras of AIST++ seem to be up to two frames of 60 Hz apart
themselves (docs/video.md), which counts against whatever takes the views for synchronous.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case, real_case, real_views
from vimoflow.evaluation.benchmark.scores import COCO_LIMBS
from vimoflow.evaluation.metrics.paired import pa_mpjpe
from vimoflow.inference.choices import Aggregation
from vimoflow.inference.conditioning.resampling import resample_keypoints
from vimoflow.inference.conditioning.viewpoint import Lens
from vimoflow.inference.gravity import upright_shot
from vimoflow.inference.multiview import on_first_clock, sample_views
from vimoflow.inference.sampling import SamplingOptions, finished_motion, sample_features
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.synchronisation import motion_offsets
from vimoflow.motion.kinematics import coco_points, forward_kinematics

LONGEST_SHIFT_S = 2.0
_IMAGE = (1920, 1080)
_LEAST_FRAMES = 60  # of a recording, beside the shift


@dataclass(frozen=True)
class ViewsResult:
    """One set of views of one recording.

    Attributes:
        recording: its name.
        views: cameras, from 1; the first one's clock counts.
        shifted: whether the views were moved in time and brought together by their motion.
        aggregation: how much each view counted; "" for one view alone.
        pa_mpjpe: of COCO points 5 to 16, millimetres.
        offset_error_s: largest error of the offsets found, seconds.
    """

    recording: str
    views: tuple[int, ...]
    shifted: bool
    aggregation: str
    pa_mpjpe: float
    offset_error_s: float = 0.0


def evaluate_views(
    checkpoint: Checkpoint,
    shards: Sequence[Shard],
    counts: Sequence[int],
    sets: int,
    aggregations: Sequence[Aggregation],
    options: SamplingOptions,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[ViewsResult]:
    """Every view alone, and random sets of views together, with and without a shift.

    Args:
        checkpoint: what sees one view at a time.
        shards: recordings without enough real views are left out.
        counts: how many views at a time.
        sets: how many random sets of each number of views.
        aggregations: see ``multiview``.
        options: how to sample.
        seed: of the sets and the shifts.
        progress: called with the number of recordings done.

    Raises:
        InputError: no recording has as many views as the largest count.
    """
    results: list[ViewsResult] = []
    recordings = [cases for shard in shards for cases in _recordings(shard, max(counts))]
    if not recordings:
        raise InputError(f"no recording of these shards has {max(counts)} real views")
    for done, cases in enumerate(recordings):
        generator = np.random.default_rng(seed)
        late = [_later(case) for case in cases]
        for number, case in enumerate(late):
            error = _error(_alone(checkpoint, case, options), case)
            results.append(ViewsResult(case.name, (number + 1,), False, "", error))
        for count in counts:
            for _ in range(sets):
                chosen = generator.choice(len(cases), count, replace=False)
                shifts = np.concatenate([[0.0], generator.uniform(-1, 1, count - 1)])
                for shifted in (False, True):
                    offsets = shifts * (LONGEST_SHIFT_S if shifted else 0.0)
                    seen = [_started(cases[i], o) for i, o in zip(chosen, offsets, strict=True)]
                    found = [o.seconds for o in motion_offsets(seen)] if shifted else offsets
                    wrong = float(np.abs(np.asarray(found) - offsets).max())
                    together = on_first_clock(seen, [float(s) for s in found])
                    for aggregation in aggregations:
                        points = _together(checkpoint, together, options, aggregation)
                        error = _error(points, late[chosen[0]])
                        names = tuple(int(i) + 1 for i in chosen)
                        results.append(
                            ViewsResult(cases[0].name, names, shifted, aggregation, error, wrong)
                        )
        if progress is not None:
            progress(done + 1, len(recordings))
    return results


def views_table(results: Sequence[ViewsResult]) -> str:
    """Means over the sets of each recording, beside the best single view, as Markdown."""
    lines = [
        "| recording | views | start | views count by | PA-MPJPE mm | best single of the set | "
        "sets better | best single of all | largest offset error |",
        "|---" * 9 + "|",
    ]
    for name in dict.fromkeys(r.recording for r in results):
        own = [r for r in results if r.recording == name]
        single = {r.views[0]: r.pa_mpjpe for r in own if len(r.views) == 1}
        mean = np.mean(list(single.values()))
        lines.append(
            f"| {name} | 1 | | | {mean:.1f} (mean of {len(single)}) | | | "
            f"{min(single.values()):.1f} | |"
        )
        several = [r for r in own if len(r.views) > 1]
        for key in dict.fromkeys((len(r.views), r.shifted, r.aggregation) for r in several):
            rows = [r for r in several if (len(r.views), r.shifted, r.aggregation) == key]
            best = [min(single[v] for v in r.views) for r in rows]
            wins = sum(r.pa_mpjpe < b for r, b in zip(rows, best, strict=True))
            start = f"up to {LONGEST_SHIFT_S:g} s apart" if key[1] else "together"
            offset = f"{1000 * max(r.offset_error_s for r in rows):.0f} ms" if key[1] else ""
            lines.append(
                f"| {name} | {key[0]} | {start} | {key[2]} | "
                f"{np.mean([r.pa_mpjpe for r in rows]):.1f} | {np.mean(best):.1f} | "
                f"{wins} of {len(rows)} | {min(single.values()):.1f} | {offset} |"
            )
    return "\n".join(lines)


def _recordings(shard: Shard, least: int) -> Iterator[list[Case]]:
    for row in range(len(shard.names)):
        views = real_views(shard, row)
        least_frames = LONGEST_SHIFT_S * MODEL_FPS + _LEAST_FRAMES
        long = shard.starts[row + 1] - shard.starts[row] > least_frames
        if len(views) >= least and long:
            yield [real_case(shard, row, view) for view in views]


def _later(case: Case) -> Case:
    """The case from where every view is running, however it was shifted."""
    first = int(LONGEST_SHIFT_S * MODEL_FPS)
    truth = dataclasses.replace(
        case.truth,
        poses=case.truth.poses[first:],
        trans=case.truth.trans[first:],
        contacts=case.truth.contacts[first:],
        timestamps=np.arange(len(case.truth) - first) / MODEL_FPS,
    )
    return dataclasses.replace(
        case, points_px=case.points_px[first:], truth=truth, truth_coco=case.truth_coco[first:]
    )


def _started(case: Case, offset_s: float) -> Keypoints2D:
    """What a camera that was started ``offset_s`` after the first one saw, on its own clock."""
    times = np.arange(len(case.points_px)) / MODEL_FPS
    whole = Keypoints2D(case.points_px.astype(np.float64), times, _IMAGE, case.title)
    length = float(times[-1]) - LONGEST_SHIFT_S - offset_s
    own = np.arange(int(length * MODEL_FPS + 1e-6) + 1) / MODEL_FPS
    points = resample_keypoints(whole, own + LONGEST_SHIFT_S + offset_s)
    return dataclasses.replace(whole, points=points.double().numpy(), timestamps=own)


def _alone(
    checkpoint: Checkpoint, case: Case, options: SamplingOptions
) -> Float[np.ndarray, "frames 17 3"]:
    points = torch.from_numpy(case.points_px).float()[None]
    condition = upright_shot(checkpoint, points, _lens(1), case.static_camera).condition
    return _posed(sample_features(checkpoint, condition, options)[0], options)


def _together(
    checkpoint: Checkpoint,
    views: Sequence[Keypoints2D],
    options: SamplingOptions,
    aggregation: Aggregation,
) -> Float[np.ndarray, "frames 17 3"]:
    points = torch.from_numpy(np.stack([view.points for view in views])).float()
    one = upright_shot(checkpoint, points, _lens(len(points))).condition
    condition = one.map(lambda x: x[None])
    features = sample_views(checkpoint, condition, options, aggregation=aggregation)[0]
    return _posed(features, options)


def _lens(views: int) -> Lens:
    return Lens.guessed(torch.tensor([_IMAGE] * views, dtype=torch.float32))


def _posed(features: torch.Tensor, options: SamplingOptions) -> Float[np.ndarray, "frames 17 3"]:
    motion = finished_motion(features, options)
    root = torch.from_numpy(motion.trans).double()
    R = torch.from_numpy(motion.local_rotations)
    return coco_points(*forward_kinematics(R, root)).numpy()


def _error(points: Float[np.ndarray, "frames 17 3"], case: Case) -> float:
    """Over the frames that both have: a shift by fractions can cost the last one."""
    count = min(len(points), len(case.truth_coco))
    limbs = [
        torch.from_numpy(p[:count]).double()[:, list(COCO_LIMBS)] for p in (points, case.truth_coco)
    ]
    return float(pa_mpjpe(*limbs))
