"""What a folder of shards holds: source, terms, split, counts and checksum of each shard.

So weights can be trained without any one corpus, and a user sees what was rejected and why.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.data.quality_gates import GateFinding
from vimoflow.data.recording import Recording, Split
from vimoflow.errors import InputError
from vimoflow.files import write_text

MANIFEST = "manifest.json"
NOT_STATED = "not stated"
_VERSION = 1
_NON_COMMERCIAL = re.compile(
    r"\bNC\b|non[- ]?commercial|(no|not for) commercial|research (use |purposes )?only"
    r"|validation only",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"\b(none|not) stated\b", re.IGNORECASE)


@dataclass(frozen=True)
class RetargetSummary:
    """How well the recordings of a shard follow their sources (``motion.retarget``).

    Attributes:
        recordings: how many were on another skeleton.
        bone_error_deg_median: angle between source and target bones of the whole body: the median
            of each recording, their mean.
        bone_error_deg_p95: of the worst recording, the 95th percentile.
        end_error_ratio: mean distance of wrists and ankles over limb length.
        end_error_ratio_p95: of the worst recording, the 95th percentile.
    """

    recordings: int
    bone_error_deg_median: float
    bone_error_deg_p95: float
    end_error_ratio: float
    end_error_ratio_p95: float


@dataclass(frozen=True)
class ShardEntry:
    """One line of the manifest.

    Attributes:
        file: name within the folder.
        corpus, split: what it holds.
        licence, source: terms of the data, and who made it.
        recordings, frames, hours: how much, at 30 fps.
        sha256: of the file.
        rejected: files of the corpus that are in no shard, and why; with its first shard.
        retarget: where the corpus is on another skeleton.
        findings: what the quality gates report of recordings that were kept.
    """

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
    retarget: RetargetSummary | None = None
    findings: tuple[GateFinding, ...] = ()

    @property
    def bars_commercial_use(self) -> bool:
        """Whether the licence, as far as it is stated, allows research only."""
        return bars_commercial_use(self.licence)

    @property
    def allows_commercial_use(self) -> bool:
        """Whether a licence is stated that does not bar it."""
        return not (self.bars_commercial_use or _UNKNOWN.search(self.licence))


def bars_commercial_use(licence: str) -> bool:
    """Whether a licence, as far as it is stated, allows research only."""
    return _NON_COMMERCIAL.search(licence) is not None


def retarget_summary(recordings: Sequence[Recording]) -> RetargetSummary | None:
    """Mean and worst of the recordings' reports; None where none has one."""
    reports = [r.retarget for r in recordings if r.retarget is not None]
    if not reports:
        return None
    return RetargetSummary(
        recordings=len(reports),
        bone_error_deg_median=round(float(np.mean([r.bone_error_deg_median for r in reports])), 3),
        bone_error_deg_p95=round(max(r.bone_error_deg_p95 for r in reports), 3),
        end_error_ratio=round(float(np.mean([r.end_error_ratio for r in reports])), 5),
        end_error_ratio_p95=round(max(r.end_error_ratio_p95 for r in reports), 5),
    )


def read_manifest(folder: Path) -> list[ShardEntry]:
    """The shards of a folder; empty where there is no manifest yet.

    Raises:
        InputError: not a manifest, or one of a newer version.
    """
    import msgspec

    path = folder / MANIFEST
    if not path.is_file():
        return []
    try:
        content = json.loads(path.read_text("utf-8"))
        if content.get("version", _VERSION) != _VERSION:
            raise InputError(f"{path}: made by a newer version of vimoflow; update it")
        return msgspec.convert(content["shards"], list[ShardEntry])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a shard manifest; run `vimoflow data prepare`") from error


def write_manifest(folder: Path, entries: Sequence[ShardEntry]) -> None:
    """Replace the manifest of a folder.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    rows = [dataclasses.asdict(entry) for entry in sorted(entries, key=lambda e: e.file)]
    text = json.dumps({"version": _VERSION, "shards": rows}, indent=1)
    write_text(folder / MANIFEST, text + "\n")


def remove_shards(folder: Path, corpus: str, keep: Collection[str]) -> None:
    """Remove the shards of a corpus whose files are not in ``keep``: an older preparation's."""
    entries = read_manifest(folder)
    stale = [e for e in entries if e.corpus == corpus and e.file not in keep]
    if stale:
        write_manifest(folder, [e for e in entries if e not in stale])
        for entry in stale:
            (folder / entry.file).unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Checksum of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
