"""An evaluation as files: report.json, report.md and a self-contained report.html.

The same evaluation gives the same bytes: nothing in them depends on time or place.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from vimoflow.errors import OutputError
from vimoflow.evaluation.benchmark import ClipResult, Evaluation, Row
from vimoflow.evaluation.intervals import Estimate
from vimoflow.evaluation.plots import clip_plot, curve_plot, error_plot
from vimoflow.evaluation.robustness import Curve
from vimoflow.evaluation.scores import HEADINGS, Heading

QUICK = ("mpjpe", "pa_mpjpe", "pa_mpjpe_clip", "foot_slide", "jitter")
_NOTE = (
    "Positions are compared at COCO points 5 to 16. PA: one similarity a frame; PA clip: one for "
    "the clip. Foot slide over the truth's contacts, per frame at 30 fps. In brackets: 95 % "
    "bootstrap interval over recordings, absent for a single one. n counts clips (views)."
)


@dataclass(frozen=True)
class Viewer:
    """A page that plays one clip, to be shown inside the report."""

    title: str
    page: str


def write_report(
    evaluation: Evaluation,
    folder: Path,
    viewers: Sequence[Viewer] = (),
    curves: Sequence[Curve] = (),
) -> tuple[Path, ...]:
    """Write the three files into a folder; each appears complete or not at all.

    Raises:
        OutputError: the folder cannot be written to.
        ConfigError: matplotlib, which draws the plots, is missing.
    """
    texts = {
        "report.json": json.dumps(report_fields(evaluation, curves), indent=1, allow_nan=False),
        "report.md": report_markdown(evaluation, curves),
        "report.html": report_page(evaluation, viewers, curves),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial = folder / f".{name}.{os.getpid()}.part"
            try:
                partial.write_text(text.rstrip() + "\n", "utf-8")
                os.replace(partial, folder / name)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot write the report ({error.strerror})") from error
    return tuple(folder / name for name in texts)


def quick_table(evaluation: Evaluation) -> str:
    """The main figures as a Markdown table, without intervals."""
    return _markdown_table(evaluation.rows, {name: HEADINGS[name] for name in QUICK}, False)


def telling_clips(evaluation: Evaluation) -> tuple[tuple[str, ClipResult], ...]:
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


def report_fields(evaluation: Evaluation, curves: Sequence[Curve] = ()) -> dict[str, Any]:
    """What report.json holds; NaN is null there."""
    results = [
        {
            "set": r.title, "clip": r.case.title, "corpus": r.case.corpus, "source": r.case.source,
            "frames": len(r.case.truth), "method": r.method, "flag": r.flag or None,
            "figures": {k: _number(v) for k, v in dataclasses.asdict(r.score).items()},
        }
        for r in evaluation.results
    ]  # fmt: skip
    return {
        "benchmark": dataclasses.asdict(evaluation.manifest),
        "checkpoint": evaluation.checkpoint,
        "sampling": dataclasses.asdict(evaluation.sampling),
        "units": {name: heading.unit for name, heading in HEADINGS.items()},
        "rows": [_row_fields(row) for row in evaluation.rows],
        "cost_of_detected_2d": [_row_fields(row) for row in evaluation.costs],
        "joints_mm": [_row_fields(row) for row in evaluation.joints],
        "robustness": [_curve_fields(curve) for curve in curves],
        "flagged": [f"{r.title}: {r.case.title}: {r.flag}" for r in evaluation.flagged],
        "clips": results,
    }


def report_markdown(evaluation: Evaluation, curves: Sequence[Curve] = ()) -> str:
    """All tables as Markdown."""
    lines = [
        f"# {evaluation.manifest.name}: {evaluation.checkpoint}",
        "",
        *_introduction(evaluation),
    ]
    for title, table in _tables(evaluation):
        lines += ["", f"## {title}", "", table]
    for curve in curves:
        lines += ["", f"## Robustness: {curve.name}", "", _curve_table(curve)]
    if evaluation.flagged:
        lines += ["", "## Flagged", ""]
        lines += [f"- {r.title}: {r.case.title} ({r.method}): {r.flag}" for r in evaluation.flagged]
    return "\n".join(lines)


def report_page(
    evaluation: Evaluation, viewers: Sequence[Viewer] = (), curves: Sequence[Curve] = ()
) -> str:
    """report.html: tables, plots and viewers in one file that loads nothing."""
    body = [f"<p>{html.escape(line)}</p>" for line in _introduction(evaluation) if line]
    body.append(_figure(error_plot(evaluation), "PA-MPJPE of every set and method"))
    if viewers:
        frames = "".join(
            f'<figure><figcaption>{html.escape(v.title)}</figcaption><iframe loading="lazy" '
            f'title="{html.escape(v.title)}" srcdoc="{html.escape(v.page)}"></iframe></figure>'
            for v in viewers
        )
        body += ["<h2>Clips</h2>", f'<div class="viewers">{frames}</div>']
    for title, table in _tables(evaluation):
        body += [f"<h2>{html.escape(title)}</h2>", _html_table(table)]
    if curves:
        body += ["<h2>Robustness</h2>", _figure(curve_plot(curves), "error by kind of damage")]
        for curve in curves:
            body += [f"<h3>{html.escape(curve.name)}</h3>", _html_table(_curve_table(curve))]
    body.append(_figure(clip_plot(evaluation), "PA-MPJPE of every clip, sorted"))
    if evaluation.flagged:
        items = "".join(
            f"<li>{html.escape(f'{r.title}: {r.case.title}: {r.flag}')}</li>"
            for r in evaluation.flagged
        )
        body.append(f"<h2>Flagged</h2><ul>{items}</ul>")
    title = html.escape(f"{evaluation.manifest.name}: {evaluation.checkpoint}")
    page = resources.files("vimoflow.evaluation").joinpath("report.html").read_text("utf-8")
    style = resources.files("vimoflow.evaluation").joinpath("report.css").read_text("utf-8")
    parts = {"{{title}}": title, "{{style}}": style}
    for marker, text in parts.items():
        page = page.replace(marker, text)
    before, after = page.split("{{body}}")
    return before + "\n".join(body) + after


def _introduction(evaluation: Evaluation) -> list[str]:
    m, s = evaluation.manifest, evaluation.sampling
    refined = "refined towards the 2D" if s.refine else "not refined"
    seeds = ", ".join(map(str, m.seeds))
    setup = (
        f"Checkpoint {evaluation.checkpoint}; {m.split} split; {s.sampler}, {s.steps} steps, "
        f"guidance {s.guidance:g}, {refined}; seeds {seeds}, {m.samples} sample(s) each."
    )
    return [line for line in (m.description, setup, _NOTE) if line]


def _tables(evaluation: Evaluation) -> list[tuple[str, str]]:
    main = {name: HEADINGS[name] for name in HEADINGS if name in QUICK}
    rest = {name: HEADINGS[name] for name in HEADINGS if name not in QUICK}
    tables = [
        ("Accuracy", _markdown_table(evaluation.rows, main)),
        ("Motion", _markdown_table(evaluation.rows, rest)),
    ]
    if evaluation.costs:
        paired = {n: HEADINGS[n] for n in ("mpjpe", "pa_mpjpe", "pa_mpjpe_clip", "foot_slide")}
        tables.append(("What detection costs", _markdown_table(evaluation.costs, paired)))
    if evaluation.joints:
        points = {f.name: Heading(f.name.replace("_", " "), "mm", 0)
                  for f in evaluation.joints[0].figures}  # fmt: skip
        tables.append(("By joint", _markdown_table(evaluation.joints, points, False)))
    return tables


def _markdown_table(
    rows: Sequence[Row], headings: dict[str, Heading], intervals: bool = True
) -> str:
    titles = [f"{h.label} {h.unit}".strip() for h in headings.values()]
    lines = [f"| clips | n | method | {' | '.join(titles)} |", "|---" * (3 + len(titles)) + "|"]
    for row in rows:
        names = {figure.name for figure in row.figures}
        first = row.figure("pa_mpjpe" if "pa_mpjpe" in names else next(iter(headings)))
        cells = [_cell(row.figure(name), heading, intervals) for name, heading in headings.items()]
        count = f"{first.n}" + (f" ({first.missing} flagged)" if first.missing else "")
        lines.append(f"| {row.title} | {count} | {row.method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate, heading: Heading, interval: bool) -> str:
    if math.isnan(estimate.value):
        return "–"
    text = f"{estimate.value:.{heading.digits}f}"
    if interval and not math.isnan(estimate.low):
        text += f" [{estimate.low:.{heading.digits}f}, {estimate.high:.{heading.digits}f}]"
    return text


def _curve_table(curve: Curve) -> str:
    heading = HEADINGS["pa_mpjpe"]
    lines = [f"| {curve.unit} | n | PA-MPJPE mm | MPJPE mm | acceleration error m/s² |",
             "|---|---|---|---|---|"]  # fmt: skip
    for point in curve.points:
        figures = (point.pa_mpjpe, point.mpjpe, point.acceleration_error)
        cells = " | ".join(_cell(e, heading, True) for e in figures)
        lines.append(f"| {point.level:g} | {point.pa_mpjpe.n} | {cells} |")
    return "\n".join(lines)


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
    figures = {figure.name: _estimate_fields(figure.estimate) for figure in row.figures}
    return {"set": row.title, "method": row.method, "figures": figures}


def _estimate_fields(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": _number(estimate.value),
        "interval": [_number(estimate.low), _number(estimate.high)],
        "n": estimate.n, "recordings": estimate.clusters, "missing": estimate.missing,
    }  # fmt: skip


def _curve_fields(curve: Curve) -> dict[str, Any]:
    return {
        "name": curve.name, "unit": curve.unit,
        "points": [
            {"level": p.level, "pa_mpjpe": _estimate_fields(p.pa_mpjpe),
             "mpjpe": _estimate_fields(p.mpjpe),
             "acceleration_error": _estimate_fields(p.acceleration_error)}
            for p in curve.points
        ],
    }  # fmt: skip


def _number(value: float) -> float | None:
    """Rounded to what repeats on every machine; None where there is no number."""
    return round(float(value), 4) if math.isfinite(value) else None


def _figure(svg: str, alternative: str) -> str:
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return f'<img alt="{html.escape(alternative)}" src="data:image/svg+xml;base64,{data}">'
