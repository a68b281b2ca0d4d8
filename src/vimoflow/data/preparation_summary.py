"""What a preparation did, for the user to read: counts, hours, what was rejected and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vimoflow.data.manifest import ShardEntry

_COLUMNS = ("corpus", "split", "clips", "hours", "bone error", "end error")


def summary_table(entries: Sequence[ShardEntry]) -> str:
    """A table of the shards, then what was rejected by reason, then what the gates report.

    Bone and end errors are those of retargeting: of the typical recording and, as "p95", of the
    worst.
    """
    rows = [_COLUMNS, *map(_row, entries)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rejected = [row for entry in entries for row in entry.rejected]
    if rejected:
        lines.append(f"rejected: {len(rejected)}")
        lines += [f"  {line}" for line in reasons_by_count(rejected)]
    for entry in entries:
        for found in entry.findings:
            worst = "; ".join(found.worst[:3])
            lines.append(f"{found.gate} ({entry.split}, kept): {found.recordings}, such as {worst}")
    return "\n".join(lines)


def reasons_by_count(rejected: Sequence[tuple[str, str]]) -> list[str]:
    """One line for each kind of reason, the commonest first; they may differ in numbers and names.

    A line has the count, the reason of the first such file, and the file's name.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, reason in rejected:
        text = reason.removeprefix(f"{name}: ")
        kind = re.sub(r"'[^']*'|-?\d+(\.\d+)?%?|(?<=copy of ).*", "#", text)
        groups.setdefault(kind, []).append((name, text))
    ordered = sorted(groups.values(), key=lambda group: -len(group))
    return [f"{len(group)} x {group[0][1]} ({group[0][0]})" for group in ordered]


def _row(entry: ShardEntry) -> tuple[str, ...]:
    retarget = entry.retarget
    bone = end = "-"
    if retarget is not None:
        bone = f"{retarget.bone_error_deg_median:.2f}° (p95 {retarget.bone_error_deg_p95:.1f}°)"
        end = f"{retarget.end_error_ratio:.2%} (p95 {retarget.end_error_ratio_p95:.1%})"
    return entry.corpus, entry.split, str(entry.recordings), f"{entry.hours:.3f}", bone, end
