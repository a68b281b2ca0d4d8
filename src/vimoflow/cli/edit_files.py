"""What ``vimoflow edit`` reads beside motions, and what it writes."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from vimoflow import __version__
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.errors import InputError
from vimoflow.formats.motion_units import UnitOption, Up
from vimoflow.options import Option, require_sensible
from vimoflow.pipeline.generate_options import DEFAULT_FORMATS, CheckpointName, Detector, Formats

if TYPE_CHECKING:
    from vimoflow.diffusion.checkpoint import Checkpoint
    from vimoflow.editing import Completion, CompletionOptions
    from vimoflow.keypoints.sequence import Keypoints2D

Progress = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]
Pin = tuple[str, int, int, tuple[float, float, float]]
_GUIDE = "What the generated part follows"


def parse_pin(text: str) -> Pin:
    """``POINT:FRAME:X,Y,Z`` or ``POINT:FIRST-LAST:X,Y,Z``, metres: point, first, end, place.

    Raises:
        ValueError: the text is something else.
    """
    try:
        point, frames, place = text.split(":")
        first, _, last = frames.partition("-")
        x, y, z = (float(part) for part in place.split(","))
        return point, int(first), int(last or first) + 1, (x, y, z)
    except ValueError:
        raise ValueError("is not POINT:FRAME:X,Y,Z, such as left_hand:40:0.3,1.2,0.5") from None


def _parse_pins(text: str) -> tuple[Pin, ...]:
    return (parse_pin(text),)


@dataclass(frozen=True)
class EditFiles:
    """What every edit reads and writes.

    Attributes:
        output: folder the results go to.
        formats: which files to write, separated by commas.
        fps: true frame rate of IN, a .bvh; or that of a keypoint file named with --video, Hz.
        rig: rig of IN, a .bvh: a name, or your own map in TOML.
        up: axis that is up in IN, where it is not found out.
        unit: of IN: m, cm, mm, in, or metres in a unit, such as 0.0564.
        video: video or 2D keypoint file that the generated part follows.
        video_from: frame of the result at which the video starts.
        estimator: what finds the 2D keypoints in the video, or package.module:Class of your own.
        pins: hold a joint or COCO point at a place, metres; FIRST-LAST for several frames; can be
            repeated.
        checkpoint: name of a checkpoint that ships, or path of a file.
    """

    output: Annotated[Path, Option(("-o", "--output"), metavar="DIR")]
    formats: Formats = DEFAULT_FORMATS
    fps: Annotated[float | None, Option(metavar="F", low=1, high=1000)] = None
    rig: Annotated[str | None, Option(("--map",), metavar="MAP")] = None
    up: Up | None = None
    unit: UnitOption = None
    video: Annotated[Path | None, Option(metavar="FILE", group=_GUIDE)] = None
    video_from: Annotated[int, Option(metavar="FRAME", low=0, group=_GUIDE)] = 0
    estimator: Annotated[Detector, Option(group=_GUIDE)] = "mediapipe"
    pins: Annotated[
        tuple[Pin, ...],
        Option(("--pin",), metavar="POINT:FRAME:X,Y,Z", parse=_parse_pins, group=_GUIDE),
    ] = ()
    checkpoint: CheckpointName = DEFAULT_CHECKPOINT

    def __post_init__(self) -> None:
        require_sensible(self)


@dataclass(frozen=True)
class EditRun:
    """What one edit was, for its record."""

    operation: str
    inputs: tuple[Path, ...]
    settings: dict[str, Any]
    files: EditFiles
    warnings: tuple[str, ...]
    started: float


def is_keypoint_file(path: Path) -> bool:
    """Whether a guide is keypoints, not a video."""
    return path.suffix.lower() in (".json", ".npz") or path.is_dir()


def read_guidance(path: Path, estimator: str, fps: float | None, progress: Progress) -> Keypoints2D:
    """2D keypoints of a video, or of a keypoint file.

    Raises:
        InputError: it cannot be read, or nobody is seen in it.
    """
    if is_keypoint_file(path):
        from vimoflow.keypoints.formats import read_keypoints

        keypoints = read_keypoints(path, fps)
    else:
        from vimoflow.keypoints.estimators import extract

        with progress("finding keypoints") as show:
            keypoints = extract(path, estimator, None, None, show, None).keypoints
    if not keypoints.observed.any():
        raise InputError(f"{path}: no keypoint has a confidence above zero")
    return keypoints


def title_of(path: Path) -> str:
    """What to call a clip: its file's name, or its folder's where all files have the same one."""
    return path.resolve().parent.name if path.stem in ("motion", "keypoints") else path.name


def write_results(
    completion: Completion,
    run: EditRun,
    options: CompletionOptions,
    checkpoint: Checkpoint,
    progress: Progress,
) -> tuple[Path, ...]:
    """The edited motion in all formats, previews and ``run.json``: complete or not at all.

    Raises:
        OutputError: the folder cannot be written to.
    """
    from vimoflow.pipeline.folders import all_or_nothing
    from vimoflow.viewer.page import Detail, write_preview_page
    from vimoflow.viewer.video import write_preview_video

    motion, folder, formats = completion.motion, run.files.output, run.files.formats
    with all_or_nothing(folder) as partial:
        for name in formats:
            if name not in ("html", "mp4"):
                motion.save(partial / f"motion.{name}")
        if "html" in formats:
            title = ", ".join(title_of(path) for path in run.inputs)
            details = [Detail("Edit", run.operation), Detail("Not animated", "hands and face")]
            details += [Detail("Note", note) for note in run.warnings]
            details.append(Detail("Terms of the weights", checkpoint.terms))
            write_preview_page(motion, partial / "preview.html", title, details)
        if "mp4" in formats:
            with progress("drawing the preview") as show:
                write_preview_video(
                    motion, partial / "preview.mp4",
                    on_frame=lambda done: show(done, len(motion)),
                )  # fmt: skip
        record = json.dumps(_record(completion, run, options, checkpoint), indent=1)
        (partial / "run.json").write_text(record + "\n", encoding="utf-8")
        return tuple(sorted(folder / p.name for p in partial.iterdir()))


def _record(
    completion: Completion, run: EditRun, options: CompletionOptions, checkpoint: Checkpoint
) -> dict[str, Any]:
    return {
        "vimoflow": __version__,
        "edit": run.operation,
        "inputs": [path.name for path in run.inputs],
        "warnings": run.warnings,
        "settings": run.settings,
        "video": _video(run.files),
        "options": dataclasses.asdict(options),
        "checkpoint": {"name": checkpoint.name, "terms": checkpoint.terms},
        "frames": len(completion.motion),
        "fps": completion.motion.fps,
        "misses": [dataclasses.asdict(miss) for miss in completion.misses],
        "not_animated": "hands and face",
        "timings": {"total_s": round(time.perf_counter() - run.started, 3)},
    }


def _video(files: EditFiles) -> dict[str, Any] | None:
    return None if files.video is None else {"file": files.video.name, "from": files.video_from}
