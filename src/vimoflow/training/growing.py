"""Weights of a larger denoiser that computes what a smaller one computed (Net2Net, Chen 2016).

Training then goes on from where the smaller network was. A network twice as wide holds every
channel twice, and whatever reads the two copies halves its weights; a random part, opposite for the
two, lets them part ways. New layers begin as the identity, new condition channels unread.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import torch
from torch import Tensor, nn

from vimoflow.diffusion.denoiser import Denoiser

_LAYER = re.compile(r"((?:encoder\.layers|blocks)\.\d+\.)")
_BRANCH_END = re.compile(r"attention\.out\.|mlp\.3\.")  # last products of the residual branches
_PARTED = 0.3  # random part of the halved weights, in their standard deviation

# In how many parts, each doubled by itself, a weight's rows and columns come; 0 is not doubled.
_PARTS = (
    (r"motion_in\.|encoder\.pose_in\.", 1, 0),
    (r"motion_out\.", 0, 1),
    (r"key_value\.", 2, 1),
    (r"timestep\.mlp\.0\.", 1, 0),
    (r"", 1, 1),
)


def grown_weights(small: Denoiser, large: Denoiser) -> dict[str, Tensor]:
    """The smaller network's weights in the larger one's shapes, with the new layers' own.

    Shapes that cannot be grown stay as they are: loading them fails.
    """
    before, after, weights = small.config, large.config, dict(small.state_dict())
    if after.condition_channels > before.condition_channels:
        new = after.condition_channels - before.condition_channels
        name = "encoder.pose_in.weight"
        weights[name] = nn.functional.pad(weights[name], (0, new))
    if after.width == 2 * before.width and after.heads == 2 * before.heads:
        generator = torch.Generator().manual_seed(0)
        film_parts = 2 if after.film_version == 1 else 6
        weights = {
            name: _widened(name, value, film_parts, generator) for name, value in weights.items()
        }
    return {**_identity_layers(large, weights), **weights}


def _widened(name: str, value: Tensor, film_parts: int, generator: torch.Generator) -> Tensor:
    if ".film." in name:
        rows, columns = film_parts, 2
    else:
        rows, columns = next((r, c) for pattern, r, c in _PARTS if re.search(pattern, name))
    if name == "timestep.mlp.0.weight":  # of its frequencies every second is one of the old ones
        value = torch.stack((value, torch.zeros_like(value)), dim=-1).flatten(-2)
    if value.ndim > 1 and columns:
        part = _PARTED * value.std() * torch.randn(value.shape, generator=generator)
        halves = (0.5 * value + part, 0.5 * value - part)
        pieces = zip(*(half.chunk(columns, dim=1) for half in halves), strict=True)
        value = torch.cat([half for piece in pieces for half in piece], dim=1)
    if rows:
        value = torch.cat([p for part in value.chunk(rows, dim=0) for p in (part, part)], dim=0)
    return value


def _identity_layers(model: nn.Module, known: Collection[str]) -> dict[str, Tensor]:
    """Weights of the layers that ``known`` has not, whose residual branches add nothing yet."""
    own = model.state_dict()
    layers = {match[1] for name in own if (match := _LAYER.match(name))}
    new = {layer for layer in layers if not any(name.startswith(layer) for name in known)}
    return {
        name: torch.zeros_like(value) if _BRANCH_END.search(name) else value
        for name, value in own.items()
        if (match := _LAYER.match(name)) and match[1] in new
    }
