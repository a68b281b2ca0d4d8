"""``vimoflow music train``: dances with their music in, a checkpoint out, by the one trainer."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.data.shards import ShardEntry, read_manifest, read_shard
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.music.audio_features import IMPULSES
from vimoflow.music.dance_windows import (
    DanceBatch,
    WindowSettings,
    chances_of,
    draw_windows,
)
from vimoflow.music.music_model import MusicScale, denoiser_from_video, music_config
from vimoflow.music.pairs import Dance
from vimoflow.training.losses import LossWeights
from vimoflow.training.material import data_rows
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_options import RunOptions
from vimoflow.training.schedules import TimestepShares
from vimoflow.training.starting import new_model
from vimoflow.training.state import STATE
from vimoflow.training.trainer import learn


def music_recipe(steps: int = 4000) -> Recipe:
    """How the dance model is trained.

    Nearly all windows have one timestep for all frames, as sampling has; some have known frames,
    for constraints.
    """
    shares = TimestepShares(block=0.12, late=0.2)
    return Recipe(
        model=music_config(), frames=(150,), shares=(1.0,), batch_frames=2400, steps=steps,
        learning_rate=1e-3, warmup_steps=100, independent_timesteps=0.05, timesteps=shares,
        timesteps_alone=shares, condition_drop=0.15, losses=LossWeights(velocity=20.0),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class DanceMaterial:
    """Windows of dances with the music at their frames; see ``training.material.Material``.

    Attributes:
        dances: what to draw from; some may have no music.
        scale: of the music features.
        windows: how windows are varied.
        entries: the shards that the dances are from, for the terms.
        shares: of the windows, by corpus, see ``data.batches.corpus_shares``.
    """

    dances: Sequence[Dance]
    scale: MusicScale
    windows: WindowSettings
    entries: Sequence[ShardEntry] = ()
    shares: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """Names of the recordings with music, and how windows are drawn and matched."""
        names = sorted({dance.name for dance in self.dances if dance.music is not None})
        shares = {"corpus_shares": dict(self.shares)} if self.shares else {}
        return {"dances": names, "rematch": self.windows.rematch, **shares}

    @property
    def record(self) -> dict[str, Any]:
        """The same, corpora, and the scale of the music, which is needed to use the model."""
        music = dataclasses.asdict(self.scale)
        return {**self.settings, "data": data_rows(self.entries), "music": music}

    @functools.cached_property
    def chances(self) -> Float[np.ndarray, " dances"]:
        """How often each dance is drawn."""
        return chances_of(self.dances, self.shares)

    def draw(self, clips: int, frames: int, generator: torch.Generator) -> DanceBatch:
        """See :func:`~vimoflow.music.dance_windows.draw_windows`; the music is scaled.

        Some windows hear the beat alone, so that it counts whatever the timbre.
        """
        channels = len(self.scale.mean)
        batch = draw_windows(
            self.dances, clips, frames, generator, self.windows, channels, self.chances
        )
        music = self.scale(batch.music)
        beat_alone = torch.rand(clips, generator=generator) < self.windows.beat_alone
        music[beat_alone, :, : min(IMPULSES)] = 0
        return dataclasses.replace(batch, music=music)


def train_music(
    dances: Sequence[Dance],
    output: Path,
    name: str = "music",
    entries: Sequence[ShardEntry] = (),
    options: RunOptions | None = None,
    recipe: Recipe | None = None,
    rematch: int = 0,
) -> Path:
    """Train a dance model; returns the checkpoint's path.

    Args:
        dances: with music, see :func:`vimoflow.music.pairs.read_dances`.
        output: folder for state, log and checkpoint.
        name: of the checkpoint.
        entries: the shards the dances are from, for the terms.
        options: how to carry it out. ``init`` is a video checkpoint whose motion side is taken
            over; ``resume`` goes on from the state in the folder if there is one.
        recipe: what to train; :func:`music_recipe` by default.
        rematch: see ``windows.WindowSettings``.

    Raises:
        CheckpointError: the state or the checkpoint to start from does not fit.
        OutputError: nothing can be written.
    """
    options = options or RunOptions(compile=False)
    options = dataclasses.replace(options, resume=options.resume and (output / STATE).is_file())
    windows = WindowSettings(rematch=rematch)
    material = DanceMaterial(dances, MusicScale.fit(dances), windows, entries, options.shares)
    return learn(name, recipe or music_recipe(), material, output, options, _motion_side)


def _motion_side(video: Checkpoint, recipe: Recipe) -> Denoiser:
    return denoiser_from_video(video, new_model(recipe))


def entries_of(data: Path, dances: Sequence[Dance]) -> list[ShardEntry]:
    """The shards that hold any of these dances' corpora: those whose terms bind."""
    names = {dance.name for dance in dances}
    return [
        entry
        for entry in read_manifest(data)
        if names & set(read_shard(data, entry, verify=False).names)
    ]
