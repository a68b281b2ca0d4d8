"""A motion to any file format, told by the file's ending."""

from __future__ import annotations

from pathlib import Path

from vimoflow.errors import ConfigError
from vimoflow.formats.bvh import write_bvh
from vimoflow.formats.glb import save_glb
from vimoflow.formats.motion_npz import save_motion_npz
from vimoflow.motion.clip import Motion

WRITERS = {".npz": save_motion_npz, ".bvh": write_bvh, ".glb": save_glb}


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write ``path``; the file appears complete or not at all.

    Raises:
        ConfigError: an ending that no writer knows.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ConfigError(f"{path}: no writer for '{path.suffix}'; one of {', '.join(WRITERS)}")
    writer(motion, path)
