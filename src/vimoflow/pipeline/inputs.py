"""From input files to what is animated: keypoints, cuts, and what was wrong with the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import InputError
from vimoflow.keypoints.clock import on_every_frame
from vimoflow.keypoints.cuts import CutWatch, keypoint_cuts
from vimoflow.keypoints.estimators import (
    PeopleEstimator,
    Region,
    extract,
    extract_people,
    find_estimator,
    find_people_estimator,
)
from vimoflow.keypoints.formats import (
    choose_person,
    holds_keypoints,
    read_file,
)
from vimoflow.keypoints.mirroring import mirrored
from vimoflow.keypoints.posture import sideways_hint, turned
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.smoothing import smooth
from vimoflow.notes import collected_notes
from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.pipeline.sources import Source
from vimoflow.video import Footage
from vimoflow.video.camera_motion import CameraWatch
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
    """Mirrored and smoothed as the options want it."""
    keypoints = source.keypoints
    if options.mirror:
        keypoints = mirrored(keypoints)
    if options.smooth:
        keypoints = smooth(keypoints)
    return dataclasses.replace(source, keypoints=keypoints, mirrored=options.mirror)


def _found(path: Path, options: GenerateOptions, progress: Progress) -> Source:
    if holds_keypoints(path):
        whole = choose_person(_people_in_file(path, options), options.person, path)
        keypoints = _within(whole, options, path)
        if not keypoints.observed.any():
            raise InputError(f"{path}: no keypoint has a confidence above zero")
        cuts = keypoint_cuts(keypoints)
        return Source(path, keypoints, None, _cut_notes(keypoints, cuts), cuts=cuts)
    if options.person is not None:
        people = _people_in_video(path, options, progress)
        chosen = choose_person([one.keypoints for one in people], options.person, path)
        return next(one for one in people if one.keypoints is chosen)
    with progress("finding keypoints") as show:
        watch = CutWatch(find_estimator(options.estimator))
        camera = CameraWatch(watch)
        video = _footage(path, options)
        region = _region(options) or _picture(video)
        found = extract(video, camera, *_where(options), show, region, _rate(options))
    keypoints, cuts = on_every_frame(found.keypoints, found.clock, watch.cuts(found.keypoints))
    warnings = found.warnings + _cut_notes(keypoints, cuts)
    moved = camera.path
    if moved is not None:
        moved = moved.at(found.keypoints.timestamps, keypoints.timestamps)
        if camera.motion.moving and not cuts:
            warnings += (str(camera.motion),)
    return Source(path, keypoints, video, warnings, cuts=cuts, camera_path=moved)


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


class _Everybody:
    """A detector of several people in the place of one of a single person, for `CutWatch`."""

    def __init__(self, estimator: PeopleEstimator) -> None:
        self.name = estimator.name
        self.estimate = estimator.estimate_people


class _WatchedPeople:
    """A detector of several people that begins anew at every cut."""

    def __init__(self, watch: CutWatch) -> None:
        self.name = watch.name
        self.estimate_people = watch.estimate


def _people_in_video(path: Path, options: GenerateOptions, progress: Progress) -> list[Source]:
    video = _footage(path, options)
    make = find_people_estimator(options.estimator)
    watch = CutWatch(lambda: _Everybody(make()))
    with progress("finding people") as show:
        found = extract_people(
            video, _WatchedPeople(watch), *_where(options), show, _region(options), _rate(options)
        )
    people = []
    for looked_at in found.people:
        keypoints, cuts = on_every_frame(looked_at, found.clock, watch.cuts(looked_at))
        warnings = found.warnings + _cut_notes(keypoints, cuts)
        people.append(Source(path, keypoints, video, warnings, cuts=cuts))
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


def _rate(options: GenerateOptions) -> float | None:
    return None if options.every_frame else MODEL_FPS


def _region(options: GenerateOptions) -> Region | None:
    return None if options.region is None else Region(*options.region)


def _picture(video: Footage) -> Region | None:
    """Where the picture is between black bars; None without any."""
    area = find_picture_area(video)
    return None if area is None else Region(area.left, area.top, area.right, area.bottom)


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
