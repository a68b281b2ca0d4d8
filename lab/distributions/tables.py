"""Metrics of sets as files: distributions.json and distributions.md."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.distributions.distribution import FrechetDistance
from lab.distributions.set_scores import (
    DistributionRow,
    DiversityRow,
    distribution_rows,
    diversity_rows,
)
from vimoflow.evaluation.benchmark.running import Evaluation
from vimoflow.evaluation.benchmark.scores import Heading
from vimoflow.evaluation.report.report_files import number
from vimoflow.evaluation.report.tables import cell
from vimoflow.files import output_errors, write_text

_SETS_NOTE = (
    "Features of {defined} at {fps:g} fps (kinetic with acceleration {acceleration}), whole clips "
    "of {low:.1f} to {high:.1f} s, one view of each recording, z-scored with the reference: the "
    "truth of the same clips. Floor: what part of the reference scores against the rest, with n of "
    "that part; a FID near it is as good as perfect. Infinity: extrapolated to infinitely "
    "many clips. Div is to be compared with the truth's. ⚠: see the remarks."
)


def write_distributions(evaluation: Evaluation, folder: Path) -> str:
    """Write the files into a folder; returns the tables.

    Raises:
        OutputError: the folder cannot be written to.
    """
    distributions = distribution_rows(evaluation.results)
    diversities = diversity_rows(evaluation.results)
    lines = [f"# {evaluation.manifest.name}: {evaluation.checkpoint}"]
    tables = [("Distributions", distribution_table(distributions))] if distributions else []
    tables += [("Diversity of samples", diversity_table(diversities))] if diversities else []
    for title, (note, table) in tables:
        lines += ["", f"## {title}", "", note, "", table]
    text = "\n".join(lines) + "\n"
    fields = {"distributions": _plain(distributions), "diversities": _plain(diversities)}
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "distributions.md", text)
        content = json.dumps(fields, indent=1, allow_nan=False)
        write_text(folder / "distributions.json", content + "\n")
    return text


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


def _plain(value: Any) -> Any:
    """A dataclass of metrics as JSON has it; NaN is null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return number(value) if isinstance(value, float) else value
