"""``vimoflow edit``: parts of a motion generated anew, the rest exactly kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vimoflow.cli.edit_files import (
    EditRun,
    is_keypoint_file,
    parse_frames,
    parse_pin,
    read_guidance,
    read_motion,
    write_results,
)  # fmt: skip
from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError

if TYPE_CHECKING:
    from vimoflow.diffusion.checkpoint import Checkpoint
    from vimoflow.editing import Completion, CompletionOptions
    from vimoflow.editing.constraints import Constraint
    from vimoflow.motion.clip import Motion

app = typer.Typer(
    help="Generate parts of a motion anew and keep the rest.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Input = Annotated[
    Path, typer.Argument(metavar="IN", help="Motion: .npz (ours or AMASS) or .bvh of a person.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the results go to.")
]
Frames = Annotated[
    str, typer.Option(metavar="A:B", help="Frames A to B-1 are generated; all others are kept.")
]
Video = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Video or 2D keypoint file that the generated part follows."),
]
VideoFrom = Annotated[
    int,
    typer.Option(min=0, metavar="FRAME", help="Frame of the result at which the video starts."),
]
Fps = Annotated[
    float | None,
    typer.Option(metavar="F", help="True rate of IN, a .bvh; or of --video, a keypoint file, Hz."),
]
Map = Annotated[
    str | None,
    typer.Option("--map", metavar="MAP", help="Rig of IN, a .bvh: your own map in TOML."),
]
Pin = Annotated[
    list[str] | None,
    typer.Option(
        metavar="POINT:FRAME:X,Y,Z",
        help="Hold a joint or COCO point at a place, metres; FIRST-LAST for several frames.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Same seed, same motion.")]
Samples = Annotated[
    int, typer.Option(min=1, metavar="K", help="How many to draw; the smoothest is kept.")
]
Steps = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Denoising steps.")]
Method = Annotated[
    str,
    typer.Option(
        metavar="auto|one-pass|timesteps|repaint",
        help="One pass is the likeliest motion at once; the others draw one from noise.",
    ),
]
Rounds = Annotated[
    int, typer.Option(min=1, metavar="N", help="Resampling rounds a step, with repaint.")
]
Prior = Annotated[
    float, typer.Option(metavar="SHARE", help="Pull to an interpolation, 0 to below 1.")
]
Model = Annotated[
    str, typer.Option("--checkpoint", metavar="NAME|PATH", help="One that ships, or a file.")
]
Formats = Annotated[
    str, typer.Option(metavar="LIST", help="Which files to write, separated by commas.")
]
Lock = Annotated[bool, typer.Option("--lock-feet", help="Let generated feet that rest stay.")]
NoPreview = Annotated[
    bool, typer.Option("--no-preview", help="Leave out preview.html and preview.mp4.")
]
_ALL = "npz,bvh,glb,html,mp4"


@app.command("inbetween")
def inbetween(
    motion: Input, output: Output, frames: Frames, video: Video = None, video_from: VideoFrom = 0,
    fps: Fps = None, rig: Map = None, pin: Pin = None, seed: Seed = 0, samples: Samples = 1,
    steps: Steps = 20,
    method: Method = "auto", rounds: Rounds = 1, prior: Prior = 0.5,
    checkpoint: Model = "small", formats: Formats = _ALL, lock_feet: Lock = False,
    no_preview: NoPreview = False,
) -> None:  # fmt: skip
    """Generate frames A to B-1 anew; all others stay exactly as they are."""
    first, end = parse_frames(frames)
    common = _Common(output, video, video_from, fps, rig, pin, seed, samples, steps, method,
                     rounds, prior, checkpoint, formats, lock_feet, no_preview)  # fmt: skip

    def edit(model: Checkpoint, extra: Extra, options: CompletionOptions) -> Completion:
        from vimoflow.editing import operations

        return operations.inbetween(model, common.read(motion), first, end, extra, options)

    _run("inbetween", (motion,), {"frames": frames}, common, edit)


@app.command("infill")
def infill(
    motion: Input, output: Output, frames: Frames,
    joints: Annotated[
        str, typer.Option(metavar="NAMES", help="Joints or groups: arms, left_leg, upper, ...")
    ],
    video: Video = None, video_from: VideoFrom = 0,
    fps: Fps = None, rig: Map = None, pin: Pin = None, seed: Seed = 0, samples: Samples = 1,
    steps: Steps = 20,
    method: Method = "auto", rounds: Rounds = 1, prior: Prior = 0.5,
    checkpoint: Model = "small", formats: Formats = _ALL, lock_feet: Lock = False,
    no_preview: NoPreview = False,
) -> None:  # fmt: skip
    """Generate some joints anew in frames A to B-1; everything else stays exactly as it is."""
    first, end = parse_frames(frames)
    names = tuple(name.strip() for name in joints.split(",") if name.strip())
    common = _Common(output, video, video_from, fps, rig, pin, seed, samples, steps, method,
                     rounds, prior, checkpoint, formats, lock_feet, no_preview)  # fmt: skip

    def edit(model: Checkpoint, extra: Extra, options: CompletionOptions) -> Completion:
        from vimoflow.editing import operations

        return operations.infill(model, common.read(motion), names, first, end, extra, options)

    _run("infill", (motion,), {"frames": frames, "joints": names}, common, edit)


@app.command("blend")
def blend(
    a: Annotated[Path, typer.Argument(metavar="A", help="Motion that it starts with.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Motion that it ends with.")],
    output: Output,
    overlap: Annotated[int, typer.Option(min=1, metavar="N", help="Frames generated anew.")] = 30,
    video: Video = None, video_from: VideoFrom = 0,
    fps: Fps = None, rig: Map = None, pin: Pin = None, seed: Seed = 0, samples: Samples = 1,
    steps: Steps = 20,
    method: Method = "auto", rounds: Rounds = 1, prior: Prior = 0.5,
    checkpoint: Model = "small", formats: Formats = _ALL, lock_feet: Lock = False,
    no_preview: NoPreview = False,
) -> None:  # fmt: skip
    """Lead motion A into motion B, which is moved and turned to meet A."""
    common = _Common(output, video, video_from, fps, rig, pin, seed, samples, steps, method,
                     rounds, prior, checkpoint, formats, lock_feet, no_preview)  # fmt: skip

    def edit(model: Checkpoint, extra: Extra, options: CompletionOptions) -> Completion:
        from vimoflow.editing import operations

        return operations.blend(model, common.read(a), common.read(b), overlap, extra, options)

    _run("blend", (a, b), {"overlap": overlap}, common, edit)


@app.command("extend")
def extend(
    motion: Input, output: Output,
    before: Annotated[int, typer.Option(min=0, metavar="N", help="Frames before the start.")] = 0,
    after: Annotated[int, typer.Option(min=0, metavar="N", help="Frames after the end.")] = 0,
    video: Video = None, video_from: VideoFrom = 0,
    fps: Fps = None, rig: Map = None, pin: Pin = None, seed: Seed = 0, samples: Samples = 1,
    steps: Steps = 20,
    method: Method = "auto", rounds: Rounds = 1, prior: Prior = 0.0,
    checkpoint: Model = "small", formats: Formats = _ALL, lock_feet: Lock = False,
    no_preview: NoPreview = False,
) -> None:  # fmt: skip
    """Generate frames before the start or after the end; the motion itself stays as it is."""
    common = _Common(output, video, video_from, fps, rig, pin, seed, samples, steps, method,
                     rounds, prior, checkpoint, formats, lock_feet, no_preview)  # fmt: skip

    def edit(model: Checkpoint, extra: Extra, options: CompletionOptions) -> Completion:
        from vimoflow.editing import operations

        return operations.extend(model, common.read(motion), before, after, extra, options)

    _run("extend", (motion,), {"before": before, "after": after}, common, edit)


if TYPE_CHECKING:
    Extra = Sequence[Constraint]
    Edit = Callable[[Checkpoint, Extra, CompletionOptions], Completion]


@dataclass(frozen=True)
class _Common:
    """Options that all edits have, named as on the command line."""

    output: Path
    video: Path | None
    video_from: int
    fps: float | None
    rig: str | None
    pin: list[str] | None
    seed: int
    samples: int
    steps: int
    method: str
    rounds: int
    prior: float
    checkpoint: str
    formats: str
    lock_feet: bool
    no_preview: bool

    def read(self, path: Path) -> Motion:
        """An input; the rate is its own unless it is that of a keypoint file."""
        guided = self.video is not None and is_keypoint_file(self.video)
        return read_motion(path, None if guided else self.fps, self.rig)

    @property
    def chosen_formats(self) -> tuple[str, ...]:
        """Which files to write."""
        from vimoflow.pipeline import FORMATS, PREVIEW_FORMATS

        names = tuple(n.strip().lower() for n in self.formats.split(",") if n.strip())
        for name in names:
            if name not in FORMATS:
                raise ConfigError(f"--formats: {name!r} is not one of {', '.join(FORMATS)}")
        if self.no_preview:
            names = tuple(n for n in names if n not in PREVIEW_FORMATS)
        if not names:
            raise ConfigError(f"--formats: name at least one of {', '.join(FORMATS)}")
        return names


def _run(
    name: str, inputs: tuple[Path, ...], settings: dict[str, Any], common: _Common, edit: Edit
) -> None:
    """Read, edit, write and report."""
    started = time.perf_counter()
    for path in (*inputs, *([common.video] if common.video else [])):
        require_input(path)
    pins = [parse_pin(text) for text in common.pin or []]
    formats = common.chosen_formats
    require_output_folder(common.output)
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.editing import CompletionOptions, DenoisingOptions, Follow, PinJoint

    denoising = DenoisingOptions(
        method=common.method, steps=common.steps, rounds=common.rounds, seed=common.seed,
        samples=common.samples, prior=common.prior,
    )  # fmt: skip
    options = CompletionOptions(denoising, lock_feet=common.lock_feet)
    extra: list[Constraint] = [PinJoint(*pin) for pin in pins]
    if common.video is not None:
        keypoints = read_guidance(common.video, "mediapipe", common.fps, progress)
        extra.append(Follow(keypoints, common.video_from))
    model = load_checkpoint(common.checkpoint)
    completion = edit(model, extra, options)
    settings = settings | {"pins": common.pin or []}
    run = EditRun(name, inputs, settings, common.video, common.video_from, started)
    files = write_results(completion, common.output, formats, run, options, model, progress)
    typer.echo(f"{name}: {len(completion.motion)} frames, results in {common.output}")
    typer.echo("  " + ", ".join(path.name for path in files))
    for miss in completion.misses:
        typer.echo(f"  note: {miss}")
    typer.echo(f"  Terms of the weights: {model.terms}")
