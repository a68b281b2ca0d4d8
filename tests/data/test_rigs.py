"""Rig maps, and the axes of joints from rest poses and motions of synthetic rigs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lab.rigs.rig_examples import (
    FACING_X,
    Z_UP,
    SyntheticRig,
    along_x_frames,
    performance,
    rest_frames,
    to_bvh,
    world_positions,
    world_rotations,
)
from vimoflow.characters.toml_file import NEEDED, OPTIONAL
from vimoflow.data.rig_maps import (
    RECOGNISED,
    RigMap,
    bare_name,
    detect_rig_map,
    load_rig_map,
    rig_names,
)
from vimoflow.data.rigs.rest_pose import find_rest_pose
from vimoflow.data.sources.bvh import onto_skeleton, read_bvh_file, rigged_bvh
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.bvh_reader import read_bvh
from vimoflow.geometry.rotations import geodesic_angle
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.retarget import LIMB_BONES
from vimoflow.motion.skeleton import JOINT_NAMES, joint

CMU_UNIT = 0.0254 / 0.45


def names_of(trunk: str, limb: str, left: str, right: str) -> dict[str, str]:
    """Canonical joints to names; ``trunk`` from pelvis to head, ``limb`` collar to toe, "*" the
    side's word; "-" for a joint that the rig lacks."""
    parts = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
    found = dict(zip(parts, trunk.split(), strict=True))
    parts = ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")
    for side, word in (("left", left), ("right", right)):
        for part, name in zip(parts, limb.split(), strict=True):
            found[f"{side}_{part}"] = name.replace("*", word)
    return {part: name for part, name in found.items() if name != "-"}


AUTODESK = "*Shoulder *Arm *ForeArm *Hand *UpLeg *Leg *Foot *ToeBase"
MIXAMO = names_of("Hips Spine Spine1 Spine2 Neck Head", AUTODESK, "Left", "Right")
PREFIXED = {part: f"mixamorig:{name}" for part, name in MIXAMO.items()}
LAFAN = MIXAMO | {"left_foot": "LeftToe", "right_foot": "RightToe"}
CMU = names_of("Hips LowerBack Spine Spine1 Neck Head", AUTODESK, "Left", "Right")
DAZ = names_of(
    "hip abdomen - chest neck head", "*Collar *Shldr *ForeArm *Hand *Thigh *Shin *Foot -", "l", "r"
)
XSENS = names_of(
    "Hips Chest Chest3 Chest4 Neck Head",
    "*Collar *Shoulder *Elbow *Wrist *Hip *Knee *Ankle *Toe", "Left", "Right",
)  # fmt: skip
SEGMENTS = names_of(
    "Pelvis L5 T12 T8 Neck Head",
    "*Shoulder *UpperArm *ForeArm *Hand *UpperLeg *LowerLeg *Foot *Toe", "Left", "Right",
)  # fmt: skip
ROKOKO = names_of(
    "Hips Spine1 Spine2 Spine4 Neck Head",
    "*Shoulder *Arm *ForeArm *Hand *Thigh *Shin *Foot *Toe", "Left", "Right",
)  # fmt: skip
CC = {
    part: f"CC_Base_{name}"
    for part, name in names_of(
        "Hip Waist Spine01 Spine02 NeckTwist01 Head",
        "*_Clavicle *_Upperarm *_Forearm *_Hand *_Thigh *_Calf *_Foot *_ToeBase", "L", "R",
    ).items()
}  # fmt: skip
OWN = {n: n for n in JOINT_NAMES if not n.endswith("hand")}
LEG_JOINTS = {"left_hip": "LHipJoint", "right_hip": "RHipJoint"}
T_POSE, A_POSE, HANGING = 0.0, 45.0, 85.0

