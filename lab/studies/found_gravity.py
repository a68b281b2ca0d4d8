"""How far off gravity is that the person tells, on filmed motions whose cameras are known.

The pairs of ``lab.rendered.pairs``: still cameras of any pitch and roll, MediaPipe's keypoints. The
lens is guessed, as for a user's video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lab.rendered.clips import load_arrays
from lab.rendered.scenes import PAIR_SIZE_PX
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.errors import InputError
from vimoflow.inference.conditioning.viewpoint import Lens
from vimoflow.inference.gravity import found_gravity

_ROLLED = 5.0  # degrees: less is held level


@dataclass(frozen=True)
class GravityError:
    """Degrees of one clip: the camera's own roll and pitch, and what was found less that."""

    roll: float
    pitch: float
    roll_off: float
    pitch_off: float


def gravity_errors(
    checkpoint: Checkpoint, folder: Path, progress: Callable[[int, int | None], None] | None = None
) -> list[GravityError]:
    """Of every pair in a folder in which somebody was found.

    Raises:
        InputError: the folder holds no pairs, or a damaged one.
    """
    paths = sorted(folder.glob("pair-*.npz"))
    if not paths:
        raise InputError(f"{folder}: holds no pairs; make them with `python -m lab evaluate pairs`")
    return list(_errors(checkpoint, paths, progress))


def _errors(
    checkpoint: Checkpoint,
    paths: Sequence[Path],
    progress: Callable[[int, int | None], None] | None,
) -> Iterator[GravityError]:
    lens = Lens.guessed(torch.tensor([[float(PAIR_SIZE_PX)] * 2]))
    for done, path in enumerate(paths):
        pair = load_arrays(path, ("points_px", "lens"))
        if (pair["points_px"][..., 2] > 0).any():
            points = torch.from_numpy(pair["points_px"]).float()[None]
            found = roll_and_pitch(found_gravity(checkpoint, points, lens)[0])
            true = roll_and_pitch(torch.from_numpy(pair["lens"][3:]))
            off = (found - true + 180) % 360 - 180
            yield GravityError(*true.tolist(), *off.tolist())
        if progress is not None:
            progress(done + 1, len(paths))


def roll_and_pitch(down: Float[Tensor, "3"]) -> Float[np.ndarray, "2"]:
    """Degrees by which a camera is turned clockwise and looks down, from gravity in its frame."""
    x, y, z = (float(value) for value in down)
    return np.degrees([np.arctan2(x, y), np.arcsin(np.clip(z, -1, 1))])


def gravity_table(errors: Sequence[GravityError]) -> str:
    """Medians and nine tenths, of cameras held level and rolled ones."""
    lines = [
        "| cameras | clips | roll off, median | 90 % | pitch off, median | 90 % |",
        "|---" * 6 + "|",
    ]
    kinds = {
        f"rolled by less than {_ROLLED:g}": [e for e in errors if abs(e.roll) < _ROLLED],
        "rolled by more": [e for e in errors if abs(e.roll) >= _ROLLED],
        "all": list(errors),
    }
    for name, own in kinds.items():
        if own:
            off = np.abs([(e.roll_off, e.pitch_off) for e in own])
            (roll, pitch), (roll90, pitch90) = np.quantile(off, (0.5, 0.9), axis=0)
            lines.append(
                f"| {name} | {len(own)} | {roll:.1f} | {roll90:.1f} | {pitch:.1f} | {pitch90:.1f} |"
            )
    return "\n".join(lines)
