"""A dance of any length from music: the windows denoise together, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.diffusion.guidance import guided
from vimoflow.diffusion.sampler import inference_timesteps, require_sampler, step
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.editing.masked_denoising import DenoisingOptions, Known, denoise_unknown
from vimoflow.errors import ConfigError
from vimoflow.inference.sampling.finishing import finished_motion
from vimoflow.inference.sampling.joining import Joined, merge_windows, orthonormal, split_windows
from vimoflow.inference.sampling.noise import FrameNoise
from vimoflow.inference.sampling.rolling import roll
from vimoflow.motion.clip import Motion
from vimoflow.music.beat_warping import warped_to_beats
from vimoflow.music.denoiser import MusicModel
from vimoflow.music.features import FPS
from vimoflow.music.hearing import hearing
from vimoflow.music.options import DanceOptions

_BLOCK = 8  # windows that take a step together


@torch.no_grad()
def dance_features(
    model: MusicModel,
    music: Float[Tensor, "frames c"],
    options: DanceOptions | None = None,
    samples: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "samples frames 151"]:
    """Motion features at 30 fps, origin under the first root, to music.

    Neighbouring windows' estimates are aligned on the ground and cross-faded at every step, as for
    video. Beyond the dance itself, memory does not grow with its length.

    Args:
        model: with or without adapters.
        music: features as ``music.features`` makes them, not normalised; at least 2 frames.
        options: how to sample.
        samples: dances to the same music, each from noise of its own.
        progress: told the windows' steps done and to do.

    Raises:
        ConfigError: the music's channels are not the model's, or options make no sense.
    """
    options = options or DanceOptions()
    if music.shape[1] != model.channels:
        raise ConfigError(f"the model takes {model.channels} channels, not {music.shape[1]}")
    plan = WindowPlan.cover(len(music), options.window, options.overlap)
    task = _Dancing(model, music, plan, options, samples, progress)
    out = Joined(samples, len(music))
    ticks, count = len(task.timesteps), len(plan.starts)
    for window, x0 in roll(task, count, ticks, plan.reach, max(_BLOCK, 2 * plan.reach)):
        out.append(plan.starts[window], model.checkpoint.normalization.denormalize(x0))
    return orthonormal(out.features)


def finished_dance(
    features: Float[Tensor, "frames 151"], music_beats_s: Float[np.ndarray, "beats"] | None
) -> Motion:
    """What was drawn as a motion on the floor with feet that rest.

    Args:
        features: of :func:`dance_features`, one sample.
        music_beats_s: beats that it is to be put on, seconds; None leaves it as drawn.
    """
    if music_beats_s is not None:
        features = warped_to_beats(features, music_beats_s, FPS)
    return finished_motion(features)


def constrained_dance(
    model: MusicModel,
    music: Float[Tensor, "frames c"],
    known: Known,
    options: DanceOptions | None = None,
    samples: int = 1,
) -> Float[Tensor, "samples frames 151"]:
    """A dance of which a part is given: key poses, a path of the root, a beginning.

    Args:
        model: with or without adapters.
        music: features, not normalised.
        known: what is given, as for editing; its 2D condition is not looked at.
        options: how to sample; windows are those of editing.
        samples: dances to draw.
    """
    options = options or DanceOptions()
    checkpoint = hearing(model, music, options.guidance, samples)
    how = DenoisingOptions(
        method="timesteps", steps=options.steps, seed=options.seed, samples=samples, prior=0.0
    )
    return denoise_unknown(checkpoint, known, how)


def _smoothed(
    features: Float[Tensor, "*batch frames 151"], by_s: float
) -> Float[Tensor, "*batch frames 151"]:
    """Through a Gaussian in time; the first and the last frame are held beyond the ends."""
    from scipy.ndimage import gaussian_filter1d

    given = features.cpu().numpy()
    smooth = gaussian_filter1d(given, by_s * FPS, axis=-2, mode="nearest") if by_s else given
    return torch.from_numpy(smooth).to(features)


class _Dancing:
    """What happens to a range of windows at a tick; see ``rolling.WindowDenoising``."""

    def __init__(
        self, model: MusicModel, music: Tensor, plan: WindowPlan, options: DanceOptions,
        samples: int, progress: Callable[[int, int], None] | None,
    ) -> None:  # fmt: skip
        self.checkpoint, self.plan, self.options = model.checkpoint, plan, options
        self.music = model.scale(music)[None].expand(samples, -1, -1)
        self.samples, self.progress, self.done = samples, progress, 0
        self.noise = FrameNoise(options.seed, samples, music.device)
        self.timesteps = inference_timesteps(model.checkpoint.schedule.T, options.steps)
        self.sampler = require_sampler(options.sampler)

    def start(self, windows: range) -> Tensor:
        return self._noise(-1, windows)

    def estimate(self, tick: int, windows: range, noisy: Tensor) -> Tensor:
        part = self.music[:, self.plan.span(windows)]
        rows = self.plan.part(windows).split(part).flatten(0, 1)
        ask = guided(self.checkpoint.denoiser, rows, torch.zeros_like(rows), self.options.guidance)
        x_t = noisy.flatten(0, 1)
        x0 = ask(x_t, torch.full((len(x_t),), self.timesteps[tick], device=x_t.device))
        self._tell(len(windows))
        features = self.checkpoint.normalization.denormalize(x0).unflatten(0, (self.samples, -1))
        return orthonormal(_smoothed(features, self.options.smoothing_s))

    def agree(self, tick: int, around: range, estimates: Tensor, windows: range) -> Tensor:
        plan = self.plan.part(around)
        together = split_windows(merge_windows(estimates, plan), plan)
        inner = together[:, windows.start - around.start : windows.stop - around.start]
        return self.checkpoint.normalization.normalize(inner)

    def advance(self, tick: int, windows: range, noisy: Tensor, clean: Tensor) -> Tensor:
        rows = self.samples * len(windows)
        now, later = (
            torch.full((rows,), t) for t in (self.timesteps[tick], [*self.timesteps, -1][tick + 1])
        )
        noise = None
        if self.sampler == "ddpm" and int(later[0]) >= 0:
            noise = self._noise(tick, windows).flatten(0, 1)
        x = step(
            self.checkpoint.schedule, noisy.flatten(0, 1), clean.flatten(0, 1), now, later, noise,
            self.sampler,
        )  # fmt: skip
        return x.unflatten(0, (self.samples, -1))

    def _noise(self, number: int, windows: range) -> Tensor:
        span = self.plan.span(windows)
        return self.plan.part(windows).split(self.noise(number, span.start, span.stop))

    def _tell(self, windows: int) -> None:
        self.done += windows
        if self.progress is not None:
            self.progress(self.done, len(self.timesteps) * len(self.plan.starts))
