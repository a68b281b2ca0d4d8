"""``python -m lab evaluate``: the studies that the documentation reports."""

from __future__ import annotations

from vimoflow.cli.commands import CommandGroup

EVALUATE = CommandGroup(
    "evaluate",
    "Studies beside the benchmarks of `vimoflow evaluate`.",
    {
        "Benchmarks": {
            "aistpp": "lab.cli.studies:aistpp",
            "characters": "lab.cli.characters:characters",
            "completion": "lab.cli.completion:completion",
            "distributions": "lab.cli.studies:distributions",
            "hypotheses": "lab.cli.studies:hypotheses",
            "mending": "lab.cli.studies:mending",
            "music": "lab.cli.music_beats:beats",
            "nearest": "lab.cli.studies:nearest",
            "physics": "lab.cli.physics:physics",
            "clean-up": "lab.cli.physics:clean_up",
            "policy": "lab.cli.policy:policy",
            "robustness": "lab.cli.studies:robustness",
            "verdict": "lab.cli.studies:verdict",
            "views": "lab.cli.views:views",
            "windows": "lab.cli.world:windows",
            "world": "lab.cli.world:world",
        },
        "Rendered clips with exact truth": {
            "gravity": "lab.cli.rendered:gravity",
            "pairs": "lab.cli.rendered:pairs",
            "render": "lab.cli.rendered:render",
            "rendered": "lab.cli.rendered:rendered",
            "detector": "lab.cli.rendered:detector",
            "oracles": "lab.cli.rendered:oracles",
            "standing": "lab.cli.rendered:standing",
        },
        "Real clips": {
            "panned": "lab.cli.world:panned",
        },
    },
)
