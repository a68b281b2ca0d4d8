"""ASF/AMC against an independent computation with scipy, and against damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lab.corpora.amc import find_asf, read_amc, read_asf
from vimoflow.errors import InputError

ASF = """# made for the test
:version 1.10
:name TEST
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   anything: at all
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name lfemur
     direction 0.6 -0.8 0
     length 7.0
     axis 10 -20 30  XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name ltibia
     direction 0 -1 0
     length 6.5
     axis 0 0 20 XYZ
    dof rx
  end
  begin
     id 3
     name lowerback
     direction 0 1 0
     length 2
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root lfemur lowerback
    lfemur ltibia
  end
"""
FRAMES = [
    {"root": (1, 17, -2, 10, 100, -50), "lfemur": (30, -40, 80), "ltibia": (60,)},
    {"root": (1.5, 16, -2, -170, 5, 20), "lfemur": (-10, 70, 5), "ltibia": (-5,)},
]
METRES = 0.0254 / 0.45


def amc_text(frames: list[dict[str, tuple[float, ...]]] = FRAMES) -> str:
    lines = ["#!OML:ASF X:\\f\xfcr\\Bonn.ASF\r", ":FULLY-SPECIFIED", ":DEGREES"]
    for number, frame in enumerate(frames, start=1):
        lines.append(str(number))
        lines += [" ".join([bone, *map(str, values)]) for bone, values in frame.items()]
    return "\r\n".join(lines) + "\r\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    asf, amc = tmp_path / "05.asf", tmp_path / "05_01.amc"
    asf.write_text(ASF)
    amc.write_bytes(amc_text().encode("latin-1"))
    return asf, amc


def turn(degrees: tuple[float, ...]) -> np.ndarray:
    """Lower-case in scipy: about fixed axes, x first, which is Rz Ry Rx."""
    return Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()


def test_positions_follow_the_format(files: tuple[Path, Path]) -> None:
    motion = read_amc(files[1], read_asf(files[0]), fps=60.0)
    assert motion.fps == 60.0
    index = motion.joint_names.index
    for number, frame in enumerate(FRAMES):
        root = np.array(frame["root"][:3]) * METRES
        R_root = turn(frame["root"][3:])
        C_femur, C_tibia = turn((10, -20, 30)), turn((0, 0, 20))
        R_femur = R_root @ C_femur @ turn(frame["lfemur"]) @ C_femur.T
        R_tibia = R_femur @ C_tibia @ turn((*frame["ltibia"], 0, 0)) @ C_tibia.T
        knee = root + R_femur @ (np.array([0.6, -0.8, 0]) * 7 * METRES)
        end = knee + R_tibia @ (np.array([0, -1, 0]) * 6.5 * METRES)
        found = motion.p_world_joint[number]
        np.testing.assert_allclose(found[index("lfemur")], root, atol=1e-9)
        np.testing.assert_allclose(found[index("ltibia")], knee, atol=1e-9)
        np.testing.assert_allclose(found[index("ltibia_end")], end, atol=1e-9)
        np.testing.assert_allclose(
            motion.R_world_joint[number, index("ltibia")], R_tibia, atol=1e-9
        )


def test_parents_come_before_children(files: tuple[Path, Path]) -> None:
    motion = read_amc(files[1], read_asf(files[0]))
    assert motion.parents[0] == -1
    assert all(0 <= parent < j for j, parent in enumerate(motion.parents) if j)
    rest = motion.rest_positions
    assert rest[motion.joint_names.index("ltibia_end")][1] < rest[0][1]


def test_radians_and_degrees_agree(files: tuple[Path, Path], tmp_path: Path) -> None:
    in_radians = [
        {
            bone: (*v[:3], *np.radians(v[3:])) if bone == "root" else tuple(np.radians(v))
            for bone, v in frame.items()
        }
        for frame in FRAMES
    ]
    other = tmp_path / "05_02.amc"
    other.write_text(amc_text(in_radians).replace(":DEGREES", ":RADIANS"), "latin-1")
    skeleton = read_asf(files[0])
    np.testing.assert_allclose(
        read_amc(other, skeleton).p_world_joint, read_amc(files[1], skeleton).p_world_joint
    )


def test_the_skeleton_whose_name_fits_best_is_found(files: tuple[Path, Path]) -> None:
    (files[0].parent / "0.asf").write_text(ASF)
    (files[0].parent / "06.ASF").write_text(ASF)
    assert find_asf(files[1]) == files[0]
    with pytest.raises(InputError, match=r"needs its skeleton"):
        find_asf(files[0].parent / "99_01.amc")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ltibia 60\r\n", "", "frame 1 has 2 of the skeleton's 3 bones"),
        ("ltibia -5\r\n", "", "frame 2 has 2"),
        ("ltibia 60", "ltibia nan", "NaN"),
        ("ltibia 60", "ltibia 1e300", "absurdly large"),
        ("ltibia 60", "ltibia sixty", "no number"),
        ("ltibia 60", "ltibia 60 61", "does not fit the skeleton"),
        ("ltibia 60", "tail 60", "does not fit the skeleton"),
    ],
)
def test_damaged_motions_are_one_line(
    files: tuple[Path, Path], old: str, new: str, message: str
) -> None:
    files[1].write_text(amc_text().replace(old, new), "latin-1")
    with pytest.raises(InputError, match=message) as caught:
        read_amc(files[1], read_asf(files[0]))
    assert "\n" not in str(caught.value) and files[1].name in str(caught.value)


def test_every_cut_of_a_motion_is_an_error_or_whole_frames(files: tuple[Path, Path]) -> None:
    skeleton, whole = read_asf(files[0]), files[1].read_bytes()
    complete = read_amc(files[1], skeleton).p_world_joint
    for end in range(0, len(whole), 3):
        files[1].write_bytes(whole[:end])
        try:
            cut = read_amc(files[1], skeleton).p_world_joint
        except InputError:
            continue
        # A number cut in its digits cannot be told from a shorter number.
        np.testing.assert_allclose(cut[:-1], complete[: len(cut) - 1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", ":nothing", "hierarchy"),
        ("length 7.0", "length long", "not a complete ASF"),
        ("length 7.0", "length inf", "m long"),
        ("length 0.45", "length 0", "not a complete ASF|makes no sense"),
        ("direction 0 -1 0", "direction 0 -1", "three sensible numbers"),
        ("dof rx\n", "dof rx l\n", "degrees of freedom"),
        ("lfemur ltibia", "ltibia lfemur", "two parents"),
        ("root lfemur lowerback", "root lowerback", "not a complete|hang on the root"),
        ("root lfemur", "root tail lfemur", "not among the bones"),
        ("axis XYZ", "axis XYY", "axis order"),
    ],
)
def test_damaged_skeletons_are_one_line(
    files: tuple[Path, Path], old: str, new: str, message: str
) -> None:
    assert old in ASF
    files[0].write_text(ASF.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_asf(files[0])
    assert "\n" not in str(caught.value)


def test_missing_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_asf(tmp_path / "none.asf")
