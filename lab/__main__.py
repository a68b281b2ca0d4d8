"""``python -m lab``: commands for those who work on ViMo-Flow itself, run in a clone."""

from __future__ import annotations

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.main import run_app

APP = CommandGroup(
    "lab",
    "Measure, compare and draw ViMo-Flow itself.",
    {
        "Commands": {
            "ablate": "lab.cli.ablate:ablate",
            "bench": "lab.cli.bench:BENCH",
            "code-size": "lab.cli.code_size:code_size",
            "evaluate": "lab.cli.evaluate:EVALUATE",
            "figures": "lab.cli.figures:FIGURES",
            "music": "lab.cli.music:MUSIC",
            "prepare": "lab.cli.prepare:prepare",
            "thesis-clips": "lab.cli.thesis_clips:thesis_clips",
            "triangulate": "lab.cli.triangulate:triangulate",
        }
    },
)

if __name__ == "__main__":
    run_app(APP, "lab")
