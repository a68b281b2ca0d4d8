"""Any BVH: which rig, which unit, which way is up, how fast; then onto the canonical skeleton.

Headers are not believed where the motion shows that they are wrong. What was found odd is a
``BvhWarning`` and stands in the recording's ``RetargetReport.notes``.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.characters.hierarchy import Hierarchy
from vimoflow.data.recording import Recording
from vimoflow.data.rig_maps import RigMap, detect_rig_map, joint_map, recognised
from vimoflow.data.rigs.rig import Rig
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.bvh_reader import BvhFile, bvh_to_source_motion, read_bvh
from vimoflow.formats.motion_units import Up
from vimoflow.formats.up_axis import UP
from vimoflow.motion.canonical import Floor
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import fit_floor
from vimoflow.motion.retarget import RetargetReport, adopt, canonical_clip, retarget
from vimoflow.motion.skeleton import load_skeleton
from vimoflow.motion.source import SourceMotion

# A leg (hip to ankle) in metres: 0.64 in CMU's salsa files, which are scaled to a small figure, to
# 0.98. No two of the units give the same file a leg within the range.
LEG_RANGE_M = (0.55, 1.10)
UNITS = {
    "metres": 1.0,
    "centimetres": 0.01,
    "millimetres": 0.001,
    "inches": 0.0254,
    "CMU's unit (0.0564 m)": 0.0254 / 0.45,
}
USUAL_UNITS = ("metres", "centimetres")
FPS_RANGE = (10.0, 480.0)
MAX_LIMB_M_S = 15.0  # 99th percentile against the pelvis; a boxer's fist peaks near 12
BONE_STRETCH = 0.02  # above, the scale changes within the file


class BvhWarning(UserWarning):
    """Something odd in a BVH file that is used all the same."""


@dataclass(frozen=True)
class RiggedBvh:
    """A BVH file whose joints, unit, rate and up axis are known.

    Attributes:
        source: metres, +Y up.
        rig: the joints, found in this file.
        notes: what was found odd.
    """

    source: SourceMotion
    rig: Rig
    notes: tuple[str, ...] = ()


def list_bvh(folder: Path) -> list[Path]:
    """BVH files below a folder, sorted.

    Raises:
        InputError: there are none.
    """
    files = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() == ".bvh")
    if not files:
        raise InputError(f"{folder}: holds no BVH files")
    return files


def read_bvh_file(
    path: Path,
    rig: RigMap | None = None,
    fps: float | None = None,
    up: Up | None = None,
    unit: float | None = None,
) -> Recording:
    """One BVH file as a recording of the corpus "bvh".

    Args:
        rig: whose joints these are; None finds it by the joints' names.
        fps: the true frame rate in Hz, where the header's is wrong.
        up: the axis that is up; None believes the map, else the figure.
        unit: metres in the file's unit; None believes the map, else the length of the legs.

    Raises:
        ConfigError: a frame rate that makes no sense.
        InputError: not a BVH file, an unknown rig (with the joints that it lacks), a leg of no
            human length in any unit, bones that change their length.
    """
    path = Path(path)
    bvh = read_bvh(path)
    try:
        rig_map = rig or detect_rig_map(bvh)
        rig_map = dataclasses.replace(
            rig_map, up=up or rig_map.up, metres_per_unit=unit or rig_map.metres_per_unit
        )
        posed = rigged_bvh(bvh, rig_map, fps)
        motion, report = onto_skeleton(posed, rig_map.rest)
    except InputError as error:
        raise named(path, error) from None
    for note in posed.notes:
        warnings.warn(f"{path}: {note}", BvhWarning, stacklevel=2)
    return Recording(path.stem, "bvh", "train", motion, retarget=report)


def named(path: Path, error: InputError) -> InputError:
    """The same error, naming the file."""
    text = str(error)
    return InputError(text if text.startswith(str(path)) else f"{path}: {text}")


def onto_skeleton(
    posed: RiggedBvh, rest: str = "auto", floor: Floor = fit_floor
) -> tuple[Motion, RetargetReport]:
    """Retarget, unless the file already is on this project's skeleton.

    Raises:
        InputError: a leg of no human length, or bones that change their length.
    """
    own = adopt(posed.source)
    motion, report = retarget(posed.source, joint_map(posed.rig, posed.source, rest), floor)
    check_size(report)
    if own is not None:
        motion = canonical_clip(own)
        report = RetargetReport(report.scale, 0.0, 0.0, 0.0, report.bone_stretch)
    return motion, dataclasses.replace(report, notes="; ".join(posed.notes))


def source_onto_skeleton(source: SourceMotion) -> Motion:
    """A posed skeleton whose joints nobody named, in metres and +Y up, retargeted.

    Raises:
        InputError: it is not recognised as a person's, or not of a person's size.
    """
    hierarchy = Hierarchy(
        source.joint_names, source.parents, source.p_world_joint[0], source.rest_positions
    )
    rig = recognised(hierarchy).rig(source.joint_names)
    return onto_skeleton(RiggedBvh(source, rig))[0]


def check_size(report: RetargetReport) -> None:
    """Refuse figures of no human size, and files whose scale changes.

    Raises:
        InputError: the leg or the stretch is out of range.
    """
    leg = load_skeleton().leg_length / report.scale
    if not LEG_RANGE_M[0] <= leg <= LEG_RANGE_M[1]:
        raise InputError(f"a leg of {leg:.2f} m; the file's unit or scale is wrong")
    if report.bone_stretch > BONE_STRETCH:
        raise InputError(f"bones change their length by {report.bone_stretch:.0%}")


def rigged_bvh(bvh: BvhFile, rig_map: RigMap, fps: float | None = None) -> RiggedBvh:
    """Find a file's joints, rate, unit and up axis.

    Raises:
        ConfigError: ``fps`` makes no sense.
        InputError: joints are missing, or no rate is known.
    """
    rig = rig_map.rig(bvh.names)
    rate, told = _rate(bvh, rig_map, fps)
    notes = [*bvh.notes, *told]
    source = bvh_to_source_motion(bvh, 1.0, rate)
    unit = rig_map.metres_per_unit
    if unit is None:
        unit, told = _unit(_leg_length(source, rig))
        notes += told
    source = dataclasses.replace(
        source,
        p_world_joint=source.p_world_joint * unit,
        rest_positions=source.rest_positions * unit,
    )
    up = ("z" if _lies_along_z(source, rig) else "y") if rig_map.up == "auto" else rig_map.up
    if up != "y":
        source = _turned_up(source, UP[up])
        notes.append(f"taken to be {up.upper()}-up and turned to Y-up")
    if fps is None and rig_map.fps is None:
        notes += _doubts(source, rig)
    return RiggedBvh(source, rig, tuple(notes))


def _rate(bvh: BvhFile, rig_map: RigMap, fps: float | None) -> tuple[float, list[str]]:
    """Frames per second: the user's, the map's, the header's, in this order; and notes."""
    if fps is not None and not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        low, high = FPS_RANGE
        raise ConfigError(
            f"a frame rate of {fps:g} makes no sense; give one of {low:g} to {high:g}"
        )
    known = fps or rig_map.fps
    declared = 1 / bvh.frame_time if bvh.frame_time > 0 else 0.0
    if known is None:
        if declared == 0:
            raise InputError(
                "the frame time is 0; give the frame rate with --fps (convert: --input-fps)"
            )
        if not FPS_RANGE[0] <= declared <= FPS_RANGE[1]:
            raise InputError(
                f"the header's frame rate, {declared:.3g}, makes no sense; "
                "give the right one with --fps (convert: --input-fps)"
            )
        return declared, []
    if fps is None and abs(declared / known - 1) > 0.01:
        said = f"{declared:.4g}" if declared else "none"
        return known, [f"played at {known:g} fps as rig '{rig_map.name}' says (header: {said})"]
    return known, []


