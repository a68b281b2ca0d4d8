"""``vimoflow generate``: every input to a folder of results."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.errors import InputError, OutputError, VimoflowError
from vimoflow.formats.motion_npz import save_motion_npz
from vimoflow.formats.saving import save_motion
from vimoflow.hypotheses import joint_uncertainty
from vimoflow.keypoints.estimators import ESTIMATORS, Region, extract
from vimoflow.keypoints.formats import holds_keypoints, read_keypoints
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.cuts import CutWatch, keypoint_cuts
from vimoflow.pipeline.options import PREVIEW_FORMATS, GenerateOptions
from vimoflow.pipeline.quality import Quality, figures, measure_quality
from vimoflow.pipeline.run_record import Source, write_run_record
from vimoflow.pipeline.video_to_motion import VideoToMotion
from vimoflow.sampling import SamplingOptions
from vimoflow.video.timing import TIME_TOLERANCE_S
from vimoflow.viewer.page import Detail, write_preview_page
from vimoflow.viewer.video import write_preview_video

Progress = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]


@dataclass(frozen=True)
class Result:
    """Where the files of one input are, and how good they are."""

    source: Path
    folder: Path
    files: tuple[Path, ...]
    quality: Quality
    warnings: tuple[str, ...]
    terms: str


def generate(
    inputs: Sequence[Path], options: GenerateOptions, progress: Progress | None = None
) -> list[Result]:
    """Animate every input: one into the output folder itself, several into folders of their names.

    With ``options.views`` all inputs are one performance, and the first one's clock counts.

    Files appear complete or not at all. A bad one among several does not stop the others; its
    error is raised at the end.

    Raises:
        VimoflowError: an input, the output folder or the checkpoint cannot be used.
    """
    model = VideoToMotion.from_pretrained(options.checkpoint)
    progress = progress or _quiet
    if options.views:
        return [_animate(model, tuple(inputs), options.output, options, progress)]
    results, errors = [], []
    for path, folder in zip(inputs, _folders(inputs, options.output), strict=True):
        try:
            results.append(_animate(model, (path,), folder, options, progress))
        except VimoflowError as error:
            errors.append(error)
    if errors:
        raise type(errors[0])("; ".join(str(error) for error in errors))
    return results


def _folders(inputs: Sequence[Path], output: Path) -> list[Path]:
    if len(inputs) == 1:
        return [output]
    names: list[str] = []
    for path in inputs:
        name, number = path.stem, 2
        while name in names:
            name, number = f"{path.stem}_{number}", number + 1
        names.append(name)
    return [output / name for name in names]


def _animate(
    model: VideoToMotion,
    paths: tuple[Path, ...],
    folder: Path,
    options: GenerateOptions,
    progress: Progress,
) -> Result:
    started = time.perf_counter()
    source = _read_views(paths, options, progress)
    detected = time.perf_counter()
    sampling = SamplingOptions(
        steps=options.steps,
        sampler=options.sampler,
        guidance=options.guidance or 0.0,
        seed=options.seed,
        refine=options.refine,
        lock_feet=options.lock_feet,
    )
    static = options.camera == "static"
    with progress("denoising") as show:
        if source.other_views:
            together = (source.keypoints, *source.other_views)
            motions = [model.sample_views(together, sampling, static, show)]
        else:
            motions = model.sample(
                source.keypoints,
                sampling,
                options.samples,
                static,
                show,
                best_first=True,
                cuts=source.cuts,
            )
    rated = [
        (_presented(motion, options), measure_quality(motion, source.keypoints, source.cuts))
        for motion in motions
    ]
    sampled = time.perf_counter()
    terms = model.checkpoint.terms
    with all_or_nothing(folder) as partial:
        _write_files(rated, source, options, terms, partial, progress)
        timings = {
            "keypoints_s": detected - started,
            "sampling_s": sampled - detected,
            "writing_s": time.perf_counter() - sampled,
            "input_s": float(source.keypoints.timestamps[-1] - source.keypoints.timestamps[0]),
        }
        write_run_record(partial / "run.json", model, source, options, rated, timings)
        files = tuple(sorted(folder / p.name for p in partial.iterdir() if p.is_file()))
    return Result(source.path, folder, files, rated[0][1], source.warnings, terms)


def _read_views(paths: tuple[Path, ...], options: GenerateOptions, progress: Progress) -> Source:
    """The first input, and what the others saw of the same performance."""
    first, *others = (_read(path, options, progress) for path in paths)
    warnings = first.warnings + tuple(w for other in others for w in other.warnings)
    return dataclasses.replace(
        first,
        warnings=warnings,
        cuts=() if others else first.cuts,
        other_views=tuple(other.keypoints for other in others),
    )


def _read(path: Path, options: GenerateOptions, progress: Progress) -> Source:
    """Keypoints of a video, or of a keypoint file."""
    if holds_keypoints(path):
        whole = read_keypoints(path, options.fps, options.person, options.image_size)
        keypoints = _cut(whole, options, path)
        if not keypoints.observed.any():
            raise InputError(f"{path}: no keypoint has a confidence above zero")
        cuts = keypoint_cuts(keypoints)
        return Source(path, keypoints, None, _cut_notes(keypoints, cuts), cuts=cuts)
    if path.is_dir():
        raise InputError(f"{path}: is a folder without .json frames; name a file in it")
    with progress("finding keypoints") as show:
        region = None if options.region is None else Region(*options.region)
        start = options.start_s or None
        watch = CutWatch(ESTIMATORS[options.estimator])
        found = extract(path, watch, start, options.end_s, show, region)
    cuts = watch.cuts(found.keypoints)
    warnings = found.warnings + _cut_notes(found.keypoints, cuts)
    return Source(path, found.keypoints, path, warnings, cuts=cuts)


def _cut_notes(keypoints: Keypoints2D, cuts: tuple[int, ...]) -> tuple[str, ...]:
    """What the user should know about cuts, if there are any."""
    if not cuts:
        return ()
    times = ", ".join(f"{keypoints.timestamps[c]:.2f} s" for c in cuts)
    return (f"cut at {times}: {len(cuts) + 1} shots, joined into one motion of one person",)


def _cut(keypoints: Keypoints2D, options: GenerateOptions, path: Path) -> Keypoints2D:
    times = keypoints.timestamps - keypoints.timestamps[0]
    end = np.inf if options.end_s is None else options.end_s
    # As in videos: a frame whose time was rounded down is not lost.
    keep = (times >= options.start_s - TIME_TOLERANCE_S) & (times < end - TIME_TOLERANCE_S)
    if not keep.any():
        raise InputError(f"{path}: nothing between --start and --end; it lasts {times[-1]:.2f} s")
    times = times[keep]
    return dataclasses.replace(
        keypoints, points=keypoints.points[keep], timestamps=times - times[0]
    )


def _presented(motion: Motion, options: GenerateOptions) -> Motion:
    """The motion as the options want it: in place, at the person's height."""
    if options.root == "inplace":
        motion = dataclasses.replace(motion, trans=motion.trans * np.array([0, 1, 0], np.float32))
    if options.height_m is not None:
        motion = motion.scaled(options.height_m / motion.skeleton.stature)
    return motion


