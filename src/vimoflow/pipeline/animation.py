"""From what was seen of somebody to a folder of results: motions, files, how good they are."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from vimoflow.formats.glb import save_glb
from vimoflow.formats.motion_npz import save_motion_npz
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.inference.conditioning.steadying import steadied
from vimoflow.inference.conditioning.viewpoint import gravity_down
from vimoflow.inference.hypotheses import Differences, differences, joint_uncertainty
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.folders import all_or_nothing
from vimoflow.pipeline.generate_options import PREVIEW_FORMATS, GenerateOptions
from vimoflow.pipeline.inputs import Progress
from vimoflow.pipeline.previews import PreviewDrawing
from vimoflow.pipeline.quality import Quality, measure_quality
from vimoflow.pipeline.result_lines import page_details, page_marks, result_lines
from vimoflow.pipeline.run_record import write_run_record
from vimoflow.pipeline.shared_world import place_together, write_world
from vimoflow.pipeline.sources import Source
from vimoflow.pipeline.verdict import Verdict, judge
from vimoflow.pipeline.video_to_motion import VideoToMotion
from vimoflow.viewer.contact_sheet import write_contact_sheet
from vimoflow.viewer.page import Detail, Mark, write_preview_page

if TYPE_CHECKING:
    from vimoflow.physics.plausibility import PhysicsReport
    from vimoflow.pipeline.character_results import CharacterResult

_FILM_MM = 36.0  # the longer side of the film that lenses are compared by


@dataclass(frozen=True)
class Result:
    """Where the files of one input are, and how good they are."""

    source: Path
    folder: Path
    files: tuple[Path, ...]
    quality: Quality
    verdict: Verdict
    warnings: tuple[str, ...]
    terms: str
    differ: Differences | None = None
    physics: PhysicsReport | None = None

    def lines(self) -> tuple[tuple[str, str], ...]:
        """What there is to say of it: label and value."""
        return result_lines(self.verdict, self.quality, self.differ, self.physics)


@dataclass(frozen=True)
class Animator:
    """A model, and how the results are wanted."""

    model: VideoToMotion
    options: GenerateOptions
    progress: Progress
    previews: PreviewDrawing

    def animate(self, source: Source, folder: Path, keypoints_s: float) -> Result:
        """One person into a folder; ``keypoints_s`` tells how long the keypoints took.

        Raises:
            OutputError: the folder cannot be written to.
        """
        started = time.perf_counter()
        motions = _sampled(self.model, source, self.options, self.progress)
        made = _Made(source, motions, keypoints_s, time.perf_counter() - started)
        return _written(self.model, made, folder, self.options, self.previews)

    def animate_everybody(
        self, sources: Sequence[Source], folder: Path, keypoints_s: float
    ) -> list[Result]:
        """All of one input, in one world, into a folder each, and a picture of who is who.

        Raises:
            OutputError: the folder cannot be written to.
        """
        made = []
        for number, source in enumerate(sources, start=1):
            begun = time.perf_counter()
            whose = f" person {number}"
            motions = _sampled(self.model, source, self.options, self.progress, whose)
            spent = keypoints_s / len(sources)
            made.append(_Made(source, motions, spent, time.perf_counter() - begun))
        people = [source.keypoints for source in sources]
        world = place_together([one.motions[0] for one in made], people)
        with all_or_nothing(folder) as partial:
            start_s = self.options.start_s
            write_contact_sheet(people, sources[0].video, partial / "people.png", start_s)
            names = [one.person for one in people]
            scale = _scale(made[0].motions[0], self.options)
            write_world(world, names, partial / "people.json", scale)
        return [
            _written(
                self.model,
                dataclasses.replace(one, offset_m=offset),
                folder / f"person_{number}",
                self.options,
                self.previews,
            )
            for number, (one, offset) in enumerate(zip(made, world.offsets_m, strict=True), 1)
        ]


@dataclass(frozen=True)
class _Made:
    """Motions of one person, the best first, how long they took, and where the person stands."""

    source: Source
    motions: list[Motion]
    keypoints_s: float
    sampling_s: float
    offset_m: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))


def _camera(source: Source, options: GenerateOptions) -> CameraPath:
    """How the camera is taken to have moved; cuts hide it."""
    path = CameraPath.still(len(source.keypoints))
    if options.camera == "moving":
        path = dataclasses.replace(path, travels=True)
    elif options.camera == "auto" and not source.cuts and source.camera_path is not None:
        path = source.camera_path
    if options.focal_mm is not None:
        path = dataclasses.replace(path, focal=options.focal_mm / _FILM_MM)
    if options.gravity is not None:
        path = dataclasses.replace(path, down=np.array(gravity_down(*options.gravity)))
    return path


def seen_steadily(source: Source, options: GenerateOptions) -> Keypoints2D:
    """The keypoints that a motion is compared with: a camera that turns is no error of theirs."""
    found = source.keypoints
    view = steadied(found.points, found.image_size, _camera(source, options))
    return dataclasses.replace(found, points=view.points_px) if view.still else found


def _sampled(
    model: VideoToMotion, source: Source, options: GenerateOptions, progress: Progress,
    whose: str = "",
) -> list[Motion]:  # fmt: skip
    sampling = SamplingOptions(
        steps=options.steps,
        sampler=options.sampler,
        guidance=options.guidance,
        seed=options.seed,
        refine=options.effort.refine,
        lock_feet=options.lock_feet,
    )
    camera = _camera(source, options)
    with progress(f"denoising{whose}") as show:
        if source.other_views:
            together = (source.keypoints, *source.other_views)
            seen = model.sample_views(
                together, sampling, not camera.travels, show, options.aggregation
            )
            return [seen]
        return model.sample(
            source.keypoints,
            sampling,
            options.samples,
            camera,
            show,
            cuts=source.cuts,
        )


def _written(
    model: VideoToMotion,
    made: _Made,
    folder: Path,
    options: GenerateOptions,
    previews: PreviewDrawing,
) -> Result:
    started = time.perf_counter()
    source, seen = made.source, seen_steadily(made.source, options)
    rated = [
        (_presented(motion, options, made.offset_m), measure_quality(motion, seen, source.cuts))
        for motion in made.motions
    ]
    best, quality = made.motions[0], rated[0][1]
    verdict = judge(best, seen, quality, source.cuts, source.changes_s, source.blurred_s)
    terms = model.checkpoint.terms
    differ = differences(made.motions)
    physics = _physics(best, options)
    with all_or_nothing(folder) as partial:
        details = page_details(result_lines(verdict, quality, differ, physics), source, terms)
        _write_files(rated, page_marks(verdict, physics), source, options, details, partial)
        if source.taken is not None:
            write_contact_sheet(
                source.people,
                source.video,
                partial / "people.png",
                options.start_s,
                taken=source.keypoints.person,
            )
        timings = {
            "keypoints_s": made.keypoints_s,
            "sampling_s": made.sampling_s,
            "writing_s": time.perf_counter() - started,
            "input_s": float(source.keypoints.timestamps[-1] - source.keypoints.timestamps[0]),
        }
        onto = _onto_character(rated[0][0], options, partial)
        write_run_record(
            partial / "run.json", model, source, options, rated, verdict, timings, differ, onto,
            physics,
        )  # fmt: skip
        files = [folder / p.name for p in partial.iterdir() if p.is_file()]
    if "mp4" in options.formats:
        files.append(folder / "preview.mp4")
        previews.add(rated[0][0], source.video, files[-1], options.start_s, options.end_s)
    return Result(
        source.path, folder, tuple(sorted(files)), quality, verdict, source.warnings, terms, differ,
        physics,
    )  # fmt: skip


def _physics(motion: Motion, options: GenerateOptions) -> PhysicsReport | None:
    """Of the person as tall as asked for, before the path is taken away."""
    if not options.physics:
        return None
    from vimoflow.physics.plausibility import physics_report

    return physics_report(motion.scaled(_scale(motion, options)))


def _onto_character(
    motion: Motion, options: GenerateOptions, folder: Path
) -> CharacterResult | None:
    if options.character is None:
        return None
    from vimoflow.pipeline.character_results import RetargetOptions, write_onto

    return write_onto(motion, options.character, folder, RetargetOptions(root=options.root))


def _scale(motion: Motion, options: GenerateOptions) -> float:
    """The size that is asked for by the motion's own."""
    return 1.0 if options.height_m is None else options.height_m / motion.skeleton.stature


