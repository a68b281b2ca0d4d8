"""What is told of a result: lines for terminal and page, marks on the time line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vimoflow.inference.hypotheses import Differences
from vimoflow.pipeline.quality import Quality, quality_lines
from vimoflow.pipeline.sources import Source
from vimoflow.pipeline.verdict import Verdict
from vimoflow.viewer.page import Detail, Mark

if TYPE_CHECKING:
    from vimoflow.physics.plausibility import PhysicsReport


def result_lines(
    verdict: Verdict,
    quality: Quality,
    differ: Differences | None,
    physics: PhysicsReport | None,
) -> tuple[tuple[str, str], ...]:
    """Label and value."""
    rest = (("Samples differ", differ), ("Physics", physics))
    told = tuple((label, str(value)) for label, value in rest if value is not None)
    return (("Verdict", str(verdict)), *quality_lines(quality), *told)


def page_details(lines: Sequence[tuple[str, str]], source: Source, terms: str) -> list[Detail]:
    """The lines of the page's panel."""
    details = [Detail(label, value) for label, value in lines]
    if source.taken is not None:
        details.append(Detail("Person", str(source.taken)))
    return [
        *details,
        Detail("Not animated", "hands and face"),
        Detail("Terms of the weights", terms),
    ]


def page_marks(verdict: Verdict, physics: PhysicsReport | None) -> list[Mark]:
    """What to look at, by the verdict and by physics if it was asked."""
    faults = () if physics is None else physics.faults()
    return [
        *(Mark(a, b, concern.what) for concern in verdict.concerns for a, b in concern.spans_s),
        *(Mark(fault.start_s, fault.end_s, fault.what) for fault in faults),
    ]
