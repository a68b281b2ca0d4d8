"""``vimoflow generate``: every input to a folder of results."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Float

from vimoflow.errors import VimoflowError
from vimoflow.formats.motion_npz import save_motion_npz
from vimoflow.formats.saving import save_motion
from vimoflow.inference.hypotheses import joint_uncertainty
from vimoflow.inference.multiview import Aggregation
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.folders import all_or_nothing
from vimoflow.pipeline.inputs import Progress, read_everybody, read_views
from vimoflow.pipeline.options import EVERYBODY, PREVIEW_FORMATS, GenerateOptions
from vimoflow.pipeline.quality import Quality, figures, measure_quality
from vimoflow.pipeline.run_record import Source, write_run_record
from vimoflow.pipeline.shared_world import place_together, write_world
from vimoflow.pipeline.video_to_motion import VideoToMotion
from vimoflow.viewer.contact_sheet import write_contact_sheet
from vimoflow.viewer.page import Detail, write_preview_page
from vimoflow.viewer.video import write_preview_video


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

    With the option ``person="all"`` an input's folder gets a folder ``person_1`` and so on a
    person, ``people.png``, which shows who is who, and ``people.json``, where everybody stands.
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
    results: list[Result] = []
    errors: list[VimoflowError] = []
    for path, folder in zip(inputs, _folders(inputs, options.output), strict=True):
        try:
            if options.person == EVERYBODY:
                results += _animate_everybody(model, path, folder, options, progress)
            else:
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
    source = read_views(paths, options, progress)
    detected = time.perf_counter()
    motions = _sampled(model, source, options, progress)
    made = _Made(source, motions, detected - started, time.perf_counter() - detected)
    return _written(model, made, folder, options, progress)


def _animate_everybody(
    model: VideoToMotion, path: Path, folder: Path, options: GenerateOptions, progress: Progress
) -> list[Result]:
    """Everybody in one input, in one world, into a folder each, and a picture of who is who."""
    started = time.perf_counter()
    sources = read_everybody(path, options, progress)
    detected = time.perf_counter()
    made = []
    for number, source in enumerate(sources, start=1):
        begun = time.perf_counter()
        motions = _sampled(model, source, options, progress, f" person {number}")
        spent = (detected - started) / len(sources)
        made.append(_Made(source, motions, spent, time.perf_counter() - begun))
    world = place_together([one.motions[0] for one in made], [s.keypoints for s in sources])
    people = [source.keypoints for source in sources]
    with all_or_nothing(folder) as partial:
        write_contact_sheet(people, sources[0].video, partial / "people.png", options.start_s)
        names = [one.person for one in people]
        scale = _scale(made[0].motions[0], options)
        write_world(world, names, partial / "people.json", scale)
    return [
        _written(
            model,
            dataclasses.replace(one, offset_m=offset),
            folder / f"person_{number}",
            options,
            progress,
        )
        for number, (one, offset) in enumerate(zip(made, world.offsets_m, strict=True), start=1)
    ]


@dataclass(frozen=True)
class _Made:
    """Motions of one person, the best first, how long they took, and where the person stands."""

    source: Source
    motions: list[Motion]
    keypoints_s: float
    sampling_s: float
    offset_m: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))


def _stood_still(source: Source, options: GenerateOptions) -> bool:
    """Whether the path in the image tells the path in the room."""
    if options.camera != "auto" or source.camera_motion is None:
        return options.camera != "moving"
    return not source.camera_motion.moving


def _sampled(
    model: VideoToMotion, source: Source, options: GenerateOptions, progress: Progress,
    whose: str = "",
) -> list[Motion]:  # fmt: skip
    sampling = SamplingOptions(
        steps=options.steps,
        sampler=options.sampler,
        guidance=options.guidance or 0.0,
        seed=options.seed,
        refine=options.refine,
        lock_feet=options.lock_feet,
    )
    static = _stood_still(source, options)
    with progress(f"denoising{whose}") as show:
        if source.other_views:
            together = (source.keypoints, *source.other_views)
            return [
                model.sample_views(
                    together, sampling, static, show, cast(Aggregation, options.aggregation)
                )
            ]
        return model.sample(
            source.keypoints,
            sampling,
            options.samples,
            static,
            show,
            best_first=True,
            cuts=source.cuts,
        )


def _written(
    model: VideoToMotion, made: _Made, folder: Path, options: GenerateOptions, progress: Progress
) -> Result:
    started = time.perf_counter()
    source = made.source
    rated = [
        (
            _presented(motion, options, made.offset_m),
            measure_quality(motion, source.keypoints, source.cuts),
        )
        for motion in made.motions
    ]
    terms = model.checkpoint.terms
    with all_or_nothing(folder) as partial:
        _write_files(rated, source, options, terms, partial, progress)
        timings = {
            "keypoints_s": made.keypoints_s,
            "sampling_s": made.sampling_s,
            "writing_s": time.perf_counter() - started,
            "input_s": float(source.keypoints.timestamps[-1] - source.keypoints.timestamps[0]),
        }
        write_run_record(partial / "run.json", model, source, options, rated, timings)
        files = tuple(sorted(folder / p.name for p in partial.iterdir() if p.is_file()))
    return Result(source.path, folder, files, rated[0][1], source.warnings, terms)


def _scale(motion: Motion, options: GenerateOptions) -> float:
    """The size that is asked for by the motion's own."""
    return 1.0 if options.height_m is None else options.height_m / motion.skeleton.stature


def _presented(
    motion: Motion, options: GenerateOptions, offset_m: Float[np.ndarray, "3"]
) -> Motion:
    """The motion as the options want it: in place, where the person stands, at the height."""
    if options.root == "inplace":
        motion = dataclasses.replace(motion, trans=motion.trans * np.array([0, 1, 0], np.float32))
    if offset_m.any():
        motion = dataclasses.replace(motion, trans=(motion.trans + offset_m).astype(np.float32))
    return motion if options.height_m is None else motion.scaled(_scale(motion, options))


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


def _quiet(_: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
    return nullcontext(lambda done, total: None)
