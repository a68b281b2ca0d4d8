"""What ``vimoflow edit`` reads and writes: motions of any supported format, keypoints, results."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vimoflow import __version__
from vimoflow.errors import ConfigError, InputError
from vimoflow.foreign_files import refuse_foreign

if TYPE_CHECKING:
    from vimoflow.diffusion.checkpoint import Checkpoint
    from vimoflow.editing import Completion, CompletionOptions
    from vimoflow.keypoints.sequence import Keypoints2D
    from vimoflow.motion.clip import Motion

Progress = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class EditRun:
    """What one edit was, for its record."""

    operation: str
    inputs: tuple[Path, ...]
    settings: dict[str, Any]
    video: Path | None
    video_from: int
    started: float


def read_motion(path: Path, fps: float | None = None, rig: str | None = None) -> Motion:
    """A motion from this project's npz, an AMASS npz, or a BVH of a person.

    A BVH of another skeleton is brought onto this project's at 30 fps first; what is kept exactly
    is that motion.

    Args:
        fps: of a BVH the true frame rate, of SMPL's parameters that of a file without one, too.
        rig: a rig's name or map, where a BVH does not tell.

    Raises:
        ConfigError: a rate that makes no sense, or no such rig.
        InputError: none of these, or damaged.
    """
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        from vimoflow.data.corpora import bvh_reader

        return bvh_reader(rig, fps)(path).motion
    if suffix in (".pt", ".pth", ".pkl", ".pickle"):
        from vimoflow.formats.smpl_results import read_smpl_results

        return read_smpl_results(path, fps)
    if suffix != ".npz":
        refuse_foreign(path)
        raise InputError(
            f"{path}: name a motion as .npz (ours, AMASS or SMPL), .bvh, or what a tool saved of "
            "SMPL (.pkl, .pt); videos and 2D keypoints are for `vimoflow generate`"
        )
    from vimoflow.formats.amass import read_amass
    from vimoflow.formats.motion_npz import load_motion_npz
    from vimoflow.keypoints.plain_npz import read_plain_npz

    ours = read_plain_npz(path, ("joint_names", "offsets"), _MAX_BYTES)
    return load_motion_npz(path) if len(ours) == 2 else read_amass(path, fps)


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


def write_results(
    completion: Completion,
    folder: Path,
    formats: tuple[str, ...],
    run: EditRun,
    options: CompletionOptions,
    checkpoint: Checkpoint,
    progress: Progress,
) -> tuple[Path, ...]:
    """The edited motion in all formats, previews and ``run.json``: complete or not at all.

    Raises:
        OutputError: the folder cannot be written to.
    """
    from vimoflow.formats.saving import save_motion
    from vimoflow.pipeline.folders import all_or_nothing
    from vimoflow.viewer.page import Detail, write_preview_page
    from vimoflow.viewer.video import write_preview_video

    motion = completion.motion
    with all_or_nothing(folder) as partial:
        for name in formats:
            if name not in ("html", "mp4"):
                save_motion(motion, partial / f"motion.{name}")
        if "html" in formats:
            details = [Detail("Edit", run.operation), Detail("Not animated", "hands and face")]
            details += [Detail("Note", str(miss)) for miss in completion.misses]
            details.append(Detail("Terms of the weights", checkpoint.terms))
            write_preview_page(motion, partial / "preview.html", run.inputs[0].name, details)
        if "mp4" in formats:
            with progress("drawing the preview") as show:
                write_preview_video(
                    motion, None, partial / "preview.mp4",
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
        "settings": run.settings,
        "video": None if run.video is None else {"file": run.video.name, "from": run.video_from},
        "options": dataclasses.asdict(options),
        "checkpoint": {"name": checkpoint.name, "terms": checkpoint.terms},
        "frames": len(completion.motion),
        "fps": completion.motion.fps,
        "misses": [dataclasses.asdict(miss) for miss in completion.misses],
        "not_animated": "hands and face",
        "timings": {"total_s": round(time.perf_counter() - run.started, 3)},
    }


def parse_frames(text: str) -> tuple[int, int]:
    """``A:B``, frames A to B - 1.

    Raises:
        ConfigError: the text is something else.
    """
    try:
        first, end = (int(part) for part in text.split(":"))
    except ValueError:
        raise ConfigError(f"--frames: {text!r} is not A:B in whole frames") from None
    return first, end


def parse_pin(text: str) -> tuple[str, int, int, tuple[float, float, float]]:
    """``POINT:FRAME:X,Y,Z`` or ``POINT:FIRST-LAST:X,Y,Z``, metres: point, first, end, place.

    Raises:
        ConfigError: the text is something else.
    """
    try:
        point, frames, place = text.split(":")
        first, _, last = frames.partition("-")
        x, y, z = (float(part) for part in place.split(","))
        return point, int(first), int(last or first) + 1, (x, y, z)
    except ValueError:
        raise ConfigError(
            f"--pin: {text!r} is not POINT:FRAME:X,Y,Z, such as left_hand:40:0.3,1.2,0.5"
        ) from None
