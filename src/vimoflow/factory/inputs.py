"""Which videos to build from: folders, globs, text lists and tables with labels and licences."""

from __future__ import annotations

import csv
import dataclasses
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from vimoflow.data.recording import Split
from vimoflow.errors import InputError
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
COLUMNS = ("video", "label", "licence", "source", "split")
_SPLITS: dict[str, Split | None] = {
    "": None, "train": "train", "validation": "validation", "val": "validation",
}  # fmt: skip


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
        raise InputError("no videos: name videos, folders, lists or tables of them")
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
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise InputError(f"{path}: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}")
    for number, row in enumerate(rows, 2):
        cells = {k.strip().lower(): (v or "").strip() for k, v in row.items() if k is not None}
        if None in row or not cells["video"]:
            raise InputError(f"{path}: line {number} does not fit the columns; quote commas")
        split = cells.get("split", "").lower()
        if split not in _SPLITS:
            raise InputError(f"{path}: line {number}: split {split!r} is not train or validation")
        yield SourceVideo(
            _beside(path, cells["video"], number),
            cells["video"],
            label=cells.get("label", ""),
            licence=cells.get("licence", ""),
            source=cells.get("source", ""),
            split=_SPLITS[split],
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
