"""Robustness curves as files: robustness.json, robustness.md and robustness.png."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.studies.robustness import Curve
from vimoflow.evaluation.benchmark.scores import HEADINGS
from vimoflow.evaluation.report.plots import pyplot
from vimoflow.evaluation.report.report_files import estimate_fields
from vimoflow.evaluation.report.tables import cell
from vimoflow.files import output_errors, write_bytes, write_text


def write_curves(curves: Sequence[Curve], title: str, folder: Path) -> str:
    """Write the files into a folder; returns the tables.

    Raises:
        OutputError: the folder cannot be written to.
        ConfigError: matplotlib, which draws the plots, is missing.
    """
    lines = [f"# {title}", "", "![Error by kind of damage](robustness.png)"]
    for curve in curves:
        lines += ["", f"## {curve.name}", "", curve_table(curve)]
    text = "\n".join(lines) + "\n"
    fields = {"title": title, "curves": [_fields(curve) for curve in curves]}
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "robustness.md", text)
        write_text(folder / "robustness.json", json.dumps(fields, indent=1, allow_nan=False) + "\n")
        write_bytes(folder / "robustness.png", curve_picture(curves))
    return text


def curve_picture(curves: Sequence[Curve]) -> bytes:
    """PA-MPJPE against every kind of damage, as a PNG file's bytes."""
    plt = pyplot()
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


def curve_table(curve: Curve) -> str:
    """Errors at every level of one kind of damage."""
    lines = [f"| {curve.unit} | n | PA-MPJPE mm | MPJPE mm | acceleration error m/s² |",
             "|---|---|---|---|---|"]  # fmt: skip
    for point in curve.points:
        metrics = (point.pa_mpjpe, point.mpjpe, point.acceleration_error)
        cells = " | ".join(cell(e, HEADINGS["pa_mpjpe"], True) for e in metrics)
        lines.append(f"| {point.level:g} | {point.pa_mpjpe.n} | {cells} |")
    return "\n".join(lines)


def _fields(curve: Curve) -> dict[str, Any]:
    names = ("pa_mpjpe", "mpjpe", "acceleration_error")
    points = [
        {"level": p.level, **{name: estimate_fields(getattr(p, name)) for name in names}}
        for p in curve.points
    ]
    return {"name": curve.name, "unit": curve.unit, "points": points}
