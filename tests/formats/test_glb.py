"""GLB: read back by pygltflib and trimesh, checked against the rules of glTF 2.0."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest
import trimesh
from scipy.spatial.transform import Rotation, Slerp

from lab.figures.characters import animated_mesh
from motion_examples import swinging_motion
from vimoflow.errors import OutputError
from vimoflow.formats.body import load_body, load_human, skin
from vimoflow.formats.glb import save_glb
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES
from vimoflow.viewer.mannequin import world_rotations

COMPONENTS = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
SIZES = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@pytest.fixture(scope="module")
def motion() -> Motion:
    return swinging_motion(40)


@pytest.fixture(scope="module")
def path(motion: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("glb") / "motion.glb"
    save_glb(motion, target)
    return target


@pytest.fixture(scope="module")
def gltf(path: Path) -> Any:
    return pygltflib.GLTF2().load(str(path))


def values(gltf: Any, index: int) -> np.ndarray:
    accessor = gltf.accessors[index]
    view = gltf.bufferViews[accessor.bufferView]
    start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
    size = SIZES[accessor.type]
    flat = np.frombuffer(
        gltf.binary_blob(), COMPONENTS[accessor.componentType], accessor.count * size, start
    )
    return flat.reshape(accessor.count, size)


def joint_matrices(gltf: Any, seconds: float) -> dict[str, np.ndarray]:
    """World matrices of the nodes at a time, by SciPy: an evaluation independent of our FK."""
    animation = gltf.animations[0]
    poses = {
        i: [np.array(node.translation or [0, 0, 0], float), Rotation.identity()]
        for i, node in enumerate(gltf.nodes)
    }
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        times = values(gltf, sampler.input)[:, 0].astype(float)
        output = values(gltf, sampler.output).astype(float)
        if channel.target.path == "translation":
            poses[channel.target.node][0] = [np.interp(seconds, times, c) for c in output.T]
        else:
            at = np.clip(seconds, times[0], times[-1])
            poses[channel.target.node][1] = Slerp(times, Rotation.from_quat(output))(at)
    matrices: dict[str, np.ndarray] = {}

    def visit(node: int, above: np.ndarray) -> None:
        local = np.eye(4)
        local[:3, 3], local[:3, :3] = poses[node][0], poses[node][1].as_matrix()
        matrices[gltf.nodes[node].name] = above @ local
        for child in gltf.nodes[node].children or []:
            visit(child, matrices[gltf.nodes[node].name])

    for root in gltf.scenes[0].nodes:
        visit(root, np.eye(4))
    return matrices


def test_joints_are_where_the_motion_has_them(gltf: Any, motion: Motion) -> None:
    for frame in (0, 7, 23, 39):
        matrices = joint_matrices(gltf, motion.timestamps[frame])
        found = np.stack([matrices[name][:3, 3] for name in JOINT_NAMES])
        assert np.abs(found - motion.joint_positions[frame]).max() < 1e-4


def test_the_skin_undoes_the_bind_pose(gltf: Any) -> None:
    """In the nodes' own rest pose every skinning matrix is the identity."""
    gltf_skin = gltf.skins[0]
    inverse_bind = values(gltf, gltf_skin.inverseBindMatrices).reshape(-1, 4, 4)
    position: dict[int, np.ndarray] = {}
    for index, node in enumerate(gltf.nodes[:24]):
        position.setdefault(index, np.array(node.translation))
        for child in node.children or []:
            position[child] = position[index] + gltf.nodes[child].translation
    for slot, node in enumerate(gltf_skin.joints):
        bind = np.eye(4)
        bind[:3, 3] = position[node]
        np.testing.assert_allclose(bind @ inverse_bind[slot].T, np.eye(4), atol=1e-6)


def test_trimesh_reads_the_body_standing_on_the_floor(path: Path) -> None:
    scene = trimesh.load_scene(path)
    low, high = scene.bounds
    assert abs(low[1]) < 1e-5
    np.testing.assert_allclose(high - low, np.ptp(load_body().vertices, axis=0), atol=1e-5)
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) == len(load_body().triangles)
    assert all(mesh.is_watertight for mesh in scene.geometry.values())


