"""A small model trained on your own BVH files, and asked for a motion.

python examples/train_on_bvh.py folder_of_bvh run 200

The last argument is the number of steps; thousands make a model, a few show that all is well.
Needs the extra `train` (see `vimoflow doctor`).
"""

import sys
from pathlib import Path

from vimoflow import load_checkpoint
from vimoflow.data.prepare import prepare
from vimoflow.data.prepare_options import PrepareOptions
from vimoflow.training.run_options import RunOptions
from vimoflow.training.trainer import train

if __name__ == "__main__":  # corpora are read by several processes
    source, run, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    prepare("bvh", [source], run / "shards", PrepareOptions(licence="my own"))
    options = RunOptions(steps=steps, compile=False)
    train(Path(__file__).with_name("recipe.toml"), run / "shards", run, options)
    (checkpoint,) = run.glob("*.safetensors")
    print(f"{checkpoint}: trained for {load_checkpoint(checkpoint).provenance['steps']} steps")
