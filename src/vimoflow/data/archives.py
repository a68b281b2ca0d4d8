"""Archives of strangers, unpacked: tar in any compression, and zip.

Plain files and folders only, and only below the target: names that leave it, links, devices,
encrypted members and archives that unpack to far too much are refused before they do any harm.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vimoflow.errors import InputError, OutputError

MAX_UNPACKED = 64 * 2**30  # bytes
MAX_RATIO, RATIO_COUNTS_FROM = 200, 2**28  # times the archive's size; only beyond 256 MiB
MAX_MEMBERS = 500_000
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGE = (EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
# What zipfile raises for encryption, unknown compression, and absurd fields.
_UNREADABLE = (RuntimeError, NotImplementedError, ValueError, OverflowError)


@dataclass(frozen=True)
class _Member:
    name: str
    kind: Literal["file", "folder", "other"]
    size: int
    open: Callable[[], Any]  # a binary stream


@contextmanager
def unpacked(path: Path, scratch: Path | None = None) -> Iterator[Path]:
    """A folder itself, or an archive unpacked into a temporary folder (below ``scratch``).

    Raises:
        InputError: neither; or a damaged archive, or one that is not safe to unpack.
        OutputError: no room for its content.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=scratch) as folder:
        with ExitStack() as stack:
            members = _members(path, stack)
            try:
                _extract(members, Path(folder), path)
            except (*_DAMAGE, *_UNREADABLE) as error:
                raise _damaged(path, error) from error
            except OSError as error:
                if error.errno is None:  # a decompressor's; the system's have a number
                    raise _damaged(path, error) from error
                raise OutputError(
                    f"{path}: cannot be unpacked to {Path(folder).parent} ({error.strerror})"
                ) from error
        yield Path(folder)


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path}: damaged or unsafe archive ({reason})")


def _members(path: Path, stack: ExitStack) -> Iterator[_Member]:
    try:
        with path.open("rb") as file:
            is_zip = file.read(4) in _ZIP_MAGIC
        if is_zip:
            return _zip_members(stack.enter_context(zipfile.ZipFile(path)))
        return _tar_members(stack.enter_context(tarfile.open(path)))
    except (OSError, *_DAMAGE, *_UNREADABLE) as error:
        reason = " ".join(str(error).split())  # tarfile lists its attempts line by line
        raise InputError(f"{path}: neither a folder nor a tar or zip archive ({reason})") from error


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:

        def opened(info: tarfile.TarInfo = info) -> Any:
            return archive.extractfile(info)

        kind: Literal["file", "folder", "other"] = "file" if info.isfile() else "other"
        yield _Member(info.name, "folder" if info.isdir() else kind, info.size, opened)
    while archive.fileobj and archive.fileobj.read(1 << 20):
        pass  # tarfile takes damage for the end; the compression's checksum does not


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if info.filename.startswith("__MACOSX/"):
            continue  # what macOS adds to its archives
        mode = stat.S_IFMT(info.external_attr >> 16)
        plain: Literal["file", "other"] = "file" if mode in (0, stat.S_IFREG) else "other"
        is_folder = info.is_dir() and mode in (0, stat.S_IFDIR)
        yield _Member(
            info.filename,
            "folder" if is_folder else plain,
            info.file_size,
            lambda info=info: archive.open(info),  # type: ignore[misc]
        )


def _extract(members: Iterator[_Member], folder: Path, path: Path) -> None:
    """Written by hand, because not every Python 3.10 and 3.11 has tarfile's filters."""
    root = folder.resolve()
    packed, total = path.stat().st_size, 0
    for count, member in enumerate(members, 1):
        target = (root / member.name).resolve()
        if member.kind == "other" or not target.is_relative_to(root):
            raise InputError(f"{path}: unsafe archive, it holds '{member.name}'")
        if count > MAX_MEMBERS:
            raise InputError(f"{path}: unsafe archive, it holds more than {MAX_MEMBERS} files")
        if member.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            continue
        total += member.size
        if total > MAX_UNPACKED:
            raise InputError(f"{path}: unpacks to more than {MAX_UNPACKED >> 30} GiB")
        if total > max(RATIO_COUNTS_FROM, MAX_RATIO * packed):
            raise InputError(f"{path}: unpacks to more than {MAX_RATIO} times its size")
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as content, target.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
