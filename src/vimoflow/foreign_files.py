"""Files that people give by mistake, told by their first bytes, and what to do instead."""

from __future__ import annotations

import re
from pathlib import Path

from vimoflow.errors import InputError

_ADDRESS = re.compile(r"[a-z]{3,6}:/{1,2}\S", re.IGNORECASE)  # a path has lost one of the slashes
_LFS = b"version https://git-lfs.github.com/spec/"
_POINTER_BYTES = 1024  # pointers are of some 130 bytes; large files may speak of pointers
_HEAD = 512
_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x1f\x8b": "gz", b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst",
}  # fmt: skip


def refuse_foreign(path: Path, archives: bool = False) -> None:
    """Raise ``InputError`` where the path or the file is plainly no input of any kind.

    That is an address on the network, a Git LFS pointer in the place of the file, an archive that
    is to be unpacked first (zips are not: some formats are zips), or a web page that was saved
    under a file's name. Files that are missing or not readable pass, and archives where they are
    what is asked for (``archives``).
    """
    if _ADDRESS.match(str(path)) and not path.exists():
        raise InputError(f"{path}: is an address; download the file first, then name the file")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
    except (OSError, ValueError):  # whoever reads it says what is wrong
        return
    if head.startswith(_LFS) and size <= _POINTER_BYTES:
        raise InputError(
            f"{path}: is a Git LFS pointer, not the file itself; run `git lfs pull` in its "
            "repository, then try again"
        )
    archive = next((kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)), None)
    archive = "tar" if head[257:262] == b"ustar" else archive
    if archive is not None and not archives:
        raise InputError(f"{path}: is an archive ({archive}); unpack it, then name a file in it")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise InputError(
            f"{path}: is a web page, not the file; open the address in a browser and download the "
            "file itself"
        )
