"""Training shards: one safetensors file per corpus and split, and a manifest beside them.

A shard holds all frames of its recordings one after the other, so any window is a slice. The
manifest records source, terms, split, counts and a SHA-256, so that a model can be trained without
any one corpus, and a torn file is noticed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from vimoflow.data.recording import Recording, Split
from vimoflow.errors import InputError

MANIFEST = "manifest.json"
FPS = 30.0


@dataclass(frozen=True)
class ShardEntry:
    """One line of the manifest."""

    file: str
    corpus: str
    split: Split
    licence: str
    source: str
    recordings: int
    frames: int
    hours: float
    sha256: str
    rejected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Shard:
    """The recordings of one corpus and split, at 30 fps on the canonical skeleton.

    Attributes:
        entry: its line in the manifest.
        names, groups: one per recording.
        starts: first frame of each recording, and the total at the end.
        poses, trans, contacts: all frames; see ``Motion``.
        keypoints: real detections, recording by recording and view by view.
        view_starts: first row of each view in ``keypoints``; ``view_of`` says whose it is.
        view_of: recording index of each view.
        view_headings: yaw of each view's camera, radians.
        coco_truth: triangulated COCO points frame by frame, or no rows at all.
    """

    entry: ShardEntry
    names: tuple[str, ...]
    groups: tuple[str, ...]
    starts: Int[np.ndarray, "bounds"]
    poses: Float[np.ndarray, "frames 72"]
    trans: Float[np.ndarray, "frames 3"]
    contacts: Float[np.ndarray, "frames 4"]
    keypoints: Float[np.ndarray, "rows 17 3"]
    view_starts: Int[np.ndarray, "views"]
    view_of: Int[np.ndarray, "views"]
    view_headings: Float[np.ndarray, "views"]
    coco_truth: Float[np.ndarray, "points 17 3"]


def write_shard(
    recordings: Sequence[Recording],
    folder: Path,
    licence: str,
    source: str,
    rejected: Sequence[tuple[str, str]] = (),
) -> ShardEntry:
    """Write the recordings of one corpus and split, and enter them in the manifest."""
    corpus, split = recordings[0].corpus, recordings[0].split
    views = [(i, v) for i, r in enumerate(recordings) for v in range(_views(r))]
    rows = [recordings[i].keypoints_px[v] for i, v in views]  # type: ignore[index]
    truths = [r.coco_truth for r in recordings if r.coco_truth is not None]
    if 0 < len(truths) < len(recordings):
        raise ValueError(f"{corpus}: some recordings have triangulated points, some have none")
    arrays = {
        "coco_truth": np.concatenate(truths) if truths else np.zeros((0, 17, 3)),
        "starts": np.cumsum([0, *(len(r.motion) for r in recordings)]).astype(np.int64),
        "poses": np.concatenate([r.motion.poses.reshape(-1, 72) for r in recordings]),
        "trans": np.concatenate([r.motion.trans for r in recordings]),
        "contacts": np.concatenate([r.motion.contacts for r in recordings]),
        "keypoints": np.concatenate(rows) if rows else np.zeros((0, 17, 3)),
        "view_starts": np.cumsum([0, *(len(row) for row in rows)])[:-1].astype(np.int64),
        "view_of": np.array([i for i, _ in views], dtype=np.int64),
        "view_headings": np.array([recordings[i].heading_of_view[v] for i, v in views]),  # type: ignore[index]
    }
    arrays = {k: a.astype(np.float32) if a.dtype.kind == "f" else a for k, a in arrays.items()}
    text = {
        "names": json.dumps([r.name for r in recordings]),
        "groups": json.dumps([r.group for r in recordings]),
    }
    path = folder / f"{corpus}-{split}.safetensors"
    partial = path.with_suffix(".partial")
    content = save({k: np.ascontiguousarray(a) for k, a in arrays.items()}, metadata=text)
    partial.write_bytes(_with_sorted_header(content))
    os.replace(partial, path)
    frames = int(arrays["starts"][-1])
    entry = ShardEntry(
        file=path.name,
        corpus=corpus,
        split=split,
        licence=licence,
        source=source,
        recordings=len(recordings),
        frames=frames,
        hours=round(frames / FPS / 3600, 4),
        sha256=_sha256(path),
        rejected=tuple(rejected),
    )
    others = [e for e in read_manifest(folder) if e.file != entry.file]
    _write_manifest(folder, [*others, entry])
    return entry


def read_manifest(folder: Path) -> list[ShardEntry]:
    """The shards of a folder; empty where there is no manifest yet."""
    path = folder / MANIFEST
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text("utf-8"))["shards"]
        return [
            ShardEntry(**{**row, "rejected": tuple(map(tuple, row["rejected"]))}) for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a shard manifest; run `vimoflow data prepare`") from error


def read_shard(folder: Path, entry: ShardEntry, verify: bool = True) -> Shard:
    """Load a shard; with ``verify`` its checksum must agree with the manifest's.

    Raises:
        InputError: the file is missing, torn, or holds NaN.
    """
    path = folder / entry.file
    try:
        if verify and _sha256(path) != entry.sha256:
            raise InputError(f"{path}: checksum differs from the manifest's; prepare it again")
        with safe_open(path, framework="numpy") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            text = file.metadata()
        shard = Shard(
            entry, tuple(json.loads(text["names"])), tuple(json.loads(text["groups"])), **arrays
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a readable shard ({error}); prepare it again") from error
    values = (shard.poses, shard.trans, shard.contacts, shard.keypoints, shard.view_headings)
    if not all(np.isfinite(a).all() for a in values):
        raise InputError(f"{path}: holds NaN or infinite values; prepare it again")
    return shard


def read_shards(folder: Path, split: Split) -> list[Shard]:
    """All shards of a split, in the manifest's order.

    Raises:
        InputError: there is none.
    """
    shards = [read_shard(folder, entry) for entry in read_manifest(folder) if entry.split == split]
    if not shards:
        raise InputError(f"{folder}: no {split} shards; make them with `vimoflow data prepare`")
    return shards


def _views(recording: Recording) -> int:
    return 0 if recording.keypoints_px is None else len(recording.keypoints_px)


def _with_sorted_header(content: bytes) -> bytes:
    """safetensors writes its metadata in random order; the same input must give the same bytes."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the format aligns the data to eight bytes
    return len(header).to_bytes(8, "little") + header + content[end:]


def _write_manifest(folder: Path, entries: list[ShardEntry]) -> None:
    rows = [dataclasses.asdict(entry) for entry in sorted(entries, key=lambda e: e.file)]
    partial = folder / (MANIFEST + ".partial")
    partial.write_text(json.dumps({"version": 1, "shards": rows}, indent=1) + "\n", "utf-8")
    os.replace(partial, folder / MANIFEST)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
