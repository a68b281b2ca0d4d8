"""A motion above the same motion cleaned in simulation, at evenly spread moments, for the docs.

python -m lab.figures.cleaned motion.npz cleaned/motion.npz docs/images/cleaned.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vimoflow.data.motion_files import load_motion
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.viewer.mannequin import MannequinRenderer, View


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("motions", type=Path, nargs=2)
    parser.add_argument("output", type=Path)
    parser.add_argument("--columns", type=int, default=6)
    arguments = parser.parse_args()
    # Low and near, so that the gap between soles and shadow shows.
    view = View(200, 330, distance=3.6, eye_height=0.7, target_height=0.85, field=2.1)
    renderer, rows = MannequinRenderer(view), []
    first = None
    for path in arguments.motions:
        motion = load_motion(path)
        first = motion if first is None else first
        R, p = forward_kinematics(
            torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
        )
        chosen = np.linspace(0, min(len(motion), len(first)) - 1, arguments.columns).round()
        row = [
            renderer.draw(R[t].numpy(), p[t].numpy(), first.trans[t, [0, 2]].astype(float))
            for t in chosen.astype(int)
        ]
        rows.append(np.concatenate(row, axis=1))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.concatenate(rows)).quantize(128)
    picture.save(arguments.output, optimize=True)


if __name__ == "__main__":
    main()
