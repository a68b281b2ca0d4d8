"""Styles in parts of a song: which act when, and how one gives way to the next."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import ConfigError
from vimoflow.music.adapters import Adapter, adapted
from vimoflow.music.audio_features import FPS
from vimoflow.music.music_model import MusicModel

_FADE_S = 1.0
_SPAN = re.compile(r"(.+)@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)?")


@dataclass(frozen=True)
class StyleUse:
    """A style, its strength, and the seconds of the song in which it acts."""

    name: str
    scale: float = 1.0
    start_s: float = 0.0
    end_s: float = math.inf


@dataclass(frozen=True)
class Voice:
    """A model, and how much it counts at each frame; at every frame all voices' shares sum to 1."""

    model: MusicModel
    share: Float[Tensor, " frames"]


def parse_style(text: str) -> StyleUse:
    """``ballet=0.8@30-60``: strength 1 where none is given, all of the song where no seconds are.

    Raises:
        ConfigError: the strength is no number, or the seconds are none.
    """
    span = _SPAN.fullmatch(text)
    told, start, end = span.groups() if span else (text, "0", None)
    name, _, strength = told.rpartition("=") if "=" in told else (told, "", "1")
    try:
        use = StyleUse(name, float(strength), float(start), float(end or "inf"))
        if not use.name or not abs(use.scale) < math.inf or use.start_s >= use.end_s:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"--style {text}: write NAME, NAME=0.8 or NAME=0.8@30-60 (seconds)"
        ) from None
    return use


def voices(
    model: MusicModel, styles: Sequence[tuple[StyleUse, Adapter]], frames: int, start_s: float = 0.0
) -> list[Voice]:
    """The model with the styles that act, for every set of them that ever does.

    Args:
        model: the backbone.
        styles: with their adapters.
        frames: of the dance.
        start_s: where in the song it begins.

    Raises:
        CheckpointError: an adapter was trained beside another backbone.
    """
    from scipy.ndimage import uniform_filter1d

    if not styles:
        return [Voice(model, torch.ones(frames))]
    times = start_s + np.arange(frames) / FPS
    acts = np.stack([(use.start_s <= times) & (times < use.end_s) for use, _ in styles], axis=1)
    sets, of = np.unique(acts, axis=0, return_inverse=True)
    found = []
    for number, on in enumerate(sets):
        chosen = [(a, use.scale) for (use, a), acting in zip(styles, on, strict=True) if acting]
        share = uniform_filter1d(
            (of.ravel() == number).astype(np.float32), round(_FADE_S * FPS), mode="nearest"
        )
        found.append(Voice(adapted(model, chosen) if chosen else model, torch.from_numpy(share)))
    return found