# rig, what it is detected as, units per metre, whether it has a rest pose
RIGS = {
    "mixamo, T-pose": (SyntheticRig(MIXAMO, rest_frames(T_POSE, np.eye(3))), RECOGNISED, 100),
    "mixamo, A-pose": (SyntheticRig(PREFIXED, rest_frames(A_POSE, np.eye(3))), RECOGNISED, 100),
    "mixamo, Z-up at rest": (SyntheticRig(PREFIXED, rest_frames(A_POSE, Z_UP)), RECOGNISED, 1),
    "lafan1, all along X": (SyntheticRig(LAFAN, along_x_frames()), RECOGNISED, 100),
    "cmu, motionbuilder": (
        SyntheticRig(CMU, rest_frames(T_POSE, np.eye(3)), LEG_JOINTS), RECOGNISED,
        1 / CMU_UNIT,
    ),
    "cmu, daz": (SyntheticRig(DAZ, rest_frames(T_POSE, np.eye(3)), order="ZXY"), RECOGNISED, 39.37),
    "xsens, arms hanging": (
        SyntheticRig(XSENS, rest_frames(HANGING, np.eye(3)), order="YXZ"), RECOGNISED, 100,
    ),
    "xsens, facing +X": (SyntheticRig(SEGMENTS, rest_frames(T_POSE, FACING_X)), RECOGNISED,
                         100),
    "rokoko, T-pose": (SyntheticRig(ROKOKO, rest_frames(T_POSE, np.eye(3))), RECOGNISED, 1),
    "character creator, all along X": (
        SyntheticRig(CC, along_x_frames(), {"left_hip": "CC_Base_Pelvis"}), RECOGNISED, 100,
    ),
    "our own": (SyntheticRig(OWN, rest_frames(T_POSE, np.eye(3))), "vimoflow", 100),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGS)
def test_a_rig_becomes_the_motion_it_was_made_from(case: str, tmp_path: Path) -> None:
    rig, expected, units = RIGS[case]
    poses, root = performance()
    path = tmp_path / "take.bvh"
    path.write_text(to_bvh(rig, poses, root, units, 30))
    bvh = read_bvh(path)
    rig_map = detect_rig_map(bvh)
    assert rig_map.name == expected
    posed = rigged_bvh(bvh, rig_map)
    has_rest = find_rest_pose(posed.source, posed.rig, rig_map.rest) is not None
    assert has_rest == ("along" not in case)
    motion, report = onto_skeleton(posed, rig_map.rest)
    assert report.scale == pytest.approx(1, abs=1e-3)
    truth_R = world_rotations(poses)
    truth_p = world_positions(truth_R, root)
    p = motion.joint_positions
    for start, end in LIMB_BONES:
        a, b = joint(start), joint(end)
        cosine = ((p[:, b] - p[:, a]) * (truth_p[:, b] - truth_p[:, a])).sum(-1)
        cosine /= np.linalg.norm(truth_p[:, b] - truth_p[:, a], axis=-1) ** 2
        assert np.degrees(np.arccos(np.clip(cosine.min(), -1, 1))) < 0.5
    R_world = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    )[0]
    angle = np.degrees(geodesic_angle(R_world, torch.from_numpy(truth_R)).numpy())
    for name in ("pelvis", "spine3", "head", "left_hip", "right_knee", "left_shoulder",
                 "right_elbow", "left_wrist"):  # fmt: skip
        assert np.median(angle[:, joint(name)]) < 5, name
        assert angle[:, joint(name)].max() < 12, name
    if "left_foot" in rig.names:
        assert np.median(angle[:, joint("left_ankle")]) < 3


def test_a_t_pose_in_the_first_frame_stands_in_for_a_zero_pose(tmp_path: Path) -> None:
    poses, root = performance(standing=0)
    poses[0] = 0
    path = tmp_path / "take.bvh"
    path.write_text(to_bvh(SyntheticRig(LAFAN, along_x_frames()), poses, root, 100, 30))
    bvh = read_bvh(path)
    posed = rigged_bvh(bvh, detect_rig_map(bvh))
    assert find_rest_pose(posed.source, posed.rig) is not None
    motion, _ = onto_skeleton(posed)
    truth = torch.from_numpy(world_rotations(poses))
    R = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    )[0]
    driven = [joint(n) for n in ("pelvis", "spine3", "head", "left_ankle", "right_wrist")]
    assert np.degrees(geodesic_angle(R, truth)[:, driven].max()) < 3


def test_every_shipped_map_loads() -> None:
    maps = [load_rig_map(name) for name in rig_names()]
    assert {m.name for m in maps} == set(rig_names())
    assert all(rig_map.description for rig_map in maps)


