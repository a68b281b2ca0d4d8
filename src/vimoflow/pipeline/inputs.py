"""From input files to what is animated: keypoints, cuts, and what was wrong with the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from vimoflow.errors import ConfigError, InputError
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.keypoints.blur import BlurWatch
from vimoflow.keypoints.clock import on_every_frame
from vimoflow.keypoints.cuts import CutWatch, keypoint_cuts
from vimoflow.keypoints.estimators import (
    PeopleEstimator,
    extract,
    extract_people,
    find_estimator,
    find_people_estimator,
)
from vimoflow.keypoints.formats import choose_person, holds_keypoints, read_file
from vimoflow.keypoints.mending import mended
from vimoflow.keypoints.mirroring import mirrored
from vimoflow.keypoints.people_census import Census, SeveralPeopleError
from vimoflow.keypoints.people_choice import choose_somebody, claim_of
from vimoflow.keypoints.posture import sideways_hint, turned
from vimoflow.keypoints.region import Region
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.smoothing import smooth
from vimoflow.notes import collected_notes, note
from vimoflow.pipeline.generate_options import DEFAULT_DETECTOR, GenerateOptions
from vimoflow.pipeline.long_videos import announced
from vimoflow.pipeline.sources import Source
from vimoflow.pipeline.watched_people import Everybody, WatchedPeople
from vimoflow.video import Footage
from vimoflow.video.camera_motion import CameraMotion, CameraWatch
from vimoflow.video.letterbox import find_picture_area
from vimoflow.video.timing import TIME_TOLERANCE_S

_LEAST_S = 1.0  # who is seen for less than this ...
_LEAST_SHARE = 0.1  # ... or in less of the input is not animated with everybody else
_FEWEST_POINTS = 5
_SAME_RATE = 0.01  # share by which a stated rate may be off the file's own

Progress = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]


def read_views(paths: tuple[Path, ...], options: GenerateOptions, progress: Progress) -> Source:
    """The first input, and what the others saw of the same performance."""
    first, *others = sources = [read_source(path, options, progress) for path in paths]
    if not others:
        return first
    from vimoflow.pipeline.views import align_views  # needs PyTorch, which one view does not

    aligned = align_views(
        [one.keypoints for one in sources], options.offsets_s, [one.video for one in sources]
    )
    warnings = tuple(w for one in sources for w in one.warnings)
    return dataclasses.replace(
        first,
        keypoints=aligned.views[0],
        warnings=warnings + aligned.warnings,
        cuts=(),
        other_views=aligned.views[1:],
        offsets=aligned.offsets,
    )


def read_source(path: Path, options: GenerateOptions, progress: Progress) -> Source:
    """Keypoints of a video, or of a keypoint file; what readers noted is among the warnings."""
    with collected_notes() as notes:
        source = _treated(_found(path, options, progress), options)
    notes += sideways_hint(source.keypoints, options.rotate)
    return dataclasses.replace(source, warnings=(*source.warnings, *notes))


def _treated(source: Source, options: GenerateOptions) -> Source:
    """Mended, mirrored and smoothed as the options want it."""
    keypoints = source.keypoints
    lines: tuple[str, ...] = ()
    if options.mend:
        found = mended(keypoints, source.cuts)
        keypoints, lines = found.keypoints, found.lines
    camera = source.camera_path
    if options.mirror:
        keypoints = mirrored(keypoints)
        camera = None if camera is None else camera.mirrored()
    if options.smooth:
        keypoints = smooth(keypoints)
    return dataclasses.replace(
        source,
        keypoints=keypoints,
        warnings=source.warnings + lines,
        mirrored=options.mirror,
        camera_path=camera,
    )


def _found(path: Path, options: GenerateOptions, progress: Progress) -> Source:
    if holds_keypoints(path):
        everybody = _everybody(path, options, progress)
        source = _chosen(everybody, options.person, path)
        if not source.keypoints.observed.any():
            raise InputError(f"{path}: no keypoint has a confidence above zero")
        return source
    if options.person is not None:
        return _chosen(_people_in_video(path, options, progress), options.person, path)
    if options.region is None and _finds_people(_detector(options)):
        try:
            return _one_person(path, options, progress, alone=True)
        except SeveralPeopleError:
            everybody = _people_in_video(path, options, progress)
        people = [one for one in everybody if _counts(one)]
        # Somebody who passes by counts for nothing, and yet a detector of one would stray to them.
        if people and len(everybody) > 1:
            return _chosen(people, None, path)
    return _one_person(path, options, progress)


def _finds_people(estimator: str) -> bool:
    return isinstance(find_estimator(estimator)(), PeopleEstimator)


def _counts(source: Source) -> bool:
    """Whether somebody is there for long enough to be taken, or to be told of."""
    return _lasts(source.keypoints) and claim_of(source.keypoints).weight > 0


def _chosen(people: list[Source], person: str | None, path: Path) -> Source:
    """Who is asked for, or who counts most; with everybody who was there."""
    everybody = tuple(one.keypoints for one in people)
    if person is not None:
        keypoints, taken = choose_person(everybody, person, path), None
    else:
        keypoints, taken = choose_somebody(everybody)
    source = next(one for one in people if one.keypoints is keypoints)
    said = () if taken is None else (str(taken),)
    return dataclasses.replace(
        source, warnings=said + source.warnings, taken=taken, people=everybody
    )


def _one_person(
    path: Path, options: GenerateOptions, progress: Progress, alone: bool = False
) -> Source:
    """Whom the detector finds by itself.

    Raises:
        SeveralPeopleError: somebody else is there, though the person should be ``alone``.
    """
    video = _footage(path, options)
    with progress(announced("finding keypoints", video, options)) as show:
        region = options.region or _picture(video)
        watch = CutWatch(find_estimator(_detector(options)))
        blur = BlurWatch(watch)
        camera = CameraWatch(blur)
        look_for = Census(camera) if alone else camera
        where = None if region is None else Region(*region)
        found = extract(video, look_for, *_where(options), show, where, options.effort.rate)
    keypoints, cuts = on_every_frame(found.keypoints, found.clock, watch.cuts(found.keypoints))
    warnings = found.warnings + _cut_notes(keypoints, cuts)
    moved = _moved(camera.path, found.keypoints, keypoints)
    if CameraMotion.of(moved).moving and not cuts:
        warnings += (str(CameraMotion.of(moved)),)
    return Source(
        path, keypoints, video, warnings, cuts=cuts, camera_path=moved, blurred_s=blur.spans_s
    )


def _moved(
    path: CameraPath | None, looked_at: Keypoints2D, keypoints: Keypoints2D
) -> CameraPath | None:
    """The camera in the frames that are animated, from those that were looked at."""
    return None if path is None else path.at(looked_at.timestamps, keypoints.timestamps)


def _detector(options: GenerateOptions) -> str:
    """The quality's detector where its model is at hand or can be fetched; what the user named."""
    name = options.effort.estimator
    if options.estimator is None:
        try:
            find_estimator(name)()
        except ConfigError as error:
            note(f"--quality {options.quality} looks with the full model: {error}")
            return DEFAULT_DETECTOR
    return name


