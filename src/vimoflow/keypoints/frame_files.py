"""OpenPose-style JSON, one file a frame: a folder of them, or a zip of it.

A zip is read in place: nothing is extracted, and no entry is unpacked beyond what it declares.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from vimoflow.errors import InputError
from vimoflow.keypoints.json_fields import frame_number
from vimoflow.keypoints.json_formats import read_openpose_frame
from vimoflow.keypoints.sightings import Recording, Sighting, coco_sightings
from vimoflow.notes import note

_MAX_FILE = 4 << 20
_MAX_ALL = 1 << 29
_MAX_FILES = 500_000
_MOST_DAMAGED = 0.5  # of the files; with more, it is another kind of folder


def read_folder(path: Path) -> Recording:
    """All ``.json`` files of a folder, in the order of the numbers in their names."""
    files = [entry for entry in path.iterdir() if entry.suffix.lower() == ".json"]

    def contents() -> Iterator[tuple[str, bytes]]:
        for entry in files:
            _check_size(path, entry.name, entry.stat().st_size)
            yield entry.name, entry.read_bytes()

    return _frames(path, [entry.name for entry in files], contents())


def read_zip(path: Path) -> Recording:
    """All ``.json`` entries of a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if e.filename.lower().endswith(".json")]
            outside = [
                e.filename
                for e in entries
                if e.filename.startswith(("/", "\\")) or ".." in e.filename or ":" in e.filename
            ]
            if outside:
                raise InputError(f"{path}: has the entry {outside[0][:60]!r}, a path; refused")
            if sum(entry.file_size for entry in entries) > _MAX_ALL:
                raise InputError(f"{path}: unpacks to more than {_MAX_ALL >> 20} MiB; split it")

            def contents() -> Iterator[tuple[str, bytes]]:
                for entry in entries:
                    _check_size(path, entry.filename, entry.file_size)
                    yield entry.filename, archive.read(entry)

            return _frames(path, [e.filename for e in entries], contents())
    except (InputError, OSError):
        raise
    except Exception as error:  # zipfile raises many kinds
        raise InputError(f"{path}: a damaged zip file") from error


def _check_size(path: Path, name: str, size: int) -> None:
    if size > _MAX_FILE:
        raise InputError(f"{path}: {name[:80]!r} is larger than {_MAX_FILE >> 20} MiB")


def _frames(path: Path, names: list[str], contents: Iterator[tuple[str, bytes]]) -> Recording:
    if not names:
        raise InputError(f"{path}: holds no .json files of frames")
    if len(names) > _MAX_FILES:
        raise InputError(f"{path}: holds more than {_MAX_FILES} files")
    numbers = {name: frame_number(name) for name in names}
    known = _check_numbers(path, numbers)
    found: list[Sighting] = []
    damaged = []
    for name, content in contents:
        where = path / name.replace("\n", " ")[:80]
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            damaged.append(where.name)
            continue
        if not isinstance(document, dict) or "people" not in document:
            raise InputError(
                f"{where}: has no field 'people'; is not a frame of OpenPose. Where the folder "
                "holds another tool's file, too, name the one to read"
            )
        found.extend(read_openpose_frame(document, where, numbers[name] or 0))
    if len(damaged) > _MOST_DAMAGED * len(names):
        raise InputError(f"{path / damaged[0]}: is not JSON, or is damaged")
    if damaged:
        note(
            f"{path}: {len(damaged)} of {len(names)} frames are damaged ({damaged[0]} ...); nobody "
            "is seen in them"
        )
    return Recording("openpose", coco_sightings(found), tuple(known))


def _check_numbers(path: Path, numbers: dict[str, int | None]) -> list[int]:
    """The frames' numbers in order; an error names the files that have none, or the same one."""
    first_of: dict[int, str] = {}
    for name, number in sorted(numbers.items()):
        shown = name.replace("\n", " ")[:60]
        if number is None:
            raise InputError(f"{path}: {shown!r} is not numbered: no frame number in its name")
        if number in first_of:
            raise InputError(
                f"{path}: {first_of[number]!r} and {shown!r} are both frame {number}: two "
                "recordings in one folder? Number each frame once"
            )
        first_of[number] = shown
    return sorted(first_of)
