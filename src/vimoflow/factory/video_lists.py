"""Which videos to build from: folders, globs, text lists and tables with labels and licences."""

from __future__ import annotations

import csv
import dataclasses
import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vimoflow.documents import build
from vimoflow.errors import ConfigError, InputError
from vimoflow.factory.records import SourceVideo

VIDEO_ENDINGS = frozenset(
    [
        ".mp4",
        ".mov",
        ".m4v",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".flv",
        ".ts",
        ".mts",
        ".m2ts",
        ".3gp",
        ".ogv",
        ".gif",
    ]
)


@dataclass(frozen=True)
class _Row:
    """The columns that a table may have."""

    video: str
    label: str = ""
    licence: str = ""
    source: str = ""
    split: Literal["", "train", "validation", "val"] = ""


def find_videos(inputs: Sequence[str | Path], licence: str = "") -> list[SourceVideo]:
    """All videos of the inputs, sorted by name; contents are not looked at yet.

    Args:
        inputs: videos, folders (searched to any depth for files with a video's ending), glob
            patterns, ``.txt`` lists (one path a line, # begins a comment) and ``.csv`` tables with
            a column ``video`` and any of ``label``, ``licence``, ``source``, ``split``. Paths in
            lists and tables are relative to the list. A table's words on a video win over a
            folder's silence.
        licence: of the videos for which no table says one.

    Raises:
        InputError: an input is missing, empty or not to be understood.
    """
    found: dict[Path, SourceVideo] = {}
    for text in inputs:
        for video in _expanded(str(text)):
            key = video.path.resolve()
            known = found.get(key)
            if known is None or video != SourceVideo(video.path, video.name):
                found[key] = video
    if not found:
        named = ", ".join(map(str, inputs)) or "nothing given"
        raise InputError(f"{named}: no videos; name videos, folders, lists or tables of them")
    videos = [dataclasses.replace(v, licence=v.licence or licence) for v in found.values()]
    return sorted(videos, key=lambda video: (video.name, str(video.path)))


def _expanded(text: str) -> Iterator[SourceVideo]:
    path = Path(text)
    if path.is_dir():
        videos = [p for p in path.rglob("*") if p.suffix.lower() in VIDEO_ENDINGS and p.is_file()]
        if not videos:
            raise InputError(f"{path}: no videos in this folder")
        yield from (SourceVideo(p, p.relative_to(path).as_posix()) for p in videos)
    elif path.is_file():
        readers = {".txt": _text_list, ".csv": _table}
        reader = readers.get(path.suffix.lower())
        yield from [SourceVideo(path, path.name)] if reader is None else reader(path)
    elif glob.has_magic(text):
        matches = sorted(Path(p) for p in glob.glob(text, recursive=True))
        if not matches:
            raise InputError(f"{text}: nothing matches this pattern")
        for match in matches:
            yield from _expanded(str(match))
    else:
        raise InputError(f"{path}: no such file or folder")


def _text_list(path: Path) -> Iterator[SourceVideo]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        entry = line.split("#", 1)[0].strip()
        if entry:
            yield SourceVideo(_beside(path, entry, number), entry)


def _table(path: Path) -> Iterator[SourceVideo]:
    rows = csv.DictReader(_text(path).splitlines())
    columns = [name.strip().lower() for name in rows.fieldnames or []]
    if "video" not in columns:
        raise InputError(f"{path}: needs a first line with the column 'video'")
    for number, cells in enumerate(rows, 2):
        values = {k.strip().lower(): (v or "").strip() for k, v in cells.items() if k is not None}
        if None in cells or not values["video"]:
            raise InputError(f"{path}: line {number} does not fit the columns; quote commas")
        try:
            row = build(_Row, values | {"split": values.get("split", "").lower()}, str(path))
        except ConfigError as error:
            raise InputError(str(error).replace(str(path), f"{path}: line {number}")) from error
        yield SourceVideo(
            _beside(path, row.video, number),
            row.video,
            label=row.label,
            licence=row.licence,
            source=row.source,
            split=None if row.split == "" else "train" if row.split == "train" else "validation",
        )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def _beside(listing: Path, entry: str, number: int) -> Path:
    path = listing.parent / entry
    if not path.is_file():
        raise InputError(f"{listing}: line {number}: {entry}: no such file")
    return path
