"""How dances are drawn, and how dance models and styles are trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from vimoflow.errors import ConfigError
from vimoflow.options import MODEL, PYTHON_ONLY, Option, require_sensible

_Steps = Annotated[int, Option(metavar="N", low=1, high=1e9)]


@dataclass(frozen=True)
class DanceOptions:
    """How to sample a dance.

    Attributes:
        on_beat: bend the dance's time a little so that it halts on beats, see ``beat_warping``.
        seed: of the noise; same seed, same dance.
        guidance: how closely to follow the music, the thesis' w; 0 is none.
        beat: how firmly to halt on beats while it is drawn, see ``beat_guidance``; 0 is not at all.
            Where styles act, times one and their strengths.
        liveliness: how much more it moves than the network says at each step; 1 is as it says.
        by_feet: go where resting feet push, so that they do not slide; else where the network says,
            which learnt styles need (docs/music).
        steps: denoising steps.
        sampler: how to denoise.
        window, overlap: frames at 30 fps.
        smoothing_s: standard deviation of the Gaussian in time that every clean estimate goes
            through; 0 is none. A small model leaves noise in its estimates, while people hardly
            move faster than 6 Hz.

    Raises:
        ConfigError: a value that makes no sense.
    """

    steps: Annotated[int, Option(metavar="N", low=1, high=1000, group=MODEL)] = 10
    sampler: Annotated[Literal["ddim", "ddpm", "mean"], Option(group=MODEL)] = "ddpm"
    guidance: Annotated[float, Option(metavar="W", low=0, high=20, group=MODEL)] = 0.5
    beat: Annotated[float, Option(metavar="W", low=0, high=1e4, group=MODEL)] = 8.0
    liveliness: Annotated[float, Option(metavar="X", low=0.5, high=2, group=MODEL)] = 1.25
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1, group=MODEL)] = 0
    window: Annotated[int, PYTHON_ONLY] = 150
    overlap: Annotated[int, PYTHON_ONLY] = 50
    on_beat: Annotated[bool, Option(("--on-beat/--as-drawn",))] = False
    by_feet: Annotated[bool, Option(("--by-feet/--by-network",))] = True
    smoothing_s: Annotated[float, PYTHON_ONLY] = 0.06

    def __post_init__(self) -> None:
        require_sensible(self)
        if not 0 <= self.smoothing_s <= 1:
            raise ConfigError(f"smoothing of {self.smoothing_s} s makes no sense; try 0.03")
        if not 0 <= self.overlap < self.window:
            raise ConfigError(f"windows of {self.window} frames cannot share {self.overlap}")


@dataclass(frozen=True)
class SongOptions:
    """What to make of a song.

    Attributes:
        output: folder the results go to.
        styles: NAME=0.8 each, strength 1 without a number; their contributions add up.
            NAME=0.8@30-60 acts in these seconds of the song.
        start_s: where in the song to begin, seconds.
        seconds: how much of the song to dance to; up to its end by default.
        checkpoint: a dance model, by the name it ships under or by path.
        sampling: how to sample.
    """

    output: Annotated[Path, Option(("-o", "--output"), metavar="DIR")]
    checkpoint: Annotated[str, Option(metavar="NAME|PATH", group=MODEL)] = "music"
    styles: Annotated[tuple[str, ...], Option(("--style",), metavar="NAME[=S][@FROM-TO]")] = ()
    sampling: Annotated[DanceOptions, PYTHON_ONLY] = field(default_factory=DanceOptions)
    start_s: Annotated[float, Option(("--start",), metavar="S", low=0)] = 0.0
    seconds: Annotated[float | None, Option(metavar="S", low=0)] = None

    def __post_init__(self) -> None:
        require_sensible(self)


@dataclass(frozen=True)
class StyleOptions:
    """How a style is learnt.

    Attributes:
        steps: optimizer steps of each style.
        batch_frames: frames a step sees.
        window: frames of a window at 30 fps; shorter clips are padded.
        learning_rate: of the branches; fine-tuning of the whole backbone takes a tenth.
        seed: of everything.
        rematch: for pairs that are not in step: bring beats together, trying so many places and
            speeds.
        report_every: steps between reports.
    """

    steps: _Steps = 400
    batch_frames: Annotated[int, PYTHON_ONLY] = 1200
    window: Annotated[int, PYTHON_ONLY] = 150
    learning_rate: Annotated[float, PYTHON_ONLY] = 2e-3
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0
    report_every: Annotated[int, PYTHON_ONLY] = 20
    rematch: Annotated[int, Option(metavar="N", low=0)] = 0

    def __post_init__(self) -> None:
        require_sensible(self)
        if not 2 <= self.window <= self.batch_frames:
            raise ConfigError("a style needs windows that fit its batches")
