"""What a preparation has read so far, on disk, so that one that was killed can go on.

One small safetensors file for each file of the corpus, named by a digest of everything that its
content depends on. Written under another name and renamed, hence whole or not there.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

import vimoflow
from vimoflow.data.quality_gates import Quality
from vimoflow.data.recording import Recording
from vimoflow.files import write_bytes
from vimoflow.motion.clip import Motion
from vimoflow.motion.retarget import RetargetReport

_OPTIONAL = ("keypoints_px", "heading_of_view", "coco_truth", "lens_of_view")
_CODE = ("data", "formats", "motion", "geometry")


@dataclass(frozen=True)
class GoodFile:
    """A file that made a recording, and what the gates measured on it."""

    recording: Recording
    quality: Quality


@dataclass(frozen=True)
class RejectedFile:
    """A file that cannot be used: its name within the corpus, and why."""

    name: str
    reason: str


@functools.cache
def reader_version(readers: Path) -> str:
    """A digest of the code that reads corpora: results of other code are not taken up.

    Args:
        readers: the folder of the corpus' own reader.
    """
    digest = hashlib.sha256(f"{torch.__version__} {np.__version__}".encode())
    root = Path(vimoflow.__file__).parent
    folders = [*(root / folder for folder in _CODE), readers]
    for path in sorted({path for folder in folders for path in folder.rglob("*")}):
        if path.suffix in (".py", ".json", ".toml"):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def content_key(texts: Iterable[str], files: Iterable[Path]) -> str:
    """A digest of some texts and of the contents of some files; a missing file counts as that."""
    digest = hashlib.sha256("\0".join(texts).encode(errors="surrogateescape"))
    for path in files:
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            content = type(error).__name__
        digest.update(f"\0{path.name}\0{content}".encode(errors="surrogateescape"))
    return digest.hexdigest()


def save_partial(folder: Path, key: str, result: GoodFile | RejectedFile) -> None:
    """Keep a result.

    Raises:
        OSError: it cannot be written; nothing half written is left.
    """
    arrays: dict[str, np.ndarray] = {}
    if isinstance(result, RejectedFile):
        facts = dataclasses.asdict(result)
    else:
        r, motion = result.recording, result.recording.motion
        arrays = {"poses": motion.poses, "trans": motion.trans, "contacts": motion.contacts}
        arrays |= {k: getattr(r, k) for k in _OPTIONAL if getattr(r, k) is not None}
        arrays["fingerprint"] = result.quality.fingerprint
        facts = {
            "recording": {k: getattr(r, k) for k in ("name", "corpus", "split", "group")},
            "fps": motion.fps,
            "retarget": r.retarget and dataclasses.asdict(r.retarget),
            "quality": {
                field.name: getattr(result.quality, field.name)
                for field in dataclasses.fields(Quality)
                if field.name != "fingerprint"
            },
        }
    content = save(
        {k: np.ascontiguousarray(a) for k, a in arrays.items()}, {"facts": json.dumps(facts)}
    )
    write_bytes(_path(folder, key), content)


def load_partial(folder: Path, key: str) -> GoodFile | RejectedFile | None:
    """A result that was kept; None where there is none, or where it is damaged."""
    try:
        with safe_open(_path(folder, key), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads(file.metadata()["facts"])
        if "reason" in facts:
            return RejectedFile(**facts)
        quality = Quality(**facts["quality"], fingerprint=arrays.pop("fingerprint"))
        retarget = facts["retarget"] and RetargetReport(**facts["retarget"])
        parts = {name: arrays.pop(name) for name in ("poses", "trans", "contacts")}
        motion = Motion(**parts, fps=facts["fps"])
        recording = Recording(**facts["recording"], motion=motion, retarget=retarget, **arrays)
        return GoodFile(recording, quality)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def _path(folder: Path, key: str) -> Path:
    return folder / f"{key}.safetensors"
