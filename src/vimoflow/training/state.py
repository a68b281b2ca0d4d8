"""The state of a run on disk: complete or not there, and noticed when it is torn."""

from __future__ import annotations

import dataclasses
import os
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import CheckpointError, OutputError
from vimoflow.files import replacing

STATE = "state.pt"


@dataclass(frozen=True)
class TrainingState:
    """All that a run needs to go on as if it had not been stopped.

    The order of the data and all randomness follow from the seed in ``settings`` and from ``step``
    (see ``step_batches``), the learning rate and the loss factors from ``step``.

    Attributes:
        step: optimizer steps done.
        seconds: time spent.
        settings: recipe, data and options that must be the same when going on.
        origin: record of the checkpoint the run was started from, or None.
        model, average, optimizer: their state dictionaries.
        guard: what watches for divergence.
        mean, std: the normalisation.
    """

    step: int
    seconds: float
    settings: dict[str, Any]
    origin: dict[str, Any] | None
    model: dict[str, Any]
    average: dict[str, Any]
    optimizer: dict[str, Any]
    guard: dict[str, Any]
    mean: Float[Tensor, " channels"]
    std: Float[Tensor, " channels"]


def save_state(state: TrainingState, path: Path) -> None:
    """Write a state; whatever happens, the file holds the old state or the new one.

    Raises:
        OutputError: it cannot be written; the old one is still there.
    """
    content = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the content
        for left in path.parent.glob(f".{path.stem}.*.partial{path.suffix}"):
            left.unlink()  # by a run that was killed while it wrote
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        kept = "; the state before it is kept" if path.is_file() else ""
        raise OutputError(f"{path}: cannot save the state ({reason}){kept}") from error


def load_state(path: Path, device: torch.device) -> TrainingState:
    """Read a state.

    Raises:
        CheckpointError: it is missing, torn or of another version.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no state to resume from; train without --resume")
    try:
        with zipfile.ZipFile(path) as archive:
            torn = archive.testzip()
        if torn is not None:
            raise zipfile.BadZipFile(f"checksum of {torn}")
        content = torch.load(path, map_location=device, weights_only=True)
        return TrainingState(**content)
    except TypeError as error:
        raise CheckpointError(f"{path}: the state of another version of vimoflow") from error
    except (
        OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        raise CheckpointError(
            f"{path}: damaged; train again without --resume, or start from a checkpoint with --init"
        ) from error


def require_same_settings(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise ``CheckpointError`` where a run that goes on would not be the run that was stopped."""
    different = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    if different:
        key = different[0]
        raise CheckpointError(
            f"{path}: cannot resume from it with another '{key}' "
            f"({_brief(before.get(key))} before, {_brief(now.get(key))} now)"
        )


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."
