"""What is done to one video, as pure functions of its content and the settings to files.

Every result appears whole or not at all, and a result that is there is not made again. So a stage
can be killed at any moment, run twice or by several workers at once.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass

import numpy as np
import torch

from vimoflow.data.manifest import file_sha256
from vimoflow.errors import InputError
from vimoflow.factory.gates import seen_rejections
from vimoflow.factory.measuring import motion_figures, seen_figures
from vimoflow.factory.pictures import PictureWatch, strip, thumbnail
from vimoflow.factory.records import ClipRecord, SourceVideo, VideoRecord, video_to_json
from vimoflow.factory.settings import BuildSettings
from vimoflow.factory.tracks import Clip, Track, clips, tracks
from vimoflow.factory.work_files import (
    AnimatedClip,
    Sighting,
    WorkFolder,
    load_clip,
    load_sighting,
    save_clip,
    save_sighting,
)
from vimoflow.files import write_text
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.keypoints.cuts import CutWatch
from vimoflow.keypoints.estimators import extract, find_estimator
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.video_to_motion import VideoToMotion


@dataclass(frozen=True)
class BuildPlan:
    """What every worker must know: the settings, the weights' digest and where results are kept."""

    settings: BuildSettings
    checkpoint: str
    work: WorkFolder


def identify(plan: BuildPlan, video: SourceVideo) -> str:
    """SHA-256 of a video's content; kept by place, size and time of change, so read only once.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        stat = video.path.stat()
        place = f"{video.path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        path = plan.work.identity(hashlib.sha256(place.encode()).hexdigest())
        if path.is_file():
            return path.read_text("utf-8").strip()
        content = file_sha256(video.path)
    except OSError as error:
        raise InputError(f"{video.name}: cannot be read ({error.strerror})") from error
    plan.work.write(path, lambda partial: write_text(partial, content + "\n"))
    return content


def see(plan: BuildPlan, video: SourceVideo) -> None:
    """Decode a video and find keypoints, cuts and small pictures; a bad one leaves its error."""
    path = plan.work.sighting(video.id, plan.settings.seeing)
    if path.is_file():
        return
    try:
        sighting = _seen(plan.settings.estimator, video)
    except InputError as error:
        sighting = Sighting(error=str(error).replace(str(video.path), video.path.name))
    plan.work.write(path, lambda partial: save_sighting(sighting, partial))


def _seen(estimator: str, video: SourceVideo) -> Sighting:
    watch = CutWatch(find_estimator(estimator))
    pictures = PictureWatch(watch)
    found = extract(video.path, pictures)
    cuts = watch.cuts(found.keypoints)
    return Sighting(found.keypoints, cuts, tuple(pictures.pictures), found.warnings)


def animate(plan: BuildPlan, video: SourceVideo) -> None:
    """Clips of a video that has been seen: measured, gated, animated; then the video's record."""
    path = plan.work.record(video.id, plan.settings.animating(plan.checkpoint))
    if path.is_file():
        return
    torch.set_num_threads(1)  # as many everywhere: sums depend on it
    sighting = load_sighting(plan.work.sighting(video.id, plan.settings.seeing))
    record = _failed(video, sighting) if sighting.error else _animated(plan, video, sighting)
    plan.work.write(path, lambda partial: write_text(partial, video_to_json(record)))


def _failed(video: SourceVideo, sighting: Sighting) -> VideoRecord:
    return VideoRecord(video.content, error=sighting.error, warnings=sighting.warnings)


def _animated(plan: BuildPlan, video: SourceVideo, sighting: Sighting) -> VideoRecord:
    assert sighting.keypoints is not None
    keypoints = sighting.keypoints
    found: list[ClipRecord] = []
    people = tracks(keypoints, sighting.cuts)
    for track in people:
        parts = clips(track, plan.settings.frames)
        if not parts:
            found.append(_short(video, track))
        found += [_clip(plan, video, sighting, clip) for clip in parts]
    return VideoRecord(
        video.content,
        frames=len(keypoints),
        fps=keypoints.fps,
        duration_s=float(keypoints.timestamps[-1] + 1.0 / keypoints.fps),
        image_size=keypoints.image_size,
        shots=len({track.shot for track in people}),
        warnings=sighting.warnings,
        clips=tuple(found),
    )


def _clip(plan: BuildPlan, video: SourceVideo, sighting: Sighting, clip: Clip) -> ClipRecord:
    """Measure a clip and animate it, unless its keypoints already say that it is of no use."""
    name = clip_id(video, clip.track, clip.start_s)
    path = plan.work.clip(video.id, plan.settings.animating(plan.checkpoint), name)
    if path.is_file():
        return load_clip(path).record
    figures = seen_figures(clip.keypoints)
    motions: tuple[Motion, ...] = ()
    if plan.settings.keep_rejected or not seen_rejections(figures, plan.settings.seen_limits):
        motions = _sampled(plan.settings, clip, name)
        figures = motion_figures(figures, motions, clip.keypoints, plan.settings.physics)
    track = clip.track
    record = ClipRecord(
        name, track.shot, track.person, clip.start_s, plan.settings.seconds, figures, bool(motions)
    )
    middle = clip.start_s + 0.5 * float(clip.keypoints.timestamps[-1])
    shown = strip(sighting.pictures, clip.start_s, clip.keypoints, motions[0] if motions else None)
    result = AnimatedClip(
        record, clip.keypoints, motions, thumbnail(sighting.pictures, middle), shown
    )
    plan.work.write(path, lambda partial: save_clip(result, partial))
    return record


def _sampled(settings: BuildSettings, clip: Clip, name: str) -> tuple[Motion, ...]:
    options = SamplingOptions(
        steps=settings.steps, seed=_seed(settings.seed, name), refine=settings.refine
    )
    model = _model(settings.checkpoint)
    still = settings.static_camera
    return tuple(model.sample(clip.keypoints, options, settings.samples, still, cuts=()))


def clip_id(video: SourceVideo, track: Track, start_s: float) -> str:
    """A clip's name: video, shot, person and start in milliseconds."""
    return f"{video.id}-s{track.shot:03d}-p{track.person}-{round(1000 * start_s):08d}"


def _short(video: SourceVideo, track: Track) -> ClipRecord:
    start = float(track.keypoints.timestamps[0])
    name = clip_id(video, track, start)
    return ClipRecord(name, track.shot, track.person, start, track.duration_s, None, False)


def _seed(seed: int, clip: str) -> int:
    digest = hashlib.sha256(json.dumps([seed, clip]).encode()).digest()
    return int.from_bytes(digest[:4], "big")


@functools.lru_cache(maxsize=1)
def _model(checkpoint: str) -> VideoToMotion:
    """The model; a worker loads it once."""
    return VideoToMotion.from_pretrained(checkpoint)


def checkpoint_digest(checkpoint: str) -> str:
    """SHA-256 of a checkpoint's weights and normalisation.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    held = _model(checkpoint).checkpoint
    digest = hashlib.sha256(np.stack((held.normalization.mean, held.normalization.std)).tobytes())
    for key, value in sorted(held.denoiser.state_dict().items()):
        digest.update(key.encode() + value.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
