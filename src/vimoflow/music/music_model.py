"""The dance model: the family's denoiser, conditioned on music instead of 2D poses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint, load_checkpoint
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.errors import CheckpointError
from vimoflow.music.audio_features import IMPULSES, LibrosaFeatures
from vimoflow.music.pairs import Dance

_MOST = 4.0  # standard deviations: a song that is nothing like those trained on


@dataclass(frozen=True)
class MusicScale:
    """Brings music features to unit variance. All zeros is no music at all.

    Attributes:
        name: of the features, see ``features.MusicFeatures``.
        mean, std: of each channel over the training songs.
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, dances: Sequence[Dance], name: str = LibrosaFeatures.name) -> MusicScale:
        """Of the dances that have music; what is told of the beat stays as it is."""
        heard = torch.cat([d.music for d in dances if d.music is not None]).double()
        mean, std = heard.mean(0), heard.std(0).clamp(min=1e-3)
        if name == LibrosaFeatures.name:
            mean[min(IMPULSES) :], std[min(IMPULSES) :] = 0.0, 1.0
        return cls(name, tuple(mean.tolist()), tuple(std.tolist()))

    def __call__(self, music: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch c"]:
        """Features as the denoiser takes them; frames of zeros, which no sound has, stay so."""
        mean, std = (torch.tensor(x).to(music) for x in (self.mean, self.std))
        heard = (music != 0).any(-1, keepdim=True)
        return ((music - mean) / std).clamp(-_MOST, _MOST) * heard


@dataclass(frozen=True)
class MusicModel:
    """A denoiser that hears, with the scale of what it hears."""

    checkpoint: Checkpoint
    scale: MusicScale

    @property
    def channels(self) -> int:
        """Of the music features."""
        return self.checkpoint.denoiser.config.condition_channels


def load_music_model(name_or_path: str | Path) -> MusicModel:
    """A dance model from its checkpoint, which is one as all others are.

    Raises:
        CheckpointError: it cannot be read, or is one for video.
    """
    checkpoint = load_checkpoint(name_or_path, "music")
    record: Any = checkpoint.provenance.get("music")
    try:
        scale = MusicScale(record["name"], tuple(record["mean"]), tuple(record["std"]))
        fits = len(scale.mean) == len(scale.std) == checkpoint.denoiser.config.condition_channels
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{name_or_path}: damaged record of the music ({error})") from error
    if not fits:
        raise CheckpointError(f"{name_or_path}: its music features do not fit its network")
    return MusicModel(checkpoint, scale)


def music_config(channels: int = LibrosaFeatures.channels) -> DenoiserConfig:
    """The sizes of the dance model that ships."""
    return DenoiserConfig(
        width=128, heads=4, blocks=3, encoder_layers=2, condition_channels=channels,
        estimate_std=0.1,
    )  # fmt: skip


def denoiser_from_video(video: Checkpoint, fresh: Denoiser) -> Denoiser:
    """A new denoiser with the motion side of a video model: its body knows how people move.

    Raises:
        CheckpointError: the two differ in more than the encoder.
    """
    given, config = video.denoiser.config, fresh.config
    wanted = dataclasses.replace(
        config, condition_channels=given.condition_channels, encoder_layers=given.encoder_layers,
        estimate_std=given.estimate_std,
    )  # fmt: skip
    if wanted != given:
        raise CheckpointError(
            f"the checkpoint {video.name!r} has other sizes ({given}) than the music model"
        )
    body = {k: v for k, v in video.denoiser.state_dict().items() if not k.startswith("encoder.")}
    fresh.load_state_dict(fresh.state_dict() | body)
    return fresh
