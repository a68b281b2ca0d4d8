"""A motion out of a file of any kind that is known."""

from __future__ import annotations

from pathlib import Path

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.motion.clip import Motion

_MAX_BYTES = 1 << 30


def load_motion(path: str | Path, fps: float | None = None, rig: str | None = None) -> Motion:
    """A motion from this project's npz, SMPL's parameters (AMASS and others), or a person's BVH.

    A BVH of another skeleton is brought onto this project's at 30 fps first.

    Args:
        path: the file.
        fps: of a BVH the true frame rate, where the file states a false one; of SMPL's parameters
            that of a file without one.
        rig: name of a BVH's rig, or a map in TOML, where it is not recognised.

    Raises:
        ConfigError: a rate that makes no sense, or no such rig.
        InputError: none of these, or damaged.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        from vimoflow.data.corpora import bvh_reader

        return bvh_reader(rig, fps)(path).motion
    if suffix in (".pt", ".pth", ".pkl", ".pickle"):
        from vimoflow.formats.smpl_results import read_smpl_results

        return read_smpl_results(path, fps)
    if suffix != ".npz":
        refuse_foreign(path)
        raise InputError(
            f"{path}: name a motion as .npz (ours, AMASS or SMPL), .bvh, or what a tool saved of "
            "SMPL (.pkl, .pt); videos and 2D keypoints are for `vimoflow generate`"
        )
    from vimoflow.formats.amass_npz import read_amass
    from vimoflow.formats.motion_npz import load_motion_npz
    from vimoflow.keypoints.plain_npz import read_plain_npz

    ours = read_plain_npz(path, ("joint_names", "offsets"), _MAX_BYTES)
    return load_motion_npz(path) if len(ours) == 2 else read_amass(path, fps)
