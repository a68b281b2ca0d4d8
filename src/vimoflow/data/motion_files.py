"""Motions out of a file of any kind that is known."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import ConfigError, InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.formats.bvh_reader import bvh_to_source_motion, read_bvh
from vimoflow.formats.motion_units import Up
from vimoflow.formats.presets import our_names
from vimoflow.formats.takes import Take, even_clock, tidy_rate
from vimoflow.formats.up_axis import UP
from vimoflow.motion.clip import Motion
from vimoflow.motion.retarget import adopt
from vimoflow.motion.source import SourceMotion
from vimoflow.notes import note

_MAX_BYTES = 1 << 30
_UNITS = (0.01, 1.0, 0.001)  # metres, of BVH files of ours
_SKELETONS = {
    ".fbx": "vimoflow.formats.fbx_reader:read_fbx",
    **dict.fromkeys(
        (".glb", ".gltf", ".vrm", ".vrma"), "vimoflow.characters.gltf_takes:read_gltf_takes"
    ),
    **dict.fromkeys((".usd", ".usda", ".usdc", ".usdz"), "vimoflow.formats.usd_reader:read_usd"),
}
_MARKERS = {".c3d": "vimoflow.formats.c3d:read_c3d", ".trc": "vimoflow.formats.trc:read_trc"}
_PICKLES = (".pt", ".pth", ".pkl", ".pickle")
ENDINGS = (".npz", ".bvh", *_SKELETONS, *_MARKERS, ".csv", *_PICKLES)
"""Of the files that :func:`load_motions` reads."""


@dataclass(frozen=True)
class NamedMotion:
    """A take: its name in the file ("" in files that hold one), and its motion."""

    name: str
    motion: Motion


def load_motion(
    path: str | Path,
    fps: float | None = None,
    rig: str | None = None,
    up: Up | None = None,
    unit: float | None = None,
) -> Motion:
    """The motion of a file, the first one where it holds several; see :func:`load_motions`.

    Raises:
        ConfigError: as for :func:`load_motions`.
        InputError: of no known kind, or damaged.
    """
    first, *others = load_motions(path, fps, rig, up, unit)
    if others:
        names = ", ".join(repr(one.name) for one in others[:5])
        note(f"{path}: the first of {len(others) + 1} takes is read, {first.name!r}, not {names}")
    return first.motion


def load_motions(
    path: str | Path,
    fps: float | None = None,
    rig: str | None = None,
    up: Up | None = None,
    unit: float | None = None,
) -> list[NamedMotion]:
    """The takes of a file: this project's npz, SMPL's parameters, or a skeleton of any person.

    What is on this project's skeleton (BVH, FBX, glTF, VRMA, USD, CSV, or markers at all joints)
    is taken as it is, of any size and at its own times. Other skeletons are brought onto it, at
    30 fps and its own size; and so are markers at COCO's points.

    Args:
        path: the file, of one of :data:`ENDINGS`.
        fps: the true frame rate, where the file states a false one or none.
        rig: name of a BVH's rig, or a map in TOML, where it is not recognised.
        up: axis that is up in a BVH, SMPL's parameters or markers, where the guess is wrong.
        unit: metres in a unit of length of a BVH or of SMPL's path, where the guess is wrong.

    Raises:
        ConfigError: a rate that makes no sense, no such rig, an axis or a unit for a file that
            states its own, or an extra is not installed.
        InputError: of no known kind, or damaged.
    """
    path = Path(path)
    refuse_foreign(path)
    suffix = path.suffix.lower()
    own_unit = suffix in _MARKERS or suffix in _SKELETONS or suffix == ".csv"
    own_up = suffix in _SKELETONS or suffix == ".csv"
    if (own_up and up is not None) or (own_unit and unit is not None):
        raise ConfigError(f"{path}: states its unit itself; leave --up and --unit out")
    if suffix in _SKELETONS:
        return [NamedMotion(take.name, _of_skeleton(take, path, fps))
                for take in _reader(_SKELETONS[suffix])(path)]  # fmt: skip
    return [NamedMotion("", _single(path, suffix, fps, rig, up, unit))]


def _reader(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _single(
    path: Path, suffix: str, fps: float | None, rig: str | None, up: Up | None, unit: float | None
) -> Motion:
    """The motion of a file that holds one."""
    if suffix == ".bvh":
        return _of_bvh(path, fps, rig, up, unit)
    if suffix in _MARKERS:
        from vimoflow.formats.markers import markers_motion

        markers = _reader(_MARKERS[suffix])(path)
        markers = dataclasses.replace(markers, up=up or markers.up)
        if fps is not None:
            markers = dataclasses.replace(markers, times=np.arange(len(markers.times)) / fps)
        return markers_motion(markers, path)
    if suffix == ".csv":
        from vimoflow.formats.joint_table import read_joint_table

        return read_joint_table(path)
    if suffix in _PICKLES:
        from vimoflow.formats.smpl_results import read_smpl_results

        return read_smpl_results(path, fps, up, unit)
    if suffix != ".npz":
        raise InputError(
            f"{path}: name a motion as .npz (ours, AMASS or SMPL), .bvh, .fbx, .glb, .vrma, .usd, "
            ".c3d, .trc, .csv, or what a tool saved of SMPL (.pkl, .pt); videos and 2D keypoints "
            "are for `vimoflow generate`"
        )
    from vimoflow.formats.amass_npz import read_amass
    from vimoflow.formats.motion_npz import load_motion_npz
    from vimoflow.keypoints.plain_npz import read_plain_npz

    ours = read_plain_npz(path, ("joint_names", "offsets"), _MAX_BYTES)
    return load_motion_npz(path) if len(ours) == 2 else read_amass(path, fps, up, unit)


def _of_bvh(
    path: Path, fps: float | None, rig: str | None, up: Up | None, unit: float | None
) -> Motion:
    """A BVH of ours as it is, in any unit and either axis up; another one by its rig."""
    if rig is None:
        bvh = read_bvh(path)
        known = dataclasses.replace(bvh, names=our_names(bvh.names))
        rate = fps or (tidy_rate(1 / bvh.frame_time) if bvh.frame_time > 0 else None)
        if rate is not None and "pelvis" in known.names:
            found = list(_ours(bvh_to_source_motion(known, 1.0, rate), up, unit))
            if found:
                return min(found, key=lambda motion: abs(np.log(motion.skeleton.scale)))
    from vimoflow.data.corpora import bvh_reader

    return bvh_reader(rig, fps, up, unit)(path).motion


def _ours(source: SourceMotion, up: Up | None, unit: float | None) -> Iterator[Motion]:
    """The motion in every unit and axis that may be up, if the skeleton is ours."""
    for axis in (up,) if up else ("y", "z"):
        R = UP[axis]
        turned = dataclasses.replace(
            source,
            R_world_joint=R @ source.R_world_joint @ R.T,
            p_world_joint=source.p_world_joint @ R.T,
            rest_positions=source.rest_positions @ R.T,
        )
        for metres in (unit,) if unit else _UNITS:
            scaled = dataclasses.replace(
                turned,
                p_world_joint=turned.p_world_joint * metres,
                rest_positions=turned.rest_positions * metres,
            )
            if (motion := adopt(scaled)) is None:
                break
            yield motion


def _of_skeleton(take: Take, path: Path, fps: float | None) -> Motion:
    """A take on our skeleton as it is, another one retargeted."""
    times = take.times if fps is None else np.arange(len(take.times)) / fps
    source = dataclasses.replace(take.source, fps=fps or take.source.fps)
    own = adopt(dataclasses.replace(source, joint_names=our_names(source.joint_names)))
    if own is not None:
        return dataclasses.replace(own, timestamps=even_clock(times, own.fps))
    from vimoflow.data.sources.bvh import named, source_onto_skeleton

    try:
        return source_onto_skeleton(source)
    except InputError as error:
        raise named(path, error) from None
