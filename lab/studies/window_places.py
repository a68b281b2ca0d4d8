"""How far the root's path depends on where the windows lie, and what more windows cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.data.camera_kinds import CAMERA_KINDS
from vimoflow.data.shards import Shard
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.evaluation.benchmark.cases import Case, virtual_case
from vimoflow.evaluation.benchmark.prediction import filming_of, steadied_case
from vimoflow.evaluation.metrics.trajectories import align_by_yaw
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.gravity import upright_shot
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.motion.features import decode_features

CLIPS = (
    ("tang2018", "DANCE_R_9"), ("tang2018", "DANCE_C_8"),
    ("bandai-namco", "dataset-2_walk_elderly_004"), ("cmu-dance", "60_12_scaled"),
    ("cmu-more", "cmu_14_21"),
)  # fmt: skip
FRAMES = 300
HOPS = (50, 25, 12)  # frames from window to window: as the overlap alone says, a half, a quarter
_KINDS = ("still", "following")


@dataclass(frozen=True)
class Places:
    """What one spacing of windows gives.

    Attributes:
        hop: frames from one window to the next.
        kind: of the camera.
        off_mm: of each clip, how far the root is off on average when the windows are moved.
        most_mm: in its worst frame.
        seconds: processor time of network and fit, a clip.
    """

    hop: int
    kind: str
    off_mm: tuple[float, ...]
    most_mm: float
    seconds: float


def window_places(
    checkpoint: Checkpoint,
    shards: Sequence[Shard],
    progress: Callable[[int, int | None], None],
    frames: int = FRAMES,
) -> Iterator[Places]:
    """Every spacing, its windows moved by a half and by a third of it."""
    of = {shard.entry.corpus: shard for shard in shards}
    picked = [(of[corpus], of[corpus].names.index(name)) for corpus, name in CLIPS if corpus in of]
    for kind in _KINDS:
        cases = [virtual_case(*one, 3, frames, cameras=CAMERA_KINDS[kind]) for one in picked]
        seen = [_condition(checkpoint, case) for case in cases]
        for hop in HOPS:
            rows = [_moved(checkpoint, condition, hop) for condition in seen]
            off = tuple(1000 * float(o.mean(axis=1).max()) for o, _ in rows)
            most = 1000 * max(float(o.max()) for o, _ in rows)
            yield Places(hop, kind, off, most, float(np.mean([spent for _, spent in rows])))
            progress(_KINDS.index(kind) * len(HOPS) + HOPS.index(hop) + 1, len(_KINDS) * len(HOPS))


def places_table(rows: Sequence[Places]) -> str:
    """A line a spacing and kind of camera."""
    lines = ["| camera | frames apart | off in the mean, mm, each clip | worst | time a clip |",
             "|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        each = ", ".join(f"{mm:.0f}" for mm in row.off_mm)
        lines.append(
            f"| {row.kind} | {row.hop} | {each} (mean {np.mean(row.off_mm):.0f}) "
            f"| {row.most_mm:.0f} | {row.seconds:.2f} s |"
        )
    return "\n".join(lines)


def _condition(checkpoint: Checkpoint, case: Case) -> Condition:
    view = steadied_case(case)
    lens, _ = filming_of([case], torch.tensor([view.focal]))
    points, still = torch.from_numpy(view.points_px).float()[None], torch.tensor([view.still])
    return upright_shot(checkpoint, points, lens, still).condition


def _moved(
    checkpoint: Checkpoint, condition: Condition, hop: int
) -> tuple[Float[np.ndarray, "moves frames"], float]:
    """How far moved windows' roots are from the others', metres, and the processor time of one."""
    options = SamplingOptions()
    plan = WindowPlan.cover(condition.pose.shape[1], options.window, options.window - hop)
    started = time.process_time()
    paths = [
        decode_features(sample_features(checkpoint, condition, options, plan=one))[2][0].double()
        for one in (plan, plan.moved(hop // 2), plan.moved(hop // 3))
    ]
    spent = (time.process_time() - started) / len(paths)
    off = [(align_by_yaw(path, paths[0]) - paths[0]).norm(dim=-1) for path in paths[1:]]
    return torch.stack(off).numpy(), spent
