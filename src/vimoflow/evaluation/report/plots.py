"""Plots of a report as SVG text; equal metrics give equal text."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from vimoflow.errors import ConfigError
from vimoflow.evaluation.benchmark.results import MEAN_MOTION, TRUTH
from vimoflow.evaluation.benchmark.running import Evaluation


def pyplot() -> Any:
    """Matplotlib, without a screen.

    Raises:
        ConfigError: it is missing.
    """
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
    plt = pyplot()
    rows = [r for r in evaluation.rows if not math.isnan(r.metric("pa_mpjpe").value)]
    titles = list(dict.fromkeys(row.title for row in rows))
    methods = [m for m in dict.fromkeys(row.method for row in rows) if m != TRUTH]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.45 * len(titles)), layout="constrained")
    for k, method in enumerate(methods):
        for row in (r for r in rows if r.method == method):
            e = row.metric("pa_mpjpe")
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
    plt = pyplot()
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


def _svg(plt: Any, figure: Any) -> str:
    """The figure as SVG text that is the same every time."""
    file = io.StringIO()
    with plt.rc_context({"svg.hashsalt": "vimoflow"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return file.getvalue()
