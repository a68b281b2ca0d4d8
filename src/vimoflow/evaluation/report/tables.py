"""The tables of a report, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vimoflow.evaluation.benchmark.rows import Row
from vimoflow.evaluation.benchmark.running import Evaluation
from vimoflow.evaluation.benchmark.scores import HEADINGS, Heading
from vimoflow.evaluation.benchmark.set_scores import DistributionRow, DiversityRow
from vimoflow.evaluation.metrics.distribution import FrechetDistance
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
_SETS_NOTE = (
    "Features of {defined} at {fps:g} fps (kinetic with acceleration {acceleration}), whole clips "
    "of {low:.1f} to {high:.1f} s, one view of each recording, z-scored with the reference: the "
    "truth of the same clips. Floor: what part of the reference scores against the rest, with n of "
    "that part; a FID near it is as good as perfect. Infinity: extrapolated to infinitely "
    "many clips. Div is to be compared with the truth's. ⚠: see the remarks."
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


def all_tables(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Title, remarks and table of every section."""
    rest = [name for name in HEADINGS if name not in (*QUICK, *WORLD)]
    known = [n for n in rest if any(row.metric(n).n for row in evaluation.rows)]
    tables = [
        (title, "", figure_table(evaluation.rows, {name: HEADINGS[name] for name in names}))
        for title, names in (("Accuracy", QUICK), ("World", WORLD), ("Motion", known))
    ]
    if evaluation.costs:
        paired = {name: HEADINGS[name] for name in _PAIRED}
        tables.append(("What detection costs", "", figure_table(evaluation.costs, paired)))
    if evaluation.distributions:
        tables.append(("Distributions", *distribution_table(evaluation.distributions)))
    if evaluation.diversities:
        tables.append(("Diversity of samples", *diversity_table(evaluation.diversities)))
    if evaluation.joints:
        points = {f.name: Heading(f.name.replace("_", " "), "mm", 0)
                  for f in evaluation.joints[0].metrics}  # fmt: skip
        tables.append(("By joint", "", figure_table(evaluation.joints, points, False)))
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


def distribution_table(rows: Sequence[DistributionRow]) -> tuple[str, str]:
    """How the metrics are formed with all remarks, and the table."""
    found = next((row.scores for row in rows if row.scores is not None), None)
    low, high = min(row.seconds[0] for row in rows), max(row.seconds[1] for row in rows)
    note = "No set is large enough to have a distribution."
    if found is not None:
        defined = f"{found.fid_k.features_defined} (kinetic) and {found.fid_g.features_defined} "
        note = _SETS_NOTE.format(
            defined=f"{defined}(geometric) numbers", fps=found.fps, low=low, high=high,
            acceleration=found.acceleration,
        )  # fmt: skip
    columns = ["FID_k", "floor", "infinity", "FID_g", "floor", "infinity", "Div_k", "Div_g"]
    lines = [f"| clips | n | n of the reference | method | {' | '.join(columns)} |",
             "|---" * (4 + len(columns)) + "|"]  # fmt: skip
    flags: dict[str, None] = {}
    for row in rows:
        flags |= {f"{row.title}, n {row.n}: {flag}": None for flag in row.flags}
        s = row.scores
        cells, reference = ["⚠ –"] * len(columns), "–"
        if s is not None:
            cells = [*_distance_cells(s.fid_k), *_distance_cells(s.fid_g)]
            cells += [f"{s.div_k:.2f}", f"{s.div_g:.2f}"]
            reference = str(s.n_reference)
        lines.append(f"| {row.title} | {row.n} | {reference} | {row.method} | "
                     f"{' | '.join(cells)} |")  # fmt: skip
    remarks = f" ⚠ {'; '.join(flags)}." if flags else ""
    return note + remarks, "\n".join(lines)


def diversity_table(rows: Sequence[DiversityRow]) -> tuple[str, str]:
    """How the metrics are formed with all remarks, and the table."""
    note = (
        "APD: mean distance between two samples of one clip, roots together, mm a joint and frame; "
        "its parts across the line of sight, which the image shows, and along it. Relation: "
        "Spearman's rank correlation of APD and 2D reprojection over clips; positive where "
        "diversity is bought by leaving the image."
    )
    flags = [f"{row.title}: {flag}" for row in rows for flag in row.flags]
    lines = ["| clips | n | method | samples | APD mm | image mm | depth mm | share of depth | "
             "2D reprojection % | relation (p) |", "|---" * 10 + "|"]  # fmt: skip
    mm, share = Heading("", "mm"), Heading("", "", 2)
    for row in rows:
        cells = [cell(e, mm, True) for e in (row.apd, row.image, row.depth)]
        cells += [cell(row.depth_share, share, True), cell(row.reprojection, mm, True)]
        relation = "⚠ –"
        if row.relation is not None and not math.isnan(row.relation.rank_correlation):
            relation = f"{row.relation.rank_correlation:.2f} ({row.relation.p_value:.2f})"
        lines.append(f"| {row.title} | {row.apd.n} | {row.method} | {row.samples} | "
                     f"{' | '.join(cells)} | {relation} |")  # fmt: skip
    return note + (f" ⚠ {'; '.join(flags)}." if flags else ""), "\n".join(lines)


def cell(estimate: Estimate, heading: Heading, interval: bool) -> str:
    """A mean as a table shows it, with its interval or without."""
    if math.isnan(estimate.value):
        return "–"
    text = f"{estimate.value:.{heading.digits}f}"
    if interval and not math.isnan(estimate.low):
        text += f" [{estimate.low:.{heading.digits}f}, {estimate.high:.{heading.digits}f}]"
    return text


def _distance_cells(distance: FrechetDistance) -> tuple[str, str, str]:
    """Value with interval, floor and extrapolation; flagged where there is a warning."""
    value = f"{distance.value:.2f}"
    if not math.isnan(distance.low):
        value += f" [{distance.low:.2f}, {distance.high:.2f}]"
    floor = "–"
    if not math.isnan(distance.floor):
        floor = f"{distance.floor:.2f} (n {distance.floor_n})"
    infinity = "–" if math.isnan(distance.infinity) else f"{distance.infinity:.2f}"
    return f"{value} ⚠" if distance.warnings else value, floor, infinity
