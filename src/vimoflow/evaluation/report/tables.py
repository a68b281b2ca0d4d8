"""The tables of a report, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vimoflow.evaluation.benchmark.rows import Row
from vimoflow.evaluation.benchmark.running import Evaluation
from vimoflow.evaluation.benchmark.scores import HEADINGS, Heading
from vimoflow.evaluation.metrics.intervals import Estimate

QUICK = ("mpjpe", "pa_mpjpe", "pa_mpjpe_clip", "foot_slide", "jitter")
WORLD = ("root_error", "rte", "w_mpjpe", "wa_mpjpe")
_PAIRED = ("mpjpe", "pa_mpjpe", "pa_mpjpe_clip", "foot_slide")
_NOTE = (
    "Positions are compared at COCO points 5 to 16. PA: one similarity a frame; PA clip: one for "
    "the clip. Foot slide over the truth's contacts, per frame at 30 fps. 2D reprojection: mean "
    "distance to the clip's own 2D, per cent of the person's height, through a weak-perspective "
    "camera fitted to each method (one orientation a second, scale and place a frame). PFC at "
    "30 fps. Paths and world errors after alignment by yaw. In brackets: 95 % bootstrap interval "
    "over recordings, absent for a single one. n counts clips (views)."
)


def quick_table(evaluation: Evaluation) -> str:
    """The main metrics, without intervals."""
    return figure_table(evaluation.rows, {name: HEADINGS[name] for name in QUICK}, False)


def introduction(evaluation: Evaluation) -> list[str]:
    """What was measured and how, in paragraphs."""
    m, s = evaluation.manifest, evaluation.sampling
    refined = "refined towards the 2D" if s.refine else "not refined"
    seeds = ", ".join(map(str, m.seeds))
    budget = f" ({evaluation.budget})" if evaluation.budget else ""
    drawn = f"{'ddim' if s.sampler == 'auto' else s.sampler} in {s.steps} steps"
    sampler = {
        "auto": f"one pass (checkpoints that were not taught to: {drawn})", "one-pass": "one pass"
    }.get(s.sampler, drawn)  # fmt: skip
    setup = (
        f"Checkpoint {evaluation.checkpoint}{budget}; {m.split} split; {sampler}, "
        f"guidance {s.guidance:g}, {refined}; seeds {seeds}, {m.samples} sample(s) each."
    )
    return [line for line in (m.description, setup, _NOTE) if line]


def all_tables(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Title and table of every section."""
    rest = [name for name in HEADINGS if name not in (*QUICK, *WORLD)]
    known = [n for n in rest if any(row.metric(n).n for row in evaluation.rows)]
    tables = [
        (title, figure_table(evaluation.rows, {name: HEADINGS[name] for name in names}))
        for title, names in (("Accuracy", QUICK), ("World", WORLD), ("Motion", known))
    ]
    if evaluation.costs:
        paired = {name: HEADINGS[name] for name in _PAIRED}
        tables.append(("What detection costs", figure_table(evaluation.costs, paired)))
    if evaluation.joints:
        points = {f.name: Heading(f.name.replace("_", " "), "mm", 0)
                  for f in evaluation.joints[0].metrics}  # fmt: skip
        tables.append(("By joint", figure_table(evaluation.joints, points, False)))
    return tables


def figure_table(rows: Sequence[Row], headings: dict[str, Heading], intervals: bool = True) -> str:
    """Metrics of rows as columns."""
    titles = [f"{h.label} {h.unit}".strip() for h in headings.values()]
    lines = [f"| clips | n | method | {' | '.join(titles)} |", "|---" * (3 + len(titles)) + "|"]
    for row in rows:
        names = {metric.name for metric in row.metrics}
        first = row.metric("pa_mpjpe" if "pa_mpjpe" in names else next(iter(headings)))
        cells = [cell(row.metric(name), heading, intervals) for name, heading in headings.items()]
        count = f"{first.n}" + (f" ({first.missing} flagged)" if first.missing else "")
        lines.append(f"| {row.title} | {count} | {row.method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(estimate: Estimate, heading: Heading, interval: bool) -> str:
    """A mean as a table shows it, with its interval or without."""
    if math.isnan(estimate.value):
        return "–"
    text = f"{estimate.value:.{heading.digits}f}"
    if interval and not math.isnan(estimate.low):
        text += f" [{estimate.low:.{heading.digits}f}, {estimate.high:.{heading.digits}f}]"
    return text
