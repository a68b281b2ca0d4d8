"""The files that others train on: Parquet shards, AMASS-style npz, pictures."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import ConfigError
from vimoflow.factory.records import Figures
from vimoflow.factory.selection import ClipEntry, Selection, load_motions
from vimoflow.factory.stages import BuildPlan
from vimoflow.factory.work_files import AnimatedClip
from vimoflow.files import write_bytes, write_text
from vimoflow.formats.amass_npz import save_amass
from vimoflow.formats.npz_writer import write_npz
from vimoflow.installation import install_command
from vimoflow.keypoints.plain_npz import read_plain_npz

CLIPS_A_SHARD = 256
FIGURES = tuple(field.name for field in dataclasses.fields(Figures))
_AMASS_BYTES = 1 << 28


def write_shards(
    plan: BuildPlan, clips: Sequence[ClipEntry], folder: Path, name: str
) -> list[Path]:
    """``NAME-00000-of-0000N.parquet``, one row a clip; see :func:`_table` for the columns."""
    parquet = import_pyarrow().parquet
    shards = [clips[i : i + CLIPS_A_SHARD] for i in range(0, len(clips), CLIPS_A_SHARD)]
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, shard in enumerate(shards):
        path = folder / f"{name}-{number:05d}-of-{len(shards):05d}.parquet"
        table = _table(shard, [load_motions(plan, clip) for clip in shard])
        parquet.write_table(table, path, compression="zstd")
        paths.append(path)
    return paths


def _table(clips: Sequence[ClipEntry], contents: Sequence[AnimatedClip]) -> Any:
    """One row a clip.

    Texts and numbers: id, video (SHA-256), name, label, licence, split, shot, person, start_s, fps
    and the figures of :class:`Figures`. Arrays: ``poses`` (frames, 72) axis-angle, ``trans``
    (frames, 3) metres, ``contacts`` (frames, 4), ``keypoints`` (frames, 51: x and y in pixels and
    confidence of 17 points), ``other_poses`` and ``other_trans``: the further samples.
    """
    pa = import_pyarrow()
    columns: dict[str, Any] = {
        "id": [c.record.id for c in clips],
        "video": [c.video.source.content for c in clips],
        "name": [c.video.source.name for c in clips],
        "label": [c.video.source.label for c in clips],
        "licence": [c.video.source.licence for c in clips],
        "split": [c.video.split for c in clips],
        "shot": [c.record.shot for c in clips],
        "person": [c.record.person for c in clips],
        "start_s": [c.record.start_s for c in clips],
        "fps": [MODEL_FPS for _ in clips],
    }
    for name in FIGURES:
        values = [getattr(c.record.figures, name) for c in clips]
        columns[name] = pa.array(values, pa.float64())
    first = [content.motions[0] for content in contents]
    columns |= {
        "poses": _array(np.stack([m.poses.reshape(len(m), 72) for m in first])),
        "trans": _array(np.stack([m.trans for m in first])),
        "contacts": _array(np.stack([m.contacts for m in first])),
        "keypoints": _array(
            np.stack([c.keypoints.points.reshape(len(c.keypoints), 51) for c in contents])
        ),
        "other_poses": _array(
            np.stack([[m.poses.reshape(len(m), 72) for m in c.motions[1:]] for c in contents])
        ),
        "other_trans": _array(np.stack([[m.trans for m in c.motions[1:]] for c in contents])),
    }
    return pa.table(columns)


def _array(values: np.ndarray) -> Any:
    """Rows of arrays as lists of lists, the innermost of fixed length."""
    pa = import_pyarrow()
    *outer, width = values.shape
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
    nested = pa.FixedSizeListArray.from_arrays(flat, width)
    for length in reversed(outer[1:]):
        offsets = np.arange(0, len(nested) + 1, length, dtype=np.int32)
        nested = pa.ListArray.from_arrays(pa.array(offsets), nested)
    return nested


def write_amass(plan: BuildPlan, clips: Sequence[ClipEntry], folder: Path) -> None:
    """``ID.npz`` as AMASS has them, plus ``joints2d``, the keypoints in pixels."""
    folder.mkdir(parents=True)
    for clip in clips:
        content = load_motions(plan, clip)
        path = folder / f"{clip.record.id}.npz"
        save_amass(content.motions[0], path)
        names = ("poses", "trans", "betas", "dmpls", "gender", "mocap_framerate", "contacts",
                 "hand_poses", "body_scale")  # fmt: skip
        arrays = read_plain_npz(path, names, _AMASS_BYTES)
        write_npz(path, arrays | {"joints2d": content.keypoints.points.astype(np.float32)})


def write_pictures(plan: BuildPlan, clips: Sequence[ClipEntry], folder: Path) -> None:
    """``ID.jpg``, a thumbnail, and ``ID-strip.jpg`` of each clip that has a motion or keypoints."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        if clip.record.figures is not None:
            content = load_motions(plan, clip)
            write_bytes(folder / f"{clip.record.id}.jpg", content.thumbnail)
            write_bytes(folder / f"{clip.record.id}-strip.jpg", content.strip)


def write_rejections(selection: Selection, path: Path) -> None:
    """A table of what is not in the data set: every clip with all gates it did not pass."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("id", "name", "start_s", "duration_s", "gates", "reasons", *FIGURES))
    for clip in selection.rejected:
        figures = clip.record.figures
        values = [getattr(figures, n) if figures is not None else None for n in FIGURES]
        gates = "; ".join(r.gate for r in clip.rejections)
        reasons = "; ".join(r.reason for r in clip.rejections)
        about = (clip.record.id, clip.video.source.name, clip.record.start_s,
                 clip.record.duration_s, gates, reasons)  # fmt: skip
        rows.writerow((*about, *("" if v is None else v for v in values)))
    write_text(path, text.getvalue())


def import_pyarrow() -> Any:
    """PyArrow with its Parquet part.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(
            f"data sets are written by PyArrow ({error}); run: {install_command('build')}"
        ) from error
    return pyarrow
