"""``vimoflow data prepare``: a corpus as downloaded to training shards."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from vimoflow.data.archives import unpacked
from vimoflow.data.batches import CORPUS_SHARES
from vimoflow.data.corpora import CORPORA, Corpus, bvh_reader
from vimoflow.data.partial_results import (
    GoodFile,
    RejectedFile,
    content_key,
    load_partial,
    reader_version,
    save_partial,
)
from vimoflow.data.prepare_options import PrepareOptions, Split
from vimoflow.data.quality_gates import (
    GateFinding,
    exact_copies,
    gate_findings,
    measure_quality,
    rejection,
)
from vimoflow.data.recording import Recording
from vimoflow.data.shards import ShardEntry, remove_shards, write_shard
from vimoflow.data.sources.amass import read_amass_file
from vimoflow.data.splits import held_out
from vimoflow.data.worker_processes import map_in_processes
from vimoflow.errors import ConfigError, InputError, OutputError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def prepare(
    source: str,
    paths: Sequence[Path],
    output: Path,
    options: PrepareOptions | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    corpora: Mapping[str, Corpus] = CORPORA,
) -> list[ShardEntry]:
    """Read a corpus (folders or archives) in parallel and write its shards; returns their entries.

    The result depends on the input alone: files are read in sorted order whatever the number of
    processes. What has been read is kept in ``OUTPUT/.partial-NAME`` until the shards are
    written, so that a run that was stopped, however roughly, goes on when it is started again.
    Files that cannot be used are listed in the manifest with the reason. ``source`` is the name of
    one of ``corpora``.

    Raises:
        ConfigError: an unknown corpus, or options that do not go with it.
        InputError: nothing usable in ``paths``.
        OutputError: the shards cannot be written.
    """
    options = options or PrepareOptions()
    corpus = _configured(source, options, corpora)
    name = options.name or source
    with _partial_folder(output, name) as cache, ExitStack() as stack:
        folders = [stack.enter_context(unpacked(path, cache)) for path in paths]
        found = [(folder, file) for folder in folders for file in corpus.list_files(folder)]
        if not found:
            raise InputError(f"{paths[0]}: no {source} files in it")
        relative = [file.relative_to(folder).as_posix() for folder, file in found]
        # Some corpora split by a file's place among the others, so all names count in its key.
        readers = Path(inspect.getfile(corpus.list_files)).parent
        texts = [
            reader_version(readers),
            *map(repr, (options.rig, options.fps, options.up, options.unit)),
            *relative,
        ]
        about = content_key(texts, [Path(options.rig)] if options.rig else [])
        work = partial(_read_one, corpus, cache, about)
        keys: list[str] = []
        for key in map_in_processes(work, found, options.workers or os.cpu_count() or 1):
            keys.append(key)
            progress(len(keys), len(found))
        good, rejected = _gather(cache, keys, name, options.split, source == "bvh")
        if not good:
            raise InputError(
                f"{paths[0]}: all {len(rejected)} files rejected, first: {rejected[0][1]}"
            )
        entries = _write(good, rejected, output, corpus)
    return entries


def _configured(source: str, options: PrepareOptions, corpora: Mapping[str, Corpus]) -> Corpus:
    """The corpus, with what the user says of it."""
    corpus = corpora.get(source)
    if corpus is None:
        raise ConfigError(
            f"unknown corpus '{source}': one of {', '.join(corpora)}; in a clone, "
            "`python -m lab prepare` reads the public ones"
        )
    given = {
        "--map": options.rig, "--fps": options.fps, "--up": options.up, "--unit": options.unit,
        "--split": options.split,
        "--licence": options.licence, "--name": options.name,
    }  # fmt: skip
    for option, value in given.items():
        needs = {"--map": ("bvh",), "--fps": ("bvh",)} | dict.fromkeys(
            ("--up", "--unit"), ("bvh", "amass")
        )
        allowed = source in needs[option] if option in needs else corpus.generic
        if value is not None and not allowed:
            raise ConfigError(f"{option} does not go with '{source}', whose facts are known")
    name = options.name or source
    taken = name in CORPUS_SHARES or name in corpora
    if name != source and (taken or not _NAME.fullmatch(name)):
        raise ConfigError(
            f"--name '{name}': lower-case letters, digits, - and _, and no known corpus' name"
        )
    if source == "bvh":
        reader = bvh_reader(options.rig, options.fps, options.up, options.unit)
        corpus = dataclasses.replace(corpus, read_file=reader)
    elif options.up is not None or options.unit is not None:
        posed = partial(read_amass_file, up=options.up, unit=options.unit)
        corpus = dataclasses.replace(corpus, read_file=posed)
    return dataclasses.replace(corpus, licence=options.licence or corpus.licence)


@contextmanager
def _partial_folder(output: Path, name: str) -> Iterator[Path]:
    """Where results are kept until all is written; it stays when work could go on later."""
    missing = [path for path in (output, *output.parents) if not path.exists()]
    cache = output / f".partial-{name}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for leftover in [*cache.glob("unpacked-*"), *cache.glob(".*.partial*")]:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    except OSError as error:
        raise OutputError(f"{cache}: cannot be written ({error.strerror})") from error
    try:
        yield cache
    except (InputError, ConfigError):
        # Starting again would find the same; so nothing stays, not even a folder made for it.
        shutil.rmtree(cache, ignore_errors=True)
        for path in missing:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise
    shutil.rmtree(cache, ignore_errors=True)


def _read_one(corpus: Corpus, cache: Path, about: str, where: tuple[Path, Path]) -> str:
    """Read a file unless its result is there; returns the result's key. Runs in a process."""
    folder, file = where
    name = file.relative_to(folder).as_posix()
    key = content_key((about, name), (file, *corpus.companions(file)))
    if load_partial(cache, key) is None:
        result = _read(corpus, folder, file)
        try:
            save_partial(cache, key, result)
        except OSError as error:
            raise OutputError(
                f"{cache}: cannot be written ({error.strerror}); when it can, the same command "
                "goes on from there"
            ) from None
    return key


