"""The data set from the results in the work folder: the same results give the same bytes."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vimoflow import __version__
from vimoflow.data.manifest import file_sha256
from vimoflow.data.recording import Split
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.errors import InputError, OutputError
from vimoflow.factory.card import write_card
from vimoflow.factory.dataset_files import (
    write_amass,
    write_pictures,
    write_rejections,
    write_shards,
)
from vimoflow.factory.duplicates import LIMITS
from vimoflow.factory.records import SourceVideo
from vimoflow.factory.review_pages import write_contact_sheet
from vimoflow.factory.selection import Selection, VideoEntry, select
from vimoflow.factory.stages import BuildPlan
from vimoflow.files import write_text

MANIFEST = "manifest.json"
_VERSION = 1
_PACKAGES = ("torch", "numpy", "av", "mediapipe", "pyarrow", "pillow")


def assemble(
    plan: BuildPlan,
    videos: Sequence[SourceVideo],
    failures: Mapping[str, str],
    output: Path,
) -> Selection:
    """Write the data set under another name and put it in the place of the one that was there.

    Args:
        plan: settings, and where the results are.
        videos: all of them.
        failures: why videos have no results, by path.
        output: the data set's folder.

    Raises:
        InputError: not one of the videos can be used; what was there stays.
        OutputError: it cannot be written.
    """
    selection = select(plan, videos, failures)
    errors = [entry.record.error for entry in selection.videos]
    if all(errors):
        raise InputError(f"not one of {len(errors)} videos can be used: {min(errors)}")
    partial, old = (output.with_name(f".{output.name}.{word}") for word in ("partial", "old"))
    try:
        _clear(partial, old)
        partial.mkdir(parents=True)
        _write(plan, selection, partial)
        if output.exists():
            os.replace(output, old)
        os.replace(partial, output)
        _clear(old)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror or error})") from error
    return selection


def _clear(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)


def _write(plan: BuildPlan, selection: Selection, folder: Path) -> None:
    splits: tuple[Split, ...] = ("train", "validation")
    for split in splits:
        clips = selection.split(split)
        if clips:
            write_shards(plan, clips, folder / "data", split)
    write_amass(plan, selection.accepted, folder / "amass")
    shown = [clip for clip in selection.rejected if clip.record.figures is not None]
    write_pictures(plan, [*selection.accepted, *shown], folder / "media")
    animated = [clip for clip in shown if clip.record.animated]
    if plan.settings.keep_rejected and animated:
        write_shards(plan, animated, folder / "rejected", "rejected")
    write_rejections(selection, folder / "rejected.csv")
    terms = load_checkpoint(plan.settings.checkpoint).terms
    write_card(selection, plan.settings, terms, folder)
    write_contact_sheet(selection, folder)
    manifest = _manifest(plan, selection, terms) | {"files": _checksums(folder)}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, allow_nan=False) + "\n")


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def _manifest(plan: BuildPlan, selection: Selection, terms: str) -> dict[str, Any]:
    settings = plan.settings
    name = Path(settings.checkpoint).stem
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return {
        "version": _VERSION,
        "vimoflow": __version__,
        "python": platform.python_version(),
        "packages": versions,
        "settings": dataclasses.asdict(settings) | {"checkpoint": name},
        "checkpoint": {"name": name, "sha256": plan.checkpoint, "terms": terms},
        "duplicate_limits": dataclasses.asdict(LIMITS),
        "clips": len(selection.accepted),
        "hours": len(selection.accepted) * settings.seconds / 3600,
        "clips_rejected": len(selection.rejected),
        "splits": {clip.record.id: clip.video.split for clip in selection.accepted},
        "videos": [_video(entry, selection) for entry in selection.videos],
    }


def _video(entry: VideoEntry, selection: Selection) -> dict[str, Any]:
    source, record = entry.source, entry.record
    own = [c for c in selection.accepted if c.video is entry]
    gates = Counter(r.gate for c in selection.rejected if c.video is entry for r in c.rejections)
    return {
        "name": source.name,
        "sha256": source.content,
        "label": source.label,
        "licence": source.licence,
        "source": source.source,
        "split": entry.split,
        "error": record.error,
        "duplicate_of": entry.duplicate_of,
        "frames": record.frames,
        "fps": record.fps,
        "duration_s": record.duration_s,
        "image_size": record.image_size,
        "shots": record.shots,
        "warnings": record.warnings,
        "clips": len(own),
        "rejected": dict(sorted(gates.items())),
    }
