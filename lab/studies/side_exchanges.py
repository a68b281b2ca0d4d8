"""What mending keypoints costs where nothing is wrong, and what it gains where sides are exchanged.

Clips of a benchmark are predicted from their 2D as it is and mended; then sides of the whole body,
of the arms and of the legs are exchanged for a while and the person jumps away once, and the same
is done again. Exchanges count as found when more than half of their run is, where the sides are far
enough apart for anybody to tell.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.conventions import COCO_NAMES, MODEL_FPS
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.benchmark_file import NamedCases
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import score
from vimoflow.geometry.signals import runs_of_true
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.keypoints.mending import Mended, mended
from vimoflow.keypoints.mirroring import OTHER_SIDE
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.keypoints.sequence import Keypoints2D

GROUPS = {
    "body": list(range(17)),
    "arms": [i for i, name in enumerate(COCO_NAMES) if name.endswith(("elbow", "wrist"))],
    "legs": [i for i, name in enumerate(COCO_NAMES) if name.endswith(("knee", "ankle"))],
}
_APART_M = 0.1  # sides nearer to each other than this cannot be told apart, nor do they matter
_RUN = (3, 45)  # frames
_SHORTEST = 60  # frames of a clip that is damaged
_JUMP_M = 1.0
_ROUNDS = 5


@dataclass(frozen=True)
class MendingRow:
    """PA-MPJPE of one set of clips, millimetres: as given and damaged, each also mended."""

    title: str
    clips: int
    exchanged: float
    given: float
    given_mended: float
    damaged: float
    damaged_mended: float

    def __str__(self) -> str:
        return (
            f"| {self.title} | {self.clips} | {self.exchanged:.1%} | {self.given:.1f} "
            f"| {self.given_mended - self.given:+.2f} | {self.damaged:.1f} "
            f"| {self.damaged_mended - self.damaged:+.2f} |"
        )


@dataclass
class Found:
    """How many exchanges were made and found, and how many of those found were made."""

    made: int = 0
    made_found: int = 0
    found: int = 0
    found_made: int = 0

    def __str__(self) -> str:
        recall = self.made_found / max(self.made, 1)
        return f"{self.made} | {recall:.2f} | {self.found_made / max(self.found, 1):.2f}"


def mending_rows(
    checkpoint: Checkpoint,
    sets: Sequence[NamedCases],
    options: SamplingOptions,
    progress: Callable[[int, int | None], None],
    seed: int = 0,
) -> list[MendingRow]:
    """A row of each set."""
    rows = []
    for number, named in enumerate(sets):
        rng = np.random.default_rng((seed, number))
        cases = [case for case in named.cases if len(case.points_px) >= _SHORTEST]
        broken = [_with(case, _damaged(case, rng)) for case in cases]
        exchanged = 0.0
        errors: list[float] = []
        for given in (cases, broken):
            found = [mended(_keypoints(case)) for case in given]
            again = [_with(c, m.keypoints.points) for c, m in zip(given, found, strict=True)]
            exchanged = exchanged if errors else _share(found)
            for some in (given, again):
                motions = predict(checkpoint, some, options)
                scores = [score(m, c).pa_mpjpe for m, c in zip(motions, some, strict=True)]
                errors.append(float(np.mean(scores)))
        rows.append(MendingRow(named.title, len(cases), exchanged, *errors))
        progress(number + 1, len(sets))
    return rows


def mending_table(rows: Sequence[MendingRow], found: Mapping[tuple[str, str], Found]) -> str:
    """Both results as Markdown."""
    head = ("clips", "n", "frames exchanged", "PA-MPJPE mm", "mended", "damaged", "mended")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *map(str, rows), ""]
    lines += ["| exchanged | 2D | made | recall | precision |", "|---|---|---|---|---|"]
    lines += [f"| {what} | {source} | {one} |" for (what, source), one in found.items()]
    return "\n".join(lines)


def found_exchanges(sets: Sequence[NamedCases], seed: int = 0) -> dict[tuple[str, str], Found]:
    """What is found of exchanges, by what is exchanged and where the 2D is from."""
    counts: dict[tuple[str, str], Found] = {}
    rng = np.random.default_rng(seed)
    for case in _ROUNDS * [case for named in sets for case in named.cases]:
        if len(case.points_px) < _SHORTEST:
            continue
        before = mended(_keypoints(case)).exchanged
        for name, group in GROUPS.items():
            made = _runs(len(case.points_px), 2, rng)
            points = _exchanged(case.points_px, made, group)
            after = mended(_keypoints(_with(case, points))).exchanged
            told = [k for k in group if name != "body" or COCO_NAMES[k].endswith("shoulder")]
            count = counts.setdefault((name, case.source), Found())
            was, now = (x[:, told].any(axis=1) for x in (before, after))
            _count(count, case.points_px, made, group, was, now)
    return counts


def _count(
    count: Found,
    points: Float[np.ndarray, "frames 17 3"],
    made: Bool[np.ndarray, " frames"],
    group: list[int],
    before: Bool[np.ndarray, " frames"],
    after: Bool[np.ndarray, " frames"],
) -> None:
    sided = [k for k in group if COCO_NAMES[k].endswith(("wrist", "ankle", "hip", "shoulder"))]
    other = points[:, OTHER_SIDE]
    gap = np.linalg.norm(points[:, sided, :2] - other[:, sided, :2], axis=-1)
    both = (points[:, sided, 2] > 0) & (other[:, sided, 2] > 0)  # of one side nobody can tell
    apart = np.median(np.where(both, gap, 0.0), axis=1) / metre_px(points)
    for a, b in runs_of_true(made):
        if apart[a:b].mean() > _APART_M:
            count.made += 1
            count.made_found += bool(after[a:b].mean() > 0.5)
    for a, b in runs_of_true(after & ~before):
        count.found += 1
        count.found_made += bool(made[a:b].mean() > 0.5)


def _runs(frames: int, count: int, rng: np.random.Generator) -> Bool[np.ndarray, " frames"]:
    """Runs of frames, apart from each other, none at the very ends."""
    chosen = np.zeros(frames, bool)
    for _ in range(count):
        length = min(int(rng.integers(*_RUN)), frames // 3)
        first = int(rng.integers(1, frames - length))
        if not chosen[max(0, first - 3) : first + length + 3].any():
            chosen[first : first + length] = True
    return chosen


def _exchanged(
    points: Float[np.ndarray, "frames 17 3"], frames: Bool[np.ndarray, " frames"], group: list[int]
) -> Float[np.ndarray, "frames 17 3"]:
    points = points.copy()
    rows = np.ix_(frames, np.array(group))
    points[rows] = points[:, OTHER_SIDE][rows]
    return points


def _damaged(case: Case, rng: np.random.Generator) -> Float[np.ndarray, "frames 17 3"]:
    points = case.points_px
    for group in GROUPS.values():
        points = _exchanged(points, _runs(len(points), 1, rng), group)
    first = int(rng.integers(5, len(points) - 12))
    points[first : first + int(rng.integers(1, 8)), :, 0] += _JUMP_M * metre_px(points)
    return points


def _keypoints(case: Case) -> Keypoints2D:
    points = case.points_px.astype(float)
    return Keypoints2D(points, np.arange(len(points)) / MODEL_FPS, (1000, 1000))


def _with(case: Case, points: Float[np.ndarray, "frames 17 3"]) -> Case:
    return dataclasses.replace(case, points_px=points.astype(np.float32))


def _share(found: Sequence[Mended]) -> float:
    return float(np.concatenate([one.exchanged.any(axis=1) for one in found]).mean())
