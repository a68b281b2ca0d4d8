"""A dance of any length from music: the windows denoise together, in bounded memory."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.denoising import Progress, Walk
from vimoflow.diffusion.sampler import require_sampler
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.errors import ConfigError
from vimoflow.inference.sampling.finishing import finished_motion
from vimoflow.inference.sampling.joining import orthonormal
from vimoflow.inference.sampling.task import FeatureTask, denoised
from vimoflow.motion.clip import Motion
from vimoflow.music.adapters import strength
from vimoflow.music.audio_features import FPS, beats_s
from vimoflow.music.beat_guidance import halting, weights_at
from vimoflow.music.beat_warping import warped_to_beats
from vimoflow.music.dance_options import DanceOptions
from vimoflow.music.movement import carried, livelier
from vimoflow.music.music_model import MusicModel
from vimoflow.music.sections import Voice

_LAST = 0.1  # of T: below, a small network passes the noise on that it is shown
_BLOCK = 8  # windows that take a step together: guidance makes each two rows of the model's batch


@torch.no_grad()
def dance_features(
    model: MusicModel,
    music: Float[Tensor, "frames c"],
    options: DanceOptions | None = None,
    samples: int = 1,
    progress: Progress | None = None,
    voices: Sequence[Voice] = (),
) -> Float[Tensor, "samples frames 151"]:
    """Motion features at 30 fps, origin under the first root, to music.

    Neighbouring windows' estimates are aligned on the ground and cross-faded at every step, as for
    video. Beyond the dance itself, memory does not grow with its length.

    Args:
        model: with or without adapters.
        music: features as ``music.audio_features`` makes them, not normalised; at least 2 frames.
        options: how to sample. The noise is of its seed and of the music's beats: one noise for
            all songs would make one dance of all of them.
        samples: dances to the same music, each from noise of its own.
        progress: told the denoising steps done and to do.
        voices: the model with styles, and where each counts; the model alone if none.

    Raises:
        ConfigError: the music's channels are not the model's, or options make no sense.
    """
    options = options or DanceOptions()
    if music.shape[1] < model.channels:
        raise ConfigError(f"the model takes {model.channels} channels, not {music.shape[1]}")
    plan = WindowPlan.cover(len(music), options.window, options.overlap)
    # Earlier models know less of the music: its first channels.
    heard = model.scale(music[:, : model.channels])[None].expand(samples, -1, -1)
    beats = beats_s(music.numpy()) * FPS
    voices = voices or [Voice(model, torch.ones(len(music)))]
    # What a style was learnt from seldom halts on beats; so it is held to them more firmly.
    firmness = 1 + torch.stack([v.share * strength(v.model) for v in voices]).sum(0)
    halts = weights_at(beats, len(music), options.beat) * firmness
    seed = options.seed ^ zlib.crc32(beats.round().astype("<i4").tobytes())
    task = _ToMusic(
        model.checkpoint, plan, samples, seed, options.guidance,
        music=heard, halts=halts.expand(samples, -1), smoothing_s=options.smoothing_s,
        liveliness=options.liveliness,
        voices=[(v.model.checkpoint, v.share) for v in voices],
    )  # fmt: skip
    levels = noise_levels(model.checkpoint.schedule, options.steps)
    walk = Walk(model.checkpoint.schedule, levels, require_sampler(options.sampler))
    return orthonormal(denoised(task, walk, progress, _BLOCK))


def noise_levels(schedule: NoiseSchedule, steps: int) -> tuple[int, ...]:
    """Levels at which the model is asked, falling: from the highest in equal steps to a tenth."""
    first, last = schedule.T - 1, round(_LAST * schedule.T)
    return tuple(round(x) for x in np.linspace(first, last, steps))


def finished_dance(
    features: Float[Tensor, "frames 151"],
    music_beats_s: Float[np.ndarray, " beats"] | None,
    by_feet: bool = True,
) -> Motion:
    """What was drawn as a motion on the floor with feet that rest.

    Args:
        features: of :func:`dance_features`, one sample.
        music_beats_s: beats that it is to be put on, seconds; None leaves it as drawn.
        by_feet: whether resting feet say where it goes; else the network does.
    """
    if music_beats_s is not None:
        features = warped_to_beats(features, music_beats_s, FPS)
    if by_feet:
        features = carried(features)
    return finished_motion(features)


def _smoothed(
    features: Float[Tensor, "*batch frames 151"], by_s: float
) -> Float[Tensor, "*batch frames 151"]:
    """Through a Gaussian in time; the first and the last frame are held beyond the ends."""
    from scipy.ndimage import gaussian_filter1d

    given = features.cpu().numpy()
    smooth = gaussian_filter1d(given, by_s * FPS, axis=-2, mode="nearest") if by_s else given
    return torch.from_numpy(smooth).to(features)


@dataclass
class _ToMusic(FeatureTask):
    """Windows told by the music at their frames."""

    music: Tensor = field(kw_only=True)
    halts: Tensor = field(kw_only=True)
    smoothing_s: float = field(kw_only=True)
    liveliness: float = field(kw_only=True)
    voices: Sequence[tuple[Checkpoint, Tensor]] = field(kw_only=True)

    def estimate(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        features = _smoothed(self._said(windows, x_t, t), self.smoothing_s)
        features = livelier(features, self.liveliness)
        if bool(self.halts.any()):
            weights = self.rows(self.halts, windows)
            features = halting(features, weights.unflatten(0, features.shape[:2]))
        return orthonormal(features)

    def _said(self, windows: range, x_t: Tensor, t: Tensor) -> Tensor:
        """What those voices say together that count in these windows."""
        music, said = self.rows(self.music, windows), torch.zeros(())
        for checkpoint, share in self.voices:
            counts = self.rows(share[None], windows)
            if bool(counts.any()):
                one = dataclasses.replace(self, checkpoint=checkpoint).asked(music, x_t, t)
                said = said + counts[..., None] * one
        return said
