"""Checkpoints: one safetensors file with weights, normalisation and what is needed to use them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import CheckpointError, ConfigError, OutputError
from vimoflow.files import replacing

FORMAT_VERSION = 1
_WEIGHTS = "weights."
CheckpointKind = Literal["video", "music"]
"""What a checkpoint makes motions from."""


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of each feature channel over the training files."""

    mean: Float[Tensor, " channels"]
    std: Float[Tensor, " channels"]

    def normalize(self, features: Float[Tensor, "*batch channels"]) -> Tensor:
        """Features to what the denoiser sees."""
        return (features - self.mean.to(features)) / self.std.to(features)

    def denormalize(self, values: Float[Tensor, "*batch channels"]) -> Tensor:
        """What the denoiser predicts to features."""
        return values * self.std.to(values) + self.mean.to(values)


@dataclass(frozen=True)
class Checkpoint:
    """A trained denoiser with its normalisation and its provenance.

    Attributes:
        terms: the terms under which the weights may be used, shown to every user.
        provenance: recipe, data, steps, seed, versions: whatever the training wrote down.
    """

    name: str
    denoiser: Denoiser
    normalization: Normalization
    schedule: NoiseSchedule
    terms: str
    provenance: dict[str, Any]

    @property
    def kind(self) -> CheckpointKind:
        """What it makes motions from."""
        return _kind(self.provenance)

    @property
    def one_pass(self) -> bool:
        """Whether the network was taught to answer at T, see ``diffusion.reference``."""
        return self.denoiser.config.estimate_std > 0


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; the file appears complete or not at all.

    Raises:
        OutputError: it cannot be written there.
    """
    tensors = {_WEIGHTS + k: v.contiguous() for k, v in checkpoint.denoiser.state_dict().items()}
    tensors["normalization.mean"] = checkpoint.normalization.mean.contiguous()
    tensors["normalization.std"] = checkpoint.normalization.std.contiguous()
    header = {
        "format": "vimoflow-checkpoint",
        "version": str(FORMAT_VERSION),
        "config": json.dumps(dataclasses.asdict(checkpoint.denoiser.config)),
        "schedule": json.dumps(dataclasses.asdict(checkpoint.schedule)),
        "terms": checkpoint.terms,
        "provenance": json.dumps(checkpoint.provenance),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            save_file(tensors, partial, metadata=header)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path}: cannot write the checkpoint ({error})") from error


def load_checkpoint(
    name_or_path: str | Path = DEFAULT_CHECKPOINT, kind: CheckpointKind = "video"
) -> Checkpoint:
    """A checkpoint that ships with the package, by name, or one in a file, by path.

    Raises:
        CheckpointError: it is missing, damaged, of another version, of another shape or kind.
    """
    path = _resolve(name_or_path, kind)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            # Copies: a file that is replaced while it is used must not change the weights.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: damaged or not a checkpoint ({error})") from error
    if header.get("format") != "vimoflow-checkpoint":
        raise CheckpointError(f"{path}: a safetensors file, but not a ViMo-Flow checkpoint")
    if header.get("version") != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{path}: checkpoint version {header.get('version')}, this release reads "
            f"{FORMAT_VERSION}; install the release it was made with or train again"
        )
    try:
        found = _build(path.stem, header, tensors)
    except (KeyError, ValueError, TypeError, RuntimeError, ConfigError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: the checkpoint does not fit itself ({reason})") from error
    if found.kind != kind:
        raise CheckpointError(
            f"{name_or_path}: a checkpoint for {found.kind}, not for {kind}; this release ships "
            f"{', '.join(shipped_checkpoints(kind)) or 'none'} for {kind}"
        )
    return found


def shipped_checkpoints(kind: CheckpointKind) -> list[str]:
    """Names of the checkpoints of a kind that come with the package."""
    folder = Path(str(resources.files("vimoflow.diffusion").joinpath("weights")))
    names = []
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        if _kind(json.loads(header.get("provenance", "{}"))) == kind:
            names.append(path.stem)
    return names


def _kind(provenance: dict[str, Any]) -> CheckpointKind:
    return "music" if "music" in provenance else "video"


def _build(name: str, header: dict[str, str], tensors: dict[str, Tensor]) -> Checkpoint:
    schedule = NoiseSchedule(**json.loads(header["schedule"]))
    denoiser = Denoiser(DenoiserConfig(**json.loads(header["config"])), schedule)
    weights = {k.removeprefix(_WEIGHTS): v for k, v in tensors.items() if k.startswith(_WEIGHTS)}
    denoiser.load_state_dict(weights)
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values()):
        raise ValueError("weights that are not finite")
    mean, std = tensors["normalization.mean"], tensors["normalization.std"]
    if not mean.shape == std.shape == (denoiser.config.motion_channels,):
        raise ValueError(f"a normalisation of {tuple(mean.shape)} and {tuple(std.shape)} channels")
    return Checkpoint(
        name=name,
        denoiser=denoiser.eval().requires_grad_(False),
        normalization=Normalization(mean, std),
        schedule=schedule,
        terms=header["terms"],
        provenance=json.loads(header["provenance"]),
    )


def _resolve(name_or_path: str | Path, kind: CheckpointKind) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise CheckpointError(f"{path}: no such checkpoint file")
    folder = resources.files("vimoflow.diffusion").joinpath("weights")
    shipped = Path(str(folder.joinpath(f"{path}.safetensors")))
    if not shipped.is_file():
        names = shipped_checkpoints(kind)
        raise CheckpointError(
            f"no checkpoint '{path}': this release ships {', '.join(names) or 'none'}"
        )
    return shipped
