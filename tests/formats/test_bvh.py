"""BVH: against hand-computed poses, against other libraries, and against damaged files."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.errors import InputError, OutputError
from vimoflow.formats.bvh import BvhFile, bvh_to_source_motion, euler_to_matrix, read_bvh, write_bvh
from vimoflow.formats.bvh_writer import continuous_euler
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES

ORDERS = ["".join(order) for order in itertools.permutations("XYZ")]
ARM = """HIERARCHY
ROOT hip
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 10 0 0
    CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 5 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
1 2 3 0 0 0  20 0 0  0 0 0
1 2 3 90 0 0  20 0 0  0 0 90
"""


def moving(frames: int, fps: float, seed: int = 0) -> Motion:
    """Joints that sweep smoothly over large angles, the root through several turns."""
    generator = np.random.default_rng(seed)
    times = np.linspace(0, 1, frames)[:, None, None]
    axes = generator.normal(size=(2, 24, 3)) * 2.5
    poses = axes[0] * np.sin(3 * times) + axes[1] * times
    poses[:, 0] = [0, 1, 0] * (15 * times[:, 0])
    trans = generator.normal(size=3) * np.sin(4 * times[:, 0])
    return Motion(poses, trans, fps, np.zeros((frames, 4)))


def test_a_hand_computed_pose(tmp_path: Path) -> None:
    path = tmp_path / "arm.bvh"
    path.write_text(ARM)
    motion = bvh_to_source_motion(read_bvh(path), metres_per_unit=0.01)
    assert motion.joint_names == ("hip", "knee", "knee_end")
    assert motion.parents == (-1, 0, 1)
    assert motion.fps == pytest.approx(25)
    rest, turned = motion.p_world_joint * 100
    # The knee's position channels (20) replace its OFFSET (10).
    np.testing.assert_allclose(rest, [[1, 2, 3], [21, 2, 3], [26, 2, 3]], atol=1e-9)
    # A quarter turn about Z takes +X to +Y, two take it to -X.
    np.testing.assert_allclose(turned, [[1, 2, 3], [1, 22, 3], [-4, 22, 3]], atol=1e-9)
    np.testing.assert_allclose(motion.rest_positions[2], [0.15, 0, 0], atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_of_axes_agrees_with_scipy(order: str) -> None:
    angles = np.random.default_rng(1).uniform(-4, 4, size=(50, 3))
    ours = euler_to_matrix(order, torch.from_numpy(angles)).numpy()
    np.testing.assert_allclose(ours, Rotation.from_euler(order, angles).as_matrix(), atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_angles_give_their_rotation_back_even_where_they_lock(order: str) -> None:
    angles = np.random.default_rng(2).uniform(-4, 4, size=(60, 3))
    angles[::3, 1] = np.pi / 2  # locked
    angles[1::6, 1] = -np.pi / 2
    R = Rotation.from_euler(order, angles).as_matrix()
    back = torch.from_numpy(continuous_euler(R, order))
    np.testing.assert_allclose(euler_to_matrix(order, back).numpy(), R, atol=1e-7)


@pytest.mark.parametrize("order", ORDERS)
def test_turning_on_leaves_no_jump_in_the_curves(order: str) -> None:
    for axis in range(3):
        angle = np.linspace(0, 6 * np.pi, 400)
        angles = np.zeros((400, 3))
        angles[:, axis] = angle
        found = continuous_euler(Rotation.from_euler(order, angles).as_matrix(), order)
        np.testing.assert_allclose(found, angles, atol=1e-6)


@pytest.mark.parametrize("fps", [23.976, 24000 / 1001, 29.97, 30.0, 120.0])
def test_what_is_written_reads_back(tmp_path: Path, fps: float) -> None:
    motion = moving(40, fps)
    write_bvh(motion, tmp_path / "a.bvh")
    back = bvh_to_source_motion(read_bvh(tmp_path / "a.bvh"), 0.01)
    index = [back.joint_names.index(name) for name in JOINT_NAMES]
    np.testing.assert_allclose(back.p_world_joint[:, index], motion.joint_positions, atol=5e-5)
    assert back.fps == pytest.approx(fps, rel=1e-7)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.bvh"]


def test_pybvh_finds_the_same_joints(tmp_path: Path) -> None:
    pybvh = pytest.importorskip("pybvh")
    motion = moving(30, 30.0)
    write_bvh(motion, tmp_path / "a.bvh")
    other = pybvh.read_bvh_file(tmp_path / "a.bvh")
    index = [other.node_index[name] for name in JOINT_NAMES]
    positions = np.asarray(other.node_positions())[:, index] / 100
    np.testing.assert_allclose(positions, motion.joint_positions, atol=5e-5)
    assert other.frame_count == 30


def test_bvhio_finds_the_same_joints(tmp_path: Path) -> None:
    bvhio = pytest.importorskip("bvhio")
    motion = moving(12, 30.0)
    write_bvh(motion, tmp_path / "a.bvh")
    root = bvhio.readAsHierarchy(tmp_path / "a.bvh")
    for frame in range(12):
        root.loadPose(frame)
        found = {joint.Name: np.array(joint.PositionWorld) / 100 for joint, _, _ in root.layout()}
        positions = np.array([found[name] for name in JOINT_NAMES])
        np.testing.assert_allclose(positions, motion.joint_positions[frame], atol=5e-5)


def test_equal_motions_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.bvh", "b.bvh"):
        write_bvh(moving(10, 30.0), tmp_path / name)
    assert (tmp_path / "a.bvh").read_bytes() == (tmp_path / "b.bvh").read_bytes()


def test_an_unwritable_place_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_bvh(moving(3, 30.0), tmp_path / "missing" / "a.bvh")
    assert list(tmp_path.iterdir()) == []


DAMAGED = {
    "empty": "",
    "other text": "a,b,c\n1,2,3\n",
    "no motion": ARM.split("MOTION")[0],
    "cut hierarchy": "HIERARCHY\nROOT a\n{\n OFFSET 0 0 0\nMOTION\nFrames: 1\nFrame Time: 0.1\n0\n",
    "cut in the first row": ARM[:-60],
    "no frames": ARM.replace("Frames: 2", "Frames: 0"),
    "frames no number": ARM.replace("Frames: 2", "Frames: many"),
    "negative frame time": ARM.replace("0.04", "-0.04"),
    "nan frame time": ARM.replace("0.04", "nan"),
    "nan value": ARM.replace("1 2 3 0", "1 nan 3 0"),
    "infinite value": ARM.replace("1 2 3 0", "1 inf 3 0"),
    "huge value": ARM.replace("1 2 3 0", "1 2e30 3 0"),
    "word for a value": ARM.replace("1 2 3 0", "1 two 3 0"),
    "two dots in a value": ARM.replace("1 2 3 0", "1 2.0.1 3 0"),
    "shifted rows": ARM.replace("3 0 0 0  20", "3 0 0 0 7  20").replace("0 0 90\n", "0 90\n"),
    "absurd offset": ARM.replace("OFFSET 10 0 0", "OFFSET 1e12 0 0"),
    "nan offset": ARM.replace("OFFSET 10 0 0", "OFFSET nan 0 0"),
    "offset of two": ARM.replace("OFFSET 10 0 0", "OFFSET 10 0"),
    "wrong channel count": ARM.replace("CHANNELS 6 X", "CHANNELS 5 X", 1),
    "unknown channel": ARM.replace("Zrotation", "Wrotation", 1),
    "two roots": ARM.replace("JOINT knee", "ROOT knee"),
    "binary": "\x00\x01\xff" * 50,
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_refused_in_one_line_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "damaged.bvh"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"damaged\.bvh") as caught:
        read_bvh(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.bvh"):
        read_bvh(tmp_path / "none.bvh")
    with pytest.raises(InputError):
        read_bvh(tmp_path)


def test_a_frame_time_of_zero_needs_the_rate(tmp_path: Path) -> None:
    path = tmp_path / "zero.bvh"
    path.write_text(ARM.replace("0.04", "0.0"))
    bvh = read_bvh(path)
    with pytest.raises(InputError, match=r"zero\.bvh"):
        bvh_to_source_motion(bvh, 0.01)
    assert bvh_to_source_motion(bvh, 0.01, fps=100.0).fps == 100


def test_numbers_are_those_that_python_reads(tmp_path: Path) -> None:
    words = (
        ["0", "-0", "7.95139e-016", "-5.1072e-06", "+3.25", ".5", "-.25", "12.", "1E2", "153.687"]
        + ["0.1", "123456.789012345678", "-0.000001", "99999.999999999", "-179.9999999", "1e-3"]
        + ["  8.0", "\t-45.7500", "1234567.0", "0.30000000000000004"]
        + [f"{v:.6f}" for v in np.random.default_rng(3).normal(size=196) * 100]
    )
    head = ARM.split("MOTION")[0]
    rows = "\r\n".join(" ".join(words[i : i + 12]) for i in range(0, len(words), 12))
    frames = len(words) // 12
    path = tmp_path / "numbers.bvh"
    path.write_text(f"{head}MOTION\nFrames: {frames}\nFrame Time: 0.1\n{rows}\n")
    np.testing.assert_array_equal(read_bvh(path).values.ravel(), [float(w) for w in words])


def rows_of(text: str) -> tuple[str, list[str]]:
    head, _, rows = text.partition("Frame Time: 0.04\n")
    return head + "Frame Time: 0.04\n", rows.splitlines()


def read_text(folder: Path, text: str) -> BvhFile:
    path = folder / "rows.bvh"
    path.write_text(text)
    return read_bvh(path)


def test_whole_rows_are_read_whatever_the_header_counts(tmp_path: Path) -> None:
    head, rows = rows_of(ARM)
    whole = read_text(tmp_path, ARM)
    assert whole.notes == ()
    more = read_text(tmp_path, head + "\n".join([*rows, rows[-1]]))
    assert len(more.values) == len(rows) + 1
    assert more.notes == (f"the header declares {len(rows)} frames, {len(rows) + 1} are read",)
    np.testing.assert_array_equal(more.values[:-1], whole.values)
    for declared in (1, 10**9):
        told = read_text(tmp_path, ARM.replace("Frames: 2", f"Frames: {declared}"))
        np.testing.assert_array_equal(told.values, whole.values)
        assert told.notes == (f"the header declares {declared} frames, 2 are read",)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("1 2", "a last row of 2 values"),
        ("# exported by hand", "what follows the last whole row"),
        ("</body></html>\n</html>", "what follows the last whole row"),
    ],
)
def test_what_is_left_out_at_the_end_is_said(tmp_path: Path, last: str, said: str) -> None:
    head, rows = rows_of(ARM)
    found = read_text(tmp_path, head + "\n".join([*rows, last, ""]))
    np.testing.assert_array_equal(found.values, read_text(tmp_path, ARM).values)
    assert len(found.notes) == 1
    assert said in found.notes[0]


def test_a_row_of_another_width_before_the_last_is_damage(tmp_path: Path) -> None:
    head, rows = rows_of(ARM)
    short = [rows[0], " ".join(rows[0].split()[:-1]), *rows]
    with pytest.raises(InputError, match=r"rows\.bvh: frame 2 has not the"):
        read_text(tmp_path, head + "\n".join(short))
    wide = [row + " 7" for row in rows]
    with pytest.raises(InputError, match=r"rows\.bvh: the first frame has"):
        read_text(tmp_path, head + "\n".join(wide))


def test_an_uneven_clock_stays_in_step_with_its_times(tmp_path: Path) -> None:
    times = np.concatenate((np.arange(60) / 60, 1 + np.arange(16) / 15))
    path = np.stack((times, 0.9 + 0.05 * np.sin(9 * times), times**2), axis=1)
    motion = Motion(
        np.zeros((76, 24, 3), np.float32), path.astype(np.float32), 75 / times[-1],
        np.zeros((76, 4), np.float32), timestamps=np.round(times, 6),
    )  # fmt: skip
    write_bvh(motion, tmp_path / "uneven.bvh")
    found = bvh_to_source_motion(read_bvh(tmp_path / "uneven.bvh"), 0.01)
    assert found.fps == pytest.approx(60)
    at = np.arange(len(found.p_world_joint)) / 60
    assert abs(at[-1] - 2.0) <= 1 / 60
    expected = np.stack([np.interp(at, times, path[:, k]) for k in range(3)], axis=1)
    assert np.abs(found.p_world_joint[:, 0] - expected).max() < 0.005
