"""``vimoflow generate``: videos or 2D keypoints to 3D animation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimoflow.cli import region as region_option
from vimoflow.cli.keypoints import parse_size
from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError

if TYPE_CHECKING:
    from vimoflow.pipeline.animation import Result


def generate(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="Videos, 2D keypoint files, or folders of OpenPose JSON; several are a batch.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder the results go to.")
    ],
    samples: Annotated[
        int,
        typer.Option(
            metavar="K", help="Draw K motions, put the best on top and show how far they differ."
        ),
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same motion.")] = 0,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Denoising steps of motions drawn from noise.")
    ] = 10,
    sampler: Annotated[
        str,
        typer.Option(
            metavar="auto|one-pass|ddim|ddpm|mean",
            help="One pass is the likeliest motion at once; the others draw one from noise.",
        ),
    ] = "auto",
    guidance: Annotated[
        float | None,
        typer.Option(
            metavar="W",
            help="Classifier-free guidance: 0 is none. Default: the checkpoint's own value.",
        ),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    estimator: Annotated[
        str,
        typer.Option(
            metavar="mediapipe|rtmpose|rtmo", help="What finds the 2D keypoints in a video."
        ),
    ] = "mediapipe",
    formats: Annotated[
        str, typer.Option(metavar="LIST", help="Which files to write, separated by commas.")
    ] = "npz,bvh,glb,html,mp4",
    fps: Annotated[
        float | None,
        typer.Option(
            metavar="F", help="Frame rate of keypoints or images that state no times, Hz."
        ),
    ] = None,
    rotate: Annotated[
        int, typer.Option(metavar="90|180|270", help="Turn the pictures clockwise, degrees.")
    ] = 0,
    start: Annotated[
        float, typer.Option(metavar="S", help="Where in the input to begin, seconds.")
    ] = 0.0,
    end: Annotated[
        float | None, typer.Option(metavar="S", help="Where in the input to stop, seconds.")
    ] = None,
    height: Annotated[
        float | None,
        typer.Option(metavar="M", help="The person's height, metres; scales the result."),
    ] = None,
    root: Annotated[
        str,
        typer.Option(metavar="free|inplace", help="Let the figure travel, or keep it on one spot."),
    ] = "free",
    camera: Annotated[
        str, typer.Option(metavar="static|moving|auto", help="Whether the camera stood still.")
    ] = "static",
    region: Annotated[
        str | None, typer.Option(metavar=region_option.METAVAR, help=region_option.HELP)
    ] = None,
    no_refine: Annotated[
        bool,
        typer.Option("--no-refine", help="Keep the samples as the model drew them."),
    ] = False,
    no_foot_lock: Annotated[
        bool, typer.Option("--no-foot-lock", help="Let feet move as the model wants.")
    ] = False,
    person: Annotated[
        str | None,
        typer.Option(
            metavar="largest|center|N|all",
            help="Whom to take of several people; all: a folder a person, in one world.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Size of a keypoint file's picture, pixels."),
    ] = None,
    views: Annotated[
        bool,
        typer.Option("--views", help="The INPUTs are views of one performance, in step or not."),
    ] = False,
    offsets: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Where each view starts on the first one's clock, s. Default: found.",
        ),
    ] = None,
    aggregation: Annotated[
        str, typer.Option(metavar="mean|learned|best", help="How views are weighted.")
    ] = "mean",
    mirror: Annotated[
        bool, typer.Option("--mirror", help="The video is mirrored, as selfies are.")
    ] = False,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="Calm the keypoints (One-Euro filter).")
    ] = False,
    every_frame: Annotated[
        bool,
        typer.Option("--every-frame", help="Look at every frame of a video faster than 30 fps."),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads that compute. Default: as many as cores are free."),
    ] = None,
    no_preview: Annotated[
        bool, typer.Option("--no-preview", help="Leave out preview.html and preview.mp4.")
    ] = False,
) -> None:
    """Turn videos or 2D keypoints into 3D animation."""
    from vimoflow.pipeline import PREVIEW_FORMATS, GenerateOptions

    chosen = tuple(name.strip().lower() for name in formats.split(",") if name.strip())
    if no_preview:
        chosen = tuple(name for name in chosen if name not in PREVIEW_FORMATS)
    options = GenerateOptions(
        output=output,
        samples=samples,
        seed=seed,
        steps=steps,
        sampler=sampler,
        guidance=guidance,
        checkpoint=checkpoint,
        estimator=estimator,
        formats=chosen,
        fps=fps,
        rotate=rotate,
        start_s=start,
        end_s=end,
        height_m=height,
        root=root,
        camera=camera,
        region=region_option.parse_region(region),
        refine=not no_refine,
        lock_feet=not no_foot_lock,
        views=views,
        offsets_s=_offsets(offsets),
        aggregation=aggregation,
        mirror=mirror,
        smooth=smooth,
        person=person,
        image_size=parse_size(size),
        every_frame=every_frame,
        threads=threads,
    )
    for path in inputs:
        require_input(path)
    require_output_folder(output)
    from vimoflow.pipeline import generate as run

    for result in run(inputs, options, progress):
        _report(result)


def _offsets(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--offsets: {text!r} is no list of seconds such as 0,0.52") from None


def _report(result: Result) -> None:
    """Where the results are, how good they are, and under which terms they may be used."""
    from vimoflow.pipeline.quality import figures

    typer.echo(f"{result.source.name}: results in {result.folder}")
    typer.echo("  " + ", ".join(path.name for path in result.files))
    for label, value in figures(result.quality):
        typer.echo(f"  {label}: {value}")
    for warning in result.warnings:
        typer.echo(f"  note: {warning}")
    typer.echo(f"  Terms of the weights: {result.terms}")
