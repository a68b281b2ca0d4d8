"""Folders of images, and patterns of their names, in place of a video."""

from __future__ import annotations

import re
from pathlib import Path

from vimoflow.errors import InputError

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".exr"})
_PATTERN = re.compile(r"%0?(\d*)d")
_MOST_IMAGES = 1_000_000


def images_of(path: Path) -> tuple[Path, ...] | None:
    """The images that a folder or a pattern (``frames/%05d.png``) means; None for anything else.

    Numbers in names count as numbers: 2.png comes before 10.png. A folder of videos is none of
    images, though a poster lies in it.

    Raises:
        InputError: no image is there, or the folder cannot be read.
    """
    try:
        if path.is_dir():
            return _in_folder(path)
        if _PATTERN.search(path.name) is None or path.exists():
            return None
        return _matching(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _in_folder(folder: Path) -> tuple[Path, ...]:
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    found = [entry for entry in entries if entry.suffix.lower() in _IMAGES and entry.is_file()]
    if not entries:
        raise InputError(f"{folder}: is an empty folder; name a video, or a folder of images")
    if not found:
        likeliest = min(entries, key=lambda entry: (entry.is_dir(), entry.name))
        raise InputError(
            f"{folder}: is a folder without images or keypoint files of frames (.json) in it; name "
            f"a file in it, such as {likeliest.name[:60]!r}"
        )
    kinds = {entry.suffix.lower() for entry in found}
    if len(kinds) > 1:
        raise InputError(
            f"{folder}: holds images of several kinds ({', '.join(sorted(kinds))}); name one kind: "
            f"{folder / '%05d'}{min(kinds)}"
        )
    return _sorted(found, folder)


def _matching(pattern: Path) -> tuple[Path, ...]:
    if not pattern.parent.is_dir():
        raise InputError(f"{pattern}: there is no folder {pattern.parent}")
    before, digits, after = _PATTERN.split(pattern.name, maxsplit=1)
    width = rf"\d{{{int(digits)},}}" if digits else r"\d+"
    name = re.compile(re.escape(before) + width + re.escape(after))
    found = [entry for entry in pattern.parent.iterdir() if name.fullmatch(entry.name)]
    if not found:
        raise InputError(f"{pattern}: no file in {pattern.parent} has such a name")
    return _sorted(found, pattern)


def _sorted(found: list[Path], path: Path) -> tuple[Path, ...]:
    if len(found) > _MOST_IMAGES:
        raise InputError(f"{path}: more than {_MOST_IMAGES} images; split them")
    return tuple(sorted(found, key=_natural))


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d{1,18}|\D+", path.name)
    return [(int(p), "") if p.isdigit() and p.isascii() else (-1, p) for p in parts], path.name