def _presented(
    motion: Motion, options: GenerateOptions, offset_m: Float[np.ndarray, "3"]
) -> Motion:
    """The motion as the options want it: in place, where the person stands, at the height."""
    if options.root == "inplace":
        motion = motion.in_place()
    if offset_m.any():
        motion = dataclasses.replace(motion, trans=(motion.trans + offset_m).astype(np.float32))
    return motion if options.height_m is None else motion.scaled(_scale(motion, options))


def _save(motion: Motion, folder: Path, name: str, options: GenerateOptions) -> None:
    path = folder / f"motion.{name}"
    if name == "glb":
        save_glb(motion, path, options.figure)
    else:
        motion.save(path)


def _write_files(
    rated: list[tuple[Motion, Quality]],
    marks: list[Mark],
    source: Source,
    options: GenerateOptions,
    details: list[Detail],
    folder: Path,
) -> None:
    motion = rated[0][0]
    plain = [name for name in options.formats if name not in PREVIEW_FORMATS]
    samples = [sample for sample, _ in rated]
    uncertainty = joint_uncertainty(samples) if len(samples) > 1 else None
    for name in plain:
        if name == "npz":
            save_motion_npz(motion, folder / "motion.npz", uncertainty)
        else:
            _save(motion, folder, name, options)
    for number, (other, _) in enumerate(rated) if len(rated) > 1 else ():
        place = folder / "samples" / f"{number:02d}"
        place.mkdir(parents=True)
        for name in plain:
            _save(other, place, name, options)
    if "html" in options.formats:
        title = source.path.name
        write_preview_page(
            motion, folder / "preview.html", title, details, uncertainty, None, marks, samples[1:]
        )