def _write_files(
    rated: list[tuple[Motion, Quality]],
    source: Source,
    options: GenerateOptions,
    terms: str,
    folder: Path,
    progress: Progress,
) -> None:
    motion, quality = rated[0]
    plain = [name for name in options.formats if name not in PREVIEW_FORMATS]
    samples = [sample for sample, _ in rated]
    uncertainty = joint_uncertainty(samples) if len(samples) > 1 else None
    for name in plain:
        if name == "npz":
            save_motion_npz(motion, folder / "motion.npz", uncertainty)
        else:
            save_motion(motion, folder / f"motion.{name}")
    for number, (other, _) in enumerate(rated) if len(rated) > 1 else ():
        place = folder / "samples" / f"{number:02d}"
        place.mkdir(parents=True)
        for name in plain:
            save_motion(other, place / f"motion.{name}")
    if "html" in options.formats:
        details = [Detail(label, value) for label, value in figures(quality)]
        details += [
            Detail("Not animated", "hands and face"), Detail("Terms of the weights", terms)
        ]  # fmt: skip
        write_preview_page(motion, folder / "preview.html", source.path.name, details, uncertainty)
    if "mp4" in options.formats:
        with progress("drawing the preview") as show:
            write_preview_video(
                motion,
                source.video,
                folder / "preview.mp4",
                start=options.start_s or None,
                end=options.end_s,
                on_frame=lambda done: show(done, len(motion)),
            )


@contextmanager
def all_or_nothing(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move into ``folder`` when everything has been written.

    Folders made for nothing, because writing failed or was interrupted, go again.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    except OSError as error:
        _remove_empty(made)
        raise OutputError(f"{folder}: cannot write there ({error.strerror})") from error
    try:
        yield partial
        for entry in sorted(partial.iterdir()):
            target = folder / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(entry, target)
    except OSError as error:
        raise OutputError(f"{folder}: cannot write there ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _remove_empty(made)


def _remove_empty(folders: list[Path]) -> None:
    """Remove those of the folders, innermost first, that are there and hold nothing."""
    for path in folders:
        with suppress(OSError):
            path.rmdir()


def _quiet(_: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
    return nullcontext(lambda done, total: None)
