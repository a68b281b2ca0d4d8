"""Several samples a clip: what choosing among them gains, and whether their spread is honest.

Coverage is the share of frames in which the truth's joint lies within a stated radius of the chosen
sample's, both relative to the pelvis. The factors that turn spread into radius are quantiles of
error / spread (split conformal prediction, Angelopoulos and Bates 2021), taken on some recordings
and checked on others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.errors import ConfigError, OutputError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import condition_of, predict
from vimoflow.evaluation.metrics.paired import MM, pa_mpjpe
from vimoflow.files import write_text
from vimoflow.inference.hypotheses import Calibration, Ranking, RankWeights, joint_spread_m, rank
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, JOINT_NAMES

LEVELS = (0.5, 0.9)
SEED_STEP = 7919  # from one sample of a clip to the next
TERMS = tuple(f.name for f in fields(RankWeights))  # in the order of Merit's first fields


@dataclass(frozen=True)
class Hypotheses:
    """Samples of one case in the order in which they were drawn, and their ranking."""

    case: Case
    samples: tuple[Motion, ...]
    ranking: Ranking

    @property
    def pa_mpjpe(self) -> Float[np.ndarray, "samples"]:
        """Error of every sample, mm (COCO points 5 to 16, similarity of every frame)."""
        limbs = list(COCO_LIMBS)
        truth = torch.from_numpy(self.case.truth_coco[:, limbs])
        R = torch.from_numpy(np.stack([m.local_rotations for m in self.samples]))
        root = torch.from_numpy(np.stack([m.trans for m in self.samples])).double()
        points = coco_points(*forward_kinematics(R, root))[:, :, limbs]
        return np.array([float(pa_mpjpe(sample, truth)) for sample in points])

    @property
    def terms(self) -> Float[np.ndarray, "samples 3"]:
        """What the samples are ranked by."""
        return np.array(
            [(m.reprojection_mm, m.contact_mm, m.denoising) for m in self.ranking.merits]
        )

    @property
    def errors_m(self) -> Float[np.ndarray, "frames 24"]:
        """Distance of the best-ranked sample's joints from the truth's, pelves together, metres."""
        best = self.samples[self.ranking.order[0]].joint_positions
        truth = self.case.truth.joint_positions
        return np.linalg.norm((best - best[:, :1]) - (truth - truth[:, :1]), axis=-1)

    @property
    def spread_m(self) -> Float[np.ndarray, "frames 24"]:
        """Standard deviation over the samples, metres."""
        return joint_spread_m(np.stack([motion.joint_positions for motion in self.samples]))


@dataclass(frozen=True)
class Selection:
    """Mean PA-MPJPE of a set of cases by how one sample of several is chosen, mm.

    Attributes:
        first: the first sample drawn.
        mean: over all samples, the same as choosing blindly.
        ranked: the best by the ranking.
        by_term: the best by each term of the ranking alone, see ``TERMS``.
        oracle: the best by the truth: what no ranking can beat.
    """

    title: str
    cases: int
    first: float
    mean: float
    ranked: float
    by_term: tuple[float, ...]
    oracle: float


@dataclass(frozen=True)
class Coverage:
    """How often the truth was inside a radius that should hold it with probability ``nominal``.

    Attributes:
        before: with the spread taken as that of a normal distribution.
        after: with the calibrated factors.
        radius_mm: mean calibrated radius.
    """

    joint: str
    nominal: float
    before: float
    after: float
    radius_mm: float


def draw_hypotheses(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    options: SamplingOptions,
    samples: int,
    seed: int = 0,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Hypotheses]:
    """Several samples of every case, ranked.

    Raises:
        ConfigError: fewer than two samples are wanted.
    """
    if samples < 2:
        raise ConfigError(f"--samples: {samples} leaves nothing to choose from; at least 2")
    drawn = []
    for k in range(samples):

        def show(done: int, total: int | None, k: int = k) -> None:
            if progress is not None:
                progress(k * len(cases) + done, samples * len(cases))

        # As `generate` does it: what one pass gives comes first, the others are drawn.
        how = replace(options if k == 0 else options.drawing(), seed=seed + SEED_STEP * k)
        drawn.append(predict(checkpoint, cases, how, show))
    return [
        Hypotheses(case, motions, rank(checkpoint, motions, condition_of(case)))
        for case, motions in zip(cases, zip(*drawn, strict=True), strict=True)
    ]


def fit_weights(hypotheses: Sequence[Hypotheses]) -> RankWeights:
    """Weights of the terms in mm of error a unit: non-negative least squares within clips.

    For training clips: weights chosen on the clips that judge them would flatter themselves.
    """
    from scipy.optimize import nnls

    terms = np.concatenate([h.terms - h.terms.mean(0) for h in hypotheses])
    errors = np.concatenate([h.pa_mpjpe - h.pa_mpjpe.mean() for h in hypotheses])
    scale = np.maximum(terms.std(0), 1e-12)
    return RankWeights(*(float(w) for w in nnls(terms / scale, errors)[0] / scale))


def selection(title: str, hypotheses: Sequence[Hypotheses]) -> Selection:
    """What each way of choosing gives, mean over cases."""
    errors = np.stack([h.pa_mpjpe for h in hypotheses])
    best = np.array([h.ranking.order[0] for h in hypotheses])
    by_term = np.stack([h.terms.argmin(0) for h in hypotheses])
    rows = np.arange(len(errors))
    return Selection(
        title=title,
        cases=len(errors),
        first=float(errors[:, 0].mean()),
        mean=float(errors.mean()),
        ranked=float(errors[rows, best].mean()),
        by_term=tuple(float(errors[rows, k].mean()) for k in by_term.T),
        oracle=float(errors.min(1).mean()),
    )


def split_recordings(
    hypotheses: Sequence[Hypotheses],
) -> tuple[list[Hypotheses], list[Hypotheses]]:
    """Every second recording, and the others; the views of one stay together.

    Raises:
        ConfigError: there is only one recording.
    """
    names = list(dict.fromkeys(h.case.name for h in hypotheses))
    if len(names) < 2:
        raise ConfigError("calibration needs two recordings: one to fit, one to check")
    first = set(names[::2])
    return (
        [h for h in hypotheses if h.case.name in first],
        [h for h in hypotheses if h.case.name not in first],
    )


def fit_calibration(hypotheses: Sequence[Hypotheses], source: str) -> Calibration:
    """Quantiles of error / spread of each joint over frames; zero for the pelvis."""
    ratio = np.concatenate([h.errors_m / np.maximum(h.spread_m, 1e-6) for h in hypotheses])
    ratio[:, 0] = 0.0
    half, nine = np.quantile(ratio, LEVELS, axis=0)
    return Calibration(tuple(half), tuple(nine), len(hypotheses[0].samples), source)


def coverage(hypotheses: Sequence[Hypotheses], calibration: Calibration) -> list[Coverage]:
    """Nominal and actual coverage of every joint but the pelvis, then of all of them."""
    from scipy.stats import chi2

    errors = np.concatenate([h.errors_m for h in hypotheses])[:, 1:]
    spread = np.concatenate([h.spread_m for h in hypotheses])[:, 1:]
    rows = []
    for level, factor in zip(LEVELS, (calibration.factor_50, calibration.factor_90), strict=True):
        radius = spread * np.array(factor)[1:]
        # The length of a normal vector whose variances sum to the squared spread.
        normal = errors <= spread * np.sqrt(chi2.ppf(level, 3) / 3)
        inside = errors <= radius
        for j, name in enumerate((*JOINT_NAMES[1:], "all joints")):
            pick = slice(None) if name == "all joints" else slice(j, j + 1)
            rows.append(
                Coverage(
                    name, level, float(normal[:, pick].mean()), float(inside[:, pick].mean()),
                    MM * float(radius[:, pick].mean()),
                )
            )  # fmt: skip
    return rows


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write the factors as JSON; ``hypotheses.load_calibration`` reads them.

    Raises:
        OutputError: the file cannot be written.
    """
    document = {
        "source": calibration.source,
        "samples": calibration.samples,
        "unit": "radius / standard deviation of the samples",
    }
    for key in ("factor_50", "factor_90"):
        values = getattr(calibration, key)
        document[key] = {n: round(v, 3) for n, v in zip(JOINT_NAMES, values, strict=True)}
    try:
        write_text(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def write_hypotheses_report(
    titles: Sequence[str], hypotheses: Sequence[Hypotheses], source: str, folder: Path
) -> str:
    """Write ``hypotheses.md`` (both tables) and ``hypotheses.json`` (the factors).

    Factors are fitted on every second recording; coverage is that of the others.

    Args:
        titles: the set to which each case belongs.
        hypotheses: ranked samples of the cases.
        source: of the factors, for the file.
        folder: where to.

    Raises:
        OutputError: the files cannot be written.
        ConfigError: there is only one recording.
    """
    sets = [(t, [h for h, own in zip(hypotheses, titles, strict=True) if own == t])
            for t in dict.fromkeys(titles)]  # fmt: skip
    fitting, checking = split_recordings(hypotheses)
    calibration = fit_calibration(fitting, source)
    rows = [selection(title, group) for title, group in [*sets, ("all", list(hypotheses))]]
    weights = fit_weights(hypotheses)
    text = "\n\n".join(
        (
            f"PA-MPJPE, mm, of one of {calibration.samples} samples:", selection_table(rows),
            "Weights that these clips would choose (mm of error a unit): "
            + ", ".join(f"{name} {getattr(weights, name):.3g}" for name in TERMS),
            f"Coverage on {len(checking)} clips; factors from {len(fitting)} others:",
            coverage_table(coverage(checking, calibration)),
        )
    )  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "hypotheses.md", text + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    write_calibration(calibration, folder / "hypotheses.json")
    return text


def selection_table(rows: Sequence[Selection]) -> str:
    """Markdown: PA-MPJPE by how the sample is chosen."""
    head = ("clips", "n", "first", "mean", "ranked", *(f"by {t} alone" for t in TERMS),
            "oracle (by truth)")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        values = (row.first, row.mean, row.ranked, *row.by_term, row.oracle)
        lines.append(f"| {row.title} | {row.cases} | {' | '.join(f'{v:.1f}' for v in values)} |")
    return "\n".join(lines)


def coverage_table(rows: Sequence[Coverage]) -> str:
    """Markdown: nominal and actual coverage."""
    head = "| joint | nominal | before scaling | after | mean radius, mm |\n|---|---|---|---|---|"
    lines = [
        f"| {r.joint} | {r.nominal:.0%} | {r.before:.0%} | {r.after:.0%} | {r.radius_mm:.0f} |"
        for r in rows
    ]
    return "\n".join((head, *lines))
