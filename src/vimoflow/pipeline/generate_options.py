"""Options of a run, checked before anything slow starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from vimoflow.conventions import DEFAULT_CHECKPOINT, MODEL_FPS, Figure
from vimoflow.errors import ConfigError
from vimoflow.inference.choices import Aggregation, Sampler
from vimoflow.options import MODEL, Option, require_sensible
from vimoflow.registry import DETECTORS, FORMATS

DEFAULT_DETECTOR = "mediapipe"
EVERYBODY = "all"  # as a person
PREVIEW_FORMATS = ("html", "mp4")
DEFAULT_FORMATS = ("npz", "bvh", "glb", *PREVIEW_FORMATS)
MOST_VIEWS = 9
TIMESTEPS = 1000  # of the noise schedule: no sampler can take more steps
_INPUT, _VIEWS = "The input", "Several cameras"


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels out of ``1920x1080``; ``ValueError`` for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})[xX]([1-9][0-9]{0,5})", text)
    if match is None:
        raise ValueError("is not WIDTHxHEIGHT, such as 1920x1080")
    return int(match[1]), int(match[2])


def parse_formats(text: str) -> tuple[str, ...]:
    """Names out of ``npz, BVH``."""
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


ImageSize = Annotated[
    tuple[int, int] | None, Option(("--size",), metavar="WxH", parse=parse_size, group=_INPUT)
]
Region = Annotated[
    tuple[int, int, int, int] | None, Option(metavar="LEFT,TOP,RIGHT,BOTTOM", group=_INPUT)
]
Fps = Annotated[float | None, Option(metavar="F", low=1, high=1000, group=_INPUT)]
Detector = Annotated[str, Option(registry=DETECTORS, group=_INPUT)]
Formats = Annotated[tuple[str, ...], Option(metavar="LIST", registry=FORMATS, parse=parse_formats)]
CheckpointName = Annotated[
    str, Option(("--checkpoint", "--weights"), metavar="NAME|PATH", group=MODEL)
]
Output = Annotated[Path | None, Option(("-o", "--output"), metavar="DIR")]


@dataclass(frozen=True)
class Effort:
    """What a quality stands for.

    Attributes:
        estimator: what finds the keypoints.
        rate: looks a second at a video that is faster, Hz; None looks at every frame.
        refine: whether the motion is brought closer to the keypoints.
    """

    estimator: str
    rate: float | None
    refine: bool = True


QUALITIES = {
    "fast": Effort(DEFAULT_DETECTOR, MODEL_FPS / 2),
    "balanced": Effort(DEFAULT_DETECTOR, MODEL_FPS),
    "best": Effort("mediapipe-three", MODEL_FPS),
}


@dataclass(frozen=True)
class GenerateOptions:
    """How to generate. Fields bear the names of the command's options, with units.

    Attributes:
        output: folder the results go to. Without one, a folder named after the input beside it.
        force: write over a folder that is named after the input.
        formats: which files to write, separated by commas.
        quality: which detector looks, and how often: fast looks 15 times a second, balanced 30
            times, best thrice each of these times, with a heavier model; estimator, every-frame and
            refine override it.
        figure: whom the GLB shows: a mannequin, a human, or a skeleton, which is joints alone.
        character: a rigged figure of yours (.glb, .gltf, .vrm, .fbx, .bvh) that gets the motion as
            well, as by `vimoflow retarget`.
        samples: how many motions; the first is the likeliest and the result, the others are drawn
            and lie beside it, and the page shows how far they differ.
        height_m: the person's height in metres, which scales the result.
        root: free lets the figure travel, inplace keeps it over one spot.
        start_s: where in the input to begin, seconds.
        end_s: where in the input to stop, seconds; without it, at its end.
        fps: frame rate in Hz of keypoints, images or raw streams that state no times; refused where
            a file states others.
        rotate: how far to turn the pictures, or keypoints, clockwise, degrees.
        image_size: size of the picture that a keypoint file is about, pixels; else what the file
            says, or the points' extent.
        person: whom to take of several people: largest, center, a name or number, or all for a
            folder a person, in one world. Without it, who counts most by size, time in the
            picture, motion and place; it is said who that is.
        region: where in the upright picture to look for the person, pixels; else everywhere.
        camera: whether the camera stood still, so that the path in the picture tells the path in
            the room; auto follows a video's background: what turned, shook or zoomed is undone, and
            with a camera that travels the feet tell the path. Keypoint files are taken for static.
        focal_mm: focal length as on 35 mm film, millimetres, where it is known; phones
            have about 26.
        gravity: how far the camera is turned clockwise and how far it looks down, degrees; else the
            roll is found from the person.
        every_frame: look at every frame of a video faster than the model's 30 fps; otherwise about
            30 a second are looked at, or as the quality says, and the points between them lie on
            straight lines.
        mirror: left and right were exchanged in the video, as in a selfie.
        mend: undo left and right exchanged for a while, and leave out keypoints that nobody can
            have.
        smooth: calm the keypoints with a One-Euro filter.
        estimator: what finds the 2D keypoints in a video, or package.module:Class of your own; else
            what the quality says.
        views: the inputs are views of one performance, in step or not, and no batch.
        offsets_s: where each view starts on the first one's clock, seconds; else found from the
            sound, or from the motion.
        aggregation: how views are weighted.
        checkpoint: name of a checkpoint that ships, or path of a file.
        seed: same seed, machine and versions give the same bytes.
        sampler: one-pass is the likeliest motion at once, the others draw one from noise; auto is
            one-pass with checkpoints that were taught to.
        steps: denoising steps of motions drawn from noise.
        guidance: classifier-free guidance towards the keypoints, the thesis' w; 0 is none.
        refine: bring the motion closer to the keypoints by a short optimisation; on at every
            quality.
        lock_feet: keep resting feet where they are, and none below the floor.
        physics: ask a body in MuJoCo what the motion would need: forces out of nowhere, floating,
            sliding go to run.json, second by second onto the page's time line.
        threads: threads that compute; else as many as there are free cores.

    Raises:
        ConfigError: a value that makes no sense; the message names the option.
    """

    output: Output = None
    force: bool = False
    formats: Formats = DEFAULT_FORMATS
    quality: Literal["fast", "balanced", "best"] = "balanced"
    figure: Figure = "mannequin"
    character: Annotated[Path | None, Option(metavar="FILE")] = None
    samples: Annotated[int, Option(metavar="K", low=1)] = 1
    height_m: Annotated[float | None, Option(("--height",), metavar="M", low=0.3, high=3)] = None
    root: Literal["free", "inplace"] = "free"
    start_s: Annotated[float, Option(("--start",), metavar="S", low=0, group=_INPUT)] = 0.0
    end_s: Annotated[float | None, Option(("--end",), metavar="S", group=_INPUT)] = None
    fps: Fps = None
    rotate: Annotated[Literal[0, 90, 180, 270], Option(group=_INPUT)] = 0
    image_size: ImageSize = None
    person: Annotated[str | None, Option(metavar="largest|center|N|all", group=_INPUT)] = None
    region: Region = None
    camera: Annotated[Literal["static", "moving", "auto"], Option(group=_INPUT)] = "auto"
    focal_mm: Annotated[
        float | None, Option(("--focal",), metavar="MM", low=8, high=2000, group=_INPUT)
    ] = None
    gravity: Annotated[tuple[float, float] | None, Option(metavar="ROLL,PITCH", group=_INPUT)] = (
        None
    )
    every_frame: Annotated[bool, Option(group=_INPUT)] = False
    mirror: Annotated[bool, Option(group=_INPUT)] = False
    mend: Annotated[bool, Option(group=_INPUT)] = True
    smooth: Annotated[bool, Option(group=_INPUT)] = False
    estimator: Annotated[str | None, Option(registry=DETECTORS, group=_INPUT)] = None
    views: Annotated[bool, Option(group=_VIEWS)] = False
    offsets_s: Annotated[
        tuple[float, ...] | None, Option(("--offsets",), metavar="LIST", group=_VIEWS)
    ] = None
    aggregation: Annotated[Aggregation, Option(group=_VIEWS)] = "mean"
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1, group=MODEL)] = 0
    sampler: Annotated[Sampler, Option(group=MODEL)] = "auto"
    steps: Annotated[int, Option(metavar="N", low=1, high=TIMESTEPS, group=MODEL)] = 10
    guidance: Annotated[float, Option(metavar="W", low=0, high=20, group=MODEL)] = 0.0
    refine: Annotated[bool | None, Option(group=MODEL)] = None
    lock_feet: Annotated[bool, Option(("--foot-lock",), group=MODEL)] = True
    physics: bool = False
    threads: Annotated[int | None, Option(metavar="N", low=1, high=1024)] = None

    def __post_init__(self) -> None:
        require_sensible(self)
        if not self.formats:
            raise ConfigError(f"--formats: name at least one of {', '.join(FORMATS.names)}")
        if self.offsets_s is not None and not self.views:
            raise ConfigError("--offsets: only several views (--views) have offsets")
        if self.region is not None:
            left, top, right, bottom = self.region
            if not (left < right and top < bottom):
                raise ConfigError(f"--region: {self.region} is empty; give LEFT,TOP,RIGHT,BOTTOM")
        if self.views and self.person == EVERYBODY:
            raise ConfigError("--person all: several views are of one person; choose one")
        if self.gravity is not None and not all(abs(angle) <= 90 for angle in self.gravity):
            raise ConfigError("--gravity: ROLL,PITCH from -90 to 90 degrees")
        if self.views and (self.gravity is not None or self.focal_mm is not None):
            raise ConfigError("--views: --gravity and --focal are of one camera; leave them out")
        if self.views and self.samples > 1:
            raise ConfigError("--views: several views give one motion; leave --samples out")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise ConfigError(f"--end: {self.end_s:g} s is not after --start, {self.start_s:g} s")

    @property
    def effort(self) -> Effort:
        """What the quality stands for, with what was said apart."""
        effort = QUALITIES[self.quality]
        return Effort(
            self.estimator or effort.estimator,
            None if self.every_frame else effort.rate,
            effort.refine if self.refine is None else self.refine,
        )


def require_views(views: int, offsets_s: Sequence[float] | None) -> None:
    """Refuse so many views, or another number of offsets: ``ConfigError``."""
    if not 2 <= views <= MOST_VIEWS:
        raise ConfigError(f"--views: takes 2 to {MOST_VIEWS} inputs, not {views}")
    if offsets_s is not None and len(offsets_s) != views:
        raise ConfigError(
            f"--offsets: {len(offsets_s)} numbers for {views} views; give one a view, "
            "0 for the first"
        )


def without_previews(formats: tuple[str, ...]) -> tuple[str, ...]:
    """The formats but for the page and the video."""
    return tuple(name for name in formats if name not in PREVIEW_FORMATS)
