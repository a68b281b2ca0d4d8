"""Several samples a clip: whether their spread is honest.

Coverage is the share of frames in which the truth's joint lies within a stated radius of the first
sample's, both relative to the pelvis. The factors that turn spread into radius are quantiles of
error / spread (split conformal prediction, Angelopoulos and Bates 2021), taken on some recordings
and checked on others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.metrics.paired import MM
from vimoflow.files import output_errors, write_text
from vimoflow.inference.hypotheses import Calibration, joint_spread_m
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES

LEVELS = (0.5, 0.9)
SEED_STEP = 7919  # from one sample of a clip to the next


@dataclass(frozen=True)
class Hypotheses:
    """Samples of one case in the order in which they were drawn."""

    case: Case
    samples: tuple[Motion, ...]

    @property
    def errors_m(self) -> Float[np.ndarray, "frames 24"]:
        """Distance of the first sample's joints from the truth's, pelves together, metres."""
        first = self.samples[0].joint_positions
        truth = self.case.truth.joint_positions
        return np.linalg.norm((first - first[:, :1]) - (truth - truth[:, :1]), axis=-1)

    @property
    def spread_m(self) -> Float[np.ndarray, "frames 24"]:
        """Standard deviation over the samples, metres."""
        return joint_spread_m(np.stack([motion.joint_positions for motion in self.samples]))


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
    """Several samples of every case.

    Raises:
        ConfigError: fewer than two samples are wanted.
    """
    if samples < 2:
        raise ConfigError(f"--samples: {samples} has no spread; at least 2")
    drawn = []
    for k in range(samples):

        def show(done: int, total: int | None, k: int = k) -> None:
            if progress is not None:
                progress(k * len(cases) + done, samples * len(cases))

        # As `generate` does it: what one pass gives comes first, the others are drawn.
        how = replace(options if k == 0 else options.drawing(), seed=seed + SEED_STEP * k)
        drawn.append(predict(checkpoint, cases, how, show))
    return [Hypotheses(*row) for row in zip(cases, zip(*drawn, strict=True), strict=True)]


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
    """Write the factors as JSON, as they ship (``inference/hypotheses.json``).

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
    with output_errors(path):
        write_text(path, json.dumps(document, indent=1) + "\n")


def write_hypotheses_report(hypotheses: Sequence[Hypotheses], source: str, folder: Path) -> str:
    """Write ``hypotheses.md`` (the coverage) and ``hypotheses.json`` (the factors).

    Factors are fitted on every second recording; coverage is that of the others.

    Args:
        hypotheses: samples of the cases.
        source: of the factors, for the file.
        folder: where to.

    Raises:
        OutputError: the files cannot be written.
        ConfigError: there is only one recording.
    """
    fitting, checking = split_recordings(hypotheses)
    calibration = fit_calibration(fitting, source)
    text = (
        f"Coverage on {len(checking)} clips; factors from {len(fitting)} others, "
        f"{calibration.samples} samples each:\n\n{coverage_table(coverage(checking, calibration))}"
    )
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "hypotheses.md", text + "\n")
    write_calibration(calibration, folder / "hypotheses.json")
    return text


def coverage_table(rows: Sequence[Coverage]) -> str:
    """Markdown: nominal and actual coverage."""
    head = "| joint | nominal | before scaling | after | mean radius, mm |\n|---|---|---|---|---|"
    lines = [
        f"| {r.joint} | {r.nominal:.0%} | {r.before:.0%} | {r.after:.0%} | {r.radius_mm:.0f} |"
        for r in rows
    ]
    return "\n".join((head, *lines))
