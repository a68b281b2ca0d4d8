"""A trained checkpoint as it ships: weights in half precision, which halves the file.

    python -m lab.shipping run/base.safetensors src/vimoflow/diffusion/weights/base.safetensors

Reading brings them back to single precision; answers differ by less than a tenth of a millimetre.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.files import replacing


def ship(source: Path, target: Path) -> None:
    """Write ``target``, a checkpoint that loads as ``source`` does, in half precision."""
    load_checkpoint(source)  # refuses what is damaged
    with safe_open(source, framework="pt") as file:
        header = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    halved = {
        key: value.to(torch.float16) if key.startswith("weights.") else value
        for key, value in tensors.items()
    }
    with replacing(target) as partial:
        save_file(halved, partial, metadata=header)
    load_checkpoint(target)


def main() -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    ship(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