def test_rules_of_gltf(gltf: Any, path: Path, motion: Motion) -> None:
    raw = path.read_bytes()
    magic, version, length, json_length = struct.unpack("<4sIII", raw[:16])
    assert (magic, version, length) == (b"glTF", 2, len(raw)) and json_length % 4 == 0
    document = json.loads(raw[20 : 20 + json_length])
    assert document["asset"]["extras"]["fps"] == motion.fps
    assert "licence" in document["asset"]["extras"]
    for accessor in gltf.accessors:
        view = gltf.bufferViews[accessor.bufferView]
        width = np.dtype(COMPONENTS[accessor.componentType]).itemsize
        assert view.byteOffset % 4 == 0
        assert view.byteLength == accessor.count * SIZES[accessor.type] * width
    times = values(gltf, gltf.animations[0].samplers[0].input)[:, 0]
    accessor = gltf.accessors[gltf.animations[0].samplers[0].input]
    assert accessor.min == [0.0] and accessor.max == [float(times[-1])]
    assert (np.diff(times) > 0).all() and len(times) == len(motion)
    assert gltf.scenes[0].nodes == [0, 24] and gltf.nodes[24].skin == 0
    assert [gltf.nodes[j].name for j in gltf.skins[0].joints] == list(JOINT_NAMES)


def test_quaternions_are_unit_and_continuous(gltf: Any) -> None:
    animation = gltf.animations[0]
    rotations = [c for c in animation.channels if c.target.path == "rotation"]
    assert sorted(c.target.node for c in rotations) == list(range(24))
    for channel in rotations:
        quaternions = values(gltf, animation.samplers[channel.sampler].output)
        np.testing.assert_allclose(np.linalg.norm(quaternions, axis=1), 1, atol=1e-6)
        assert ((quaternions[1:] * quaternions[:-1]).sum(axis=1) > 0).all()


def test_vertices_are_weighted_to_existing_joints(gltf: Any) -> None:
    for primitive in gltf.meshes[0].primitives:
        attributes = primitive.attributes
        assert values(gltf, attributes.JOINTS_0).max() < 24
        np.testing.assert_allclose(values(gltf, attributes.WEIGHTS_0).sum(axis=1), 1, atol=1e-6)
        count = gltf.accessors[attributes.POSITION].count
        assert values(gltf, primitive.indices).max() == count - 1
        normals = values(gltf, attributes.NORMAL)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)


def test_one_frame_is_enough_and_bytes_repeat(tmp_path: Path) -> None:
    for name in ("a.glb", "b.glb"):
        save_glb(swinging_motion(1), tmp_path / name)
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_an_unwritable_place_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_glb(swinging_motion(2), tmp_path / "nowhere" / "m.glb")
    assert not list(tmp_path.iterdir())


def test_the_human_is_skinned_to_the_same_joints(motion: Motion, tmp_path: Path) -> None:
    """Its vertices by glTF's rules are those of linear blending by our own kinematics."""
    save_glb(motion, tmp_path / "human.glb", "human")
    mesh = animated_mesh(tmp_path / "human.glb", [0, 20, 39])
    R_world = world_rotations(motion.local_rotations)
    for number, frame in enumerate((0, 20, 39)):
        wanted, _ = skin(load_human(), R_world[frame], motion.joint_positions[frame])
        np.testing.assert_allclose(mesh.vertices[number], wanted, atol=1e-5)
    primitive = pygltflib.GLTF2().load(str(tmp_path / "human.glb")).meshes[0].primitives[0]
    assert primitive.attributes.COLOR_0 is not None


def test_a_skeleton_is_the_joints_alone(motion: Motion, gltf: Any, tmp_path: Path) -> None:
    save_glb(motion, tmp_path / "bare.glb", "skeleton")
    bare = pygltflib.GLTF2().load(str(tmp_path / "bare.glb"))
    assert not bare.meshes and not bare.skins
    assert [n.name for n in bare.nodes] == list(JOINT_NAMES)
    for name, matrix in joint_matrices(gltf, 0.7).items():
        if name in JOINT_NAMES:
            np.testing.assert_allclose(joint_matrices(bare, 0.7)[name], matrix, atol=1e-6)


@pytest.mark.parametrize("figure", ["mannequin", "human", "skeleton"])
def test_a_minute_is_under_two_megabytes(figure: Any, tmp_path: Path) -> None:
    save_glb(swinging_motion(1800), tmp_path / "minute.glb", figure)
    assert (tmp_path / "minute.glb").stat().st_size < 2e6