def read_everybody(path: Path, options: GenerateOptions, progress: Progress) -> tuple[Source, ...]:
    """Everybody who is there long enough to be animated, largest in the picture first.

    Raises:
        InputError: the input cannot be read, or shows nobody.
    """
    with collected_notes() as notes:
        people = _everybody(path, options, progress)
    lasting = [one for one in people if _lasts(one.keypoints)]
    lasting = [_treated(one, options) for one in lasting]
    if not lasting:
        raise InputError(f"{path}: nobody is seen for {_LEAST_S:g} s; leave --person all out")
    left_out = len(people) - len(lasting)
    if left_out:
        notes.append(f"{left_out} people who are seen only for a moment were left out")
    lasting[0] = dataclasses.replace(lasting[0], warnings=(*lasting[0].warnings, *notes))
    return tuple(lasting)


def _everybody(path: Path, options: GenerateOptions, progress: Progress) -> list[Source]:
    if holds_keypoints(path):
        people = []
        for whole in _people_in_file(path, options):
            keypoints = _within(whole, options, path)
            cuts = keypoint_cuts(keypoints)
            people.append(Source(path, keypoints, None, _cut_notes(keypoints, cuts), cuts=cuts))
        return people
    return _people_in_video(path, options, progress)


def _lasts(keypoints: Keypoints2D) -> bool:
    """Whether somebody is seen, with a few points at least, in enough of the frames."""
    seen_s = float((keypoints.observed.sum(axis=1) >= _FEWEST_POINTS).sum()) / keypoints.fps
    whole_s = len(keypoints) / keypoints.fps
    return seen_s >= min(max(_LEAST_S, _LEAST_SHARE * whole_s), 0.9 * whole_s)


