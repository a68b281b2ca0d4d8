"""The folder of intermediate results: one file for each, named by content and settings."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.errors import OutputError
from vimoflow.factory.pictures import Picture
from vimoflow.factory.records import ClipRecord, VideoRecord, clip_from_fields, video_from_json
from vimoflow.factory.settings import FPS
from vimoflow.files import replacing
from vimoflow.formats.npz_writer import write_npz
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion


@dataclass(frozen=True)
class Sighting:
    """What was seen in a video, or why nothing was (``error``; the rest is then empty)."""

    keypoints: Keypoints2D | None = None
    cuts: tuple[int, ...] = ()
    pictures: tuple[Picture, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class AnimatedClip:
    """A clip with all that the data set shows of it; without motions where it was not animated."""

    record: ClipRecord
    keypoints: Keypoints2D
    motions: tuple[Motion, ...]
    thumbnail: bytes
    strip: bytes


@dataclass(frozen=True)
class WorkFolder:
    """Where what is kept; on a cluster a folder that all machines share."""

    path: Path

    def identity(self, place: str) -> Path:
        """The hash of a video's content, by a hash of its place and time of change."""
        return self.path / "identities" / place[:2] / f"{place}.txt"

    def sighting(self, video: str, settings: str) -> Path:
        """What was seen in a video."""
        return self.path / "seen" / video[:2] / f"{video}-{settings}.npz"

    def record(self, video: str, settings: str) -> Path:
        """What became of a video; written when all of its clips are there."""
        return self.path / "animated" / video[:2] / f"{video}-{settings}" / "video.json"

    def clip(self, video: str, settings: str, clip: str) -> Path:
        """One of its clips."""
        return self.record(video, settings).with_name(f"{clip}.npz")

    def write(self, path: Path, writer: Callable[[Path], None]) -> None:
        """Let ``writer`` write a file under another name in a folder made for it; rename it.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial:
                writer(partial)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error.strerror}); when it can, the same "
                "command goes on from there"
            ) from error


def save_sighting(sighting: Sighting, path: Path) -> None:
    """Write what was seen; equal sightings give equal bytes."""
    keypoints = sighting.keypoints
    about: dict[str, object] = {"error": sighting.error, "warnings": sighting.warnings}
    arrays: dict[str, np.ndarray] = {}
    if keypoints is not None:
        about |= {
            "image_size": keypoints.image_size, "source": keypoints.source,
            "estimator": keypoints.estimator, "scale": [p.scale for p in sighting.pictures],
        }  # fmt: skip
        arrays = {
            "points": keypoints.points,
            "timestamps": keypoints.timestamps,
            "cuts": np.array(sighting.cuts, dtype=np.int64),
            "picture_times": np.array([p.time_s for p in sighting.pictures]),
            "picture_ends": np.cumsum([len(p.jpeg) for p in sighting.pictures]),
            "pictures": np.frombuffer(b"".join(p.jpeg for p in sighting.pictures), np.uint8),
        }
    write_npz(path, {"about": np.array(json.dumps(about)), **arrays})


def load_sighting(path: Path) -> Sighting:
    """The inverse of :func:`save_sighting`; ``OutputError`` where the file is damaged."""
    with _opened(path) as file:
        about = json.loads(str(file["about"]))
        warnings = tuple(about["warnings"])
        if about["error"]:
            return Sighting(error=about["error"], warnings=warnings)
        keypoints = Keypoints2D(
            file["points"], file["timestamps"], tuple(about["image_size"]), about["source"],
            about["estimator"],
        )  # fmt: skip
        ends, content = file["picture_ends"].tolist(), file["pictures"].tobytes()
        pictures = tuple(
            Picture(time, content[first:end], scale)
            for time, first, end, scale in zip(
                file["picture_times"].tolist(), [0, *ends[:-1]], ends, about["scale"], strict=True
            )
        )
        return Sighting(keypoints, tuple(file["cuts"].tolist()), pictures, warnings)


def save_clip(clip: AnimatedClip, path: Path) -> None:
    """Write a clip; equal clips give equal bytes."""
    keypoints = clip.keypoints
    about = {
        "record": dataclasses.asdict(clip.record), "image_size": keypoints.image_size,
        "source": keypoints.source, "estimator": keypoints.estimator,
    }  # fmt: skip
    arrays = {
        "about": np.array(json.dumps(about, allow_nan=False)),
        "points": keypoints.points.astype(np.float32),
        "thumbnail": np.frombuffer(clip.thumbnail, np.uint8),
        "strip": np.frombuffer(clip.strip, np.uint8),
    }
    if clip.motions:
        arrays |= {
            name: np.stack([getattr(motion, name) for motion in clip.motions]).astype(np.float32)
            for name in ("poses", "trans", "contacts")
        }
    write_npz(path, arrays)


def load_clip(path: Path) -> AnimatedClip:
    """The inverse of :func:`save_clip`; ``OutputError`` where the file is damaged."""
    with _opened(path) as file:
        about = json.loads(str(file["about"]))
        points = file["points"].astype(np.float64)
        keypoints = Keypoints2D(
            points, np.arange(len(points)) / FPS, tuple(about["image_size"]), about["source"],
            about["estimator"],
        )  # fmt: skip
        motions: tuple[Motion, ...] = ()
        if "poses" in file:
            rows = zip(file["poses"], file["trans"], file["contacts"], strict=True)
            motions = tuple(Motion(p, t, FPS, c, joints2d=file["points"]) for p, t, c in rows)
        return AnimatedClip(
            clip_from_fields(about["record"]), keypoints, motions, file["thumbnail"].tobytes(),
            file["strip"].tobytes(),
        )  # fmt: skip


def load_record(path: Path) -> VideoRecord:
    """What became of a video; ``OutputError`` where the file is damaged."""
    try:
        return video_from_json(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error


class _opened:
    """An npz of our own; whatever goes wrong while it is read means that it is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> np.lib.npyio.NpzFile:
        try:
            self._file = np.load(self._path, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _damaged(self._path) from error
        return self._file

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        self._file.close()
        if isinstance(error, (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)):
            raise _damaged(self._path) from error


def _damaged(path: Path) -> OutputError:
    return OutputError(f"{path}: damaged; delete it and give the same command again")
