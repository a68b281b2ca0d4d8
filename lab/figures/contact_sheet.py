"""Frames of a preview.mp4 one below the other, for the docs.

python -m lab.figures.contact_sheet demo/result/preview.mp4 docs/images/walker.png --frames 30 60 90
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from vimoflow.video import frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", required=True)
    parser.add_argument("--width", type=int, default=900)
    arguments = parser.parse_args()
    wanted = set(arguments.frames)
    rows = [frame.rgb for frame in frames(arguments.video) if frame.index in wanted]
    sheet = Image.fromarray(np.concatenate(rows))
    height = round(sheet.height * arguments.width / sheet.width)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.resize((arguments.width, height), Image.Resampling.LANCZOS).save(
        arguments.output, optimize=True
    )


if __name__ == "__main__":
    main()
