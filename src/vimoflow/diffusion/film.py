"""Feature-wise linear modulation from timestep and pose encoding (thesis 3.3 iii, Perez et al.)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class TimestepEmbedding(nn.Module):
    """Sinusoidal features of the timestep through a two-layer perceptron."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.frequencies: Tensor
        frequencies = torch.exp(-math.log(10_000) * torch.arange(half) / half)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.mlp = nn.Sequential(nn.Linear(2 * half, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Int[Tensor, "batch frames"]) -> Float[Tensor, "batch frames width"]:
        angles = t[..., None].to(torch.float32) * self.frequencies
        return self.mlp(torch.cat((angles.sin(), angles.cos()), dim=-1))


class FiLM(nn.Module):
    """Scale and shift for the outputs of a block's three sub-layers.

    Version 1 makes one pair that all three share, version 2 a pair for each (thesis 3.3 ii). The
    modulation is per frame, because timesteps are (DESIGN section 5); at initialisation it is
    the identity.
    """

    POINTS = 3  # self-attention, cross-attention, MLP

    def __init__(self, condition_width: int, width: int, version: int) -> None:
        super().__init__()
        if version not in (1, 2):
            raise ValueError(f"FiLM version is 1 or 2, not {version}")
        self.version = version
        self.act = nn.SiLU()
        self.linear = nn.Linear(condition_width, 2 * width * (1 if version == 1 else self.POINTS))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(
        self, condition: Float[Tensor, "batch frames c"]
    ) -> list[tuple[Float[Tensor, "batch frames d"], Float[Tensor, "batch frames d"]]]:
        """(gamma - 1, beta) for each of the three points."""
        out = self.linear(self.act(condition))
        chunks = out.chunk(2 if self.version == 1 else 2 * self.POINTS, dim=-1)
        pairs = [(chunks[i], chunks[i + 1]) for i in range(0, len(chunks), 2)]
        return pairs * self.POINTS if self.version == 1 else pairs


def modulate(
    x: Float[Tensor, "batch frames d"],
    pair: tuple[Float[Tensor, "batch frames d"], Float[Tensor, "batch frames d"]],
) -> Float[Tensor, "batch frames d"]:
    """``gamma * x + beta`` with gamma given as its difference from one."""
    return x * (1 + pair[0]) + pair[1]
