"""Which clips of which videos are in the data set; a function of the results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vimoflow.data.recording import Split
from vimoflow.factory.duplicates import (
    duplicates_of,
    motion_descriptor,
    picture_hashes,
    same_motions,
    same_videos,
)
from vimoflow.factory.gates import rejections
from vimoflow.factory.records import ClipRecord, Rejection, SourceVideo, VideoRecord
from vimoflow.factory.settings import BuildSettings
from vimoflow.factory.stages import BuildPlan
from vimoflow.factory.work_files import AnimatedClip, load_clip, load_record, load_sighting


@dataclass(frozen=True)
class VideoEntry:
    """A video of the inputs.

    Attributes:
        source: what the user said of it.
        record: what became of it; only ``content`` and ``error`` where it failed.
        split: of all of its clips.
        duplicate_of: name of the video that shows the same, "" where there is none.
    """

    source: SourceVideo
    record: VideoRecord
    split: Split
    duplicate_of: str = ""


@dataclass(frozen=True)
class ClipEntry:
    """A clip and the gates that it did not pass; none where it is in the data set."""

    video: VideoEntry
    record: ClipRecord
    rejections: tuple[Rejection, ...] = ()


@dataclass(frozen=True)
class Selection:
    """What is in a data set and what is not, in the order of the contents' hashes."""

    videos: tuple[VideoEntry, ...]
    accepted: tuple[ClipEntry, ...]
    rejected: tuple[ClipEntry, ...]

    def split(self, name: Split) -> list[ClipEntry]:
        """The accepted clips of a split."""
        return [clip for clip in self.accepted if clip.video.split == name]


def load_motions(plan: BuildPlan, clip: ClipEntry) -> AnimatedClip:
    """A clip's motions and pictures from the work folder."""
    key = plan.settings.animating(plan.checkpoint)
    return load_clip(plan.work.clip(clip.video.source.id, key, clip.record.id))


def select(
    plan: BuildPlan, videos: Sequence[SourceVideo], failures: Mapping[str, str]
) -> Selection:
    """Apply gates and look for duplicates.

    Args:
        plan: settings, and where the results are.
        videos: with contents; unreadable ones without.
        failures: why videos have no results, by path.
    """
    settings = plan.settings
    entries = _without_copies(plan, _entries(plan, videos, failures))
    passed: list[ClipEntry] = []
    rejected: list[ClipEntry] = []
    for entry in entries:
        for record in entry.record.clips:
            broken = rejections(
                record, settings.seconds, settings.seen_limits, settings.motion_limits
            )
            if entry.duplicate_of:
                broken = (*broken, Rejection("near-duplicate", f"video {entry.duplicate_of}"))
            (rejected if broken else passed).append(ClipEntry(entry, record, broken))
    same = _same_clips(plan, passed)
    accepted = [clip for clip in passed if clip.record.id not in same]
    for clip in passed:
        if clip.record.id in same:
            reason = Rejection("near-duplicate", f"clip {same[clip.record.id]}")
            rejected.append(ClipEntry(clip.video, clip.record, (reason,)))
    rejected.sort(key=lambda clip: clip.record.id)
    accepted.sort(key=lambda clip: clip.record.id)
    return Selection(tuple(entries), tuple(accepted), tuple(rejected))


def _entries(
    plan: BuildPlan, videos: Sequence[SourceVideo], failures: Mapping[str, str]
) -> list[VideoEntry]:
    """All videos with their results; of equal files the first name counts."""
    found: list[VideoEntry] = []
    first: dict[str, str] = {}
    for video in sorted(videos, key=lambda v: (v.content, v.name, str(v.path))):
        if str(video.path) in failures:
            record = VideoRecord(video.content, error=failures[str(video.path)])
        elif video.content in first:
            found.append(
                VideoEntry(
                    video, VideoRecord(video.content), drawn_split(video, plan.settings),
                    first[video.content],
                )
            )  # fmt: skip
            continue
        else:
            first[video.content] = video.name
            key = plan.settings.animating(plan.checkpoint)
            record = load_record(plan.work.record(video.id, key))
        found.append(VideoEntry(video, record, drawn_split(video, plan.settings)))
    return found


def drawn_split(video: SourceVideo, settings: BuildSettings) -> Split:
    """The split that was stated, or one drawn by the content, the same for ever."""
    if video.split is not None:
        return video.split
    number = int(video.content[-8:] or "ffffffff", 16) / 2**32
    return "validation" if number < settings.validation_share else "train"


def _without_copies(plan: BuildPlan, entries: Sequence[VideoEntry]) -> list[VideoEntry]:
    """The larger, longer one of two videos of the same pictures stays."""
    usable = [e for e in entries if not e.record.error and not e.duplicate_of]
    hashes = {
        e.source.content: picture_hashes(
            load_sighting(plan.work.sighting(e.source.id, plan.settings.seeing)).pictures
        )
        for e in usable
    }
    ranked = sorted(
        usable,
        key=lambda e: (-e.record.image_size[1], -e.record.duration_s, e.source.content),
    )
    gone = duplicates_of([e.source.content for e in ranked], same_videos(hashes))
    names = {e.source.content: e.source.name for e in usable}
    return [
        VideoEntry(e.source, e.record, e.split, names[gone[e.source.content]])
        if e.source.content in gone and not e.duplicate_of
        else e
        for e in entries
    ]


def _same_clips(plan: BuildPlan, clips: Sequence[ClipEntry]) -> dict[str, str]:
    descriptors = {
        clip.record.id: motion_descriptor(load_motions(plan, clip).motions[0]) for clip in clips
    }

    def rank(clip: ClipEntry) -> tuple[float, str]:
        figures = clip.record.figures
        spread = figures.spread_mm if figures is not None else None
        return (spread or 0.0, clip.record.id)

    ranked = [clip.record.id for clip in sorted(clips, key=rank)]
    return duplicates_of(ranked, same_motions(descriptors))
