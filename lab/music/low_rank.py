"""LoRA (Hu et al. 2022), to compare adapters with: products get a trainable part of low rank."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lab.music.comparison import with_network
from vimoflow.music.dance_options import StyleOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.pairs import Dance
from vimoflow.music.styles import taught

RANK = 16


class LowRank(nn.Module):
    """A frozen product, and beside it one through ``rank`` channels that begins at zero."""

    def __init__(self, product: nn.Linear, rank: int = RANK) -> None:
        super().__init__()
        self.product = product.requires_grad_(False)
        self.down = nn.Linear(product.in_features, rank, bias=False)
        self.up = nn.Linear(rank, product.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """As the product does."""
        out: Tensor = self.product(x) + self.up(self.down(x))
        return out


def low_rank_tuned(
    model: MusicModel,
    dances: Sequence[Dance],
    options: StyleOptions | None = None,
    say: Callable[[str], None] | None = None,
) -> MusicModel:
    """A copy of the model whose blocks' products have learnt these dances at low rank."""
    options = options or StyleOptions()
    torch.manual_seed(options.seed)
    network = copy.deepcopy(model.checkpoint.denoiser).requires_grad_(False)
    for module in list(network.blocks.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, LowRank(child))
    return with_network(model, taught(model, network, dances, options, 1.0, say))
