"""``python -m lab evaluate``: the studies that the documentation reports."""

from __future__ import annotations

from vimoflow.cli.commands import CommandGroup

EVALUATE = CommandGroup(
    "evaluate",
    "Studies beside the benchmarks of `vimoflow evaluate`.",
    {
        "Rendered clips with exact truth": {
            "render": "lab.cli.rendered:render",
            "detector": "lab.cli.rendered:detector",
        },
    },
)
