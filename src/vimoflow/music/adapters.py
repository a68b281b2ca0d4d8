"""Zero-convolution adapters: a new style beside a backbone that stays as it is (thesis 3.5 ii).

As in ControlNet (Zhang et al. 2023) every block of the frozen backbone gets a trainable copy whose
output goes through a layer that is zero at the start. So training begins at the backbone itself,
and at any time the adapter can be weakened, strengthened, taken away or added to another.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserBlock, DenoiserConfig
from vimoflow.errors import CheckpointError, ConfigError, OutputError
from vimoflow.files import replacing
from vimoflow.music.music_model import MusicModel

FORMAT_VERSION = 1
_FORMAT = "vimoflow-adapter"


class Branch(nn.Module):
    """A copy of a backbone's block, and the zero convolution after it (of one frame: linear)."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.block = DenoiserBlock(config)
        self.zero = nn.Linear(config.width, config.width)
        nn.init.zeros_(self.zero.weight)
        nn.init.zeros_(self.zero.bias)

    def forward(
        self, x: Tensor, tokens: Tensor, condition: Tensor, rotary: Tensor, mask: Tensor | None
    ) -> Tensor:
        """What is added to the backbone's block, (batch, frames, width)."""
        return self.zero(self.block(x, tokens, condition, rotary, mask))


class AdaptedBlock(nn.Module):
    """A backbone's block with branches beside it, each with its scale."""

    def __init__(
        self, block: nn.Module, branches: Sequence[Branch], scales: Sequence[float]
    ) -> None:
        super().__init__()
        self.block = block
        self.branches = nn.ModuleList(branches)
        self.scales = tuple(scales)

    def forward(
        self, x: Tensor, tokens: Tensor, condition: Tensor, rotary: Tensor, mask: Tensor | None
    ) -> Tensor:
        out = self.block(x, tokens, condition, rotary, mask)
        for scale, branch in zip(self.scales, self.branches, strict=True):
            if scale != 0:  # the backbone exactly, and at its cost
                out = out + scale * branch(x, tokens, condition, rotary, mask)
        return out


@dataclass(frozen=True)
class Adapter:
    """A style: one branch for each block of a backbone.

    Attributes:
        name: of the style.
        backbone: fingerprint of the backbone it was trained beside.
        branches: in the order of the blocks.
        terms: of the motions it was trained on and of the backbone.
        provenance: clips, steps, seed, versions.
    """

    name: str
    backbone: str
    branches: tuple[Branch, ...]
    terms: str
    provenance: dict[str, Any]


def fingerprint(checkpoint: Checkpoint) -> str:
    """A hash of a checkpoint's weights and normalisation: the same for the same motion model."""
    digest = hashlib.sha256()
    tensors = dict(checkpoint.denoiser.state_dict())
    tensors["mean"], tensors["std"] = checkpoint.normalization.mean, checkpoint.normalization.std
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def new_adapter(model: MusicModel, name: str) -> Adapter:
    """An adapter that changes nothing yet: copies of the backbone's blocks, zeros after them."""
    denoiser = model.checkpoint.denoiser
    branches = []
    for block in denoiser.blocks:
        branch = Branch(denoiser.config)
        branch.block.load_state_dict(block.state_dict())
        branches.append(branch)
    return Adapter(
        name, fingerprint(model.checkpoint), tuple(branches), model.checkpoint.terms, {}
    )  # fmt: skip


def adapted(model: MusicModel, adapters: Sequence[tuple[Adapter, float]]) -> MusicModel:
    """The model with styles beside it; their contributions add up.

    The backbone's weights are shared with ``model`` and frozen.

    Args:
        model: the backbone.
        adapters: each with its scale: 0 is without, 1 as trained, more is exaggerated.

    Raises:
        CheckpointError: an adapter was trained beside another backbone.
        ConfigError: a scale that is not finite.
    """
    own = fingerprint(model.checkpoint)
    for adapter, scale in adapters:
        if adapter.backbone != own:
            raise CheckpointError(
                f"the style {adapter.name!r} was trained beside another dance model than "
                f"{model.checkpoint.name!r}; train it again or choose its own model"
            )
        if not abs(scale) < float("inf"):
            raise ConfigError(f"the strength of a style must be a number, not {scale}")
    denoiser = beside(model.checkpoint.denoiser, adapters)
    return dataclasses.replace(
        model, checkpoint=dataclasses.replace(model.checkpoint, denoiser=denoiser.eval())
    )