def _people_in_video(path: Path, options: GenerateOptions, progress: Progress) -> list[Source]:
    video = _footage(path, options)
    make = find_people_estimator(_detector(options))
    watch = CutWatch(lambda: Everybody(make()))
    blur = BlurWatch(watch)
    camera = CameraWatch(blur)
    region = None if options.region is None else Region(*options.region)
    with progress(announced("finding people", video, options)) as show:
        found = extract_people(
            video, WatchedPeople(camera), *_where(options), show, region, options.effort.rate
        )
    people = []
    for looked_at, changes_s in zip(found.people, found.changes_s, strict=True):
        keypoints, cuts = on_every_frame(looked_at, found.clock, watch.cuts(looked_at))
        warnings = found.warnings + _cut_notes(keypoints, cuts)
        moved = _moved(camera.path, looked_at, keypoints)
        source = Source(path, keypoints, video, warnings, cuts=cuts, camera_path=moved)
        people.append(dataclasses.replace(source, changes_s=changes_s, blurred_s=blur.spans_s))
    return people


def _footage(path: Path, options: GenerateOptions) -> Footage:
    return Footage(path, options.fps, options.rotate)


def _people_in_file(path: Path, options: GenerateOptions) -> tuple[Keypoints2D, ...]:
    """Everybody in a keypoint file, at its own rate; the option's is for files without one.

    Raises:
        InputError: the file cannot be read, or states another rate than the option.
    """
    found = read_file(path, None, options.image_size, options.fps)
    own = found.people[0].fps
    stated = options.fps is not None and not found.rate_assumed and len(found.people[0]) > 1
    if stated and options.fps is not None and abs(options.fps / own - 1) > _SAME_RATE:
        raise InputError(
            f"{path}: states its own times ({own:.5g} Hz on average), so it is not read at "
            f"{options.fps:g} Hz; leave --fps out, or write it anew: `vimoflow keypoints convert "
            f"{path.name} out.json --to vimoflow --fps {options.fps:g}`"
        )
    return tuple(turned(one, options.rotate) for one in found.people)


def _where(options: GenerateOptions) -> tuple[float | None, float | None]:
    return options.start_s or None, options.end_s


def _picture(video: Footage) -> tuple[int, int, int, int] | None:
    """Where the picture is between black bars; None without any."""
    area = find_picture_area(video)
    return None if area is None else (area.left, area.top, area.right, area.bottom)


def _cut_notes(keypoints: Keypoints2D, cuts: tuple[int, ...]) -> tuple[str, ...]:
    """What the user should know about cuts, if there are any."""
    if not cuts:
        return ()
    times = ", ".join(f"{keypoints.timestamps[c]:.2f} s" for c in cuts)
    return (f"cut at {times}: {len(cuts) + 1} shots, joined into one motion of one person",)


def _within(keypoints: Keypoints2D, options: GenerateOptions, path: Path) -> Keypoints2D:
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
