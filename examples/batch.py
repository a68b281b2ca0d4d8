"""Many videos or keypoint files, with a progress bar; a bad one costs itself only.

python examples/batch.py out clip1.mp4 clip2.json ...
"""

import sys
from pathlib import Path

from tqdm import tqdm

from vimoflow import GenerateOptions, VimoflowError, generate

output, *inputs = map(Path, sys.argv[1:])
for path in tqdm(inputs, unit="clip"):
    options = GenerateOptions(output=output / path.stem, formats=("npz", "bvh"))
    try:
        (result,) = generate([path], options)
    except VimoflowError as error:
        tqdm.write(f"left out: {error}")
    else:
        tqdm.write(f"{result.folder}: jitter {result.quality.jitter:.0f} m/s^3")
