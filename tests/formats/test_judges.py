"""What other libraries find in the files: the joints of the motion, its rate, metres, +Y up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ufbx_judge
from motion_examples import swinging_motion
from vimoflow.formats.c3d import write_c3d
from vimoflow.formats.fbx_writer import write_fbx
from vimoflow.formats.file_space import FileSpace
from vimoflow.formats.markers import markers_of
from vimoflow.formats.usd_writer import write_usd
from vimoflow.formats.vrma import EXTENSION, write_vrma
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES, joint

MOTION = swinging_motion(20, 25.0)
SPACES = [FileSpace(up, unit) for up, unit in (("y", "cm"), ("z", "m"), ("z", "mm"))]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_ufbx_reads_the_fbx(space: FileSpace, tmp_path: Path) -> None:
    pytest.importorskip("ufbx")
    write_fbx(MOTION, tmp_path / "m.fbx", space)
    fps, end, clusters, found = ufbx_judge.posed(tmp_path / "m.fbx", JOINT_NAMES, len(MOTION))
    assert np.abs(found - MOTION.joint_positions).max() < 1e-5
    assert (fps, end) == (25.0, pytest.approx((len(MOTION) - 1) / 25))
    assert clusters == len(JOINT_NAMES)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_usdskel_poses_the_usd(space: FileSpace, tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdSkel

    write_usd(MOTION, tmp_path / "m.usdc", space)
    stage = Usd.Stage.Open(str(tmp_path / "m.usdc"))
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/motion/skeleton")))
    metres = UsdGeom.GetStageMetersPerUnit(stage)
    names = [str(name).rpartition("/")[2] for name in query.GetJointOrder()]
    assert stage.GetTimeCodesPerSecond() == 25 and stage.GetEndTimeCode() == len(MOTION) - 1
    for frame in range(len(MOTION)):
        matrices = np.array(query.ComputeJointSkelTransforms(frame))
        x, y, z = matrices[[names.index(n) for n in JOINT_NAMES], 3, :3].T * metres
        found = np.stack((x, y, z) if UsdGeom.GetStageUpAxis(stage) == "Y" else (x, z, -y), axis=1)
        assert np.abs(found - MOTION.joint_positions[frame]).max() < 1e-5
    assert len(UsdSkel.BakeSkinning.__doc__ or " ") and UsdSkel.BakeSkinning(root)


@pytest.mark.parametrize("space", [FileSpace("z", "mm"), FileSpace("y", "m")], ids=str)
def test_ezc3d_reads_the_c3d(space: FileSpace, tmp_path: Path) -> None:
    ezc3d = pytest.importorskip("ezc3d")
    write_c3d(MOTION, tmp_path / "m.c3d", space)
    file = ezc3d.c3d(str(tmp_path / "m.c3d"))
    point = file["parameters"]["POINT"]
    names, places = markers_of(MOTION)
    assert tuple(point["LABELS"]["value"]) == names
    assert point["UNITS"]["value"] == [space.unit] and point["RATE"]["value"] == [25.0]
    x, y, z, _ = file["data"]["points"].transpose(0, 2, 1) / space.per_metre
    found = np.stack((x, y, z) if space.up == "y" else (x, z, -y), axis=-1)
    assert np.abs(found - places).max() < 1e-5


def test_a_vrma_is_as_its_specification_demands(tmp_path: Path) -> None:
    """By pygltflib: nodes that rest in a T-pose on the floor, facing +Z, and move by rotation."""
    import pygltflib

    write_vrma(MOTION, tmp_path / "m.vrma")
    gltf = pygltflib.GLTF2().load_binary(str(tmp_path / "m.vrma"))
    extension = gltf.extensions[EXTENSION]
    bones = {name: one["node"] for name, one in extension["humanoid"]["humanBones"].items()}
    assert extension["specVersion"] == "1.0" and gltf.extensionsUsed == [EXTENSION]
    needed = ("hips", "spine", "head", *(s + b for s in ("left", "right") for b in (
        "UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")))  # fmt: skip
    assert set(needed) <= set(bones) and len(set(bones.values())) == len(bones)
    parents = {child: n for n, node in enumerate(gltf.nodes) for child in node.children or []}
    place: dict[int, np.ndarray] = {}
    for number, node in enumerate(gltf.nodes):
        assert node.rotation in (None, [0, 0, 0, 1]) and node.scale in (None, [1, 1, 1])
        above = place[parents[number]] if number in parents else np.zeros(3)
        place[number] = above + node.translation
    at = {bone: place[node] for bone, node in bones.items()}
    assert 0 < at["leftToes"][1] < 0.1 and at["leftToes"][2] > at["leftFoot"][2] + 0.05
    assert at["leftHand"][0] > 0.5 and abs(at["leftHand"][1] - at["leftUpperArm"][1]) < 0.1
    for channel in gltf.animations[0].channels:
        hips = channel.target.node == bones["hips"]
        assert channel.target.path == "rotation" or (channel.target.path == "translation" and hips)


@pytest.mark.parametrize("preset", ["blender", "motionbuilder", "unity", "unreal"])
def test_a_preset_s_bvh_is_the_same_motion(preset: str, tmp_path: Path) -> None:
    """By pybvh's kinematics, in the preset's unit, axes, order and names."""
    pybvh = pytest.importorskip("pybvh")
    from vimoflow.data.motion_files import load_motion
    from vimoflow.formats.bvh_writer import write_bvh
    from vimoflow.formats.presets import PRESETS

    how, path = PRESETS[preset], tmp_path / "m.bvh"
    write_bvh(MOTION, path, how.space, how.order, how.names)
    assert set(how.names) == set(JOINT_NAMES) and len(set(how.names.values())) == 24
    file = pybvh.read_bvh_file(path)
    names = [node.name for node in file.nodes]
    assert set(how.names.values()) <= set(names)
    back = load_motion(path)
    assert np.abs(back.joint_positions - MOTION.joint_positions).max() < 1e-5
    if how.order is not None:
        assert f"CHANNELS 3 {' '.join(f'{a}rotation' for a in how.order)}" in path.read_text()
    pelvis = MOTION.trans[0] * how.space.per_metre
    expected = pelvis if how.space.up == "y" else pelvis[[0, 2, 1]] * [1, -1, 1]
    row = path.read_text().partition("Frame Time:")[2].splitlines()[1].split()
    assert np.allclose([float(v) for v in row[:3]], expected, atol=1e-5)
    assert joint("pelvis") == 0


def test_a_minute_is_written_in_a_second() -> None:
    """A few times what it takes alone."""
    import time

    minute: Motion = swinging_motion(1800, 30.0, keypoints=False)
    assert minute.joint_positions.shape == (1800, 24, 3)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        minute.save(Path(folder) / "warm.fbx")
        started = time.process_time()
        minute.save(Path(folder) / "m.fbx")
        assert time.process_time() - started < 1.0
