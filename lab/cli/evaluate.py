"""``python -m lab evaluate``: the studies that the documentation reports."""

from __future__ import annotations

from vimoflow.cli.commands import CommandGroup

EVALUATE = CommandGroup(
    "evaluate",
    "Studies beside the benchmarks of `vimoflow evaluate`.",
    {
        "Benchmarks": {
            "aistpp": "lab.cli.studies:aistpp",
            "completion": "lab.cli.completion:completion",
            "distributions": "lab.cli.studies:distributions",
            "hypotheses": "lab.cli.studies:hypotheses",
            "mending": "lab.cli.studies:mending",
            "music": "lab.cli.music_beats:beats",
            "nearest": "lab.cli.studies:nearest",
            "physics": "lab.cli.physics:physics",
            "clean-up": "lab.cli.physics:clean_up",
            "robustness": "lab.cli.studies:robustness",
            "verdict": "lab.cli.studies:verdict",
            "views": "lab.cli.views:views",
        },
        "Rendered clips with exact truth": {
            "render": "lab.cli.rendered:render",
            "rendered": "lab.cli.rendered:rendered",
            "detector": "lab.cli.rendered:detector",
        },
    },
)