def _read(corpus: Corpus, folder: Path, file: Path) -> GoodFile | RejectedFile:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say is in ``RetargetReport.notes``
            recording = corpus.read_file(file)
    except InputError as error:
        # No path of this machine, nor a temporary one, in the manifest.
        reason = str(error).replace(str(file), file.name).replace(f"{folder}{os.sep}", "")
        return RejectedFile(file.name, reason)
    except OSError as error:
        return RejectedFile(file.name, f"{file.name}: cannot be read ({error.strerror})")
    quality = measure_quality(recording.motion)
    broken = rejection(quality)
    if broken is not None:
        return RejectedFile(file.name, f"{file.name}: {broken}")
    return GoodFile(recording, quality)


def _gather(
    cache: Path, keys: Sequence[str], name: str, split: Split | None, holds_out: bool
) -> tuple[list[GoodFile], list[tuple[str, str]]]:
    """All results in order, exact copies rejected; reasons begin with the file's name.

    Where there is no ``split``, that of the files, or some are held out by their names.
    """
    good: list[GoodFile] = []
    rejected: list[tuple[str, str]] = []
    for key in keys:
        result = load_partial(cache, key)
        if result is None:
            raise OutputError(f"{cache}: results vanished while in use; run the same command again")
        if isinstance(result, RejectedFile):
            rejected.append((result.name, result.reason))
            continue
        own = result.recording
        recording = dataclasses.replace(own, corpus=name, split=split or own.split)
        good.append(GoodFile(recording, result.quality))
    if split is None and holds_out:
        good = _with_some_held_out(good)
    is_held_out = [file.recording.split == "validation" for file in good]
    copies = exact_copies([file.quality for file in good], is_held_out)
    for copy, original in copies.items():
        named = good[copy].recording.name
        rejected.append((named, f"{named}: an exact copy of {good[original].recording.name}"))
    return [file for i, file in enumerate(good) if i not in copies], rejected


def _with_some_held_out(good: Sequence[GoodFile]) -> list[GoodFile]:
    chosen = held_out([file.recording.name for file in good])
    parts: list[Split] = [
        "validation" if file.recording.name in chosen else "train" for file in good
    ]
    return [
        GoodFile(dataclasses.replace(file.recording, split=part), file.quality)
        for file, part in zip(good, parts, strict=True)
    ]


def _write(
    good: Sequence[GoodFile], rejected: Sequence[tuple[str, str]], output: Path, corpus: Corpus
) -> list[ShardEntry]:
    entries: list[ShardEntry] = []
    for split in ("train", "validation"):
        part = [file for file in good if file.recording.split == split]
        if part:
            recordings: list[Recording] = [file.recording for file in part]
            names, qualities = [r.name for r in recordings], [file.quality for file in part]
            findings = (*_source_findings(recordings), *gate_findings(names, qualities))
            reported = rejected if not entries else ()
            entries.append(
                write_shard(recordings, output, corpus.licence, corpus.source, reported, findings)
            )
    try:
        remove_shards(output, entries[0].corpus, {entry.file for entry in entries})
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror})") from error
    return entries


def _source_findings(recordings: Sequence[Recording]) -> tuple[GateFinding, ...]:
    """What the readers found odd in files that they read all the same."""
    notes = [(r.name, r.retarget.notes) for r in recordings if r.retarget and r.retarget.notes]
    if not notes:
        return ()
    return (GateFinding("source", len(notes), tuple(f"{n}: {note}" for n, note in notes[:5])),)
