"""USD: skeletons of UsdSkel and their animations, out of one file that names no other."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vimoflow.errors import InputError
from vimoflow.formats.takes import JointTracks, Take, damaged, matrices_of, read_file
from vimoflow.formats.up_axis import UP
from vimoflow.formats.usd_process import skeletons
from vimoflow.formats.usd_writer import require_usd
from vimoflow.geometry.rotations import quaternion_to_matrix


def read_usd(path: str | Path) -> list[Take]:
    """The animation of every animated skeleton of a .usda, .usdc, .usd or .usdz.

    Raises:
        ConfigError: the extra ``usd`` is not installed.
        InputError: the file is damaged, names other files, or has no animated skeleton.
    """
    path = Path(path)
    require_usd()
    _check(path)
    return [_take(found, path) for found in skeletons(path)]


def _check(path: Path) -> None:
    """Refuse what is no USD by its first bytes, and packages that are not as USDZ has them."""
    head = read_file(path)[:8]
    if head[:4] == b"PK\x03\x04":
        damage = (zipfile.BadZipFile, ValueError, OSError, NotImplementedError)
        with damaged(path, "USDZ", *damage), zipfile.ZipFile(path) as package:
            entries = package.infolist()
        # USDZ is not compressed, so that nothing in it can be larger than the file.
        if any(e.compress_type != zipfile.ZIP_STORED or e.file_size != e.compress_size
               for e in entries):  # fmt: skip
            raise InputError(f"{path}: a USDZ whose parts are compressed; the format forbids it")
        if any(".." in e.filename.split("/") or e.filename.startswith("/") for e in entries):
            raise InputError(f"{path}: a USDZ with a part that is a path upwards")
    elif head != b"PXR-USDC" and head[:5] != b"#usda":
        raise InputError(f"{path}: not a USD file")


def _take(found: dict[str, Any], path: Path) -> Take:
    joints = [str(joint) for joint in found["joints"]]
    rest, seconds = found["rest"], found["seconds"]
    local = np.broadcast_to(rest, (len(seconds), *rest.shape)).copy()
    order = [joints.index(str(joint)) for joint in found["moved"]]
    R = quaternion_to_matrix(torch.from_numpy(found["rotations"])).numpy()
    local[:, order] = matrices_of(R, found["translations"], found["scales"])
    above = [joint.rpartition("/")[0] for joint in joints]
    parents = [joints.index(joint) if joint in joints else -1 for joint in above]
    world = np.eye(4)
    world[:3, :3] = UP["z" if found["up"] == "z" else "y"]
    world[:3, :3] *= float(found["metres"])
    names = [joint.rpartition("/")[2] for joint in joints]
    tracks = JointTracks(names, parents, found["bind"], local, world @ found["placed"])
    return tracks.take(str(found["name"]), seconds, path)
