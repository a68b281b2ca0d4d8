"""``vimoflow edit``: parts of a motion generated anew, the rest exactly kept."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.conclusion import conclude, report
from vimoflow.cli.edit_files import (
    EditFiles,
    EditRun,
    is_keypoint_file,
    read_guidance,
    write_results,
)
from vimoflow.cli.paths import require_apart, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.editing.completion_options import CompletionOptions, DenoisingOptions
from vimoflow.errors import ConfigError
from vimoflow.notes import collected_notes
from vimoflow.options import Option
from vimoflow.pipeline.generate_options import without_previews
from vimoflow.registry import FORMATS

if TYPE_CHECKING:
    from vimoflow.editing import Completion
    from vimoflow.editing.constraints import Constraint

EDIT = CommandGroup(
    "edit",
    "Generate parts of a motion anew and keep the rest.",
    {
        "Commands": {
            "inbetween": "vimoflow.cli.edit:inbetween",
            "infill": "vimoflow.cli.edit:infill",
            "blend": "vimoflow.cli.edit:blend",
            "extend": "vimoflow.cli.edit:extend",
        }
    },
    examples="""
    vimoflow edit inbetween motion.npz -o better --frames 40:60
    vimoflow edit infill motion.npz -o arms --frames 40:60 --joints arms --video retake.mp4
    vimoflow edit blend walk.bvh jump.bvh -o both
    """,
)


def parse_frames(text: str) -> tuple[int, int]:
    """``A:B``, frames A to B - 1; ``ValueError`` for anything else."""
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        raise ValueError("is not A:B in whole frames") from None
    return first, end


Frames = Annotated[tuple[int, int], Option(metavar="A:B", parse=parse_frames)]
_Motion = Annotated[Path, Option(metavar="IN")]
_DENOISING = DenoisingOptions(steps=20)


def inbetween(
    motion: _Motion,
    *,
    frames: Frames,
    files: EditFiles,
    options: CompletionOptions,
    preview: bool = True,
    denoising: DenoisingOptions = _DENOISING,
) -> None:
    """Generate frames A to B-1 anew; all others stay exactly as they are.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        frames: frames A to B-1 are generated; all others are kept.
        preview: write preview.html and preview.mp4, where they are among the formats.
    """

    settings = {"frames": f"{frames[0]}:{frames[1]}"}
    _run("inbetween", (motion,), frames, settings, files, preview, options, denoising)


def infill(
    motion: _Motion,
    *,
    frames: Frames,
    joints: Annotated[tuple[str, ...], Option(metavar="NAMES")],
    files: EditFiles,
    options: CompletionOptions,
    preview: bool = True,
    denoising: DenoisingOptions = _DENOISING,
) -> None:
    """Generate some joints anew in frames A to B-1; everything else stays exactly as it is.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        frames: frames A to B-1 are generated; all others are kept.
        joints: joints or groups, separated by commas: arms, left_leg, upper, ...
        preview: write preview.html and preview.mp4, where they are among the formats.
    """

    settings = {"frames": f"{frames[0]}:{frames[1]}", "joints": joints}
    _run("infill", (motion,), (joints, *frames), settings, files, preview, options, denoising)


def blend(
    a: Path,
    b: Path,
    *,
    overlap: Annotated[int, Option(metavar="N", low=1)] = 30,
    files: EditFiles,
    options: CompletionOptions,
    preview: bool = True,
    denoising: DenoisingOptions = _DENOISING,
) -> None:
    """Lead motion A into motion B, which is moved and turned to meet A.

    Args:
        a: motion that it starts with: .npz (ours or AMASS) or .bvh of a person.
        b: motion that it ends with.
        overlap: frames generated anew.
        preview: write preview.html and preview.mp4, where they are among the formats.
    """

    settings = {"overlap": overlap}
    _run("blend", (a, b), (overlap,), settings, files, preview, options, denoising)


def extend(
    motion: _Motion,
    *,
    before: Annotated[int, Option(metavar="N", low=0)] = 0,
    after: Annotated[int, Option(metavar="N", low=0)] = 0,
    files: EditFiles,
    options: CompletionOptions,
    preview: bool = True,
    denoising: DenoisingOptions = dataclasses.replace(_DENOISING, prior=0.0),  # noqa: B008
) -> None:
    """Generate frames before the start or after the end; the motion itself stays as it is.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        before: frames before the start.
        after: frames after the end.
        preview: write preview.html and preview.mp4, where they are among the formats.
    """

    settings = {"before": before, "after": after}
    _run("extend", (motion,), (before, after), settings, files, preview, options, denoising)


def _run(
    name: str,
    inputs: tuple[Path, ...],
    arguments: tuple[Any, ...],
    settings: dict[str, Any],
    files: EditFiles,
    preview: bool,
    options: CompletionOptions,
    denoising: DenoisingOptions,
) -> None:
    """Read, edit by the operation of this name, write and report."""
    started = time.perf_counter()
    formats = files.formats if preview else without_previews(files.formats)
    if not formats:
        raise ConfigError(f"--formats: name at least one of {', '.join(FORMATS.names)}")
    files = dataclasses.replace(files, formats=formats)
    for path in (*inputs, *([files.video] if files.video else [])):
        require_input(path)
    require_output_folder(files.output)
    require_apart(inputs, [files.output / f"motion.{ending}" for ending in formats])
    from vimoflow.data.motion_files import load_motion
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.editing import Follow, PinJoint, operations

    options = dataclasses.replace(options, denoising=denoising)
    extra: list[Constraint] = [PinJoint(*pin) for pin in files.pins]
    if files.video is not None:
        keypoints = read_guidance(files.video, files.estimator, files.fps, progress)
        extra.append(Follow(keypoints, files.video_from))
    # A stated rate is the motion's own unless it is that of a keypoint file.
    guided = files.video is not None and is_keypoint_file(files.video)
    with collected_notes() as notes:
        rate = None if guided else files.fps
        motions = [load_motion(path, rate, files.rig, files.up, files.unit) for path in inputs]
    model = load_checkpoint(files.checkpoint)
    edit: Callable[..., Completion] = getattr(operations, name)
    completion = edit(model, *motions, *arguments, extra, options)
    notes += [str(miss) for miss in completion.misses]
    run = EditRun(name, inputs, settings | {"pins": files.pins}, files, tuple(notes), started)
    written = write_results(completion, run, options, model, progress)
    report(f"{name}: {len(completion.motion)} frames, results in {files.output}", written)
    conclude(notes, model.terms)
