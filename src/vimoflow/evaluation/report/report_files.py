"""An evaluation as files: report.json, report.md and a self-contained report.html.

The same evaluation gives the same bytes: nothing in them depends on time or place.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from vimoflow.evaluation.benchmark.results import ClipResult
from vimoflow.evaluation.benchmark.rows import Row
from vimoflow.evaluation.benchmark.running import Evaluation
from vimoflow.evaluation.benchmark.scores import HEADINGS
from vimoflow.evaluation.metrics.intervals import Estimate
from vimoflow.evaluation.report.plots import clip_plot, error_plot
from vimoflow.evaluation.report.tables import all_tables, introduction
from vimoflow.files import output_errors, write_text


@dataclass(frozen=True)
class Viewer:
    """A page that plays one clip, to be shown inside the report."""

    title: str
    page: str


def write_report(
    evaluation: Evaluation, folder: Path, viewers: Sequence[Viewer] = ()
) -> tuple[Path, ...]:
    """Write the files into a folder, each complete or not at all.

    Raises:
        OutputError: the folder cannot be written to.
        ConfigError: matplotlib, which draws the plots, is missing.
    """
    files = {
        "report.json": json.dumps(report_fields(evaluation), indent=1, allow_nan=False),
        "report.md": report_markdown(evaluation),
        "report.html": report_page(evaluation, viewers),
    }
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_text(folder / name, text.rstrip() + "\n")
    return tuple(folder / name for name in files)


def best_median_worst(evaluation: Evaluation) -> tuple[tuple[str, ClipResult], ...]:
    """The checkpoint's best, median and worst clip by PA-MPJPE, fewer where there are fewer."""
    own = [r for r in evaluation.results if r.method == evaluation.checkpoint and r.motion]
    own.sort(key=lambda r: (r.score.pa_mpjpe, r.title, r.case.title))
    if not own:
        return ()
    picks = {"best": 0, "median": len(own) // 2, "worst": len(own) - 1}
    chosen: dict[int, str] = {}
    for label, index in picks.items():
        chosen.setdefault(index, label)
    return tuple((label, own[index]) for index, label in sorted(chosen.items()))


def report_fields(evaluation: Evaluation) -> dict[str, Any]:
    """What report.json holds; NaN is null there."""
    results = [
        {
            "set": r.title, "clip": r.case.title, "corpus": r.case.corpus, "source": r.case.source,
            "frames": len(r.case.truth), "method": r.method, "flag": r.flag or None,
            "figures": {k: _number(v) for k, v in dataclasses.asdict(r.score).items()},
            "joints_mm": [_number(v) for v in r.limb_errors],
        }
        for r in evaluation.results
    ]  # fmt: skip
    return {
        "benchmark": dataclasses.asdict(evaluation.manifest),
        "checkpoint": evaluation.checkpoint,
        "training": evaluation.budget or None,
        "sampling": dataclasses.asdict(evaluation.sampling),
        "units": {name: heading.unit for name, heading in HEADINGS.items()},
        "rows": [_row_fields(row) for row in evaluation.rows],
        "cost_of_detected_2d": [_row_fields(row) for row in evaluation.costs],
        "distributions": [_plain(row) for row in evaluation.distributions],
        "diversities": [_plain(row) for row in evaluation.diversities],
        "joints_mm": [_row_fields(row) for row in evaluation.joints],
        "flagged": [f"{r.title}: {r.case.title}: {r.flag}" for r in evaluation.flagged],
        "clips": results,
    }


def report_markdown(evaluation: Evaluation) -> str:
    """All tables as Markdown."""
    lines = [
        f"# {evaluation.manifest.name}: {evaluation.checkpoint}",
        "",
        "\n\n".join(introduction(evaluation)),
    ]
    for title, note, table in all_tables(evaluation):
        lines += ["", f"## {title}", "", *([note, ""] if note else []), table]
    if evaluation.flagged:
        lines += ["", "## Flagged", ""]
        lines += [f"- {r.title}: {r.case.title} ({r.method}): {r.flag}" for r in evaluation.flagged]
    return "\n".join(lines)


def report_page(evaluation: Evaluation, viewers: Sequence[Viewer] = ()) -> str:
    """report.html: tables, plots and viewers in one file that loads nothing."""
    body = [f"<p>{html.escape(line)}</p>" for line in introduction(evaluation)]
    body.append(_figure(error_plot(evaluation), "PA-MPJPE of every set and method"))
    if viewers:
        frames = "".join(
            f'<figure><figcaption>{html.escape(v.title)}</figcaption><iframe loading="lazy" '
            f'title="{html.escape(v.title)}" srcdoc="{html.escape(v.page)}"></iframe></figure>'
            for v in viewers
        )
        body += ["<h2>Clips</h2>", f'<div class="viewers">{frames}</div>']
    for title, note, table in all_tables(evaluation):
        remarks = [f"<p>{html.escape(note)}</p>"] if note else []
        body += [f"<h2>{html.escape(title)}</h2>", *remarks, _html_table(table)]
    body.append(_figure(clip_plot(evaluation), "PA-MPJPE of every clip, sorted"))
    if evaluation.flagged:
        items = "".join(
            f"<li>{html.escape(f'{r.title}: {r.case.title}: {r.flag}')}</li>"
            for r in evaluation.flagged
        )
        body.append(f"<h2>Flagged</h2><ul>{items}</ul>")
    title = html.escape(f"{evaluation.manifest.name}: {evaluation.checkpoint}")
    page = resources.files("vimoflow.evaluation.report").joinpath("report.html").read_text("utf-8")
    style = resources.files("vimoflow.evaluation.report").joinpath("report.css").read_text("utf-8")
    parts = {"{{title}}": title, "{{style}}": style}
    for marker, text in parts.items():
        page = page.replace(marker, text)
    before, after = page.split("{{body}}")
    return before + "\n".join(body) + after


def _html_table(markdown: str) -> str:
    """Our own Markdown tables as HTML."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in markdown.splitlines()]
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[2:]
    )
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'


def _row_fields(row: Row) -> dict[str, Any]:
    metrics = {metric.name: estimate_fields(metric.estimate) for metric in row.metrics}
    return {"set": row.title, "method": row.method, "figures": metrics}


def estimate_fields(estimate: Estimate) -> dict[str, Any]:
    """A mean as report.json holds it."""
    return {
        "value": _number(estimate.value),
        "interval": [_number(estimate.low), _number(estimate.high)],
        "n": estimate.n, "recordings": estimate.clusters, "missing": estimate.missing,
    }  # fmt: skip


def _number(value: float) -> float | None:
    """Rounded to what repeats on every machine; None where there is no number."""
    return round(float(value), 4) if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    """A dataclass of metrics as JSON has it; NaN is null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return _number(value) if isinstance(value, float) else value


def _figure(svg: str, alternative: str) -> str:
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return f'<img alt="{html.escape(alternative)}" src="data:image/svg+xml;base64,{data}">'
