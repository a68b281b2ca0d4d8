"""An ablation's table and plot."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.ablations.ablations import Ablation
from lab.ablations.runs import Budget, RunResult
from vimoflow.errors import ConfigError, OutputError
from vimoflow.files import write_bytes


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and half the width of its 95 % confidence interval (Student's t)."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        digits = 1 if abs(self.mean) >= 10 or self.half_width >= 1 else 3
        if not math.isfinite(self.half_width):
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} ± {self.half_width:.{digits}f}"


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval; the half width is NaN for one value, both are if one is infinite."""
    from scipy import stats

    x = np.asarray(values, dtype=float)
    if not np.isfinite(x).all():
        return Interval(math.nan, math.nan)
    if len(x) < 2:
        return Interval(float(x.mean()), math.nan)
    quantile = float(stats.t.ppf(0.975, len(x) - 1))
    return Interval(float(x.mean()), quantile * float(x.std(ddof=1)) / math.sqrt(len(x)))


@dataclass(frozen=True)
class Comparison:
    """All finished runs of an ablation, by setting, the baseline first.

    Attributes:
        command: what made them, for the report.
    """

    ablation: Ablation
    recipe_name: str
    budget: Budget
    command: str
    settings: tuple[tuple[RunResult, ...], ...]

    @property
    def target_x0(self) -> float:
        """The held-out error that counts as reached: the baseline's own at the end, its mean."""
        return interval([run.final_x0 for run in self.settings[0]]).mean


def write_report(comparison: Comparison, folder: Path) -> Path:
    """Write NAME.md and NAME.png; returns the former.

    Raises:
        OutputError: the folder cannot be written.
    """
    name = comparison.ablation.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / f"{name}.png", _plot(comparison))
        write_bytes(folder / f"{name}.md", _markdown(comparison).encode())
    except OSError as error:
        raise OutputError(f"{folder}: cannot write the report ({error.strerror})") from error
    return folder / f"{name}.md"


