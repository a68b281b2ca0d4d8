"""Plots of a report as SVG text; the same figures give the same text."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.results import MEAN_MOTION, TRUTH
from vimoflow.evaluation.benchmark.running import Evaluation
from vimoflow.evaluation.studies.robustness import Curve


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise ConfigError(
            f"the report's plots need matplotlib ({error}); run: pip install matplotlib"
        ) from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def error_plot(evaluation: Evaluation) -> str:
    """PA-MPJPE with intervals: a group of dots for every set."""
    plt = _pyplot()
    rows = [r for r in evaluation.rows if not math.isnan(r.figure("pa_mpjpe").value)]
    titles = list(dict.fromkeys(row.title for row in rows))
    methods = [m for m in dict.fromkeys(row.method for row in rows) if m != TRUTH]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.45 * len(titles)), layout="constrained")
    for k, method in enumerate(methods):
        for row in (r for r in rows if r.method == method):
            e = row.figure("pa_mpjpe")
            y = titles.index(row.title) + 0.12 * (k - (len(methods) - 1) / 2)
            low = e.value if math.isnan(e.low) else e.low
            high = e.value if math.isnan(e.high) else e.high
            first = row.title == next(r.title for r in rows if r.method == method)
            axes.plot([low, high], [y, y], color=f"C{k}", lw=1.5)
            axes.plot(e.value, y, "o", color=f"C{k}", ms=5, label=method if first else None)
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("PA-MPJPE, mm (95 % interval)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
    return _svg(plt, figure)


def clip_plot(evaluation: Evaluation) -> str:
    """Each method's clips in order of their error."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    methods = dict.fromkeys(r.method for r in evaluation.results)
    for method in (m for m in methods if m not in (TRUTH, MEAN_MOTION)):
        values = [r.score.pa_mpjpe for r in evaluation.results if r.method == method]
        ordered = np.sort([v for v in values if not math.isnan(v)])
        axes.plot(np.linspace(0, 100, len(ordered)), ordered, ".-", label=method)
    axes.set_xlabel("share of clips, %")
    axes.set_ylabel("PA-MPJPE, mm")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=8)
    return _svg(plt, figure)


def curve_plot(curves: Sequence[Curve]) -> str:
    """PA-MPJPE against every kind of damage, as SVG text."""
    plt = _pyplot()
    return _svg(plt, _curves(plt, curves))


def curve_picture(curves: Sequence[Curve]) -> bytes:
    """The same as a PNG file's bytes."""
    plt = _pyplot()
    figure, file = _curves(plt, curves), io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()


def _curves(plt: Any, curves: Sequence[Curve]) -> Any:
    columns = 3
    lines = math.ceil(len(curves) / columns)
    figure, grid = plt.subplots(
        lines, columns, figsize=(9, 2.5 * lines), layout="constrained", sharey=True, squeeze=False
    )
    for axes, curve in zip(grid.flat, curves):  # noqa: B905  # the last cells may stay empty
        levels = [p.level for p in curve.points]
        values = [p.pa_mpjpe for p in curve.points]
        axes.plot(levels, [e.value for e in values], "o-", ms=4)
        axes.fill_between(levels, [e.low for e in values], [e.high for e in values], alpha=0.2)
        axes.set_xlabel(curve.unit)
        axes.set_title(curve.name, fontsize=10)
        axes.grid(alpha=0.3)
    for axes in grid.flat[len(curves) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel("PA-MPJPE, mm")
    grid[0][0].set_ylim(bottom=0)
    return figure


def _svg(plt: Any, figure: Any) -> str:
    """The figure as SVG text that is the same every time."""
    file = io.StringIO()
    with plt.rc_context({"svg.hashsalt": "vimoflow"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return file.getvalue()