def beside(denoiser: Denoiser, adapters: Sequence[tuple[Adapter, float]]) -> Denoiser:
    """A denoiser with the same (frozen) weights and branches beside its blocks."""
    together = copy.copy(denoiser)
    together._modules = dict(denoiser._modules)
    scales = [scale for _, scale in adapters]
    together.blocks = nn.ModuleList(
        AdaptedBlock(block.requires_grad_(False), [a.branches[i] for a, _ in adapters], scales)
        for i, block in enumerate(denoiser.blocks)
    )
    for name, module in together.named_children():
        if name != "blocks":
            module.requires_grad_(False)
    return together


def strength(model: MusicModel) -> float:
    """How much styles count beside the backbone: the sum of their scales without signs."""
    block = model.checkpoint.denoiser.blocks[0]
    return sum(map(abs, block.scales)) if isinstance(block, AdaptedBlock) else 0.0


def save_adapter(adapter: Adapter, path: Path) -> None:
    """Write an adapter as a safetensors file, complete or not at all.

    Raises:
        OutputError: it cannot be written there.
    """
    tensors = {
        f"{i}.{key}": value.contiguous()
        for i, branch in enumerate(adapter.branches)
        for key, value in branch.state_dict().items()
    }
    header = {
        "format": _FORMAT,
        "version": str(FORMAT_VERSION),
        "name": adapter.name,
        "backbone": adapter.backbone,
        "terms": adapter.terms,
        "provenance": json.dumps(adapter.provenance),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            save_file(tensors, partial, metadata=header)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path}: cannot write the style ({error})") from error


def load_adapter(path: Path, model: MusicModel) -> Adapter:
    """Read an adapter for this backbone.

    Raises:
        CheckpointError: it is missing, damaged, of another version, or for another backbone.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such style; see `vimoflow style list`")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: damaged or not a style ({error})") from error
    if header.get("format") != _FORMAT:
        raise CheckpointError(f"{path}: a safetensors file, but not a style of ViMo-Flow")
    if header.get("version") != str(FORMAT_VERSION):
        raise CheckpointError(f"{path}: style version {header.get('version')}; train it again")
    if header.get("backbone") != fingerprint(model.checkpoint):
        raise CheckpointError(
            f"{path}: was trained beside another dance model than {model.checkpoint.name!r}; "
            "train the style again or choose its own model with --checkpoint"
        )
    return _built(path, header, tensors, model)


def _built(
    path: Path, header: dict[str, str], tensors: dict[str, Tensor], model: MusicModel
) -> Adapter:
    try:
        if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
            raise ValueError("weights that are not finite")
        branches = []
        for i in range(len(model.checkpoint.denoiser.blocks)):
            branch = Branch(model.checkpoint.denoiser.config)
            mine = {k.split(".", 1)[1]: v for k, v in tensors.items() if k.startswith(f"{i}.")}
            branch.load_state_dict(mine)
            branches.append(branch.eval().requires_grad_(False))
        return Adapter(
            header["name"], header["backbone"], tuple(branches), header["terms"],
            json.loads(header["provenance"]),
        )  # fmt: skip
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: the style does not fit itself ({reason})") from error


def styles_folder() -> Path:
    """Where a user's styles are: ``$XDG_DATA_HOME`` or ``~/.local/share``, ``vimoflow/styles``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "vimoflow" / "styles"


def style_path(name_or_path: str) -> Path:
    """The file of a style: a path as it is, a name in the user's folder."""
    path = Path(name_or_path)
    if path.suffix == ".safetensors" or len(path.parts) > 1:
        return path
    return styles_folder() / f"{name_or_path}.safetensors"


def require_style_name(name: str) -> None:
    """Raise ``ConfigError`` unless a file can be called so and ``--style`` can name it."""
    if not name or not all(c.isalnum() or c in "-_" for c in name):
        raise ConfigError(f"--name {name!r}: use letters, digits, '-' and '_' only")


def describe(path: Path) -> str:
    """One line about a style's file, whatever its backbone; damaged ones are said to be so."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        record = json.loads(header["provenance"])
        return (
            f"{header['name']}: {len(record['clips'])} clips, "
            f"{sum(clip['seconds'] for clip in record['clips']):.0f} s; beside {header['backbone']}"
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        return f"{path.stem}: cannot be read ({' '.join(str(error).split())[:80]})"