def _markdown(comparison: Comparison) -> str:
    budget, baseline = comparison.budget, comparison.settings[0]
    lines = [
        f"# {comparison.ablation.name}: {comparison.ablation.question}",
        "",
        f"    {comparison.command}",
        "",
        f"Recipe `{comparison.recipe_name}`, {budget.steps} steps a run, the same for all. Mean "
        "and 95 % interval (Student's t) over seeds; in brackets the difference from the first "
        "row, seed by seed. x0 error: on fixed held-out clips, normalised channels, mean over the "
        "tenths of t. Steps: until the held-out error is at most "
        f"{comparison.target_x0:.3f}, which the first row has at the end (looked at every "
        f"{budget.held_out_every} steps). PA-MPJPE: raw samples, {budget.sampling_steps} DDIM "
        f"steps, not refined, {budget.clips} recordings of each held-out corpus and group. FID_k: "
        "of the same samples against their truths; few clips, so only rows of one table compare. "
        "Collapsed: runs at whose end the monitor saw static or mean poses at late t.",
        "",
        "| setting | seeds | x0 error | steps to target | joints mm, t < 10 % "
        "| joints mm, t ≥ 90 % | PA-MPJPE mm | FID_k | collapsed | minutes |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(runs, baseline, comparison.target_x0) for runs in comparison.settings]
    lines += ["", "x0 error by tenth of t, mean over seeds:", ""]
    lines += ["| setting | " + " | ".join(f"{10 * k}-{10 * k + 10} %" for k in range(10)) + " |"]
    lines += ["|---" * 11 + "|"]
    for runs in comparison.settings:
        tenths = np.mean([run.x0 for run in runs], axis=0)
        lines.append(f"| {runs[0].setting} | " + " | ".join(f"{x:.3f}" for x in tenths) + " |")
    lines += ["", f"![curves]({comparison.ablation.name}.png)", ""]
    return "\n".join(lines)


def _row(runs: Sequence[RunResult], baseline: Sequence[RunResult], target: float) -> str:
    cells = [
        runs[0].setting,
        str(len(runs)),
        _against([r.final_x0 for r in runs], runs, [r.final_x0 for r in baseline], baseline),
        _steps(runs, target),
        str(interval([r.joints_mm[0] for r in runs])),
        str(interval([r.joints_mm[-1] for r in runs])),
        _against([r.pa_mpjpe_mm for r in runs], runs, [r.pa_mpjpe_mm for r in baseline], baseline),
        "–" if math.isnan(runs[0].fid_k) else str(interval([r.fid_k for r in runs])),
        f"{sum(r.collapsed_at_end for r in runs)} of {len(runs)}",
        f"{np.mean([r.seconds for r in runs]) / 60:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _against(
    values: Sequence[float],
    runs: Sequence[RunResult],
    base_values: Sequence[float],
    baseline: Sequence[RunResult],
) -> str:
    """A value and its paired difference from the baseline, over the seeds that both have."""
    if runs is baseline:
        return str(interval(values))
    by_seed = {run.seed: value for run, value in zip(baseline, base_values, strict=True)}
    pairs = [v - by_seed[r.seed] for r, v in zip(runs, values, strict=True) if r.seed in by_seed]
    if not pairs:
        return str(interval(values))
    difference = interval(pairs)
    sign = "+" if difference.mean >= 0 else ""
    return f"{interval(values)} ({sign}{difference})"


def _steps(runs: Sequence[RunResult], target: float) -> str:
    steps = [run.steps_to(target) for run in runs]
    missed = sum(math.isinf(s) for s in steps)
    if missed == len(steps):
        return "not reached"
    if missed:
        return f"reached by {len(steps) - missed} of {len(steps)}"
    mean = interval(steps)
    wide = "" if math.isnan(mean.half_width) else f" ± {mean.half_width:.0f}"
    return f"{mean.mean:.0f}{wide}"


def _plot(comparison: Comparison) -> bytes:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "ablations are plotted with matplotlib: pip install 'vimoflow[train]'"
        ) from error

    colours = matplotlib.colormaps["tab20"].colors  # type: ignore[attr-defined]
    figure = Figure(figsize=(14.0, 4.6), layout="constrained")
    learning, tenths, poses = figure.subplots(1, 3)
    for index, runs in enumerate(comparison.settings):
        colour = colours[(2 * index) % 20 + (index // 10) % 2]
        style = {"color": colour, "linewidth": 2.6 if index == 0 else 1.4}
        curves = [run.curve_x0 for run in runs if run.curve_steps == runs[0].curve_steps]
        learning.plot(runs[0].curve_steps, np.mean(curves, axis=0), label=runs[0].setting, **style)
        learning.fill_between(
            runs[0].curve_steps, np.min(curves, axis=0), np.max(curves, axis=0),
            color=colour, alpha=0.15, linewidth=0,
        )  # fmt: skip
        tenths.plot(np.arange(5, 100, 10), np.mean([r.x0 for r in runs], axis=0), **style)
        spread = interval([run.pa_mpjpe_mm for run in runs])
        width = 0.0 if math.isnan(spread.half_width) else spread.half_width
        poses.errorbar(spread.mean, -index, xerr=width, fmt="o", color=colour, capsize=3)
    learning.set(xlabel="steps", ylabel="held-out x0 error (band: all seeds)", yscale="log")
    tenths.set(xlabel="t, per cent of T", ylabel="held-out x0 error at the end")
    poses.set(xlabel="PA-MPJPE of raw samples, mm (95 % over seeds)")
    poses.set_yticks(
        [-i for i in range(len(comparison.settings))],
        [runs[0].setting for runs in comparison.settings],
        fontsize="small",
    )
    for axes in (learning, tenths, poses):
        axes.grid(alpha=0.25)
    learning.legend(fontsize="x-small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
