"""Options of a run, checked before anything slow starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from vimoflow.conventions import TURNS
from vimoflow.errors import ConfigError

SAMPLERS = ("auto", "one-pass", "ddim", "ddpm", "mean")
ESTIMATORS = ("mediapipe", "rtmpose", "rtmo")
EVERYBODY = "all"  # as a person
FORMATS = ("npz", "bvh", "glb", "html", "mp4")
PREVIEW_FORMATS = ("html", "mp4")
ROOTS = ("free", "inplace")
CAMERAS = ("static", "moving", "auto")
AGGREGATIONS = ("mean", "learned", "best")
TIMESTEPS = 1000  # of the noise schedule: no sampler can take more steps


@dataclass(frozen=True)
class GenerateOptions:
    """How to generate. Fields bear the names of the command's options, with units.

    Attributes:
        output: folder the results go to.
        samples: how many motions to draw; the best of them is the result.
        seed: same seed, machine and versions give the same bytes.
        steps: denoising steps, 1 to 1000.
        sampler: ``"auto"``, ``"one-pass"``, ``"ddim"``, ``"ddpm"`` or ``"mean"``, see
            ``sampling.SamplingOptions``.
        guidance: the thesis' w, 0 for none; None is the checkpoint's own value.
        checkpoint: name of a checkpoint that ships, or path of a file.
        estimator: what finds the 2D keypoints in a video.
        formats: which files to write.
        fps: frame rate in Hz of keypoints, images or raw streams that state no times; refused
            where a file states others.
        rotate: how far to turn the pictures, or keypoints, clockwise, degrees: 0, 90, 180, 270.
        start_s: where in the input to begin, seconds.
        end_s: where in the input to stop, seconds; None is its end.
        height_m: the person's height in metres, which scales the result; None is the canonical one.
        root: ``"free"`` lets the figure travel, ``"inplace"`` keeps it over one spot.
        camera: whether the camera stood still, so that the path in the image tells the root's;
            ``"auto"`` looks at the background of a video, and takes keypoint files for static.
        refine: bring the samples closer to the keypoints by a short optimisation.
        lock_feet: keep resting feet where they are, and none below the floor.
        views: the inputs are views of one performance, not a batch.
        offsets_s: where each view starts on the first one's clock, seconds; None: found from the
            sound, or else from the motion.
        aggregation: how views are weighted, see ``multiview.sample_views``.
        mirror: left and right were exchanged in the video, as in a selfie.
        smooth: calm the keypoints with a One-Euro filter.
        region: (left, top, right, bottom) in pixels of the upright image: where to look for the
            person; None is everywhere.
        person: whom to take of several people: ``"largest"``, ``"center"``, a name or number, or
            ``"all"``. None is who is largest in a keypoint file; in a video it is the one person
            whom the detector finds by itself, which is faster.
        image_size: (width, height) in pixels of the picture that a keypoint file is about; None is
            what the file says, or else the points' extent.
        every_frame: look at every frame of a video faster than the model's 30 fps; otherwise about
            30 a second are looked at, and the points between them lie on straight lines.
        threads: that compute; None is as many as there are free cores.

    Raises:
        ConfigError: a value that makes no sense; the message names the option.
    """

    output: Path
    samples: int = 1
    seed: int = 0
    steps: int = 10
    sampler: str = "auto"
    guidance: float | None = None
    checkpoint: str = "small"
    estimator: str = "mediapipe"
    formats: tuple[str, ...] = FORMATS
    fps: float | None = None
    rotate: int = 0
    start_s: float = 0.0
    end_s: float | None = None
    height_m: float | None = None
    root: str = "free"
    camera: str = "static"
    region: tuple[int, int, int, int] | None = None
    refine: bool = True
    lock_feet: bool = True
    views: bool = False
    offsets_s: tuple[float, ...] | None = None
    aggregation: str = "mean"
    mirror: bool = False
    smooth: bool = False
    person: str | None = None
    image_size: tuple[int, int] | None = None
    every_frame: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        _require_choice("--sampler", self.sampler, SAMPLERS)
        _require_choice("--estimator", self.estimator, ESTIMATORS)
        _require_choice("--root", self.root, ROOTS)
        _require_choice("--camera", self.camera, CAMERAS)
        _require_choice("--aggregation", self.aggregation, AGGREGATIONS)
        if self.offsets_s is not None and not self.views:
            raise ConfigError("--offsets: only several views (--views) have offsets")
        for name in self.formats:
            _require_choice("--formats", name, FORMATS)
        if not self.formats:
            raise ConfigError(f"--formats: name at least one of {', '.join(FORMATS)}")
        _require_range("--samples", self.samples, 1, math.inf)
        _require_range("--seed", self.seed, 0, 2**63 - 1)
        _require_range("--steps", self.steps, 1, TIMESTEPS)
        _require_range("--guidance", self.guidance, 0.0, 20.0)
        if self.rotate not in TURNS:
            raise ConfigError(f"--rotate: {self.rotate} is not one of 90, 180, 270")
        _require_range("--threads", self.threads, 1, 1024)
        _require_range("--fps", self.fps, 1.0, 1000.0)
        _require_range("--start", self.start_s, 0.0, math.inf)
        _require_range("--height", self.height_m, 0.3, 3.0)
        if self.region is not None:
            left, top, right, bottom = self.region
            if not (left < right and top < bottom):
                raise ConfigError(f"--region: {self.region} is empty; give LEFT,TOP,RIGHT,BOTTOM")
        if self.views and self.person == EVERYBODY:
            raise ConfigError("--person all: several views are of one person; choose one")
        if self.views and self.samples > 1:
            raise ConfigError("--views: several views give one motion; leave --samples out")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise ConfigError(f"--end: {self.end_s:g} s is not after --start, {self.start_s:g} s")


def _require_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{option}: {value!r} is not one of {', '.join(choices)}")


def _require_range(
    option: str, value: int | float | None, low: int | float, high: int | float
) -> None:
    if value is None or (low <= value <= high and math.isfinite(value)):
        return
    bound = f"from {low:g} to {high:g}" if math.isfinite(high) else f"finite and at least {low:g}"
    raise ConfigError(f"{option}: {value:g} makes no sense; it must be {bound}")
