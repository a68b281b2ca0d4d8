"""Rigs recognised by what they are: makers' conventions, and what is no person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.rigs.rig_conventions import AUTODESK, CONVENTIONS, Convention
from lab.rigs.rig_examples import performance, person_of_other_proportions, to_bvh
from vimoflow.characters.joint_words import understood
from vimoflow.data.rig_maps import RECOGNISED, detect_rig_map
from vimoflow.data.sources.bvh import read_bvh_file
from vimoflow.errors import InputError
from vimoflow.formats.bvh_reader import read_bvh
from vimoflow.motion.skeleton import JOINT_NAMES, joint

POSES, ROOT = performance(frames=12, standing=4)
REFERENCE = Convention("Hips Spine Spine1 Spine2 Neck Head", AUTODESK)


def write(folder: Path, convention: Convention, offsets: np.ndarray) -> Path:
    path = folder / "take.bvh"
    text = to_bvh(convention.rig, POSES, ROOT, convention.units, 30.0, offsets)
    path.write_text(text)
    return path


def positions(path: Path) -> np.ndarray:
    return read_bvh_file(path).motion.joint_positions


@pytest.mark.filterwarnings("ignore::UserWarning")  # units that have to be guessed
@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_makers_file_becomes_the_motion_it_shows(tmp_path: Path, name: str) -> None:
    convention = CONVENTIONS[name]
    person = person_of_other_proportions(sum(map(ord, name)))
    path = write(tmp_path, convention, person)
    rig_map = detect_rig_map(read_bvh(path))
    assert rig_map.name == RECOGNISED
    own = convention.names
    parts = {"chest": "spine3", "left_toe": "left_foot", "right_toe": "right_foot"}
    for part, entry in rig_map.joints.items():  # the names say so, whatever the motion
        canonical = parts.get(part, part)
        if canonical in own and part != "pelvis":
            assert entry.names == (own[canonical],), part
    expected = positions(write(tmp_path, REFERENCE, person))
    path = write(tmp_path, convention, person)
    apart = np.linalg.norm(positions(path) - expected, axis=-1)
    ends = [j for j, n in enumerate(JOINT_NAMES) if n.endswith(("foot", "hand"))]
    limbs = [j for j in range(len(JOINT_NAMES)) if j not in ends]
    assert apart[:, limbs].max() < 5e-4
    assert apart[:, ends].max() < (1e-3 if len(own) >= len(REFERENCE.names) - 2 else 0.025)


def test_there_are_forty_conventions() -> None:
    assert len(CONVENTIONS) >= 40


def tree(*chains: str) -> str:
    """A BVH of chains of joints under a root: "paw claw" is a claw below a paw."""
    channels = "CHANNELS 3 Xrotation Yrotation Zrotation"
    lines = ["HIERARCHY", "ROOT root", "{", "OFFSET 0 0 0", channels]
    count = 1
    for k, chain in enumerate(chains):
        names = chain.split()
        for name in names:
            lines += [f"JOINT {name}", "{", f"OFFSET {k} 10 0", channels]
        lines += ["End Site", "{", "OFFSET 0 5 0", "}", *["}"] * len(names)]
        count += len(names)
    lines += ["}", "MOTION", "Frames: 2", "Frame Time: 0.033333"]
    return "\n".join([*lines, *[" ".join(["0"] * 3 * count)] * 2, ""])


NO_PEOPLE = {
    "a table": tree("leg_1", "leg_2", "leg_3", "leg_4", "top"),
    "a hand": tree(*(f"LeftHand{f}1 LeftHand{f}2" for f in ("Thumb", "Index", "Ring"))),
    "a face": tree("jaw chin", "LeftEye", "RightEye", "LeftBrow", "RightBrow"),
    "a snake": tree(" ".join(f"spine{k}" for k in range(20))),
    "a bird": tree("LeftWing LeftFeather", "RightWing RightFeather", "neck head beak", "tail",
                   "LeftThigh LeftShin LeftClaw", "RightThigh RightShin RightClaw"),
    "a horse": tree("spine chest neck head", "LF_shoulder LF_cannon LF_hoof", "tail",
                    "RF_shoulder RF_cannon RF_hoof", "LB_hip LB_hock LB_hoof", "RB_hip RB_hoof"),
    "a car": tree("wheel_FL", "wheel_FR", "wheel_BL", "wheel_BR", "steering"),
    "a camera": tree("camera"),
    "legs alone": tree("LeftUpLeg LeftLeg LeftFoot", "RightUpLeg RightLeg RightFoot"),
    "a bust": tree("Spine Neck Head", "LeftArm LeftForeArm LeftHand",
                   "RightArm RightForeArm RightHand"),
    "one arm": tree("Spine Neck Head", "LeftArm LeftForeArm LeftHand",
                    "LeftUpLeg LeftLeg LeftFoot", "RightUpLeg RightLeg RightFoot"),
    "a spider": tree(*(f"L{k}_femur L{k}_tibia L{k}_foot" for k in range(4)),
                     *(f"R{k}_femur R{k}_tibia R{k}_foot" for k in range(4))),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_PEOPLE)
def test_what_is_no_person_is_refused_in_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path / "other.bvh"
    path.write_text(NO_PEOPLE[what])
    with pytest.raises(InputError, match=r"other\.bvh: not recognised as a person's skeleton") as e:
        read_bvh_file(path)
    assert "\n" not in str(e.value)
    assert "--map" in str(e.value)


def dog() -> np.ndarray:
    """Offsets with a person's joints and a dog's body: the spine lies level, arms hang from it."""
    offsets = person_of_other_proportions(0)
    for j, name in enumerate(JOINT_NAMES):
        x, y, z = offsets[j]
        if name.startswith(("spine", "neck", "head")) or name.endswith("collar"):
            offsets[j] = (x, z, y)
        elif name.endswith(("elbow", "wrist", "hand")):
            offsets[j] = (0.0, -abs(x), 0.0)
    return offsets


def test_a_dog_with_a_persons_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="four legs"):
        read_bvh_file(write(tmp_path, REFERENCE, dog()))


def test_a_figure_of_no_persons_proportions_is_refused(tmp_path: Path) -> None:
    offsets = person_of_other_proportions(0)
    offsets[[joint("left_ankle"), joint("right_ankle")]] *= 4
    with pytest.raises(InputError, match="shin to thigh is"):
        read_bvh_file(write(tmp_path, REFERENCE, offsets))


@pytest.mark.parametrize(
    ("name", "word", "side", "helper"),
    [
        ("mixamorig:LeftUpLeg", "upleg", "left", False), ("lThigh", "thigh", "left", False),
        ("rfemur", "femur", "right", False), ("upper_arm.L", "upperarm", "left", False),
        ("Bip01 R UpperArm", "upperarm", "right", False), ("LFArm", "farm", "left", False),
        ("l_forearm_JNT", "forearm", "left", False),
        ("LeftForeArmRoll", "forearmroll", "left", True), ("leg", "leg", "", False),
        ("ik_hand_r", "ikhand", "right", True), ("RightFoot_end", "footend", "right", True),
    ],
)  # fmt: skip
def test_names_are_taken_apart(name: str, word: str, side: str, helper: bool) -> None:
    shared = ["Bip01 " * name.startswith("Bip01") + f"other{k}" for k in range(9)]
    found = understood([name, *shared])[0]
    assert (found.word, found.side, found.helper) == (word, side, helper)