def test_a_map_whose_bones_lie_elsewhere_is_not_taken_for_its_names(tmp_path: Path) -> None:
    """Bandai-Namco's names are common, its local axes are not."""
    joints = load_rig_map("bandai-namco").joints
    names = {PART_OF.get(part, part): entry.names[0] for part, entry in joints.items()}
    poses, root = performance(10, 4)
    path = tmp_path / "take.bvh"
    path.write_text(to_bvh(SyntheticRig(names, rest_frames(0.0, np.eye(3))), poses, root, 1, 30))
    assert detect_rig_map(read_bvh(path)).name == RECOGNISED


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("mixamorig:Hips", "Hips"), ("mixamorig1:LeftArm", "LeftArm"), ("rig|Hips", "Hips"),
        ("mixamorig_Hips", "Hips"), ("mixamorigHips", "Hips"), ("Hips", "Hips"),
    ],
)  # fmt: skip
def test_namespaces_are_no_part_of_a_name(name: str, bare: str) -> None:
    assert bare_name(name) == bare


PART_OF = {"chest": "spine3", "left_toe": "left_foot", "right_toe": "right_foot"}


def own_map(**changes: str) -> str:
    names = {part: MIXAMO[PART_OF.get(part, part)] for part in (*NEEDED, *OPTIONAL)} | changes
    return "[joints]\n" + "\n".join(f'{part} = "{name}"' for part, name in names.items())


def write_map(folder: Path, text: str) -> RigMap:
    path = folder / "mine.toml"
    path.write_text(text)
    return load_rig_map(path)


def test_a_users_own_map_reads_a_rig_that_nobody_knows(tmp_path: Path) -> None:
    leg = {"left_hip": "joint 11", "left_knee": "joint 12", "left_ankle": "joint 13"}
    names = MIXAMO | leg | {"spine3": "Ribs"}
    poses, root = performance()
    path = tmp_path / "take.bvh"
    path.write_text(
        to_bvh(SyntheticRig(names, rest_frames(A_POSE, np.eye(3))), poses, root, 100, 60)
    )
    with pytest.raises(InputError, match=r"take\.bvh: not recognised .* lacks left hip, left knee"):
        read_bvh_file(path)
    mine = write_map(tmp_path, own_map(chest="Ribs", **leg))
    assert mine.name == "mine"
    recording = read_bvh_file(path, mine)
    assert recording.retarget is not None
    assert recording.retarget.bone_error_deg_p95 < 1
    assert len(recording.motion) == pytest.approx(len(poses) / 2, abs=1)


def test_a_missing_joint_is_listed_with_the_others(tmp_path: Path) -> None:
    mine = write_map(tmp_path, own_map())
    without = [n for n in MIXAMO.values() if n not in ("LeftLeg", "Head")]
    with pytest.raises(InputError, match=r"head \(Head\), left_knee \(LeftLeg\)"):
        mine.rig(without)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[joints", "not TOML"),
        ("fps = 30", r"\[joints\] table"),
        ('[joints]\npelvis = "Hips"', "lacks chest, head"),
        ("fps = 0\n" + own_map(), "'fps' makes no sense"),
        ("fps = true\n" + own_map(), "'fps' must be a number"),
        ('rest = "sitting"\n' + own_map(), "one of auto, zero"),
        ("colour = 1\n" + own_map(), "unknown field 'colour'"),
        (own_map(tail="Tail"), "knows no 'tail'"),
        (own_map() + "\n[joints.left_toes]\nname = 3", "knows no 'left_toes'"),
        (own_map().replace('"Head"', "3"), "needs a name"),
        (own_map().replace('"Head"', '{ name = "Head", up = [0, 0, 0] }'), "not a direction"),
        (own_map().replace('"Head"', '{ name = "Head", hinge = [0, 0, 1] }'), "takes name, left"),
    ],
)
def test_a_bad_map_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=rf"mine\.toml.*{complaint}"):
        write_map(tmp_path, text)


def test_an_unknown_map_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bandai-namco"):
        load_rig_map("maximo")
    with pytest.raises(InputError, match=r"none\.toml"):
        load_rig_map(tmp_path / "none.toml")