def _doubts(source: SourceMotion, rig: Rig) -> list[str]:
    """Why the header's rate cannot be true; empty where nothing speaks against it.

    Hands and feet bound it. Free fall would bound it closer, but does not on real files: some reach
    several g at the right rate, while dances at twice the right rate stay near 2 g and below.
    """
    p = source.p_world_joint
    ends = [source.joint_names.index(n) for n in _end_joints(rig)]
    apart = p[:, ends] - p[:, [source.joint_names.index(rig.pelvis.name)]]
    if len(apart) < 2:
        return []
    speed = np.linalg.norm(np.diff(apart, axis=0), axis=-1) * source.fps
    fastest = float(np.quantile(speed, 0.99))
    if fastest <= MAX_LIMB_M_S:
        return []
    return [
        f"hands or feet move at {fastest:.0f} m/s: the header's {source.fps:.4g} fps is too fast; "
        "give the right frame rate with --fps (convert: --input-fps)"
    ]


def _end_joints(rig: Rig) -> list[str]:
    sides = (rig.left, rig.right)
    wrists = [s.wrist if isinstance(s.wrist, str) else s.wrist.name for s in sides]
    return [*wrists, *(s.ankle.name for s in sides)]


def _leg_length(source: SourceMotion, rig: Rig) -> float:
    lengths = []
    for side in (rig.left, rig.right):
        h, k, a = (
            source.p_world_joint[:, source.joint_names.index(b.name)]
            for b in (side.hip, side.knee, side.ankle)
        )
        bones = np.linalg.norm(k - h, axis=-1) + np.linalg.norm(a - k, axis=-1)
        lengths.append(float(np.median(bones)))
    return sum(lengths) / 2


def _unit(leg: float) -> tuple[float, list[str]]:
    """Metres per unit, from the length of the legs; and notes."""
    if not leg > 0:
        raise InputError("the legs have no length")
    for name, metres in UNITS.items():
        if LEG_RANGE_M[0] <= leg * metres <= LEG_RANGE_M[1]:
            usual = name in USUAL_UNITS
            return metres, [] if usual else [f"taken to be in {name}, from the length of the legs"]
    return load_skeleton().leg_length / leg, [
        f"a leg is {leg:.4g} long, a person's in no known unit: the figure is brought to the usual "
        "size; if it has another, give the metres in a unit with --unit (convert: --input-unit)"
    ]


def _lies_along_z(source: SourceMotion, rig: Rig) -> bool:
    """Whether heads are above feet along Z, in most frames and clearly, rather than along Y."""
    head, *feet = (
        source.p_world_joint[:, source.joint_names.index(b.name)]
        for b in (rig.head, rig.left.ankle, rig.right.ankle)
    )
    _, y, z = np.median(head - (feet[0] + feet[1]) / 2, axis=0)
    return bool(z > 0.5 and z > 2 * abs(y))


def _turned_up(source: SourceMotion, R: Float[np.ndarray, "3 3"]) -> SourceMotion:
    """To Y-up; the rest pose, which has its own up, stays."""
    return dataclasses.replace(
        source, R_world_joint=R @ source.R_world_joint, p_world_joint=source.p_world_joint @ R.T
    )
