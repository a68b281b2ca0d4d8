"""``vimoflow data prepare``: a corpus as downloaded to training shards."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from vimoflow.data.corpora import CORPORA, Corpus
from vimoflow.data.recording import Recording
from vimoflow.data.shards import ShardEntry, write_shard
from vimoflow.errors import ConfigError, InputError

_MAX_UNPACKED = 16 * 2**30


@dataclass(frozen=True)
class _Rejected:
    name: str
    reason: str


def prepare(
    source: str, paths: Sequence[Path], output: Path, workers: int | None = None
) -> list[ShardEntry]:
    """Read a corpus (folders or tar archives), write its shards, print a summary.

    The result depends on the input alone: files are read in sorted order whatever the number of
    processes. Files that cannot be used are listed in the manifest with the reason.

    Raises:
        ConfigError: an unknown corpus.
        InputError: nothing usable in ``paths``.
    """
    corpus = CORPORA.get(source)
    if corpus is None:
        raise ConfigError(f"unknown corpus '{source}': one of {', '.join(CORPORA)}")
    with ExitStack() as stack:
        folders = [stack.enter_context(_unpacked(path)) for path in paths]
        files = [file for folder in folders for file in corpus.list_files(folder)]
        if not files:
            raise InputError(f"{paths[0]}: no {source} files in it")
        work = partial(_read_one, corpus, folders)
        results = _read_all(work, files, workers or os.cpu_count() or 1, source)
    good = [result for result in results if isinstance(result, Recording)]
    rejected = [(r.name, r.reason) for r in results if isinstance(r, _Rejected)]
    if not good:
        raise InputError(f"{paths[0]}: all {len(rejected)} files rejected, first: {rejected[0][1]}")
    output.mkdir(parents=True, exist_ok=True)
    entries: list[ShardEntry] = []
    for split in ("train", "validation"):
        part = [recording for recording in good if recording.split == split]
        if part:
            told = rejected if not entries else ()
            entries.append(write_shard(part, output, corpus.licence, corpus.source, told))
    _print_summary(entries, rejected)
    return entries


def _read_all(
    work: Callable[[Path], Recording | _Rejected], files: list[Path], workers: int, title: str
) -> list[Recording | _Rejected]:
    if workers == 1 or len(files) < 8:
        return [work(file) for file in tqdm(files, desc=title, unit="file")]
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        rows = pool.map(work, files, chunksize=8)
        return list(tqdm(rows, total=len(files), desc=title, unit="file"))


def _read_one(corpus: Corpus, folders: list[Path], file: Path) -> Recording | _Rejected:
    try:
        return corpus.read_file(file)
    except InputError as error:
        reason = str(error).replace(str(file), file.name)
        for folder in folders:  # no path of this machine, nor a temporary one, in the manifest
            reason = reason.replace(f"{folder}{os.sep}", "")
        return _Rejected(file.name, reason)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The folder itself, or an archive unpacked into a temporary one (no links, no escapes)."""
    if path.is_dir():
        yield path
        return
    try:
        archive = tarfile.open(path)  # noqa: SIM115 (closed below)
    except (OSError, tarfile.TarError) as error:
        reason = " ".join(str(error).split())  # tarfile lists its attempts line by line
        raise InputError(f"{path}: neither a folder nor a tar archive ({reason})") from error
    with archive, tempfile.TemporaryDirectory() as folder:
        try:
            if sum(member.size for member in archive.getmembers()) > _MAX_UNPACKED:
                raise InputError(f"{path}: unpacks to more than {_MAX_UNPACKED >> 30} GiB")
            _extract(archive, Path(folder), path)
            while archive.fileobj and archive.fileobj.read(1 << 20):
                pass  # tarfile takes damage for the end; the compression's checksum does not
        except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
            raise InputError(f"{path}: damaged or unsafe archive ({error})") from error
        yield Path(folder)


def _extract(archive: tarfile.TarFile, folder: Path, path: Path) -> None:
    """Plain files only, and only below ``folder``: not every Python 3.10 and 3.11 has filters."""
    root = folder.resolve()
    for member in archive:
        target = (root / member.name).resolve()
        if not (member.isfile() or member.isdir()) or not target.is_relative_to(root):
            raise InputError(f"{path}: unsafe archive, it holds '{member.name}'")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = archive.extractfile(member)
        assert content is not None  # it is a file
        with content, target.open("wb") as file:
            shutil.copyfileobj(content, file)


def _print_summary(entries: list[ShardEntry], rejected: list[tuple[str, str]]) -> None:
    for e in entries:
        print(f"{e.file}: {e.recordings} recordings, {e.frames} frames, {e.hours:.2f} h")
    for name, reason in rejected[:10]:
        print(f"rejected {name}: {reason}")
    if len(rejected) > 10:
        print(f"rejected {len(rejected)} files in all; see the manifest")
