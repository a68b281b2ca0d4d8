"""Training shards: one safetensors file per corpus and split, and a manifest beside them.

A shard holds all frames of its recordings one after the other, so any window is a slice; reading
maps the file into memory, and a window loads its own pages only. The manifest (``manifest.py``)
has a checksum, by which a torn file is noticed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open

from vimoflow.conventions import MODEL_FPS
from vimoflow.data.manifest import (
    MANIFEST,
    ShardEntry,
    file_sha256,
    read_manifest,
    remove_shards,
    retarget_summary,
    write_manifest,
)
from vimoflow.data.quality_gates import GateFinding
from vimoflow.data.recording import Recording, Split
from vimoflow.errors import ConfigError, InputError
from vimoflow.files import output_errors, replacing

__all__ = [
    "MANIFEST",
    "Shard",
    "ShardEntry",
    "read_manifest",
    "read_shard",
    "read_shards",
    "remove_shards",
    "write_shard",
]

_TYPES = {np.dtype(np.int64): "I64", np.dtype(np.float32): "F32"}


@dataclass(frozen=True)
class Shard:
    """The recordings of one corpus and split, at 30 fps on the canonical skeleton.

    The arrays are mapped from the file: what is not looked at is not loaded.

    Attributes:
        entry: its line in the manifest.
        names, groups: one per recording.
        starts: first frame of each recording, and the total at the end.
        poses, trans, contacts: all frames; see ``Motion``.
        keypoints: real detections, recording by recording and view by view.
        view_starts: first row of each view in ``keypoints``; ``view_of`` says whose it is.
        view_of: recording index of each view.
        view_headings: yaw of each view's camera, radians.
        view_lenses: focal length, principal point, gravity's direction; see ``Recording``.
        coco_truth: triangulated COCO points frame by frame, or no rows at all.
    """

    entry: ShardEntry
    names: tuple[str, ...]
    groups: tuple[str, ...]
    starts: Int[np.ndarray, " bounds"]
    poses: Float[np.ndarray, "frames 72"]
    trans: Float[np.ndarray, "frames 3"]
    contacts: Float[np.ndarray, "frames 4"]
    keypoints: Float[np.ndarray, "rows 17 3"]
    view_starts: Int[np.ndarray, " views"]
    view_of: Int[np.ndarray, " views"]
    view_headings: Float[np.ndarray, " views"]
    view_lenses: Float[np.ndarray, "views 6"]
    coco_truth: Float[np.ndarray, "points 17 3"]


def write_shard(
    recordings: Sequence[Recording],
    folder: Path,
    licence: str,
    source: str,
    rejected: Sequence[tuple[str, str]] = (),
    findings: Sequence[GateFinding] = (),
) -> ShardEntry:
    """Write the recordings of one corpus and split, and enter them in the manifest.

    Raises:
        InputError: a recording holds NaN or infinite values.
        OutputError: the folder cannot be written to, or its disk is full; what was there stays.
    """
    corpus, split = recordings[0].corpus, recordings[0].split
    frames = sum(len(r.motion) for r in recordings)
    path = folder / f"{corpus}-{split}.safetensors"
    columns = _columns(recordings)
    with output_errors(path):
        with replacing(path) as partial:
            _write_columns(partial, columns, recordings)
            digest = file_sha256(partial)
        entry = ShardEntry(
            file=path.name,
            corpus=corpus,
            split=split,
            licence=licence,
            source=source,
            recordings=len(recordings),
            frames=frames,
            hours=round(frames / MODEL_FPS / 3600, 4),
            sha256=digest,
            rejected=tuple(rejected),
            retarget=retarget_summary(recordings),
            findings=tuple(findings),
        )
        others = [e for e in read_manifest(folder) if e.file != entry.file]
        write_manifest(folder, [*others, entry])
    return entry


def read_shard(folder: Path, entry: ShardEntry, verify: bool = True) -> Shard:
    """Map a shard into memory; with ``verify`` its checksum must agree with the manifest's.

    Verifying reads the whole file once, but keeps nothing of it in memory.

    Raises:
        InputError: the file is missing, torn, or no shard.
    """
    path = folder / entry.file
    try:
        if verify and file_sha256(path) != entry.sha256:
            raise InputError(f"{path}: checksum differs from the manifest's; prepare it again")
        with safe_open(path, framework="pt") as file:
            # Its tensors are private maps of the file, which share their memory with the arrays.
            arrays = {key: file.get_tensor(key).numpy() for key in file.keys()}  # noqa: SIM118
            text = file.metadata()
        shard = Shard(
            entry, tuple(json.loads(text["names"])), tuple(json.loads(text["groups"])), **arrays
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a readable shard ({error}); prepare it again") from error
    return shard


def read_shards(
    folder: Path, split: Split, without: Sequence[str] = (), commercial: bool = False
) -> list[Shard]:
    """All shards of a split but those of the corpora in ``without``, in the manifest's order.

    Args:
        commercial: only those whose terms are stated and do not bar commercial use.

    Raises:
        ConfigError: ``without`` names a corpus that is not in the folder, perhaps misspelt.
        InputError: no shard is left.
    """
    entries = read_manifest(folder)
    held = sorted({entry.corpus for entry in entries})
    for corpus in without:
        if entries and corpus not in held:
            raise ConfigError(
                f"cannot leave out '{corpus}': {folder} holds no such corpus, only "
                f"{', '.join(held)}"
            )
    chosen = [e for e in entries if e.split == split and e.corpus not in without]
    if commercial:
        chosen = [entry for entry in chosen if entry.allows_commercial_use]
    if not chosen:
        left = f" without {', '.join(without)}" if without else ""
        left += " that may be used commercially" if commercial else ""
        raise InputError(
            f"{folder}: no {split} shards{left}; make them with `vimoflow data prepare ... --split "
            f"{split}`"
        )
    return [read_shard(folder, entry) for entry in chosen]


@dataclass(frozen=True)
class _Column:
    """One tensor of a shard: its shape, and where its rows come from, piece by piece."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    pieces: Sequence[np.ndarray]

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize


