"""``vimoflow music train``: dances with their music in, a checkpoint out, by the one trainer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from vimoflow.data.shards import ShardEntry, read_manifest, read_shard
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.music.denoiser import MusicScale, denoiser_from_video, music_config
from vimoflow.music.pairs import Dance
from vimoflow.music.windows import DanceBatch, WindowSettings, draw_windows
from vimoflow.training.material import data_rows
from vimoflow.training.options import RunOptions
from vimoflow.training.recipes import Recipe
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
        timesteps_alone=shares, condition_drop=0.15,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class DanceMaterial:
    """Windows of dances with the music at their frames; see ``training.material.Material``.

    Attributes:
        dances: what to draw from; some may have no music.
        scale: of the music features.
        windows: how windows are varied.
        entries: the shards that the dances are from, for the terms.
    """

    dances: Sequence[Dance]
    scale: MusicScale
    windows: WindowSettings
    entries: Sequence[ShardEntry] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """Names of the dances, and how their windows are matched."""
        names = sorted(dance.name for dance in self.dances)
        return {"dances": names, "rematch": self.windows.rematch}

    @property
    def record(self) -> dict[str, Any]:
        """The same, corpora, and the scale of the music, which is needed to use the model."""
        music = dataclasses.asdict(self.scale)
        return {**self.settings, "data": data_rows(self.entries), "music": music}

    def draw(self, clips: int, frames: int, generator: torch.Generator) -> DanceBatch:
        """See :func:`~vimoflow.music.windows.draw_windows`; the music is scaled."""
        channels = len(self.scale.mean)
        batch = draw_windows(self.dances, clips, frames, generator, self.windows, channels)
        return dataclasses.replace(batch, music=self.scale(batch.music))


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
    material = DanceMaterial(dances, MusicScale.fit(dances), windows, entries)
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
