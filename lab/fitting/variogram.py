"""Measures ``motion/variogram.safetensors`` on prepared training shards.

    python -m lab.fitting.variogram DATA

DATA is a folder made by ``vimoflow data prepare``. At most the same number of clips comes from
every corpus, each facing the way it was recorded. Only the shape counts, not the scale.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

import vimoflow.motion.variogram as variogram
from lab.studies.gap_scores import CONTEXT, gap_clips
from vimoflow.data.shards import read_shards
from vimoflow.files import write_bytes
from vimoflow.motion.features import encode_features

CLIPS, FRAMES = 300, 120


def measure_variogram(
    features: Float[Tensor, "clips frames channels"],
) -> Float[Tensor, "lags channels"]:
    """Half the mean squared difference of values 0 to ``LAGS - 1`` frames apart (Cressie 1993)."""
    values = [torch.zeros_like(features[0, 0])]
    for lag in range(1, variogram.LAGS):
        values.append((features[:, lag:] - features[:, :-lag]).square().mean((0, 1)) / 2)
    return torch.stack(values)


def main() -> None:
    rows = []
    for shard in read_shards(Path(sys.argv[1]), "train"):
        for clip in gap_clips([shard], FRAMES - 2 * CONTEXT, CLIPS, seed=0):
            rows.append(
                encode_features(
                    torch.from_numpy(clip.local_rotations).double(),
                    torch.from_numpy(np.asarray(clip.contacts)).double(),
                    torch.from_numpy(np.asarray(clip.trans)).double(),
                )
            )
    measured = measure_variogram(torch.stack(rows)).float().contiguous()
    path = Path(variogram.__file__).with_name("variogram.safetensors")
    write_bytes(path, save({"variogram": measured}, metadata={"clips": str(len(rows))}))
    print(f"{len(rows)} clips, {path}")


if __name__ == "__main__":
    main()
