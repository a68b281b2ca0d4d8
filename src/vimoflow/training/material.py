"""What a run learns from: examples, and the record of where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.data.batches import Batch, BatchSettings, WindowSource, make_batch
from vimoflow.data.manifest import ShardEntry
from vimoflow.data.shards import Shard


@runtime_checkable
class Examples(Protocol):
    """Windows of motion and what the network is told of them; a dataclass of tensors."""

    @property
    def features(self) -> Float[Tensor, "batch frames 151"]:
        """Clean motion, un-normalised."""

    @property
    def joints(self) -> Float[Tensor, "batch frames 24 3"]:
        """Joint positions of it, metres."""

    @property
    def valid(self) -> Bool[Tensor, "batch frames"]:
        """Frames that exist."""

    def told(self, keep: Bool[Tensor, "batch"]) -> Float[Tensor, "batch frames c"]:
        """The condition; zeros in clips that do not keep it."""


@runtime_checkable
class Material(Protocol):
    """A source of examples."""

    @property
    def entries(self) -> Sequence[ShardEntry]:
        """Shards whose terms bind."""

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""

    @property
    def record(self) -> dict[str, Any]:
        """What the checkpoint says about it."""

    def draw(self, clips: int, frames: int, generator: torch.Generator) -> Examples:
        """Random windows; the same generator state gives the same ones."""


class ShardMaterial:
    """Windows of shards, filmed by virtual cameras or with their real detections.

    Args:
        shards: what to draw from.
        batches: how windows become examples.
        shares: of the windows, by corpus; see ``data.batches.corpus_shares``.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        batches: BatchSettings,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        self.source = WindowSource(shards, shares)
        self.batches, self.shares = batches, dict(shares or {})

    @property
    def entries(self) -> Sequence[ShardEntry]:
        """See :class:`Material`, as for the others."""
        return [shard.entry for shard in self.source.shards]

    @property
    def settings(self) -> dict[str, Any]:
        """Shares, and checksums of the files."""
        shares = {"corpus_shares": self.shares} if self.shares else {}
        return {**shares, "data": {entry.file: entry.sha256 for entry in self.entries}}

    @property
    def record(self) -> dict[str, Any]:
        """Corpora with their shares of the windows."""
        rows = zip(data_rows(self.entries), self.source.shard_weights, strict=True)
        return {"data": [row | {"share": round(float(share), 4)} for row, share in rows]}

    def draw(self, clips: int, frames: int, generator: torch.Generator) -> Batch:
        """See :func:`~vimoflow.data.batches.make_batch`."""
        return make_batch(self.source, clips, frames, generator, self.batches)


def data_rows(entries: Sequence[ShardEntry]) -> list[dict[str, Any]]:
    """Corpora as a checkpoint's record names them."""
    names = ("corpus", "licence", "source", "hours")
    return [{name: getattr(entry, name) for name in names} for entry in entries]
