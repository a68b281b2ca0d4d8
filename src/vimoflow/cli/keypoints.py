"""``vimoflow keypoints``: a video to a file of 2D keypoints; keypoint files of other tools."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from vimoflow.cli import region as region_option
from vimoflow.cli.paths import require_input, require_output_file
from vimoflow.cli.progress import progress
from vimoflow.conventions import ASSUMED_FPS
from vimoflow.errors import ConfigError

if TYPE_CHECKING:
    from vimoflow.keypoints.formats import KeypointFile

_FPS = typer.Option(metavar="F", help="Frame rate where the file does not state it, Hz.")
_SIZE = typer.Option(metavar="WxH", help="Size of the picture, pixels; else the points' extent.")


class _VideoByDefault(TyperGroup):
    """``keypoints VIDEO`` is ``keypoints video VIDEO``."""

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def]
        """Put the default command first where none is named."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["video", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_VideoByDefault, no_args_is_help=True, help="2D keypoints of videos, and their files."
)


@app.command("convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A keypoint file or folder.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The file or folder to write.")],
    to: Annotated[
        str, typer.Option("--to", metavar="FORMAT", help="docs/keypoints.md lists them.")
    ],
    person: Annotated[
        str | None, typer.Option(metavar="N", help="Only this person, as info names them.")
    ] = None,
    fps: Annotated[float | None, _FPS] = None,
    size: Annotated[str | None, _SIZE] = None,
) -> None:
    """Write a keypoint file in another tool's format."""
    require_input(source)
    from vimoflow.keypoints.formats import choose_person
    from vimoflow.keypoints.keypoint_writers import write_keypoints

    people = _read(source, fps, size).people
    if person is not None:
        people = (choose_person(people, person, source),)
    write_keypoints(people, output, to)
    typer.echo(f"{output}: {len(people)} people, {len(people[0])} frames, as {to}")


@app.command("info")
def info(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A keypoint file or folder.")],
    fps: Annotated[float | None, _FPS] = None,
    size: Annotated[str | None, _SIZE] = None,
) -> None:
    """Say what a keypoint file holds."""
    require_input(source)
    found = _read(source, fps, size)
    people, first = found.people, found.people[0]
    typer.echo(
        f"{source.name}: {found.format}, {len(people)} people, {len(first)} frames, "
        f"{first.fps:g} Hz, {first.image_size[0]}x{first.image_size[1]} px"
    )
    for one in people:
        seen = one.observed
        confidence = one.points[..., 2][seen].mean() if seen.any() else 0.0
        typer.echo(
            f"  person {one.person or '(only one)'}: in {int(seen.any(axis=1).sum())} frames, "
            f"mean confidence {confidence:.2f}"
        )


def _read(source: Path, fps: float | None, size: str | None) -> KeypointFile:
    """The file's people; says on stderr what was assumed."""
    from vimoflow.keypoints.formats import read_file

    found = read_file(source, fps, parse_size(size), ASSUMED_FPS)
    if found.rate_assumed:
        typer.echo(f"{source.name}: states no frame rate; {ASSUMED_FPS:g} Hz assumed", err=True)
    return found


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height in pixels out of ``1920x1080``; None where nothing was asked for.

    Raises:
        ConfigError: the text is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})[xX]([1-9][0-9]{0,5})", text)
    if match is None:
        raise ConfigError(f"--size: {text[:30]!r} is not WIDTHxHEIGHT, such as 1920x1080")
    return int(match[1]), int(match[2])


@app.command("video")
def keypoints(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video file.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.json", help="The file to write.")
    ],
    region: Annotated[
        str | None, typer.Option(metavar=region_option.METAVAR, help=region_option.HELP)
    ] = None,
) -> None:
    """Find the 2D keypoints of the person in a video, without any 3D."""
    require_input(video)
    require_output_file(output)
    from vimoflow.keypoints.estimators import Region, extract
    from vimoflow.keypoints.formats import write_keypoints_json

    box = region_option.parse_region(region)
    with progress("keypoints") as show:
        result = extract(video, progress=show, region=None if box is None else Region(*box))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_keypoints_json(result.keypoints, output)
    for warning in result.warnings:
        typer.echo(f"{video.name}: {warning}", err=True)
    seen = int(result.keypoints.observed.any(axis=1).sum())
    typer.echo(f"{output}: {len(result.keypoints)} frames, a person in {seen} of them")
