"""``vimoflow keypoints``: a video to a file of 2D keypoints; keypoint files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import require_input, require_output_file
from vimoflow.cli.progress import progress
from vimoflow.options import Option
from vimoflow.pipeline.generate_options import parse_size
from vimoflow.registry import DETECTORS

if TYPE_CHECKING:
    from vimoflow.keypoints.formats import KeypointFile

_ASSUMED_FPS = 30.0
_Fps = Annotated[float | None, Option(metavar="F")]
_Size = Annotated[tuple[int, int] | None, Option(metavar="WxH", parse=parse_size)]
_Source = Annotated[Path, Option(metavar="IN")]

KEYPOINTS = CommandGroup(
    "keypoints",
    "2D keypoints of videos, and their files.",
    {
        "Commands": {
            "video": "vimoflow.cli.keypoints:video",
            "convert": "vimoflow.cli.keypoints:convert",
            "info": "vimoflow.cli.keypoints:info",
        }
    },
    default="video",
    examples="""
    vimoflow keypoints dance.mp4 -o dance.json
    vimoflow keypoints convert dance.json dance_coco.json --to coco
    """,
)


def convert(
    source: _Source,
    output: Annotated[Path, Option(metavar="OUT")],
    *,
    to: Annotated[str, Option(metavar="FORMAT")],
    person: Annotated[str | None, Option(metavar="N")] = None,
    fps: _Fps = None,
    size: _Size = None,
) -> None:
    """Write a keypoint file in another tool's format.

    Args:
        source: a keypoint file or folder.
        output: the file or folder to write.
        to: the format; docs/keypoints.md lists them.
        person: only this person, as info names them.
        fps: frame rate where the file does not state it, Hz.
        size: size of the picture, pixels; else the points' extent.
    """
    require_input(source)
    from vimoflow.keypoints.formats import choose_person
    from vimoflow.keypoints.keypoint_writers import write_keypoints

    people = _read(source, fps, size).people
    if person is not None:
        people = (choose_person(people, person, source),)
    write_keypoints(people, output, to)
    click.echo(f"{output}: {len(people)} people, {len(people[0])} frames, as {to}")


def info(source: _Source, *, fps: _Fps = None, size: _Size = None) -> None:
    """Say what a keypoint file holds.

    Args:
        source: a keypoint file or folder.
        fps: frame rate where the file does not state it, Hz.
        size: size of the picture, pixels; else the points' extent.
    """
    require_input(source)
    found = _read(source, fps, size)
    people, first = found.people, found.people[0]
    click.echo(
        f"{source.name}: {found.format}, {len(people)} people, {len(first)} frames, "
        f"{first.fps:g} Hz, {first.image_size[0]}x{first.image_size[1]} px"
    )
    for one in people:
        seen = one.observed
        confidence = one.points[..., 2][seen].mean() if seen.any() else 0.0
        click.echo(
            f"  person {one.person or '(only one)'}: in {int(seen.any(axis=1).sum())} frames, "
            f"mean confidence {confidence:.2f}"
        )


def _read(source: Path, fps: float | None, size: tuple[int, int] | None) -> KeypointFile:
    """The file's people; says on stderr what was assumed."""
    from vimoflow.keypoints.formats import read_file

    found = read_file(source, fps, size, _ASSUMED_FPS)
    if found.rate_assumed:
        click.echo(f"{source.name}: states no frame rate; {_ASSUMED_FPS:g} Hz assumed", err=True)
    return found


def video(
    video: Path,
    *,
    output: Annotated[Path, Option(("-o", "--output"), metavar="FILE.json")],
    estimator: Annotated[str, Option(registry=DETECTORS)] = "mediapipe",
    region: Annotated[
        tuple[int, int, int, int] | None, Option(metavar="LEFT,TOP,RIGHT,BOTTOM")
    ] = None,
) -> None:
    """Find the 2D keypoints of the person in a video, without any 3D.

    Args:
        video: the video file.
        output: the file to write.
        estimator: what finds them, or package.module:Class of your own.
        region: where in the upright picture to look for the person, pixels; else everywhere.
    """
    DETECTORS.require(estimator, "--estimator")
    require_input(video)
    require_output_file(output)
    from vimoflow.keypoints.estimators import extract
    from vimoflow.keypoints.formats import write_keypoints_json
    from vimoflow.keypoints.region import Region

    box = None if region is None else Region(*region)
    with progress("keypoints") as show:
        result = extract(video, estimator, progress=show, region=box)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_keypoints_json(result.keypoints, output)
    for warning in result.warnings:
        click.echo(f"{video.name}: {warning}", err=True)
    seen = int(result.keypoints.observed.any(axis=1).sum())
    click.echo(f"{output}: {len(result.keypoints)} frames, a person in {seen} of them")
