"""A motion to any file format, chosen by the file's ending."""

from __future__ import annotations

from pathlib import Path

from vimoflow.errors import ConfigError
from vimoflow.formats.amass_npz import save_amass
from vimoflow.formats.bvh_reader import write_bvh
from vimoflow.formats.glb import save_glb
from vimoflow.formats.motion_npz import save_motion_npz
from vimoflow.motion.clip import Motion

# Where two endings fit, the first does: an AMASS file is an npz too.
WRITERS = {
    ".amass.npz": save_amass, ".npz": save_motion_npz, ".bvh": write_bvh, ".glb": save_glb,
}  # fmt: skip


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write ``path``; the file appears complete or not at all.

    Raises:
        ConfigError: an ending that no writer knows.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    ending = next((ending for ending in WRITERS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise ConfigError(f"{path}: no writer for '{path.suffix}'; one of {', '.join(WRITERS)}")
    WRITERS[ending](motion, path)