def _columns(recordings: Sequence[Recording]) -> list[_Column]:
    """The tensors in the order of safetensors: wide types first, then by name."""
    views = [
        (i, points)
        for i, r in enumerate(recordings)
        for points in (r.keypoints_px if r.keypoints_px is not None else ())
    ]
    headings = [
        r.heading_of_view
        for r in recordings
        if r.keypoints_px is not None and r.heading_of_view is not None
    ]
    lenses = [
        np.zeros((len(r.keypoints_px), 6)) if r.lens_of_view is None else r.lens_of_view
        for r in recordings
        if r.keypoints_px is not None
    ]
    truths = [r.coco_truth for r in recordings if r.coco_truth is not None]
    if 0 < len(truths) < len(recordings):
        raise ValueError("some recordings have triangulated points, some have none")
    starts = np.cumsum([0, *(len(r.motion) for r in recordings)])
    view_starts = np.cumsum([0, *(len(points) for _, points in views)])[:-1]
    float32, int64 = np.dtype(np.float32), np.dtype(np.int64)
    table: list[tuple[str, np.dtype, tuple[int, ...], Sequence[np.ndarray]]] = [
        ("starts", int64, (), [starts]),
        ("view_of", int64, (), [np.array([i for i, _ in views])]),
        ("view_starts", int64, (), [view_starts]),
        ("coco_truth", float32, (17, 3), truths),
        ("contacts", float32, (4,), [r.motion.contacts for r in recordings]),
        ("keypoints", float32, (17, 3), [points for _, points in views]),
        ("poses", float32, (72,), [r.motion.poses for r in recordings]),
        ("trans", float32, (3,), [r.motion.trans for r in recordings]),
        ("view_headings", float32, (), headings),
        ("view_lenses", float32, (6,), lenses),
    ]
    return [
        _Column(name, dtype, (sum(len(p) for p in pieces), *row), pieces)
        for name, dtype, row, pieces in table
    ]


def _write_columns(path: Path, columns: Sequence[_Column], recordings: Sequence[Recording]) -> None:
    """A safetensors file, piece by piece: a large corpus is never in memory twice.

    The library sorts neither its metadata nor can it write in pieces; same input, same bytes.
    """
    header: dict[str, object] = {
        "__metadata__": {
            "groups": json.dumps([r.group for r in recordings]),
            "names": json.dumps([r.name for r in recordings]),
        }
    }
    end = 0
    for column in columns:
        begin, end = end, end + column.bytes
        header[column.name] = {
            "data_offsets": [begin, end],
            "dtype": _TYPES[column.dtype],
            "shape": list(column.shape),
        }
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the data to eight bytes
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for content in _contents(columns):
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _contents(columns: Sequence[_Column]) -> Iterator[bytes]:
    for column in columns:
        for piece in column.pieces:
            if not np.isfinite(piece).all():
                raise InputError(f"'{column.name}' of a recording holds NaN or infinite values")
            yield np.ascontiguousarray(piece, dtype=column.dtype).tobytes()
