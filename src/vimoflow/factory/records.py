"""The values that travel between the stages; all of them are written to disk as JSON, too."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vimoflow.data.recording import Split


@dataclass(frozen=True)
class SourceVideo:
    """A video to build from. Its identity is its content: paths and names do not count.

    Attributes:
        path: where it is.
        name: how the data set calls it: the path below the folder that was named.
        content: SHA-256 of the file.
        label, licence, source: what the user says about it ("" where nothing is said).
        split: as stated; None is drawn by content.
    """

    path: Path
    name: str
    content: str = ""
    label: str = ""
    licence: str = ""
    source: str = ""
    split: Split | None = None

    @property
    def id(self) -> str:
        """Short form of the content's hash."""
        return self.content[:16]


@dataclass(frozen=True)
class Figures:
    """What was measured on a clip; None where it was not animated.

    Attributes:
        person_px: the person's height in the picture, pixels.
        visible: share of the body's points (shoulders to ankles) seen in the picture.
        confidence: the detector's, mean over those points, 0 where missing.
        movement_mps: mean speed of the body's points in the picture, at the person's distance.
        speed_mps: of the fastest joint, the 99th percentile over the frames.
        jerk: mean third derivative of the joints, m/s^3.
        foot_slide_mm: movement of feet in contact from frame to frame.
        reprojection_percent: distance between keypoints and projections, per cent of the height.
        spread_mm: standard deviation of the joints over the samples, mean over joints and frames.
        risk: the verdict's, that the pose is off by more than 80 mm.
        implausibility: of the physics report; None where it was not asked.
    """

    person_px: float
    visible: float
    confidence: float
    movement_mps: float
    speed_mps: float | None = None
    jerk: float | None = None
    foot_slide_mm: float | None = None
    reprojection_percent: float | None = None
    spread_mm: float | None = None
    risk: float | None = None
    implausibility: float | None = None


@dataclass(frozen=True)
class Rejection:
    """Why a clip is not in the data set: the gate, and what it measured in words."""

    gate: str
    reason: str


@dataclass(frozen=True)
class ClipRecord:
    """One clip.

    Attributes:
        id: of the video, shot, person and first frame at 30 Hz.
        shot, person: numbers within the video.
        start_s: from the video's first frame.
        figures: None for shots too short to be a clip.
        animated: whether there is a motion; there is none where the keypoints were of no use.
    """

    id: str
    shot: int
    person: int
    start_s: float
    duration_s: float
    figures: Figures | None
    animated: bool


@dataclass(frozen=True)
class VideoRecord:
    """What became of a video.

    Attributes:
        content: SHA-256 of the file.
        error: why nothing could be made of it, "" where something could.
        frames, fps, duration_s, image_size: of the video.
        shots: how many.
        warnings: what was wrong with the file but did not stop the decoding.
        clips: all of its clips, rejected ones, too.
    """

    content: str
    error: str = ""
    frames: int = 0
    fps: float = 0.0
    duration_s: float = 0.0
    image_size: tuple[int, int] = (0, 0)
    shots: int = 0
    warnings: tuple[str, ...] = ()
    clips: tuple[ClipRecord, ...] = ()


def video_to_json(record: VideoRecord) -> str:
    """A record as text, the same for equal records."""
    return json.dumps(dataclasses.asdict(record), allow_nan=False) + "\n"


def video_from_json(text: str) -> VideoRecord:
    """The inverse of :func:`video_to_json`; ``ValueError`` if bad."""
    import msgspec

    return msgspec.json.decode(text, type=VideoRecord)


def clip_from_fields(fields: dict[str, Any]) -> ClipRecord:
    """A clip's record from what ``dataclasses.asdict`` made of it; ``ValueError`` if bad."""
    import msgspec

    return msgspec.convert(fields, ClipRecord)
